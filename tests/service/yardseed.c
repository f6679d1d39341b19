// SPDX-License-Identifier: Apache-2.0
// Puts a yard's machine DB into a state, and shows what is in it, for service tests of one daemon
// alone: what apid and bootd do otherwise. Each call is `yardseed STATE_DIR VERB ARGUMENT...` and
// prints one JSON value.

#include "base/cleanup.h"
#include "base/json.h"
#include "store/attempt.h"
#include "store/deployment.h"
#include "store/log.h"
#include "store/machine.h"
#include "store/report.h"
#include "store/store.h"
#include "store/timeline.h"
#include "store/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 4 };

struct work {
    struct store *store;
    const char *arguments[ARGUMENTS_MAX]; // "" where absent
    json_t *output;
};

static const char digest[] =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";

static int machine_of(struct store_conn *conn, const struct work *work, struct machine *ret_machine,
                      struct error *err)
{
    return machine_by_name(conn, work->arguments[0], ret_machine, err);
}

static int run_machine(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    struct machine machine = {.arch = "amd64", .mac_count = 1};
    (void)snprintf(machine.name, sizeof(machine.name), "%s", work->arguments[0]);
    bool created;
    if (mac_parse(work->arguments[1], &machine.macs[0], err) < 0 ||
        machine_put(conn, &machine, &created, err) < 0) {
        return -1;
    }
    work->output = json_pack("{s:I}", "id", (json_int_t)machine.id);
    return 0;
}

static int run_deploy(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    struct machine machine;
    if (machine_of(conn, work, &machine, err) < 0) {
        return -1;
    }
    struct deployment deployment = {.machine_id = machine.id,
                                    .mode = "provision",
                                    .image_url = "http://images.example/disk.raw.zst",
                                    .fetch_url = "http://images.example/disk.raw.zst",
                                    .hostname = "w1",
                                    .phone_home_wanted = strcmp(work->arguments[1], "quiet") != 0};
    machine_fini(&machine);
    memcpy(deployment.digest, digest, sizeof(digest));
    if (strcmp(work->arguments[1], "unresolved") == 0) {
        const char *url = work->arguments[2][0] ? work->arguments[2] : "oci://registry.example/disk:1";
        (void)snprintf(deployment.image_url, sizeof(deployment.image_url), "%s", url);
        if (work->arguments[3][0]) {
            (void)snprintf(deployment.digest, sizeof(deployment.digest), "%s", work->arguments[3]);
        }
        deployment.fetch_url[0] = '\0';
    } else {
        memcpy(deployment.layer_digest, digest, sizeof(digest));
    }
    if (deployment_begin(conn, &deployment, err) < 0) {
        return -1;
    }
    work->output = json_pack("{s:s}", "id", deployment.id);
    return 0;
}

// NAME ADDRESS [standby]: the firmware asks for its script and the archive is fetched.
static int run_boot(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    const char *address = work->arguments[1];
    bool standby = strcmp(work->arguments[2], "standby") == 0;
    struct boot_settings settings = {.serves_max = 10, .attempts_max = 5, .live_ms = 60000};
    struct machine machine;
    struct attempt attempt = {0};
    enum boot_answer answer;
    char reason[DEPLOYMENT_REASON_SIZE] = "";
    if (machine_of(conn, work, &machine, err) < 0) {
        return -1;
    }
    int result = standby ? attempt_serve_standby(conn, &machine, address, -1, &settings, &answer,
                                                 &attempt, reason, err)
                         : attempt_serve(conn, &machine, address, -1, &settings, &answer, &attempt,
                                         reason, err);
    machine_fini(&machine);
    if (result < 0) {
        return result;
    }
    if (answer != BOOT_AGENT) {
        work->output = json_pack("{s:i, s:s}", "answer", (int)answer, "reason", reason);
        return 0;
    }
    char token[TOKEN_TEXT_SIZE] = "";
    char phone_home_token[TOKEN_TEXT_SIZE] = "";
    struct attempt_refusal refusal = {0};
    if (attempt_fetch_archive(conn, attempt.key, address, -1, &attempt, token, phone_home_token,
                              &refusal, err) < 0) {
        return -1;
    }
    work->output =
        json_pack("{s:i, s:s, s:s, s:s, s:s}", "answer", (int)answer, "key", attempt.key, "token",
                  token, "phone_home_token", phone_home_token, "refused", refusal.message);
    return 0;
}

static int run_command(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    struct machine machine;
    int result = machine_of(conn, work, &machine, err);
    if (result == 0) {
        result = command_queue(conn, machine.id, work->arguments[1], err);
        machine_fini(&machine);
        work->output = json_true();
    }
    return result;
}

static int run_cancel(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    struct deployment deployment = {0};
    int result = deployment_cancel(conn, work->arguments[0], &deployment, err);
    deployment_fini(&deployment);
    work->output = json_true();
    return result;
}

static int run_delete(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    work->output = json_true();
    return machine_delete(conn, work->arguments[0], err);
}

static int run_token(struct store_conn *conn, void *context, struct error *err)
{
    struct work *work = context;
    struct api_token token = {.role = TOKEN_ROLE_READ};
    char text[TOKEN_TEXT_SIZE];
    (void)snprintf(token.name, sizeof(token.name), "%s", work->arguments[0]);
    int result = api_token_create(conn, &token, text, err);
    if (result == 0) {
        work->output = json_pack("{s:s}", "token", text);
    }
    return result;
}

static int show_deployment(struct work *work, struct error *err)
{
    struct deployment deployment = {0};
    int result = deployment_by_id(store_reader(work->store), work->arguments[0], &deployment, err);
    if (result == 0) {
        work->output = json_pack(
            "{s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:i}", "state",
            deployment_state_name(deployment.state), "reason", deployment.reason, "step",
            deployment.step, "touched", deployment.touched, "cancel_requested",
            deployment.cancel_requested, "bytes", (json_int_t)deployment.progress_bytes, "total",
            (json_int_t)deployment.progress_total, "attempts", (int)deployment.attempts);
        deployment_fini(&deployment);
    }
    return result;
}

static int add_event(void *context, const struct timeline_event *event, struct error *err)
{
    return json_array_append_new(context, json_pack("{s:I, s:s, s:s, s:s}", "seq",
                                                    (json_int_t)event->seq, "source", event->source,
                                                    "kind", event->kind, "text", event->text));
}

static int show_timeline(struct work *work, struct error *err)
{
    struct machine machine;
    int result = machine_of(store_reader(work->store), work, &machine, err);
    if (result == 0) {
        work->output = json_array();
        result = timeline_list(store_reader(work->store), machine.id, 0, 1000, add_event,
                               work->output, err);
        machine_fini(&machine);
    }
    return result;
}

static int add_line(void *context, const struct log_record *record, struct error *err)
{
    char level[2] = {record->level, '\0'};
    return json_array_append_new(context,
                                 json_pack("{s:s, s:s}", "level", level, "text", record->text));
}

// The first thousand lines after number `after`.
static int show_logs(struct work *work, struct error *err)
{
    struct machine machine;
    int result = machine_of(store_reader(work->store), work, &machine, err);
    if (result == 0) {
        work->output = json_array();
        result = log_list(store_logs_reader(work->store), machine.id,
                          strtoll(work->arguments[1], NULL, 10), 1000, add_line, work->output, err);
        machine_fini(&machine);
    }
    return result;
}

static int show_report(struct work *work, struct error *err)
{
    struct machine machine;
    CLEANUP_FREE char *text = NULL;
    int64_t time_ms;
    int result = machine_of(store_reader(work->store), work, &machine, err);
    if (result == 0) {
        result = report_latest(store_reader(work->store), machine.id, work->arguments[1], &text,
                               &time_ms, err);
        machine_fini(&machine);
    }
    if (result == 0) {
        work->output = json_loads(text, JSON_DECODE_ANY, NULL);
    }
    return result;
}

static int show_machine(struct work *work, struct error *err)
{
    struct machine machine;
    int result = machine_of(store_reader(work->store), work, &machine, err);
    if (result == 0) {
        work->output = json_pack("{s:I, s:I}", "id", (json_int_t)machine.id, "last_seen_ms",
                                 (json_int_t)machine.last_seen_ms);
        machine_fini(&machine);
    }
    return result;
}

static const struct verb {
    const char *name;
    store_run_fn write;
    int (*show)(struct work *work, struct error *err);
} verbs[] = {
    {"machine", run_machine, NULL},        // NAME MAC
    {"deploy", run_deploy, NULL},          // NAME [quiet|unresolved [URL DIGEST]]
    {"boot", run_boot, NULL},              // NAME ADDRESS [standby]
    {"command", run_command, NULL},        // NAME TYPE
    {"cancel", run_cancel, NULL},          // DEPLOYMENT
    {"delete", run_delete, NULL},          // NAME
    {"token", run_token, NULL},            // NAME
    {"deployment", NULL, show_deployment}, // DEPLOYMENT
    {"timeline", NULL, show_timeline},     // NAME
    {"logs", NULL, show_logs},             // NAME [AFTER]
    {"report", NULL, show_report},         // NAME KIND
    {"seen", NULL, show_machine},          // NAME
};

static int work_do(struct work *work, const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return verbs[i].write ? store_write_now(work->store, verbs[i].write, work, err)
                                  : verbs[i].show(work, err);
        }
    }
    return error_set(err, ERROR_BAD_REQUEST, "no verb %s", name);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: yardseed STATE_DIR VERB [ARGUMENT...]\n");
        return 2;
    }
    struct work work = {.arguments = {"", "", "", ""}};
    for (int i = 3; i < argc && i - 3 < ARGUMENTS_MAX; i++) {
        work.arguments[i - 3] = argv[i];
    }
    struct error err = {0};
    struct store_settings settings = {.state_dir = argv[1], .role = STORE_ROLE_TOOL};
    work.store = store_open(NULL, &settings, &err);
    int result = work.store ? work_do(&work, argv[2], &err) : -1;
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", error_name(err.code), err.message);
    } else {
        json_dumpf(work.output, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        putchar('\n');
    }
    json_decref(work.output);
    store_close(work.store);
    return result < 0 ? 1 : 0;
}
