// SPDX-License-Identifier: Apache-2.0

#include "scene.h"

#include "base/clock.h"
#include "store/machine.h"
#include "store/timeline.h"
#include "tap.h"
#include "yard.h"

#include <string.h>

int64_t test_now = 1700000000000;
int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void)
{
    return test_now;
}

const struct boot_settings boot = {.serves_max = 3, .attempts_max = 3, .live_ms = MINUTE};
const struct sweep_settings sweep = {.phone_home_ms = 30 * MINUTE,
                                     .failing_ms = 5 * MINUTE,
                                     .silent_ms = MINUTE,
                                     .lost_ms = 30 * MINUTE};
const char here[] = "10.0.0.5", elsewhere[] = "10.0.0.66";

static unsigned machine_number;

void must(struct scene *s, int r, const char *what)
{
    if (r < 0) {
        bail("%s: %s", what, s->err.message);
    }
}

int begin(struct scene *s)
{
    deployment_fini(&s->deployment);
    s->deployment = (struct deployment){.machine_id = s->machine.id,
                                        .mode = "provision",
                                        .image_url = "oci://registry/debian:12",
                                        .fetch_url = "http://yard/blob",
                                        .hostname = "w1",
                                        .phone_home_wanted = true};
    return deployment_begin(s->conn, &s->deployment, &s->err);
}

void scene_init(struct scene *s, struct store_conn *conn, bool deploy)
{
    *s = (struct scene){.conn = conn};
    test_now += DAY;
    snprintf(s->machine.name, sizeof(s->machine.name), "m%u", ++machine_number);
    snprintf(s->machine.arch, sizeof(s->machine.arch), "amd64");
    s->machine.macs[0] =
        (struct mac){{2, 0, 0, 0, (uint8_t)(machine_number >> 8), (uint8_t)machine_number}};
    s->machine.mac_count = 1;
    bool created = false;
    must(s, machine_put(conn, &s->machine, &created, &s->err), "machine_put");
    if (deploy) {
        must(s, begin(s), "begin");
    }
}

const char *state(struct scene *s)
{
    static struct deployment now;
    deployment_fini(&now);
    if (deployment_current(s->conn, s->machine.id, &now, &s->err) < 0) {
        return "none";
    }
    return deployment_state_name(now.state);
}

struct deployment current(struct scene *s)
{
    struct deployment now = {0};
    must(s, deployment_current(s->conn, s->machine.id, &now, &s->err), "current");
    return now;
}

bool touched(struct scene *s)
{
    return current(s).touched;
}

// ---- events: 0 or negative, s->err then says why

int ask(struct scene *s, const char *address, int claim)
{
    struct attempt attempt;
    int r = attempt_serve(s->conn, &s->machine, address, claim, &boot, &s->answer, &attempt,
                          s->reason, &s->err);
    if (r == 0 && s->answer == BOOT_AGENT) {
        s->attempt = attempt;
    }
    return r;
}

int fetch_from(struct scene *s, const char *address, int claim)
{
    struct attempt attempt;
    char token[TOKEN_TEXT_SIZE], phone_home_token[TOKEN_TEXT_SIZE];
    int r = attempt_fetch_archive(s->conn, s->attempt.key, address, claim, &attempt, token,
                                  phone_home_token, &s->refused, &s->err);
    if (r == 0 && s->refused.code == ERROR_NONE) {
        memcpy(s->token, token, sizeof(token));
        memcpy(s->phone_home_token, phone_home_token, sizeof(phone_home_token));
        s->attempt = attempt;
    }
    return r;
}

int serve(struct scene *s)
{
    return ask(s, here, UNKNOWN);
}

int stranger(struct scene *s)
{
    return ask(s, elsewhere, UNKNOWN);
}

int archive(struct scene *s)
{
    return fetch_from(s, here, UNKNOWN);
}

int contact(struct scene *s)
{
    bool good = false;
    int r = attempt_contact(s->conn, s->attempt.id, here, &good, &s->err);
    return r < 0 || good ? r : -1;
}

int init(struct scene *s)
{
    return attempt_init(s->conn, s->attempt.id, "provisioning started", &s->err);
}

int success(struct scene *s)
{
    return attempt_success(s->conn, s->attempt.id, "provisioning complete", &s->err);
}

int early_error(struct scene *s)
{
    return attempt_error(s->conn, s->attempt.id, "step detect-disk failed: there is none", &s->err);
}

int step_wipe(struct scene *s)
{
    return attempt_step(s->conn, s->attempt.id, "wipe-disks", &s->err);
}

int progress(struct scene *s)
{
    return attempt_progress(s->conn, s->attempt.id, "write", 10, 100, 5, &s->err);
}

int phone_home(struct scene *s)
{
    struct phone_home report = {
        .hostname = "w1", .boot_id = "os-boot", .machine_id = "m", .address = here};
    return attempt_phone_home(s->conn, s->phone_home_token, &report, &s->err);
}

int cancel(struct scene *s)
{
    struct deployment after = {0};
    int r = deployment_cancel(s->conn, s->deployment.id, &after, &s->err);
    deployment_fini(&after);
    return r;
}

int begin_again(struct scene *s)
{
    struct deployment old = s->deployment;
    s->deployment = (struct deployment){0};
    int r = begin(s);
    if (r < 0) {
        s->deployment = old;
    } else {
        deployment_fini(&old);
    }
    return r;
}

int sweep_now(struct scene *s)
{
    return attempt_sweep(s->conn, &sweep, &s->err);
}

int sweep_late(struct scene *s)
{
    test_now += DAY;
    return attempt_sweep(s->conn, &sweep, &s->err);
}

void reach(struct scene *s, enum deployment_state wanted)
{
    if (wanted == DEPLOYMENT_PENDING) {
        return;
    }
    must(s, serve(s), "serve");
    must(s, archive(s), "archive");
    if (wanted == DEPLOYMENT_BOOTING) {
        return;
    }
    must(s, contact(s), "contact");
    must(s, init(s), "init");
    if (wanted == DEPLOYMENT_FAILING) {
        must(s, early_error(s), "error");
    } else if (wanted == DEPLOYMENT_INSTALLED || wanted == DEPLOYMENT_SUCCEEDED) {
        must(s, success(s), "success");
    }
    if (wanted == DEPLOYMENT_SUCCEEDED) {
        must(s, phone_home(s), "phone-home");
    } else if (wanted == DEPLOYMENT_FAILED) {
        must(s, sweep_late(s), "sweep");
    } else if (wanted == DEPLOYMENT_CANCELLED) {
        test_now += 2 * MINUTE;
        must(s, cancel(s), "cancel");
    }
}

// ---- the timeline's rows of a kind; "" all

struct counting {
    const char *kind;
    int64_t count, last;
};

static int count_row(void *context, const struct timeline_event *event, struct error *err)
{
    struct counting *counting = context;
    counting->count += counting->kind[0] == '\0' || strcmp(event->kind, counting->kind) == 0;
    counting->last = event->seq;
    return 0;
}

int64_t rows(struct scene *s, const char *kind)
{
    struct counting counting = {.kind = kind};
    must(s, timeline_list(s->conn, s->machine.id, 0, 1000, count_row, &counting, &s->err),
         "timeline");
    return counting.count;
}

static int run(struct store_conn *conn, void *context, struct error *err)
{
    void (**tests)(struct store_conn *) = context;
    (*tests)(conn);
    return 0;
}

int scene_main(void (*tests)(struct store_conn *conn))
{
    struct error err;
    yard_make();
    struct store *store = yard_open(STORE_ROLE_TOOL);
    int r = store_write_now(store, run, &tests, &err);
    store = store_close(store);
    yard_remove();
    return r;
}
