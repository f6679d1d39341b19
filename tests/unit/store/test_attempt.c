// SPDX-License-Identifier: Apache-2.0
// One test for each rule about attempts, tokens, fencing, the phone-home and time-outs (DESIGN.md).

#include "scene.h"

#include "store/machine.h"
#include "store/report.h"

#include "tap.h"

#include <string.h>

static void test_archive(struct store_conn *conn)
{
    struct scene s;
    struct attempt attempt;
    char first[TOKEN_TEXT_SIZE];
    scene_init(&s, conn, true);
    must(&s, serve(&s), "serve");
    must(&s, fetch_from(&s, elsewhere, UNKNOWN), "fetch");
    ok(s.refused.code == ERROR_FORBIDDEN && rows(&s, "alarm") == 1,
       "another address gets no archive, and that is an alarm");
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_NONE, "the script's asker gets the archive");
    memcpy(first, s.token, sizeof(first));
    must(&s, archive(&s), "archive");
    ok(s.refused.code == ERROR_NONE && strcmp(first, s.token) != 0,
       "again before the first contact, with another token");
    ok(attempt_by_token(conn, first, &attempt, &s.err) < 0 && s.err.code == ERROR_UNAUTHORIZED,
       "the former token is nobody's");
    ok(attempt_by_token(conn, s.token, &attempt, &s.err) == 0 && attempt.id == s.attempt.id,
       "the new one names the attempt");
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
    ok(s.answer == BOOT_WAIT && s.refused.code != ERROR_NONE,
       "a stranger gets the waiting script and no archive");
    ok(rows(&s, "alarm") == 1, "a thousand askings are one alarm a minute");
    test_now += MINUTE;
    must(&s, sweep_now(&s), "sweep");
    ok(rows(&s, "alarm") == 2, "then the number of those that were left out");
    must(&s, contact(&s), "contact");
    ok(current(&s).attempts == 1 && before.id == s.attempt.id && strcmp(state(&s), "running") == 0,
       "nothing else changed");
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
    ok(s.answer == BOOT_AGENT && s.attempt.serves == 0,
       "an address that is not the machine's is served, but never counts");
    is_text(state(&s), "pending", "and the deployment waits for its machine");
    int64_t guest = s.attempt.id;
    must(&s, ask(&s, here, OWN), "ask");
    ok(s.answer == BOOT_AGENT && s.attempt.id != guest && s.attempt.serves == 1,
       "the machine's own address takes over");
    must(&s, ask(&s, elsewhere, NOT_OWN), "ask");
    ok(s.answer == BOOT_WAIT, "and keeps the boot");
    test_now += DAY;
    must(&s, ask(&s, elsewhere, NOT_OWN), "ask");
    ok(s.answer == BOOT_WAIT, "for as long as it takes");
    must(&s, ask(&s, "10.0.0.6", OWN), "ask");
    ok(s.answer == BOOT_AGENT && s.attempt.serves == 2,
       "a second port of the machine is the machine too");
}

static void test_foreign(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    for (int i = 0; i < 100; i++) {
        must(&s, ask(&s, elsewhere, FOREIGN), "ask");
    }
    ok(s.answer == BOOT_WAIT && s.attempt.id == 0,
       "an address that the lease file speaks against gets no agent, though nobody else asked");
    ok(current(&s).attempts == 0 && strcmp(state(&s), "pending") == 0 &&
           rows(&s, "boot.script") == 1,
       "nothing changes, and a hundred askings are one row");
    must(&s, ask(&s, here, OWN), "ask");
    ok(s.answer == BOOT_AGENT, "the machine is served at once");
    must(&s, fetch_from(&s, here, FOREIGN), "fetch");
    ok(s.refused.code == ERROR_FORBIDDEN, "no archive for a foreign address, even the script's");
    must(&s, ask(&s, elsewhere, FOREIGN), "ask");
    ok(s.answer == BOOT_WAIT && rows(&s, "alarm") == 1, "from then on it is an alarm");
    test_now += DAY;
    must(&s, ask(&s, elsewhere, FOREIGN), "ask");
    ok(s.answer == BOOT_WAIT, "for as long as the file says so");
}

// A machine with a fixed address beside a lease file: its askings prove nothing, its agents do.
static void test_fixed_address(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    for (unsigned i = 0; i < boot.attempts_max; i++) {
        must(&s, ask(&s, here, NOT_OWN), "ask");
        must(&s, fetch_from(&s, here, NOT_OWN), "fetch");
        must(&s, contact(&s), "contact");
        must(&s, init(&s), "init");
    }
    must(&s, ask(&s, here, NOT_OWN), "ask");
    is_text(state(&s), "failed", "agents that came and did not install use the attempts up");
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
    ok(s.answer == BOOT_DISK && strstr(current(&s).reason, "no agent came"),
       "and the untouched disk is booted");

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
    ok(s.answer == BOOT_AGENT && s.attempt.id != before.id,
       "a restart while the agent is alive is a new attempt");
    ok(attempt_by_token(conn, token, &old, &s.err) == 0 && old.ended, "the former token is ended");
    ok(attempt_success(conn, before.id, "late", &s.err) < 0 && s.err.code == ERROR_CONFLICT,
       "its success is refused");
    must(&s, attempt_ended_report(conn, before.id, "SUCCESS", false, "", &s.err), "ended report");
    must(&s, attempt_ended_report(conn, before.id, "SUCCESS", false, "", &s.err), "ended report");
    ok(rows(&s, "agent.ended") == 1 && strcmp(state(&s), "running") == 0,
       "and is one row of the timeline a minute");
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
    ok(attempt_by_token(conn, token, &old, &s.err) == 0 && old.ended,
       "a new deployment ends the former token");
    ok(phone_home(&s) == 0 && strcmp(state(&s), "pending") == 0,
       "the old system's phone-home does not reach the new deployment");

    scene_init(&s, conn, false);
    must(&s,
         attempt_serve_standby(conn, &s.machine, here, UNKNOWN, &boot, &s.answer, &s.attempt,
                               s.reason, &s.err),
         "standby");
    ok(s.answer == BOOT_AGENT && s.attempt.deployment[0] == '\0',
       "an agent that stands by has no deployment");
    must(&s, archive(&s), "archive");
    must(&s, contact(&s), "contact");
    must(&s, attempt_init(conn, s.attempt.id, "standby", &s.err), "init");
    must(&s, begin(&s), "begin");
    struct command commands[4];
    unsigned count = 0;
    must(&s, command_take(conn, s.machine.id, commands, 4, &count, &s.err), "take");
    ok(count == 1 && strcmp(commands[0].type, "reboot") == 0,
       "it is told to reboot for a new deployment");
    must(&s, contact(&s), "contact");
    must(&s, success(&s), "success");
    is_text(state(&s), "pending", "and its reports mean nothing to the deployment");
    int64_t standing = s.attempt.id;
    must(&s, serve(&s), "serve");
    ok(s.attempt.id != standing && strcmp(s.attempt.deployment, s.deployment.id) == 0,
       "its restart is the deployment's attempt");
}

static void test_cancel(struct store_conn *conn)
{
    struct scene s;
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, cancel(&s), "cancel");
    ok(strcmp(state(&s), "running") == 0 && current(&s).cancel_requested,
       "a cancel waits for the live agent");
    ok(contact(&s) < 0 && s.err.code == ERROR_CONFLICT, "whose token is ended");
    ok(cancel(&s) == 0 && strcmp(state(&s), "running") == 0, "asked for again: no change");
    must(&s, attempt_ended_report(conn, s.attempt.id, "ERROR", true, "detect-disk", &s.err),
         "stopped");
    ok(strcmp(state(&s), "cancelled") == 0 && !touched(&s),
       "the agent stopped before the first write");

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
    ok(strcmp(state(&s), "cancelled") == 0 && touched(&s),
       "loss of contact: cancelled, and nobody knows the disk");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, cancel(&s), "cancel");
    must(&s, stranger(&s), "stranger");
    ok(s.answer == BOOT_WAIT && strcmp(state(&s), "running") == 0,
       "a stranger's asking is no evidence");
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
    ok(!touched(&s) && strcmp(current(&s).step, "detect-disk") == 0,
       "untouched by an error before the first write");
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
    struct phone_home report = {
        .hostname = "w1", .boot_id = "os", .machine_id = "m", .address = here};
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    must(&s, attempt_boot_id(conn, s.attempt.id, "Agent-Boot", &s.err), "boot id");
    ok(phone_home(&s) < 0 && s.err.code == ERROR_CONFLICT, "refused before installed");
    must(&s, success(&s), "success");
    must(&s, success(&s), "success");
    report.boot_id = "agent-boot";
    ok(attempt_phone_home(conn, s.phone_home_token, &report, &s.err) < 0 &&
           s.err.code == ERROR_CONFLICT,
       "refused with the agent's own boot id");
    ok(attempt_phone_home(conn, "nonsense", &report, &s.err) < 0 &&
           s.err.code == ERROR_UNAUTHORIZED,
       "an unknown token");
    ok(attempt_phone_home(conn, s.token, &report, &s.err) < 0 && s.err.code == ERROR_UNAUTHORIZED,
       "the agent's token is none");
    struct attempt attempt;
    ok(attempt_by_token(conn, s.phone_home_token, &attempt, &s.err) < 0,
       "and the phone-home's opens nothing else");
    ok(phone_home(&s) == 0 && strcmp(state(&s), "succeeded") == 0,
       "the installed system's own boot succeeds");
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
    ok(strcmp(state(&s), "failed") == 0 && strstr(current(&s).reason, "detect-disk"),
       "used up, and the reason stays");

    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_RUNNING);
    test_now += 2 * MINUTE;
    must(&s, sweep_now(&s), "sweep");
    must(&s, sweep_now(&s), "sweep");
    ok(rows(&s, "agent.silent") == 1 && strcmp(state(&s), "running") == 0,
       "a silent agent is one row");
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

static void tests(struct store_conn *conn)
{
    test_archive(conn);
    test_stranger(conn);
    test_leases(conn);
    test_foreign(conn);
    test_fixed_address(conn);
    test_serves(conn);
    test_power_cycle(conn);
    test_fencing(conn);
    test_cancel(conn);
    test_touched(conn);
    test_phone_home(conn);
    test_sweep(conn);
    test_repeats(conn);
}

int main(void)
{
    ok(scene_main(tests) == 0, "everything is committed");
    return done();
}
