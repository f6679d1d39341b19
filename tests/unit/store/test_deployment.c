// SPDX-License-Identifier: Apache-2.0
// A deployment's life: every state with every event, then one test for each rule about attempts, tokens, fencing and the
// phone-home (DESIGN.md). The clock is the test's own: the linker puts __wrap_clock_now_ms in the real one's place.

#include "store/attempt.h"
#include "store/deployment.h"
#include "store/report.h"
#include "store/timeline.h"

#include "base/clock.h"

#include "tap.h"
#include "yard.h"

#include <string.h>

enum { MINUTE = 60000, DAY = 24 * 60 * MINUTE, UNKNOWN = -1, NOT_OWN = 0, OWN = 1 };

static int64_t test_now = 1700000000000;
int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void)
{
    return test_now;
}

static const struct boot_settings boot = {.serves_max = 3, .attempts_max = 3, .live_ms = MINUTE};
static const struct sweep_settings sweep = {
    .phone_home_ms = 30 * MINUTE, .failing_ms = 5 * MINUTE, .silent_ms = MINUTE, .lost_ms = 30 * MINUTE};
static const char here[] = "10.0.0.5", elsewhere[] = "10.0.0.66";

// A machine with a deployment, and what the last events left.
struct scene {
    struct store_conn *conn;
    struct machine machine;
    struct deployment deployment;
    struct attempt attempt;
    char token[TOKEN_TEXT_SIZE], phone_home_token[TOKEN_TEXT_SIZE];
    enum boot_answer answer;
    char reason[DEPLOYMENT_REASON_SIZE];
    struct attempt_refusal refused;
    struct error err;
};

static unsigned machine_number;

static void must(struct scene *s, int r, const char *what)
{
    if (r < 0) {
        bail("%s: %s", what, s->err.message);
    }
}

static int begin(struct scene *s)
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

static void scene_init(struct scene *s, struct store_conn *conn, bool deploy)
{
    *s = (struct scene){.conn = conn};
    test_now += DAY;
    snprintf(s->machine.name, sizeof(s->machine.name), "m%u", ++machine_number);
    snprintf(s->machine.arch, sizeof(s->machine.arch), "amd64");
    s->machine.macs[0] = (struct mac){{2, 0, 0, 0, (uint8_t)(machine_number >> 8), (uint8_t)machine_number}};
    s->machine.mac_count = 1;
    bool created = false;
    must(s, machine_put(conn, &s->machine, &created, &s->err), "machine_put");
    if (deploy) {
        must(s, begin(s), "begin");
    }
}

static const char *state(struct scene *s)
{
    static struct deployment now;
    deployment_fini(&now);
    if (deployment_current(s->conn, s->machine.id, &now, &s->err) < 0) {
        return "none";
    }
    return deployment_state_name(now.state);
}

static struct deployment current(struct scene *s)
{
    struct deployment now = {0};
    must(s, deployment_current(s->conn, s->machine.id, &now, &s->err), "current");
    return now;
}

static bool touched(struct scene *s)
{
    return current(s).touched;
}

// ---- events: 0 or negative, s->err then says why

static int ask(struct scene *s, const char *address, int claim)
{
    struct attempt attempt;
    int r = attempt_serve(s->conn, &s->machine, address, claim, &boot, &s->answer, &attempt, s->reason, &s->err);
    if (r == 0 && s->answer == BOOT_AGENT) {
        s->attempt = attempt;
    }
    return r;
}

static int fetch_from(struct scene *s, const char *address, int claim)
{
    struct attempt attempt;
    char token[TOKEN_TEXT_SIZE], phone_home_token[TOKEN_TEXT_SIZE];
    int r = attempt_fetch_archive(s->conn, s->attempt.key, address, claim, &attempt, token, phone_home_token, &s->refused, &s->err);
    if (r == 0 && s->refused.code == ERROR_NONE) {
        memcpy(s->token, token, sizeof(token));
        memcpy(s->phone_home_token, phone_home_token, sizeof(phone_home_token));
        s->attempt = attempt;
    }
    return r;
}

static int serve(struct scene *s)
{
    return ask(s, here, UNKNOWN);
}

static int stranger(struct scene *s)
{
    return ask(s, elsewhere, UNKNOWN);
}

static int archive(struct scene *s)
{
    return fetch_from(s, here, UNKNOWN);
}

static int contact(struct scene *s)
{
    bool good = false;
    int r = attempt_contact(s->conn, s->attempt.id, here, &good, &s->err);
    return r < 0 || good ? r : -1;
}

static int init(struct scene *s)
{
    return attempt_init(s->conn, s->attempt.id, "provisioning started", &s->err);
}

static int success(struct scene *s)
{
    return attempt_success(s->conn, s->attempt.id, "provisioning complete", &s->err);
}

static int early_error(struct scene *s)
{
    return attempt_error(s->conn, s->attempt.id, "step detect-disk failed: there is none", &s->err);
}

static int step_wipe(struct scene *s)
{
    return attempt_step(s->conn, s->attempt.id, "wipe-disks", &s->err);
}

static int progress(struct scene *s)
{
    return attempt_progress(s->conn, s->attempt.id, "write", 10, 100, 5, &s->err);
}

static int phone_home(struct scene *s)
{
    struct phone_home report = {.hostname = "w1", .boot_id = "os-boot", .machine_id = "m", .address = here};
    return attempt_phone_home(s->conn, s->phone_home_token, &report, &s->err);
}

static int cancel(struct scene *s)
{
    struct deployment after = {0};
    int r = deployment_cancel(s->conn, s->deployment.id, &after, &s->err);
    deployment_fini(&after);
    return r;
}

static int begin_again(struct scene *s)
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

static int sweep_now(struct scene *s)
{
    return attempt_sweep(s->conn, &sweep, &s->err);
}

static int sweep_late(struct scene *s)
{
    test_now += DAY;
    return attempt_sweep(s->conn, &sweep, &s->err);
}

static void reach(struct scene *s, enum deployment_state wanted)
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

// ---- every state, every event

static const struct {
    const char *name;
    int (*fire)(struct scene *s);
    // The state afterwards from each state, in the enum's order; "!" = refused and nothing changes; "" = there is no attempt yet.
    const char *after[8];
} events[] = {
    {"the machine asks", serve, {"booting", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"a stranger asks", stranger, {"booting", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"archive", archive, {"", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"contact", contact, {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"INIT", init, {"", "running", "running", "running", "installed", "succeeded", "!", "!"}},
    {"SUCCESS", success, {"", "!", "installed", "installed", "installed", "succeeded", "!", "!"}},
    {"ERROR", early_error, {"", "failing", "failing", "failing", "installed", "succeeded", "!", "!"}},
    {"step", step_wipe, {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"progress", progress, {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"phone-home", phone_home, {"", "!", "!", "!", "succeeded", "succeeded", "!", "!"}},
    {"cancel", cancel, {"cancelled", "cancelled", "running", "failing", "cancelled", "!", "!", "!"}},
    {"begin", begin_again, {"!", "!", "!", "!", "!", "pending", "pending", "pending"}},
    {"sweep at once", sweep_now, {"pending", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"sweep a day later", sweep_late, {"pending", "booting", "failed", "failed", "failed", "succeeded", "failed", "cancelled"}},
};

static void test_table(struct store_conn *conn)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        for (int from = DEPLOYMENT_PENDING; from <= DEPLOYMENT_CANCELLED; from++) {
            const char *expected = events[i].after[from];
            if (expected[0] == '\0') {
                continue;
            }
            struct scene s;
            scene_init(&s, conn, true);
            reach(&s, (enum deployment_state)from);
            const char *name = deployment_state_name((enum deployment_state)from);
            is_text(state(&s), name, "%s is reached", name);
            s.err = (struct error){0};
            int r = events[i].fire(&s);
            bool refused = strcmp(expected, "!") == 0;
            ok(refused ? r < 0 && s.err.code == ERROR_CONFLICT : r == 0, "%s, %s: %s (%s)", name, events[i].name,
               refused ? "refused" : "taken", s.err.message);
            is_text(state(&s), refused ? name : expected, "%s, %s: the state afterwards", name, events[i].name);
        }
    }
}

static void test_answers(struct store_conn *conn)
{
    static const struct {
        enum deployment_state state;
        enum boot_answer answer;
    } table[] = {
        {DEPLOYMENT_PENDING, BOOT_AGENT},   {DEPLOYMENT_BOOTING, BOOT_AGENT},    {DEPLOYMENT_RUNNING, BOOT_AGENT},
        {DEPLOYMENT_FAILING, BOOT_AGENT},   {DEPLOYMENT_INSTALLED, BOOT_DISK},   {DEPLOYMENT_SUCCEEDED, BOOT_DISK},
        {DEPLOYMENT_FAILED, BOOT_REASON},   {DEPLOYMENT_CANCELLED, BOOT_REASON},
    };
    struct scene s;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        scene_init(&s, conn, true);
        reach(&s, table[i].state);
        must(&s, serve(&s), "serve");
        ok(s.answer == table[i].answer, "the answer to a machine that is %s", deployment_state_name(table[i].state));
    }
    scene_init(&s, conn, false);
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_POLICY, "no deployment: the policy decides");
    scene_init(&s, conn, true);
    must(&s, cancel(&s), "cancel");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_DISK && !touched(&s), "cancelled before anything was written: boot your disk");
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_FAILING);
    must(&s, sweep_late(&s), "sweep");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_DISK, "failed with an error before the first write: boot your disk");
}

// ---- rules, one by one

static int64_t rows(struct scene *s, const char *kind);

static void test_archive(struct store_conn *conn)
{
    struct scene s;
    struct attempt attempt;
    char first[TOKEN_TEXT_SIZE];
    scene_init(&s, conn, true);
    must(&s, serve(&s), "serve");
    must(&s, fetch_from(&s, elsewhere, UNKNOWN), "fetch");
    ok(s.refused.code == ERROR_FORBIDDEN && rows(&s, "alarm") == 1, "another address gets no archive, and that is an alarm");
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_NONE, "the script's asker gets the archive");
    memcpy(first, s.token, sizeof(first));
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_NONE && strcmp(first, s.token) != 0, "again before the first contact, with another token");
    ok(attempt_by_token(conn, first, &attempt, &s.err) < 0 && s.err.code == ERROR_UNAUTHORIZED, "the former token is nobody's");
    ok(attempt_by_token(conn, s.token, &attempt, &s.err) == 0 && attempt.id == s.attempt.id, "the new one names the attempt");
    must(&s, contact(&s), "contact");
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_CONFLICT, "refused after the first contact");
    snprintf(s.attempt.key, sizeof(s.attempt.key), "guessed");
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_NOT_FOUND, "an unknown key is not found");
    bool good = true;
    must(&s, attempt_contact(conn, s.attempt.id, elsewhere, &good, &s.err), "contact");
    ok(!good, "a token is bound to the address that fetched it");
}

static void test_stranger(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    struct attempt before = s.attempt;
    for (int i = 0; i < 1000; i++) {
        must(&s, stranger(&s), "stranger");
        must(&s, fetch_from(&s, elsewhere, UNKNOWN), "fetch");
    }
    ok(s.answer == BOOT_WAIT && s.refused.code != ERROR_NONE, "a stranger gets the waiting script and no archive");
    ok(rows(&s, "alarm") == 1, "a thousand askings are one alarm a minute");
    test_now += MINUTE;
    must(&s, sweep_now(&s), "sweep");
    ok(rows(&s, "alarm") == 2, "then the number of those that were left out");
    must(&s, contact(&s), "contact");
    ok(current(&s).attempts == 1 && before.id == s.attempt.id && strcmp(state(&s), "running") == 0, "nothing else changed");
    must(&s, success(&s), "success");
    is_text(state(&s), "installed", "and the agent goes on to success");
    test_now += 10 * MINUTE;
    scene_init(&s, conn, true);
    must(&s, serve(&s), "serve");
    must(&s, stranger(&s), "stranger");
    ok(s.answer == BOOT_WAIT, "a stranger waits while the agent is on its way");
    test_now += 6 * MINUTE;
    must(&s, stranger(&s), "stranger");
    ok(s.answer == BOOT_AGENT, "an address that changed is served when nothing was heard for long");
}

static void test_leases(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    for (unsigned i = 0; i < 2 * boot.serves_max; i++) {
        must(&s, ask(&s, elsewhere, NOT_OWN), "ask");
    }
    ok(s.answer == BOOT_AGENT && s.attempt.serves == 0, "an address that is not the machine's is served, but never counts");
    is_text(state(&s), "pending", "and the deployment waits for its machine");
    int64_t guest = s.attempt.id;
    must(&s, ask(&s, here, OWN), "ask");
    ok(s.answer == BOOT_AGENT && s.attempt.id != guest && s.attempt.serves == 1, "the machine's own address takes over");
    must(&s, ask(&s, elsewhere, NOT_OWN), "ask");
    ok(s.answer == BOOT_WAIT, "and keeps the boot");
    test_now += DAY;
    must(&s, ask(&s, elsewhere, NOT_OWN), "ask");
    ok(s.answer == BOOT_WAIT, "for as long as it takes");
    must(&s, ask(&s, "10.0.0.6", OWN), "ask");
    ok(s.answer == BOOT_AGENT && s.attempt.serves == 2, "a second port of the machine is the machine too");
}

static void test_serves(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    for (unsigned i = 0; i < boot.serves_max; i++) {
        must(&s, serve(&s), "serve");
        ok(s.answer == BOOT_AGENT, "served %u times", i + 1);
    }
    must(&s, serve(&s), "serve");
    is_text(state(&s), "failed", "no agent after the last serve: failed");
    ok(s.answer == BOOT_DISK && strstr(current(&s).reason, "no agent came"), "and the untouched disk is booted");

    scene_init(&s, conn, true);
    for (unsigned i = 0; i < boot.attempts_max; i++) {
        must(&s, serve(&s), "serve");
        must(&s, archive(&s), "archive");
        must(&s, contact(&s), "contact");
        must(&s, init(&s), "init");
    }
    must(&s, serve(&s), "serve");
    is_text(state(&s), "failed", "attempts are used up");
    ok(s.answer == BOOT_REASON, "and who knows what they wrote");
}

static void test_power_cycle(struct store_conn *conn)
{
    struct scene s;
    struct attempt old;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    struct attempt before = s.attempt;
    char token[TOKEN_TEXT_SIZE];
    memcpy(token, s.token, sizeof(token));
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_AGENT && s.attempt.id != before.id, "a restart while the agent is alive is a new attempt");
    ok(attempt_by_token(conn, token, &old, &s.err) == 0 && old.ended, "the former token is ended");
    ok(attempt_success(conn, before.id, "late", &s.err) < 0 && s.err.code == ERROR_CONFLICT, "its success is refused");
    must(&s, attempt_ended_report(conn, before.id, "SUCCESS", false, "", &s.err), "ended report");
    must(&s, attempt_ended_report(conn, before.id, "SUCCESS", false, "", &s.err), "ended report");
    ok(rows(&s, "agent.ended") == 1 && strcmp(state(&s), "running") == 0, "and is one row of the timeline a minute");
    must(&s, archive(&s), "archive");
    must(&s, contact(&s), "contact");
    must(&s, success(&s), "success");
    is_text(state(&s), "installed", "the stamp was found: success without another INIT");
}

static void test_fencing(struct store_conn *conn)
{
    struct scene s;
    struct attempt old;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_SUCCEEDED);
    char token[TOKEN_TEXT_SIZE];
    memcpy(token, s.token, sizeof(token));
    must(&s, begin_again(&s), "begin");
    ok(attempt_by_token(conn, token, &old, &s.err) == 0 && old.ended, "a new deployment ends the former token");
    ok(phone_home(&s) == 0 && strcmp(state(&s), "pending") == 0, "the old system's phone-home does not reach the new deployment");

    scene_init(&s, conn, false);
    must(&s, attempt_serve_standby(conn, &s.machine, here, UNKNOWN, &boot, &s.answer, &s.attempt, s.reason, &s.err), "standby");
    ok(s.answer == BOOT_AGENT && s.attempt.deployment[0] == '\0', "an agent that stands by has no deployment");
    must(&s, archive(&s), "archive");
    must(&s, contact(&s), "contact");
    must(&s, attempt_init(conn, s.attempt.id, "standby", &s.err), "init");
    must(&s, begin(&s), "begin");
    struct command commands[4];
    unsigned count = 0;
    must(&s, command_take(conn, s.machine.id, commands, 4, &count, &s.err), "take");
    ok(count == 1 && strcmp(commands[0].type, "reboot") == 0, "it is told to reboot for a new deployment");
    must(&s, contact(&s), "contact");
    must(&s, success(&s), "success");
    is_text(state(&s), "pending", "and its reports mean nothing to the deployment");
    int64_t standing = s.attempt.id;
    must(&s, serve(&s), "serve");
    ok(s.attempt.id != standing && strcmp(s.attempt.deployment, s.deployment.id) == 0, "its restart is the deployment's attempt");
}

static void test_cancel(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, cancel(&s), "cancel");
    ok(strcmp(state(&s), "running") == 0 && current(&s).cancel_requested, "a cancel waits for the live agent");
    ok(contact(&s) < 0 && s.err.code == ERROR_CONFLICT, "whose token is ended");
    ok(cancel(&s) == 0 && strcmp(state(&s), "running") == 0, "asked for again: no change");
    must(&s, attempt_ended_report(conn, s.attempt.id, "ERROR", true, "detect-disk", &s.err), "stopped");
    ok(strcmp(state(&s), "cancelled") == 0 && !touched(&s), "the agent stopped before the first write");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, step_wipe(&s), "step");
    must(&s, cancel(&s), "cancel");
    must(&s, attempt_ended_report(conn, s.attempt.id, "ERROR", true, "", &s.err), "stopped");
    ok(strcmp(state(&s), "cancelled") == 0 && touched(&s), "the agent stopped after it");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, cancel(&s), "cancel");
    test_now += MINUTE / 2;
    must(&s, attempt_ended_report(conn, s.attempt.id, "heartbeat", false, "", &s.err), "report");
    test_now += MINUTE / 2 + 1;
    must(&s, sweep_now(&s), "sweep");
    is_text(state(&s), "running", "an agent that still reports is waited for");
    test_now += MINUTE;
    must(&s, sweep_now(&s), "sweep");
    ok(strcmp(state(&s), "cancelled") == 0 && touched(&s), "loss of contact: cancelled, and nobody knows the disk");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, cancel(&s), "cancel");
    must(&s, stranger(&s), "stranger");
    ok(s.answer == BOOT_WAIT && strcmp(state(&s), "running") == 0, "a stranger's asking is no evidence");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_REASON && strcmp(state(&s), "cancelled") == 0, "the machine's restart is");
}

static void test_touched(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_BOOTING);
    ok(!touched(&s), "untouched before INIT");
    must(&s, contact(&s), "contact");
    must(&s, init(&s), "init");
    ok(touched(&s), "unknown after INIT");
    must(&s, early_error(&s), "error");
    ok(!touched(&s) && strcmp(current(&s).step, "detect-disk") == 0, "untouched by an error before the first write");
    must(&s, init(&s), "init");
    must(&s, progress(&s), "progress");
    must(&s, early_error(&s), "error");
    ok(touched(&s), "progress is a write, whatever the error's step says");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, serve(&s), "serve");
    must(&s, archive(&s), "archive");
    must(&s, contact(&s), "contact");
    must(&s, init(&s), "init");
    must(&s, early_error(&s), "error");
    ok(touched(&s), "an earlier attempt of unknown end may have written");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, attempt_error(conn, s.attempt.id, "step no-such-step failed: x", &s.err), "error");
    ok(touched(&s), "a step of unknown name may have written");
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, attempt_step(conn, s.attempt.id, "find-stamp", &s.err), "step");
    must(&s, attempt_error(conn, s.attempt.id, "step verify-image failed: x", &s.err), "error");
    ok(!touched(&s), "our agent verifies before it writes");
}

static void test_phone_home(struct store_conn *conn)
{
    struct scene s;
    struct phone_home report = {.hostname = "w1", .boot_id = "os", .machine_id = "m", .address = here};
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, attempt_boot_id(conn, s.attempt.id, "Agent-Boot", &s.err), "boot id");
    ok(phone_home(&s) < 0 && s.err.code == ERROR_CONFLICT, "refused before installed");
    must(&s, success(&s), "success");
    must(&s, success(&s), "success");
    report.boot_id = "agent-boot";
    ok(attempt_phone_home(conn, s.phone_home_token, &report, &s.err) < 0 && s.err.code == ERROR_CONFLICT,
       "refused with the agent's own boot id");
    ok(attempt_phone_home(conn, "nonsense", &report, &s.err) < 0 && s.err.code == ERROR_UNAUTHORIZED, "an unknown token");
    ok(attempt_phone_home(conn, s.token, &report, &s.err) < 0 && s.err.code == ERROR_UNAUTHORIZED, "the agent's token is none");
    struct attempt attempt;
    ok(attempt_by_token(conn, s.phone_home_token, &attempt, &s.err) < 0, "and the phone-home's opens nothing else");
    ok(phone_home(&s) == 0 && strcmp(state(&s), "succeeded") == 0, "the installed system's own boot succeeds");
    int64_t seen = rows(&s, "phone-home");
    ok(phone_home(&s) == 0 && rows(&s, "phone-home") == seen, "again: taken, and nothing changes");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    char token[TOKEN_TEXT_SIZE];
    memcpy(token, s.phone_home_token, sizeof(token));
    must(&s, serve(&s), "serve");
    must(&s, archive(&s), "archive");
    must(&s, contact(&s), "contact");
    must(&s, init(&s), "init");
    must(&s, success(&s), "success");
    memcpy(s.phone_home_token, token, sizeof(token));
    ok(phone_home(&s) == 0 && strcmp(state(&s), "succeeded") == 0,
       "the token that the first attempt left is good after the second one found the stamp");

    scene_init(&s, conn, false);
    s.deployment = (struct deployment){.machine_id = s.machine.id, .mode = "deprovision"};
    must(&s, deployment_begin(conn, &s.deployment, &s.err), "begin");
    reach(&s, DEPLOYMENT_INSTALLED);
    is_text(state(&s), "succeeded", "without a phone-home asked for, success is the end");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_POLICY, "a deprovisioned machine is the policy's");
}

static void test_sweep(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_INSTALLED);
    test_now += 30 * MINUTE;
    must(&s, sweep_now(&s), "sweep");
    is_text(state(&s), "installed", "just in time for the phone-home");
    test_now += 1;
    must(&s, sweep_now(&s), "sweep");
    is_text(state(&s), "failed", "too late for it");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_FAILING);
    test_now += 4 * MINUTE;
    must(&s, serve(&s), "serve");
    test_now += 4 * MINUTE;
    must(&s, sweep_now(&s), "sweep");
    is_text(state(&s), "failing", "a restart prolongs the rescue window");
    test_now += 2 * MINUTE;
    must(&s, sweep_now(&s), "sweep");
    ok(strcmp(state(&s), "failed") == 0 && strstr(current(&s).reason, "detect-disk"), "used up, and the reason stays");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    test_now += 2 * MINUTE;
    must(&s, sweep_now(&s), "sweep");
    must(&s, sweep_now(&s), "sweep");
    ok(rows(&s, "agent.silent") == 1 && strcmp(state(&s), "running") == 0, "a silent agent is one row");
    must(&s, contact(&s), "contact");
    ok(rows(&s, "agent.back") == 1, "its return is another");
}

static void test_repeats(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    int64_t before = rows(&s, "");
    must(&s, init(&s), "init");
    ok(rows(&s, "") == before, "INIT again: nothing is written");
    must(&s, early_error(&s), "error");
    before = rows(&s, "");
    must(&s, early_error(&s), "error");
    ok(rows(&s, "") == before, "ERROR again: nothing is written");
    must(&s, init(&s), "init");
    must(&s, success(&s), "success");
    before = rows(&s, "");
    must(&s, success(&s), "success");
    must(&s, init(&s), "init");
    ok(rows(&s, "") == before, "SUCCESS again: nothing is written");
    must(&s, step_wipe(&s), "step");
    before = rows(&s, "");
    must(&s, step_wipe(&s), "step");
    ok(rows(&s, "") == before, "a step again: nothing is written");
    must(&s, progress(&s), "progress");
    before = rows(&s, "");
    must(&s, progress(&s), "progress");
    ok(rows(&s, "") == before, "progress is a row every two seconds at most");
}

static void test_pin(struct store_conn *conn)
{
    static const char one[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    static const char two[] = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    struct scene s;
    struct deployment resolved = {.layer_size = 5, .fetch_url = "http://yard/blobs/1"};
    bool wanted = false;
    scene_init(&s, conn, false);
    s.deployment = (struct deployment){.machine_id = s.machine.id, .mode = "provision"};
    must(&s, deployment_begin(conn, &s.deployment, &s.err), "begin");
    memcpy(resolved.digest, two, sizeof(two));
    memcpy(resolved.layer_digest, one, sizeof(one));
    must(&s, deployment_pin(conn, s.deployment.id, &resolved, &s.err), "pin");
    ok(deployment_pin(conn, s.deployment.id, &resolved, &s.err) == 0, "the same again is fine");
    must(&s, deployment_wants_digest(conn, one, &wanted, &s.err), "wants");
    ok(wanted, "the layer of a deployment that is not over is wanted");
    memcpy(resolved.layer_digest, two, sizeof(two));
    ok(deployment_pin(conn, s.deployment.id, &resolved, &s.err) < 0 && s.err.code == ERROR_CONFLICT, "another layer is refused");
    struct error err = {0};
    ok(machine_delete(conn, s.machine.name, &err) < 0 && err.code == ERROR_CONFLICT, "a busy machine is not deleted: %s", err.message);
    must(&s, cancel(&s), "cancel");
    must(&s, deployment_wants_digest(conn, one, &wanted, &s.err), "wants");
    ok(!wanted, "and not when it is over");
    ok(machine_delete(conn, s.machine.name, &err) == 0, "an idle machine is");
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

static int64_t rows(struct scene *s, const char *kind)
{
    struct counting counting = {.kind = kind};
    must(s, timeline_list(s->conn, s->machine.id, 0, 1000, count_row, &counting, &s->err), "timeline");
    return counting.count;
}

static int run(struct store_conn *conn, void *context, struct error *err)
{
    test_table(conn);
    test_answers(conn);
    test_archive(conn);
    test_stranger(conn);
    test_leases(conn);
    test_serves(conn);
    test_power_cycle(conn);
    test_fencing(conn);
    test_cancel(conn);
    test_touched(conn);
    test_phone_home(conn);
    test_sweep(conn);
    test_repeats(conn);
    test_pin(conn);
    return 0;
}

int main(void)
{
    struct error err;
    yard_make();
    struct store *store = yard_open(STORE_ROLE_TOOL);
    ok(store_write_now(store, run, NULL, &err) == 0, "everything is committed");
    store = store_close(store);
    yard_remove();
    return done();
}
