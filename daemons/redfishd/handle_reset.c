// SPDX-License-Identifier: Apache-2.0

#include "handle_reset.h"

#include "auth.h"
#include "message.h"
#include "power.h"
#include "redfishd.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "service/service.h"
#include "store/machine.h"
#include "store/power.h"
#include "store/store.h"
#include "store/timeline.h"
#include "store/token.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

// What a ResetType of the ComputerSystem schema means in terms of a driver.
struct reset_kind {
    const char *name;
    bool off, graceful, on;
};

static const struct reset_kind reset_kinds[] = {
    {"On", false, false, true},           {"ForceOff", true, false, false},
    {"GracefulShutdown", true, true, false}, {"ForceRestart", true, false, true},
    {"GracefulRestart", true, true, true},   {"PowerCycle", true, false, true},
};

struct reset_job {
    struct reset_job *next;
    struct redfishd *daemon;
    struct redfishd_config *config; // a reference
    struct web_request *request;
    const struct reset_kind *kind;
    struct machine machine;
    json_t *power;
    char who[64];
    char peer[64];
    int result;
    struct error err;
};

static struct reset_job *job_free(struct reset_job *job)
{
    for (struct reset_job **link = &job->daemon->resets; *link; link = &(*link)->next) {
        if (*link == job) {
            *link = job->next;
            break;
        }
    }
    redfishd_config_unref(job->config);
    machine_fini(&job->machine);
    json_decref(job->power);
    free(job);
    return NULL;
}

static void job_run(void *context)
{
    struct reset_job *job = context;
    struct power_target target = {.config = job->config,
                                  .run_dir = job->config->common.run_dir,
                                  .settings = job->power};
    const struct power_driver *driver = power_driver_find(&target, &job->err);
    job->result = driver ? 0 : -1;
    if (job->result == 0 && job->kind->off) {
        job->result = driver->turn_off(&target, job->kind->graceful, &job->err);
    }
    if (job->result == 0 && job->kind->on) {
        job->result = driver->turn_on(&target, &job->err);
    }
}

static int job_record(struct store_conn *conn, void *context, struct error *err)
{
    const struct reset_job *job = context;
    bool failed = job->result < 0;
    const char *event = failed ? "power.failed" : job->kind->on ? "power.on" : "power.off";
    int result = timeline_addf(conn, job->machine.id, NULL, "redfishd", event, err, "%s by %s%s%s", job->kind->name,
                               job->who, failed ? " failed: " : "", failed ? job->err.message : "");
    if (result == 0 && !failed) {
        struct power_state state;
        result = power_state_get(conn, job->machine.id, &state, err);
        if (result == 0) {
            state.on = job->kind->on;
            state.changed_ms = clock_now_ms();
            result = power_state_put(conn, job->machine.id, &state, err);
        }
    }
    if (result == 0) {
        result = audit_add(conn, job->who, job->peer, job->kind->name, job->machine.name, err);
    }
    return result;
}

static void job_recorded(void *context, int result, const struct error *err)
{
    struct reset_job *job = context;
    if (job->result < 0) {
        message_reply_error(job->request, &job->err);
    } else if (result < 0) {
        // The switch was thrown; say that only its record is missing.
        log_err("%s of %s is done but not recorded: %s", job->kind->name, job->machine.name, err->message);
        message_reply_error(job->request, err);
    } else {
        message_reply_done(job->request);
    }
    job_free(job);
}

static void job_done(void *context)
{
    struct reset_job *job = context;
    if (job->result < 0) {
        log_warning("%s of %s failed: %s", job->kind->name, job->machine.name, job->err.message);
    } else {
        log_info("%s of %s", job->kind->name, job->machine.name);
    }
    store_write(job->daemon->store, job_record, job_recorded, job);
}

static const struct reset_kind *kind_parse(struct web_request *request, struct error *err)
{
    CLEANUP_JSON json_t *body = web_body_json(request, err);
    if (!body) {
        return NULL;
    }
    const char *name = json_string_value(json_object_get(body, "ResetType"));
    if (!name || json_object_size(body) != 1) {
        (void)error_set(err, ERROR_UNPROCESSABLE, "the body must be {\"ResetType\": \"...\"}");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(reset_kinds) / sizeof(reset_kinds[0]); i++) {
        if (strcmp(reset_kinds[i].name, name) == 0) {
            return &reset_kinds[i];
        }
    }
    (void)error_set(err, ERROR_UNPROCESSABLE,
                    "ResetType must be one of On, ForceOff, GracefulShutdown, ForceRestart, GracefulRestart, PowerCycle");
    return NULL;
}

static bool machine_is_busy(const struct redfishd *daemon, int64_t machine_id)
{
    for (const struct reset_job *job = daemon->resets; job; job = job->next) {
        if (job->machine.id == machine_id) {
            return true;
        }
    }
    return false;
}

static int job_start(struct reset_job *job, struct web_request *request, struct error *err)
{
    struct redfishd *daemon = job->daemon;
    job->request = request;
    job->kind = kind_parse(request, err);
    if (!job->kind) {
        return -1;
    }
    int result = machine_by_name(store_reader(daemon->store), web_arg(request, "system"), &job->machine, err);
    if (result < 0) {
        return result;
    }
    if (machine_is_busy(daemon, job->machine.id)) {
        return error_set(err, ERROR_CONFLICT, "another reset of %s is not done yet", job->machine.name);
    }
    (void)snprintf(job->who, sizeof(job->who), "%s", auth_name(request));
    (void)snprintf(job->peer, sizeof(job->peer), "%s", web_peer_text(request));
    job->power = json_loads(job->machine.power ? job->machine.power : "{}", 0, NULL);
    return service_work(daemon->service, job_run, job_done, job, err);
}

void handle_reset(struct web_request *request, void *context)
{
    struct redfishd *daemon = context;
    struct reset_job *job = calloc(1, sizeof(*job));
    struct error err;
    if (!job) {
        (void)error_set(&err, ERROR_IO, "out of memory");
        message_reply_error(request, &err);
        return;
    }
    job->daemon = daemon;
    job->config = redfishd_config_ref(daemon->config);
    if (job_start(job, request, &err) < 0) {
        message_reply_error(request, &err);
        job_free(job);
        return;
    }
    job->next = daemon->resets;
    daemon->resets = job;
}
