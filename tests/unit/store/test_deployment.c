// SPDX-License-Identifier: Apache-2.0
// A deployment's life: every state with every event, and what firmware is told in each state.

#include "scene.h"

#include "store/machine.h"
#include "store/report.h"

#include "tap.h"

#include <string.h>

// ---- every state, every event

static const struct {
    const char *name;
    int (*fire)(struct scene *s);
    // The state afterwards from each state, in the enum's order; "!" = refused and nothing changes;
    // "" = there is no attempt yet.
    const char *after[8];
} events[] = {
    {"the machine asks",
     serve,
     {"booting", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"a stranger asks",
     stranger,
     {"booting", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"archive",
     archive,
     {"", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"contact", contact, {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"INIT", init, {"", "running", "running", "running", "installed", "succeeded", "!", "!"}},
    {"SUCCESS", success, {"", "!", "installed", "installed", "installed", "succeeded", "!", "!"}},
    {"ERROR",
     early_error,
     {"", "failing", "failing", "failing", "installed", "succeeded", "!", "!"}},
    {"step", step_wipe, {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"progress",
     progress,
     {"", "booting", "running", "failing", "installed", "succeeded", "!", "!"}},
    {"phone-home", phone_home, {"", "!", "!", "!", "succeeded", "succeeded", "!", "!"}},
    {"cancel",
     cancel,
     {"cancelled", "cancelled", "running", "failing", "cancelled", "!", "!", "!"}},
    {"begin", begin_again, {"!", "!", "!", "!", "!", "pending", "pending", "pending"}},
    {"sweep at once",
     sweep_now,
     {"pending", "booting", "running", "failing", "installed", "succeeded", "failed", "cancelled"}},
    {"sweep a day later",
     sweep_late,
     {"pending", "booting", "failed", "failed", "failed", "succeeded", "failed", "cancelled"}},
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
            ok(refused ? r < 0 && s.err.code == ERROR_CONFLICT : r == 0, "%s, %s: %s (%s)", name,
               events[i].name, refused ? "refused" : "taken", s.err.message);
            is_text(state(&s), refused ? name : expected, "%s, %s: the state afterwards", name,
                    events[i].name);
        }
    }
}

static void test_answers(struct store_conn *conn)
{
    static const struct {
        enum deployment_state state;
        enum boot_answer answer;
    } table[] = {
        {DEPLOYMENT_PENDING, BOOT_AGENT},  {DEPLOYMENT_BOOTING, BOOT_AGENT},
        {DEPLOYMENT_RUNNING, BOOT_AGENT},  {DEPLOYMENT_FAILING, BOOT_AGENT},
        {DEPLOYMENT_INSTALLED, BOOT_DISK}, {DEPLOYMENT_SUCCEEDED, BOOT_DISK},
        {DEPLOYMENT_FAILED, BOOT_REASON},  {DEPLOYMENT_CANCELLED, BOOT_REASON},
    };
    struct scene s;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        scene_init(&s, conn, true);
        reach(&s, table[i].state);
        must(&s, serve(&s), "serve");
        ok(s.answer == table[i].answer, "the answer to a machine that is %s",
           deployment_state_name(table[i].state));
    }
    scene_init(&s, conn, false);
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_POLICY, "no deployment: the policy decides");
    scene_init(&s, conn, true);
    must(&s, cancel(&s), "cancel");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_DISK && !touched(&s),
       "cancelled before anything was written: boot your disk");
    scene_init(&s, conn, true);
    reach(&s, DEPLOYMENT_FAILING);
    must(&s, sweep_late(&s), "sweep");
    must(&s, serve(&s), "serve");
    ok(s.answer == BOOT_DISK, "failed with an error before the first write: boot your disk");
}

static bool is_yards(void *context, const char *image_url, const char *fetch_url)
{
    return strcmp(fetch_url, context) == 0;
}

static void test_pin(struct store_conn *conn)
{
    static char yard[] = "http://yard/blobs/1", other[] = "http://yard/blobs/2";
    static const char one[] =
        "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    static const char two[] =
        "sha256:2222222222222222222222222222222222222222222222222222222222222222";
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
    must(&s, deployment_wants_digest(conn, one, is_yards, yard, &wanted, &s.err), "wants");
    ok(wanted, "the layer of a deployment that is not over is wanted");
    must(&s, deployment_wants_digest(conn, one, is_yards, other, &wanted, &s.err), "wants");
    ok(!wanted, "not from elsewhere");
    memcpy(resolved.layer_digest, two, sizeof(two));
    ok(deployment_pin(conn, s.deployment.id, &resolved, &s.err) < 0 && s.err.code == ERROR_CONFLICT,
       "another layer is refused");
    struct error err = {0};
    ok(machine_delete(conn, s.machine.name, &err) < 0 && err.code == ERROR_CONFLICT,
       "a busy machine is not deleted: %s", err.message);
    must(&s, cancel(&s), "cancel");
    must(&s, deployment_wants_digest(conn, one, is_yards, yard, &wanted, &s.err), "wants");
    ok(!wanted, "and not when it is over");
    ok(machine_delete(conn, s.machine.name, &err) == 0, "an idle machine is");
}

static void tests(struct store_conn *conn)
{
    test_table(conn);
    test_answers(conn);
    test_pin(conn);
}

int main(void)
{
    ok(scene_main(tests) == 0, "everything is committed");
    return done();
}
