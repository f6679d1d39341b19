// SPDX-License-Identifier: Apache-2.0
// JSON documents that machines report (inventory, firmware, health, ...), by kind: the latest and a
// short history. statusd writes them, apid shows them.

#include "store/report.h"

#include "base/clock.h"
#include "store/internal.h"

#include <string.h>

enum { REPORTS_KEPT = 10 };

static int prune(struct store_conn *conn, int64_t machine_id, const char *kind, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "DELETE FROM reports WHERE machine_id = ?1 AND kind = ?2 AND id <="
                     " (SELECT id FROM reports WHERE machine_id = ?1 AND kind = ?2 ORDER BY id "
                     "DESC LIMIT 1 OFFSET ?3)",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_text(stmt, 2, kind);
    stmt_bind_int(stmt, 3, REPORTS_KEPT);
    return stmt_run(stmt, err);
}

int report_put(struct store_conn *conn, int64_t machine_id, const char *kind, const char *json,
               size_t length, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO reports (machine_id, kind, time_ms, json) VALUES (?1, ?2, ?3, ?4)",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_text(stmt, 2, kind);
    stmt_bind_int(stmt, 3, clock_now_ms());
    stmt_bind_text_length(stmt, 4, json, length);
    int result = stmt_run(stmt, err);
    return result < 0 ? result : prune(conn, machine_id, kind, err);
}

int report_latest(struct store_conn *conn, int64_t machine_id, const char *kind, char **ret_json,
                  int64_t *ret_time_ms, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT json, time_ms FROM reports WHERE machine_id = ?1 AND kind = ?2 ORDER "
                     "BY id DESC LIMIT 1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_text(stmt, 2, kind);
    int result = stmt_one(stmt, err, "the machine has not reported its %s", kind);
    if (result < 0) {
        return result;
    }
    *ret_time_ms = stmt_int(stmt, 1);
    return stmt_dup(stmt, 0, ret_json, err);
}
