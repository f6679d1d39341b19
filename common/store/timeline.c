// SPDX-License-Identifier: Apache-2.0
// The one ordered list of what happened to a machine; every daemon adds to it, apid shows it.

#include "store/timeline.h"

#include "base/clock.h"
#include "store/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Old events are looked for once in PRUNE_EVERY, so the limit is passed by at most a few.
enum { TIMELINE_KEPT = 10000, PRUNE_EVERY = 64 };

static int prune(struct store_conn *conn, int64_t machine_id, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "DELETE FROM timeline WHERE machine_id = ?1 AND seq <="
            " (SELECT seq FROM timeline WHERE machine_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, TIMELINE_KEPT);
    return stmt_run(stmt, err);
}

int timeline_add(struct store_conn *conn, const struct timeline_event *event, struct error *err)
{
    if (event->data && strlen(event->data) > TIMELINE_DATA_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "the event's data is longer than %d bytes",
                         TIMELINE_DATA_MAX);
    }
    CLEANUP_FREE char *text = text_valid(event->text, strlen(event->text), TIMELINE_TEXT_MAX, NULL);
    if (!text) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    CLEANUP_STMT struct stmt *stmt = NULL; // after what it borrows
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO timeline (time_ms, machine_id, deployment, source, kind, text, data)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, event->time_ms != 0 ? event->time_ms : clock_now_ms());
    stmt_bind_int(stmt, 2, event->machine_id);
    stmt_bind_text(stmt, 3, event->deployment && event->deployment[0] ? event->deployment : NULL);
    stmt_bind_text(stmt, 4, event->source);
    stmt_bind_text(stmt, 5, event->kind);
    stmt_bind_text(stmt, 6, text);
    stmt_bind_text(stmt, 7, event->data);
    int result = stmt_run(stmt, err);
    if (result == 0 && conn_last_id(conn) % PRUNE_EVERY == 0) {
        result = prune(conn, event->machine_id, err);
    }
    return result;
}

int timeline_addf(struct store_conn *conn, int64_t machine_id, const char *deployment,
                  const char *source, const char *kind, struct error *err, const char *format, ...)
{
    char text[TIMELINE_TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct timeline_event event = {
        .machine_id = machine_id,
        .deployment = deployment,
        .source = source,
        .kind = kind,
        .text = text,
    };
    return timeline_add(conn, &event, err);
}

int timeline_list(struct store_conn *conn, int64_t machine_id, int64_t after, unsigned limit,
                  int (*each)(void *context, const struct timeline_event *event, struct error *err),
                  void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT seq, time_ms, deployment, source, kind, text, data FROM timeline"
                     " WHERE machine_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, after);
    stmt_bind_int(stmt, 3, LIST_LIMIT(limit));
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        struct timeline_event event = {
            .seq = stmt_int(stmt, 0),
            .time_ms = stmt_int(stmt, 1),
            .machine_id = machine_id,
            .deployment = stmt_is_null(stmt, 2) ? NULL : stmt_text(stmt, 2),
            .source = stmt_text(stmt, 3),
            .kind = stmt_text(stmt, 4),
            .text = stmt_text(stmt, 5),
            .data = stmt_is_null(stmt, 6) ? NULL : stmt_text(stmt, 6),
        };
        int result = each(context, &event, err);
        if (result < 0) {
            return result;
        }
    }
    return row;
}
