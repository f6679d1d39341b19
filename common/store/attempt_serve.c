// SPDX-License-Identifier: Apache-2.0

// Which script a machine's firmware gets (DESIGN.md, the table of states and answers), and the
// attempt behind it.

#include "store/attempt.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_ROW_MS = 600000 }; // the same answer again is a row of the timeline this often

// One asking, on its way to an answer.
struct serve {
    struct store_conn *conn;
    const struct machine *machine;
    const char *address;
    int claim; // enum address_claim
    const struct boot_settings *settings;
    int64_t now;
    struct life life;        // seq 0: standby
    struct attempt_row open; // id 0: none
    enum boot_answer answer;
    char *reason; // DEPLOYMENT_REASON_SIZE
};

static int serve_wait(struct serve *serve, const char *text)
{
    serve->answer = BOOT_WAIT;
    snprintf(serve->reason, DEPLOYMENT_REASON_SIZE, "%s", text);
    return 0;
}

// The answers that are not the agent come every minute perhaps: a row when it is another one than
// last time, or after a while.
static int serve_tell(struct serve *serve, const char *answer, const char *text, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    char what[DEPLOYMENT_REASON_SIZE + 64];
    snprintf(what, sizeof(what), "%s: %s", answer, text);
    if (sql_open(serve->conn, &stmt, err,
                 "SELECT answer, told_ms, left_out FROM answers WHERE machine_id = ?1", "i",
                 serve->machine->id) < 0) {
        return -1;
    }
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    unsigned left_out = row > 0 ? (unsigned)stmt_int(stmt, 2) : 0;
    bool same = row > 0 && strcmp(stmt_text(stmt, 0), what) == 0 &&
                serve->now - stmt_int(stmt, 1) < ANSWER_ROW_MS;
    if (same) {
        return sql_run(serve->conn, err,
                       "UPDATE answers SET left_out = left_out + 1 WHERE machine_id = ?1", "i",
                       serve->machine->id);
    }
    if (sql_run(serve->conn, err,
                "INSERT INTO answers (machine_id, answer, told_ms, left_out) VALUES (?1, ?2, ?3, 0)"
                " ON CONFLICT (machine_id) DO UPDATE SET answer = ?2, told_ms = ?3, left_out = 0",
                "iti", serve->machine->id, what, serve->now) < 0) {
        return -1;
    }
    char more[64] = "";
    if (left_out > 0) {
        snprintf(more, sizeof(more), " (asked %u times more since the last row)", left_out);
    }
    return timeline_addf(serve->conn, serve->machine->id, serve->life.seq ? serve->life.id : NULL,
                         "bootd", "boot.script", err, "%s to %s: %s%s", answer, serve->address,
                         text, more);
}

// Somebody else than the machine of the open attempt asks: nothing changes but the alarm.
static int serve_stranger(struct serve *serve, struct error *err)
{
    char text[200];
    snprintf(text, sizeof(text), "another address, %s, holds this machine's boot",
             serve->open.a.address);
    serve_wait(serve, text);
    return attempt_alarm(serve->conn, &serve->open, "bootd", err,
                         "%s asked for the boot script of the machine at %s%s", serve->address,
                         serve->open.a.address,
                         attempt_is_live(&serve->open, serve->now, serve->settings->live_ms)
                             ? ", whose agent is alive"
                             : "");
}

// The lease file speaks against the address. Before the machine's first attempt there is nothing
// that an alarm could hang on.
static int serve_foreign(struct serve *serve, struct error *err)
{
    static const char text[] = "the lease file gives this address to somebody else, or another one "
                               "to this machine (are all its MACs registered?)";
    serve_wait(serve, text);
    if (serve->open.a.id == 0) {
        return serve_tell(serve, "wait", text, err);
    }
    return attempt_alarm(serve->conn, &serve->open, "bootd", err,
                         "%s asked for the boot script: %s", serve->address, text);
}

// ---- the agent

static int serve_open_attempt(struct serve *serve, struct error *err)
{
    char key[ATTEMPT_KEY_SIZE];
    token_make(key);
    if (sql_run(serve->conn, err,
                "INSERT INTO attempts (key, machine_id, deployment_seq, address, address_own, "
                "created_ms)"
                " VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6)",
                "tiitui", key, serve->machine->id, serve->life.seq, serve->address,
                (unsigned)(serve->claim != 0), serve->now) < 0) {
        return -1;
    }
    int64_t id = conn_last_id(serve->conn);
    if (serve->life.seq != 0 &&
        sql_run(serve->conn, err,
                "UPDATE deployments SET attempts = attempts + 1, updated_ms = ?2 WHERE seq = ?1",
                "ii", serve->life.seq, serve->now) < 0) {
        return -1;
    }
    return attempt_row_by_id(serve->conn, id, &serve->open, err);
}

// Serves that counted since an agent of the deployment was last heard of.
static int serve_count(struct serve *serve, int64_t *ret_count, struct error *err)
{
    return sql_number(
        serve->conn, ret_count, err,
        "SELECT coalesce(sum(serves), 0) FROM attempts WHERE deployment_seq = ?1 AND id > coalesce("
        "(SELECT max(id) FROM attempts WHERE deployment_seq = ?1 AND first_contact_ms > 0), 0)",
        "i", serve->life.seq);
}

// True in *ret_failed when this asking is one too many; the deployment has failed then.
static int serve_limits(struct serve *serve, bool new_attempt, bool *ret_failed, struct error *err)
{
    int64_t serves = 0, reached = 0;
    char why[200] = "";
    if (serve->life.seq == 0) {
        return 0;
    }
    if (serve_count(serve, &serves, err) < 0 ||
        sql_number(
            serve->conn, &reached, err,
            "SELECT count(*) FROM attempts WHERE deployment_seq = ?1 AND first_contact_ms > 0", "i",
            serve->life.seq) < 0) {
        return -1;
    }
    // An asking from an unknown address proves nothing; an agent that came does.
    if (serve->claim != CLAIM_UNLEASED && serves >= serve->settings->serves_max) {
        snprintf(why, sizeof(why), "the boot script was served %lld times and no agent came",
                 (long long)serves);
    } else if (new_attempt && reached >= serve->settings->attempts_max) {
        snprintf(why, sizeof(why), "%lld boot attempts reached an agent and none installed",
                 (long long)reached);
    } else {
        return 0;
    }
    char reason[DEPLOYMENT_REASON_SIZE];
    if (serve->life.state == DEPLOYMENT_FAILING) {
        snprintf(reason, sizeof(reason), "%.700s; %s", serve->life.reason, why);
    } else {
        snprintf(reason, sizeof(reason), "%s", why);
    }
    *ret_failed = true;
    return life_move(serve->conn, &serve->life, DEPLOYMENT_FAILED, "bootd", reason, err);
}

static int serve_script(struct serve *serve, struct error *err)
{
    bool counts = serve->claim != 0;
    bool own = serve->open.address_own || serve->claim != 0;
    if (sql_run(serve->conn, err,
                "UPDATE attempts SET serves = serves + ?2, last_serve_ms = ?3, address = ?4, "
                "address_own = ?5 WHERE id = ?1",
                "iuitu", serve->open.a.id, (unsigned)counts, serve->now, serve->address,
                (unsigned)own) < 0 ||
        attempt_row_by_id(serve->conn, serve->open.a.id, &serve->open, err) < 0) {
        return -1;
    }
    serve->answer = BOOT_AGENT;
    serve->reason[0] = '\0';
    if (serve->life.seq == 0) {
        return serve_tell(serve, "agent", "stands by", err);
    }
    // What was told before is told again after an installation.
    if (sql_run(serve->conn, err, "DELETE FROM answers WHERE machine_id = ?1", "i",
                serve->machine->id) < 0) {
        return -1;
    }
    int64_t count = 0;
    if (serve_count(serve, &count, err) < 0 ||
        timeline_addf(serve->conn, serve->machine->id, serve->life.id, "bootd", "boot.script", err,
                      "agent to %s: number %lld of %u without an agent's call%s", serve->address,
                      (long long)count, serve->settings->serves_max,
                      counts ? "" : " (not counted: not the machine's address in the lease file)") <
            0) {
        return -1;
    }
    return counts && serve->life.state == DEPLOYMENT_PENDING
               ? life_move(serve->conn, &serve->life, DEPLOYMENT_BOOTING, "bootd", NULL, err)
               : 0;
}

// A new attempt, because `why` the open one cannot go on.
static int serve_replace(struct serve *serve, const char *why, struct error *err)
{
    if (serve->open.a.id != 0) {
        const char *deployment = serve->open.a.deployment[0] ? serve->open.a.deployment : NULL;
        if (attempt_end(serve->conn, serve->machine->id, why, err) < 0 ||
            timeline_addf(serve->conn, serve->machine->id, deployment, "bootd", "attempt.ended",
                          err, "%s", why) < 0) {
            return -1;
        }
    }
    return serve_open_attempt(serve, err) < 0 ? -1 : serve_script(serve, err);
}

enum serve_plan { PLAN_REUSE, PLAN_NEW, PLAN_STRANGER };

// Whose asking is it, and does the open attempt go on?
static enum serve_plan serve_decide(const struct serve *serve, const char **ret_why)
{
    const struct attempt_row *open = &serve->open;
    *ret_why = "";
    if (open->a.id == 0) {
        return PLAN_NEW;
    }
    bool same = strcmp(open->a.address, serve->address) == 0;
    if (!same && serve->claim != 1) {
        int64_t active = open->a.created_ms;
        active = open->last_serve_ms > active ? open->last_serve_ms : active;
        active = open->a.last_contact_ms > active ? open->a.last_contact_ms : active;
        if ((serve->claim == 0 && open->address_own) || serve->now - active < ATTEMPT_STALE_MS) {
            return PLAN_STRANGER;
        }
        *ret_why = "nothing was heard for long, and the machine is asked for from another address";
        return PLAN_NEW;
    }
    if (open->deployment_seq != serve->life.seq) {
        *ret_why = "the machine restarted for another task";
        return PLAN_NEW;
    }
    if (open->a.first_contact_ms != 0) {
        *ret_why = "the machine restarted";
        return PLAN_NEW;
    }
    if (!same && !open->address_own) {
        *ret_why = "the machine's own address asks; it was another one before";
        return PLAN_NEW;
    }
    return PLAN_REUSE;
}

static int serve_over(struct serve *serve, struct error *err)
{
    struct life *life = &serve->life;
    if (strstr(life->mode, "deprovision") && life->state == DEPLOYMENT_SUCCEEDED) {
        serve->answer = BOOT_POLICY;
        return 0;
    }
    snprintf(serve->reason, DEPLOYMENT_REASON_SIZE, "deployment %s%s%.900s",
             deployment_state_name(life->state), life->reason[0] ? ": " : "", life->reason);
    bool stopped = life->state == DEPLOYMENT_FAILED || life->state == DEPLOYMENT_CANCELLED;
    serve->answer = stopped && life->touched ? BOOT_REASON : BOOT_DISK;
    return serve_tell(serve, serve->answer == BOOT_REASON ? "reason" : "boot your disk",
                      serve->reason, err);
}

static int serve_agent(struct serve *serve, struct error *err)
{
    const char *why = NULL;
    if (serve->claim == CLAIM_FOREIGN) {
        return serve_foreign(serve, err);
    }
    enum serve_plan plan = serve_decide(serve, &why);
    if (plan == PLAN_STRANGER) {
        return serve_stranger(serve, err);
    }
    bool failed = false;
    if (serve_limits(serve, plan == PLAN_NEW, &failed, err) < 0) {
        return -1;
    }
    if (failed) {
        return serve_over(serve, err);
    }
    return plan == PLAN_NEW ? serve_replace(serve, why, err) : serve_script(serve, err);
}

// A cancel waits for the agent's stop: that its machine asks for a script is the evidence.
static int serve_cancelling(struct serve *serve, struct error *err)
{
    struct attempt_row newest;
    if (attempt_row_newest(serve->conn, serve->life.seq, &newest, err) < 0) {
        return -1;
    }
    if (serve->claim != 1 && strcmp(newest.a.address, serve->address) != 0) {
        return serve_wait(serve, "the deployment is being cancelled");
    }
    if (life_move(serve->conn, &serve->life, DEPLOYMENT_CANCELLED, "bootd",
                  "cancelled on request; the machine restarted", err) < 0) {
        return -1;
    }
    return serve_over(serve, err);
}

static int serve_begin(struct serve *serve, struct error *err)
{
    serve->now = clock_now_ms();
    serve->reason[0] = '\0';
    if (life_current(serve->conn, serve->machine->id, &serve->life, err) < 0) {
        return -1;
    }
    return attempt_row_open(serve->conn, serve->machine->id, &serve->open, err);
}

int attempt_serve(struct store_conn *conn, const struct machine *machine, const char *address,
                  int address_is_machines, const struct boot_settings *settings,
                  enum boot_answer *ret_answer, struct attempt *ret_attempt,
                  char ret_reason[DEPLOYMENT_REASON_SIZE], struct error *err)
{
    struct serve serve = {.conn = conn,
                          .machine = machine,
                          .address = address,
                          .claim = address_is_machines,
                          .settings = settings,
                          .reason = ret_reason};
    if (serve_begin(&serve, err) < 0) {
        return -1;
    }
    int r = 0;
    if (serve.life.seq == 0) {
        serve.answer = BOOT_POLICY;
    } else if (serve.life.state >= DEPLOYMENT_INSTALLED) {
        r = serve_over(&serve, err);
    } else if (serve.life.cancel_requested) {
        r = serve_cancelling(&serve, err);
    } else {
        r = serve_agent(&serve, err);
    }
    *ret_answer = serve.answer;
    *ret_attempt = serve.open.a;
    return r;
}

int attempt_serve_standby(struct store_conn *conn, const struct machine *machine,
                          const char *address, int address_is_machines,
                          const struct boot_settings *settings, enum boot_answer *ret_answer,
                          struct attempt *ret_attempt, char ret_reason[DEPLOYMENT_REASON_SIZE],
                          struct error *err)
{
    struct serve serve = {.conn = conn,
                          .machine = machine,
                          .address = address,
                          .claim = address_is_machines,
                          .settings = settings,
                          .reason = ret_reason};
    if (serve_begin(&serve, err) < 0) {
        return -1;
    }
    if (serve.life.seq != 0 && !deployment_is_over(serve.life.state)) {
        return error_set(err, ERROR_CONFLICT, "the machine has a deployment");
    }
    serve.life = (struct life){0};
    int r = serve_agent(&serve, err);
    *ret_answer = serve.answer;
    *ret_attempt = serve.open.a;
    return r;
}

int attempt_told(struct store_conn *conn, const struct machine *machine, const char *address,
                 const char *answer, const char *text, struct error *err)
{
    struct serve serve = {
        .conn = conn, .machine = machine, .address = address, .now = clock_now_ms()};
    if (life_current(conn, machine->id, &serve.life, err) < 0) {
        return -1;
    }
    return serve_tell(&serve, answer, text, err);
}
