// SPDX-License-Identifier: Apache-2.0
// Log lines of machines, in logs.db: statusd adds them, apid shows them.

#include "store/log.h"

#include "store/internal.h"

#include <string.h>

enum {
    LINE_MAX_BYTES = 64 * 1024,
    LINE_OVERHEAD = 64, // of a row, about
    KEPT_BYTES = 64 * 1024 * 1024,
    PRUNE_ROWS = 256, // oldest lines that go at once
};

static int usage_add(struct store_conn *conn, int64_t machine_id, int64_t bytes, int64_t *ret_bytes,
                     struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "INSERT INTO usage (machine_id, bytes) VALUES (?1, ?2)"
                     " ON CONFLICT (machine_id) DO UPDATE SET bytes = bytes + excluded.bytes "
                     "RETURNING bytes",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, bytes);
    int result = stmt_one(stmt, err, "no usage");
    if (result == 0) {
        *ret_bytes = stmt_int(stmt, 0);
        result = stmt_run(stmt, err);
    }
    return result;
}

static int prune(struct store_conn *conn, int64_t machine_id, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "DELETE FROM lines WHERE seq IN (SELECT seq FROM lines WHERE machine_id = ?1 "
                     "ORDER BY seq LIMIT ?2)"
                     " RETURNING length(CAST(text AS BLOB))",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, PRUNE_ROWS);
    int64_t freed = 0;
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        freed += stmt_int(stmt, 0) + LINE_OVERHEAD;
    }
    int64_t left = 0;
    return row < 0 ? row : usage_add(conn, machine_id, -freed, &left, err);
}

int log_append(struct store_conn *conn, const struct log_record *record, struct error *err)
{
    size_t length = 0;
    CLEANUP_FREE char *text =
        text_valid(record->text, strlen(record->text), LINE_MAX_BYTES, &length);
    if (!text) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "INSERT INTO lines (time_ms, machine_id, attempt_id, level, text) VALUES (?1, "
                     "?2, ?3, ?4, ?5)",
                     err) < 0) {
        return -1;
    }
    char level[2] = {record->level, '\0'};
    stmt_bind_int(stmt, 1, record->time_ms);
    stmt_bind_int(stmt, 2, record->machine_id);
    stmt_bind_int(stmt, 3, record->attempt_id);
    stmt_bind_text(stmt, 4, level);
    stmt_bind_text_length(stmt, 5, text, length);
    int64_t used = 0;
    if (stmt_run(stmt, err) < 0 ||
        usage_add(conn, record->machine_id, (int64_t)length + LINE_OVERHEAD, &used, err) < 0) {
        return -1;
    }
    return used > KEPT_BYTES ? prune(conn, record->machine_id, err) : 0;
}

int log_list(struct store_conn *conn, int64_t machine_id, int64_t after, unsigned limit,
             int (*each)(void *context, const struct log_record *record, struct error *err),
             void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT seq, time_ms, attempt_id, level, text FROM lines"
                     " WHERE machine_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, after);
    stmt_bind_int(stmt, 3, LIST_LIMIT(limit));
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        struct log_record record = {
            .seq = stmt_int(stmt, 0),
            .time_ms = stmt_int(stmt, 1),
            .machine_id = machine_id,
            .attempt_id = stmt_int(stmt, 2),
            .level = stmt_text(stmt, 3)[0],
            .text = stmt_text(stmt, 4),
        };
        int result = each(context, &record, err);
        if (result < 0) {
            return result;
        }
    }
    return row;
}

int log_machines(struct store_conn *conn,
                 int (*each)(void *context, int64_t machine_id, struct error *err), void *context,
                 struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "SELECT machine_id FROM usage ORDER BY machine_id", err) < 0) {
        return -1;
    }
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        int result = each(context, stmt_int(stmt, 0), err);
        if (result < 0) {
            return result;
        }
    }
    return row;
}

static int delete_of(struct store_conn *conn, struct stmt *stmt, int64_t machine_id,
                     struct error *err)
{
    stmt_bind_int(stmt, 1, machine_id);
    return stmt_run(stmt, err);
}

int log_forget(struct store_conn *conn, int64_t machine_id, struct error *err)
{
    CLEANUP_STMT struct stmt *lines = NULL;
    CLEANUP_STMT struct stmt *usage = NULL;
    if (stmt_prepare(conn, &lines, "DELETE FROM lines WHERE machine_id = ?1", err) < 0 ||
        delete_of(conn, lines, machine_id, err) < 0 ||
        stmt_prepare(conn, &usage, "DELETE FROM usage WHERE machine_id = ?1", err) < 0) {
        return -1;
    }
    return delete_of(conn, usage, machine_id, err);
}
