// SPDX-License-Identifier: Apache-2.0

// The state of a deployment changes here and nowhere else.

#include "store/life.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "store/timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int sql_openv(struct store_conn *conn, struct stmt **ret_stmt, struct error *err,
                     const char *sql, const char *types, va_list arguments)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, sql, err) < 0) {
        return -1;
    }
    for (int i = 0; types[i] != '\0'; i++) {
        const uint8_t *hash;
        switch (types[i]) {
        case 'i':
            stmt_bind_int(stmt, i + 1, va_arg(arguments, int64_t));
            break;
        case 'u':
            stmt_bind_int(stmt, i + 1, va_arg(arguments, unsigned));
            break;
        case 't':
            stmt_bind_text(stmt, i + 1, va_arg(arguments, const char *));
            break;
        case 'h':
            hash = va_arg(arguments, const uint8_t *);
            if (hash) {
                stmt_bind_blob(stmt, i + 1, hash, SHA256_BYTES);
            } else {
                stmt_bind_null(stmt, i + 1);
            }
            break;
        default:
            return error_set(err, ERROR_INTERNAL, "unknown parameter type '%c'", types[i]);
        }
    }
    *ret_stmt = TAKE_PTR(stmt);
    return 0;
}

int sql_open(struct store_conn *conn, struct stmt **ret_stmt, struct error *err, const char *sql,
             const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int r = sql_openv(conn, ret_stmt, err, sql, types, arguments);
    va_end(arguments);
    return r;
}

int sql_run(struct store_conn *conn, struct error *err, const char *sql, const char *types, ...)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    va_list arguments;
    va_start(arguments, types);
    int r = sql_openv(conn, &stmt, err, sql, types, arguments);
    va_end(arguments);
    return r < 0 ? r : stmt_run(stmt, err);
}

int sql_number(struct store_conn *conn, int64_t *ret_number, struct error *err, const char *sql,
               const char *types, ...)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    va_list arguments;
    va_start(arguments, types);
    int r = sql_openv(conn, &stmt, err, sql, types, arguments);
    va_end(arguments);
    if (r < 0 || stmt_one(stmt, err, "no such number") < 0) {
        return -1;
    }
    *ret_number = stmt_int(stmt, 0);
    return 0;
}

void life_clean(const char *text, char *buffer, size_t size)
{
    CLEANUP_FREE char *valid = text_valid(text, strlen(text), size - 1, NULL);
    snprintf(buffer, size, "%s", valid ? valid : "");
    for (char *at = buffer; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
}

#define LIFE_COLUMNS                                                                               \
    "seq, id, machine_id, mode, state, state_ms, installed_ms, reason, touched, "                  \
    "cancel_requested, phone_home"

static void life_read(struct stmt *stmt, struct life *life)
{
    *life = (struct life){
        .seq = stmt_int(stmt, 0),
        .machine_id = stmt_int(stmt, 2),
        .state = (enum deployment_state)stmt_int(stmt, 4),
        .state_ms = stmt_int(stmt, 5),
        .installed_ms = stmt_int(stmt, 6),
        .touched = stmt_int(stmt, 8) != 0,
        .cancel_requested = stmt_int(stmt, 9) != 0,
        .phone_home_wanted = stmt_int(stmt, 10) != 0,
    };
    stmt_copy(stmt, 1, life->id, sizeof(life->id));
    stmt_copy(stmt, 3, life->mode, sizeof(life->mode));
    stmt_copy(stmt, 7, life->reason, sizeof(life->reason));
}

static int life_read_if_any(struct stmt *stmt, struct life *ret_life, struct error *err)
{
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    *ret_life = (struct life){0};
    if (row > 0) {
        life_read(stmt, ret_life);
    }
    return 0;
}

int life_by_seq(struct store_conn *conn, int64_t seq, struct life *ret_life, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err, "SELECT " LIFE_COLUMNS " FROM deployments WHERE seq = ?1", "i",
                 seq) < 0) {
        return -1;
    }
    return life_read_if_any(stmt, ret_life, err);
}

int life_current(struct store_conn *conn, int64_t machine_id, struct life *ret_life,
                 struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT " LIFE_COLUMNS
                 " FROM deployments WHERE machine_id = ?1 ORDER BY seq DESC LIMIT 1",
                 "i", machine_id) < 0) {
        return -1;
    }
    return life_read_if_any(stmt, ret_life, err);
}

int life_touch(struct store_conn *conn, struct life *life, struct error *err)
{
    int64_t most = DISK_UNTOUCHED;
    if (sql_number(conn, &most, err,
                   "SELECT coalesce(max(disk), 0) FROM attempts WHERE deployment_seq = ?1", "i",
                   life->seq) < 0) {
        return -1;
    }
    bool touched = most != DISK_UNTOUCHED;
    if (touched == life->touched) {
        return 0;
    }
    life->touched = touched;
    return sql_run(conn, err, "UPDATE deployments SET touched = ?2, updated_ms = ?3 WHERE seq = ?1",
                   "iui", life->seq, (unsigned)touched, clock_now_ms());
}

int life_move(struct store_conn *conn, struct life *life, enum deployment_state to,
              const char *source, const char *reason, struct error *err)
{
    enum deployment_state from = life->state;
    int64_t now = clock_now_ms();
    life->state = to;
    life->state_ms = now;
    if (to == DEPLOYMENT_INSTALLED) {
        life->installed_ms = now;
    }
    if (reason) {
        life_clean(reason, life->reason, sizeof(life->reason));
    }
    if (sql_run(conn, err,
                "UPDATE deployments SET state = ?2, state_ms = ?3, updated_ms = ?3, reason = ?4, "
                "installed_ms = ?5"
                " WHERE seq = ?1",
                "iuiti", life->seq, (unsigned)to, now, life->reason, life->installed_ms) < 0 ||
        timeline_addf(conn, life->machine_id, life->id, source, "deployment.state", err,
                      "%s -> %s%s%s", deployment_state_name(from), deployment_state_name(to),
                      life->reason[0] ? ": " : "", life->reason) < 0) {
        return -1;
    }
    if (to != DEPLOYMENT_FAILED && to != DEPLOYMENT_CANCELLED) {
        return 0;
    }
    if (life_touch(conn, life, err) < 0) {
        return -1;
    }
    return attempt_end(
        conn, life->machine_id,
        to == DEPLOYMENT_FAILED ? "the deployment failed" : "the deployment is cancelled", err);
}
