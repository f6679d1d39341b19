// SPDX-License-Identifier: Apache-2.0

// What happens because nothing happens: time-outs of deployments, agents that fell silent, alarms
// that were left out.

#include "base/clock.h"
#include "store/attempt.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdio.h>

enum { SWEEP_MAX = 200 }; // of each kind in one go: the transaction stays short

struct ids {
    int64_t ids[SWEEP_MAX];
    unsigned count;
};

// Collected first, changed after: a statement is not stepped while its table is written.
static int ids_read(struct stmt *stmt, struct ids *ids, struct error *err)
{
    for (ids->count = 0; ids->count < SWEEP_MAX; ids->count++) {
        int row = stmt_step(stmt, err);
        if (row <= 0) {
            return row;
        }
        ids->ids[ids->count] = stmt_int(stmt, 0);
    }
    return 0;
}

// The last sign of life of a deployment's attempts: an asking or a report.
#define LAST_SIGN                                                                                  \
    "max(d.state_ms, (SELECT coalesce(max(max(a.created_ms, a.last_serve_ms, "                     \
    "a.last_contact_ms)), 0) FROM attempts a"                                                      \
    " WHERE a.deployment_seq = d.seq))"

static int sweep_fail(struct store_conn *conn, const struct ids *ids, const char *why,
                      struct error *err)
{
    for (unsigned i = 0; i < ids->count; i++) {
        struct life life;
        char reason[DEPLOYMENT_REASON_SIZE];
        if (life_by_seq(conn, ids->ids[i], &life, err) < 0) {
            return -1;
        }
        snprintf(reason, sizeof(reason), "%.700s%s%s", life.reason, life.reason[0] ? "; " : "",
                 why);
        if (life_move(conn, &life, DEPLOYMENT_FAILED, "statusd", reason, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int sweep_phone_home(struct store_conn *conn, unsigned limit_ms, int64_t now,
                            struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(
            conn, &stmt, err,
            "SELECT seq FROM deployments WHERE state = ?1 AND phone_home = 1 AND installed_ms < ?2",
            "ui", (unsigned)DEPLOYMENT_INSTALLED, now - limit_ms) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    return sweep_fail(conn, &ids, "the installed system did not phone home in time", err);
}

// A restart after the error is a sign that it goes on: the window counts from there.
static int sweep_failing(struct store_conn *conn, unsigned limit_ms, int64_t now, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(conn, &stmt, err,
                 "SELECT seq FROM deployments d WHERE state = ?1 AND cancel_requested = 0 AND "
                 "state_ms < ?2 AND"
                 " (SELECT coalesce(max(max(a.created_ms, a.last_serve_ms)), 0) FROM attempts a "
                 "WHERE a.deployment_seq = d.seq) < ?2",
                 "ui", (unsigned)DEPLOYMENT_FAILING, now - limit_ms) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    return sweep_fail(conn, &ids, "no new try in time", err);
}

static int sweep_lost(struct store_conn *conn, unsigned limit_ms, int64_t now, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(
            conn, &stmt, err,
            "SELECT seq FROM deployments d WHERE state = ?1 AND cancel_requested = 0 AND " LAST_SIGN
            " < ?2",
            "ui", (unsigned)DEPLOYMENT_RUNNING, now - limit_ms) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    return sweep_fail(conn, &ids, "the agent fell silent and did not come back", err);
}

static int sweep_cancels(struct store_conn *conn, unsigned silent_ms, int64_t now,
                         struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(conn, &stmt, err,
                 "SELECT seq FROM deployments d WHERE state < 5 AND cancel_requested = 1 AND"
                 " (SELECT coalesce(max(a.last_contact_ms), 0) FROM attempts a WHERE "
                 "a.deployment_seq = d.seq) < ?1",
                 "i", now - silent_ms) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    for (unsigned i = 0; i < ids.count; i++) {
        struct life life;
        if (life_by_seq(conn, ids.ids[i], &life, err) < 0 ||
            life_move(conn, &life, DEPLOYMENT_CANCELLED, "statusd",
                      "cancelled on request; contact with the agent is lost", err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int sweep_silent(struct store_conn *conn, unsigned silent_ms, int64_t now, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(conn, &stmt, err,
                 "SELECT a.id FROM attempts a LEFT JOIN deployments d ON d.seq = a.deployment_seq "
                 "WHERE a.ended = 0 AND"
                 " a.silent = 0 AND a.last_contact_ms > 0 AND a.last_contact_ms < ?1 AND "
                 "coalesce(d.state, 0) < ?2",
                 "iu", now - silent_ms, (unsigned)DEPLOYMENT_INSTALLED) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    for (unsigned i = 0; i < ids.count; i++) {
        struct attempt_row row;
        if (attempt_row_by_id(conn, ids.ids[i], &row, err) < 0 ||
            sql_run(conn, err, "UPDATE attempts SET silent = 1 WHERE id = ?1", "i", row.a.id) < 0 ||
            timeline_addf(conn, row.a.machine_id, row.a.deployment[0] ? row.a.deployment : NULL,
                          "statusd", "agent.silent", err,
                          "not heard of for %lld s, last in step %s",
                          (long long)(now - row.a.last_contact_ms) / 1000,
                          row.step[0] ? row.step : "(unknown)") < 0) {
            return -1;
        }
    }
    return 0;
}

static int sweep_alarms(struct store_conn *conn, int64_t now, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    struct ids ids;
    if (sql_open(conn, &stmt, err,
                 "SELECT id FROM attempts WHERE alarm_left_out > 0 AND alarm_ms <= ?1", "i",
                 now - ALARM_PERIOD_MS) < 0 ||
        ids_read(stmt, &ids, err) < 0) {
        return -1;
    }
    for (unsigned i = 0; i < ids.count; i++) {
        struct attempt_row row;
        if (attempt_row_by_id(conn, ids.ids[i], &row, err) < 0) {
            return -1;
        }
        unsigned left_out = row.alarm_left_out;
        row.alarm_left_out = 0;
        if (attempt_alarm(conn, &row, "statusd", err, "%u more alarms of this kind", left_out) <
            0) {
            return -1;
        }
    }
    return 0;
}

int attempt_sweep(struct store_conn *conn, const struct sweep_settings *settings, struct error *err)
{
    int64_t now = clock_now_ms();
    if (sweep_silent(conn, settings->silent_ms, now, err) < 0 ||
        sweep_cancels(conn, settings->silent_ms, now, err) < 0 ||
        sweep_phone_home(conn, settings->phone_home_ms, now, err) < 0 ||
        sweep_failing(conn, settings->failing_ms, now, err) < 0 ||
        sweep_lost(conn, settings->lost_ms, now, err) < 0) {
        return -1;
    }
    return sweep_alarms(conn, now, err);
}
