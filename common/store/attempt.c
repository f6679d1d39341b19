// SPDX-License-Identifier: Apache-2.0

// Rows of boot attempts: read, found by token, ended, alarmed about.

#include "store/attempt.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPT_COLUMNS                                                                            \
    "a.id, a.key, a.machine_id, coalesce(d.id, ''), a.address, a.token_hash IS NOT NULL, "         \
    "a.first_contact_ms, "                                                                         \
    "a.last_contact_ms, a.ended, a.ended_why, a.serves, a.created_ms, coalesce(a.deployment_seq, " \
    "0), a.address_own, "                                                                          \
    "a.silent, a.disk, a.step, a.last_serve_ms, a.alarm_ms, a.alarm_left_out, a.ended_report_ms, " \
    "a.progress_ms "                                                                               \
    "FROM attempts a LEFT JOIN deployments d ON d.seq = a.deployment_seq "

static void attempt_read(struct stmt *stmt, struct attempt_row *ret_row)
{
    struct attempt_row row = {
        .a = {.id = stmt_int(stmt, 0),
              .machine_id = stmt_int(stmt, 2),
              .has_token = stmt_int(stmt, 5) != 0,
              .first_contact_ms = stmt_int(stmt, 6),
              .last_contact_ms = stmt_int(stmt, 7),
              .ended = stmt_int(stmt, 8) != 0,
              .serves = (unsigned)stmt_int(stmt, 10),
              .created_ms = stmt_int(stmt, 11)},
        .deployment_seq = stmt_int(stmt, 12),
        .address_own = stmt_int(stmt, 13) != 0,
        .silent = stmt_int(stmt, 14) != 0,
        .disk = (enum life_disk)stmt_int(stmt, 15),
        .last_serve_ms = stmt_int(stmt, 17),
        .alarm_ms = stmt_int(stmt, 18),
        .alarm_left_out = (unsigned)stmt_int(stmt, 19),
        .ended_report_ms = stmt_int(stmt, 20),
        .progress_ms = stmt_int(stmt, 21),
    };
    stmt_copy(stmt, 1, row.a.key, sizeof(row.a.key));
    stmt_copy(stmt, 3, row.a.deployment, sizeof(row.a.deployment));
    stmt_copy(stmt, 4, row.a.address, sizeof(row.a.address));
    stmt_copy(stmt, 9, row.a.ended_why, sizeof(row.a.ended_why));
    stmt_copy(stmt, 16, row.step, sizeof(row.step));
    *ret_row = row;
}

static int attempt_read_if_any(struct stmt *stmt, struct attempt_row *ret_row, struct error *err)
{
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    *ret_row = (struct attempt_row){0};
    if (row > 0) {
        attempt_read(stmt, ret_row);
    }
    return 0;
}

int attempt_row_by_id(struct store_conn *conn, int64_t id, struct attempt_row *ret_row,
                      struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err, "SELECT " ATTEMPT_COLUMNS "WHERE a.id = ?1", "i", id) < 0 ||
        stmt_one(stmt, err, "there is no such boot attempt") < 0) {
        return -1;
    }
    attempt_read(stmt, ret_row);
    return 0;
}

int attempt_row_open(struct store_conn *conn, int64_t machine_id, struct attempt_row *ret_row,
                     struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT " ATTEMPT_COLUMNS "WHERE a.machine_id = ?1 AND a.ended = 0", "i",
                 machine_id) < 0) {
        return -1;
    }
    return attempt_read_if_any(stmt, ret_row, err);
}

int attempt_row_newest(struct store_conn *conn, int64_t deployment_seq, struct attempt_row *ret_row,
                       struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT " ATTEMPT_COLUMNS "WHERE a.deployment_seq = ?1 ORDER BY a.id DESC LIMIT 1",
                 "i", deployment_seq) < 0) {
        return -1;
    }
    return attempt_read_if_any(stmt, ret_row, err);
}

int attempt_row_by_key(struct store_conn *conn, const char *key, struct attempt_row *ret_row,
                       struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err, "SELECT " ATTEMPT_COLUMNS "WHERE a.key = ?1", "t", key) < 0 ||
        stmt_one(stmt, err, "there is no such boot attempt") < 0) {
        return -1;
    }
    attempt_read(stmt, ret_row);
    return 0;
}

int attempt_row_by_hash(struct store_conn *conn, const uint8_t *hash, struct attempt_row *ret_row,
                        struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err, "SELECT " ATTEMPT_COLUMNS "WHERE a.token_hash = ?1", "h", hash) <
            0 ||
        stmt_one(stmt, err, "there is no such token") < 0) {
        return -1;
    }
    attempt_read(stmt, ret_row);
    return 0;
}

bool attempt_is_live(const struct attempt_row *row, int64_t now_ms, int64_t live_ms)
{
    return row->a.last_contact_ms != 0 && now_ms - row->a.last_contact_ms < live_ms;
}

int attempt_end(struct store_conn *conn, int64_t machine_id, const char *why, struct error *err)
{
    return sql_run(
        conn, err,
        "UPDATE attempts SET ended = 1, ended_why = ?2 WHERE machine_id = ?1 AND ended = 0", "it",
        machine_id, why);
}

int attempt_set_disk(struct store_conn *conn, struct attempt_row *row, enum life_disk disk,
                     struct error *err)
{
    if (row->disk == disk) {
        return 0;
    }
    row->disk = disk;
    return sql_run(conn, err, "UPDATE attempts SET disk = ?2 WHERE id = ?1", "iu", row->a.id,
                   (unsigned)disk);
}

int attempt_alarm(struct store_conn *conn, struct attempt_row *row, const char *source,
                  struct error *err, const char *format, ...)
{
    int64_t now = clock_now_ms();
    if (row->alarm_ms != 0 && now - row->alarm_ms < ALARM_PERIOD_MS) {
        row->alarm_left_out++;
        return sql_run(conn, err, "UPDATE attempts SET alarm_left_out = ?2 WHERE id = ?1", "iu",
                       row->a.id, row->alarm_left_out);
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *deployment = row->a.deployment[0] ? row->a.deployment : NULL;
    int r =
        row->alarm_left_out == 0
            ? timeline_addf(conn, row->a.machine_id, deployment, source, "alarm", err, "%s", text)
            : timeline_addf(conn, row->a.machine_id, deployment, source, "alarm", err,
                            "%s (and %u alarms since the last row)", text, row->alarm_left_out);
    row->alarm_ms = now;
    row->alarm_left_out = 0;
    return r < 0 ? r
                 : sql_run(conn, err,
                           "UPDATE attempts SET alarm_ms = ?2, alarm_left_out = 0 WHERE id = ?1",
                           "ii", row->a.id, now);
}

int attempt_by_token(struct store_conn *conn, const char *token, struct attempt *ret_attempt,
                     struct error *err)
{
    struct attempt_row row;
    uint8_t hash[SHA256_BYTES];
    sha256_bytes(token, strlen(token), hash);
    struct error why = {0};
    if (attempt_row_by_hash(conn, hash, &row, &why) < 0) {
        return why.code == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_UNAUTHORIZED, "the token is not known")
                   : error_set(err, why.code, "%s", why.message);
    }
    *ret_attempt = row.a;
    return 0;
}

int attempt_by_key(struct store_conn *conn, const char *key, struct attempt *ret_attempt,
                   struct error *err)
{
    struct attempt_row row;
    if (attempt_row_by_key(conn, key, &row, err) < 0) {
        return -1;
    }
    *ret_attempt = row.a;
    return 0;
}
