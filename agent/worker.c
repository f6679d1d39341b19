// SPDX-License-Identifier: Apache-2.0
// The worker's way: vars, clock, network, report, then what the mode asks for. Whatever happens, it ends, and
// init restarts the machine.

#include "agent/worker.h"

#include "agent/context.h"
#include "agent/http.h"
#include "agent/hw/inventory.h"
#include "agent/net/network.h"
#include "agent/provision.h"
#include "agent/report/report.h"
#include "agent/settings.h"
#include "agent/standby.h"
#include "agent/tls.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define DEPLOY_DIR "/deploy"

enum {
    NETWORK_LIMIT_MS = 5 * 60 * 1000,
    PROBE_TRIES = 3,
    PROBE_MS = 10000,
    PULSE_MS = 4000, // with the time that a request takes still within the 5 s of the design
    RETRIES_MAX = 3,
    RETRY_PAUSE_S = 30,
    END_PAUSE_S = 5,
    LOCAL_FAILURE_PAUSE_S = 30, // time to read the console, and no storm of restarts
    DAY_S = 24 * 3600,
};

static void spool_log(void *context, enum log_level level, const char *line)
{
    if (level <= LOG_LEVEL_INFO) {
        spool_put(context, level <= LOG_LEVEL_ERR ? 'E' : level == LOG_LEVEL_WARNING ? 'W' : 'I', line);
    }
}

// A machine without a clock could not check certificates: bootd sends the time along.
static void set_clock(void)
{
    char line[32];
    FILE *file = fopen(DEPLOY_DIR "/time", "re");
    if (!file) {
        return;
    }
    char *text = fgets(line, sizeof(line), file);
    (void)fclose(file);
    char *end = NULL;
    intmax_t seconds = text ? strtoimax(text, &end, 10) : 0;
    if (seconds <= 0 || (*end && *end != '\n')) {
        log_warning(DEPLOY_DIR "/time is not a time");
        return;
    }
    intmax_t now = (intmax_t)time(NULL);
    // The archive was made a while ago: a clock that is ahead of it by less than a day is the better one.
    if (seconds > now || now - seconds > DAY_S) {
        struct timespec when = {.tv_sec = (time_t)seconds};
        if (clock_settime(CLOCK_REALTIME, &when) < 0) {
            log_warning("setting the clock: %s", strerror(errno));
        } else {
            log_info("clock set from the archive offset_s=%jd", seconds - now);
        }
    }
}

// Any answer means that the controller is there (facts 1.5); the token stays at home.
static int probe(void *context, struct error *err)
{
    const struct vars *vars = context;
    const char *url = vars_get(vars, "INIT_URL");
    if (!url || !*url) {
        url = vars_get(vars, "SUCCESS_URL");
    }
    if (!url || !*url) {
        return 0;
    }
    struct http_request request = {.method = "HEAD", .url = url, .connect_timeout_ms = PROBE_MS,
                                   .total_timeout_ms = PROBE_MS};
    int result = -1;
    for (int i = 0; i < PROBE_TRIES && result < 0; i++) {
        struct http_response response;
        if (i > 0) {
            (void)sleep(1);
        }
        result = http_perform(&request, &response, err);
    }
    return result;
}

static int bring_network_up(const struct vars *vars, struct error *err)
{
    struct network_wish wish = {.vars = vars, .probe = probe, .context = (void *)vars,
                                .etc_dir = "/etc", .limit_ms = NETWORK_LIMIT_MS};
    struct network network;
    int result = network_up(&wish, &network, err);
    if (result == 0) {
        char address[INET_ADDRSTRLEN];
        (void)inet_ntop(AF_INET, &network.address, address, sizeof(address));
        log_info("network up iface=%s address=%s", network.iface, address);
    }
    return result;
}

static void send_inventory(struct agent_context *context)
{
    if (!vars_get_bool(context->vars, "INVENTORY_ENABLED")) {
        return;
    }
    struct error error = {0};
    CLEANUP_FREE char *json = inventory_collect("", &error);
    if (!json || report_inventory(context->report, json, &error) < 0) {
        log_warning("inventory: %s", error.message);
    }
}

// One try from INIT to the acknowledged SUCCESS.
static int provision_once(struct agent_context *context, struct error *err)
{
    if (report_init(context->report, "provisioning started", err) < 0) {
        return error_wrap(err, "step report-init failed");
    }
    report_pulse(context->report, PULSE_MS);
    send_inventory(context);
    int64_t began_ms = clock_monotonic_ms();
    int result = provision_run(context, err);
    if (result < 0) {
        return result;
    }
    log_info("provisioned duration_ms=%" PRId64 " was_installed=%d", clock_monotonic_ms() - began_ms,
             result == PROVISION_WAS_INSTALLED);
    if (report_success(context->report, "provisioning complete", err) < 0) {
        return error_wrap(err, "step report-success failed");
    }
    provision_start_next();
    return 0;
}

static void tell_failure(struct agent_context *context, const char *message)
{
    struct error error = {0};
    log_err("%s", message);
    if (!report_is_fenced(context->report) && report_error(context->report, message, &error) < 0) {
        log_warning("the error could not be reported: %s", error.message);
    }
}

static void run_provision(struct agent_context *context)
{
    const char *rescue = vars_get(context->vars, "RESCUE_MODE");
    bool may_retry = rescue && strcasecmp(rescue, "retry") == 0;
    if (rescue && (strcasecmp(rescue, "shell") == 0 || strcasecmp(rescue, "wait") == 0)) {
        log_warning("RESCUE_MODE %s is not built yet: a failure restarts the machine", rescue);
    }
    for (unsigned retry = 0;; retry++) {
        struct error error = {0};
        if (provision_once(context, &error) == 0) {
            break;
        }
        tell_failure(context, error.message);
        bool is_over = report_is_fenced(context->report);
        if (is_over || !may_retry || retry == RETRIES_MAX) {
            (void)sleep(is_over ? 0 : END_PAUSE_S);
            break;
        }
        log_info("trying again in %d s retry=%u", RETRY_PAUSE_S, retry + 1);
        (void)sleep(RETRY_PAUSE_S);
        if (report_is_fenced(context->report)) {
            break;
        }
    }
    if (report_is_fenced(context->report)) {
        log_notice("the controller ended this attempt: stopping");
    }
    report_pulse(context->report, 0);
}

static void run_standby(struct agent_context *context)
{
    struct error error = {0};
    if (report_init(context->report, "standby", &error) < 0) {
        log_warning("standby is not acknowledged: %s", error.message);
    }
    send_inventory(context);
    standby_run(context);
}

static void run_mode(struct agent_context *context)
{
    enum agent_mode mode = settings_mode(context->vars);
    const char *token_url = vars_get(context->vars, "TOKEN_URL");
    char text[160];
    if (token_url && *token_url) {
        tell_failure(context, "TOKEN_URL is not built yet");
    } else if (mode == MODE_PROVISION) {
        run_provision(context);
        return;
    } else if (mode == MODE_STANDBY) {
        run_standby(context);
        return;
    } else {
        (void)snprintf(text, sizeof(text), "mode %s is not built yet", settings_mode_name(mode));
        tell_failure(context, text);
    }
    (void)sleep(END_PAUSE_S);
}

static void tell_crash(struct agent_context *context, const struct worker_start *start)
{
    char text[256];
    const char *step = *start->memory->step ? start->memory->step : "worker";
    (void)snprintf(text, sizeof(text), "step %.*s failed: the worker crashed (%s), crash %u",
                   REPORT_STEP_SIZE - 1, step,
                   start->signal ? strsignal(start->signal) : "it left by itself", start->crashes);
    tell_failure(context, text);
}

static int run(const struct worker_start *start, const struct vars *vars, struct error *err)
{
    int result = settings_check_transport(vars, err);
    if (result == 0) {
        result = bring_network_up(vars, err);
    }
    if (result < 0) {
        return result;
    }
    struct report *report = report_new_on(vars, start->memory, err);
    if (!report) {
        return -1;
    }
    char self[256] = "/init";
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : (ssize_t)strlen("/init")] = '\0';
    struct agent_context context = {.vars = vars,
                                    .report = report,
                                    .deploy_dir = DEPLOY_DIR,
                                    .ca_file = TLS_SYSTEM_BUNDLE,
                                    .agent_file = self};
    if (start->crashes > 0) {
        tell_crash(&context, start);
    }
    if (!start->is_last && !report_is_fenced(report)) {
        run_mode(&context);
    }
    report_free(report);
    return 0;
}

int worker_main(const struct worker_start *start)
{
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_sink(spool_log, &start->memory->spool);
    struct error error = {0};
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_clock();
    int result = settings_read(DEPLOY_DIR "/vars", &vars, &error);
    if (result == 0) {
        log_info("bootyard agent mode=%s", settings_mode_name(settings_mode(&vars)));
        result = run(start, &vars, &error);
    }
    if (result < 0) {
        log_err("%s", error.message);
        (void)sleep(LOCAL_FAILURE_PAUSE_S);
    }
    return WORKER_DONE;
}
