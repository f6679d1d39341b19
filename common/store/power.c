// SPDX-License-Identifier: Apache-2.0
// redfishd's rows: the power state it knows last, and the boot override that was asked for.

#include "store/power.h"

#include "store/internal.h"

int power_state_get(struct store_conn *conn, int64_t machine_id, struct power_state *ret_state,
                    struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT is_on, changed_ms, boot_target, boot_enabled FROM power_states WHERE "
                     "machine_id = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    *ret_state = (struct power_state){.boot_target = "None", .boot_enabled = "Disabled"};
    if (row > 0) {
        ret_state->on = stmt_int(stmt, 0) != 0;
        ret_state->changed_ms = stmt_int(stmt, 1);
        stmt_copy(stmt, 2, ret_state->boot_target, sizeof(ret_state->boot_target));
        stmt_copy(stmt, 3, ret_state->boot_enabled, sizeof(ret_state->boot_enabled));
    }
    return 0;
}

int power_state_put(struct store_conn *conn, int64_t machine_id, const struct power_state *state,
                    struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO power_states (machine_id, is_on, changed_ms, boot_target, boot_enabled)"
            " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (machine_id) DO UPDATE SET is_on = "
            "excluded.is_on,"
            " changed_ms = excluded.changed_ms, boot_target = excluded.boot_target,"
            " boot_enabled = excluded.boot_enabled",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    stmt_bind_int(stmt, 2, state->on ? 1 : 0);
    stmt_bind_int(stmt, 3, state->changed_ms);
    stmt_bind_text(stmt, 4, state->boot_target);
    stmt_bind_text(stmt, 5, state->boot_enabled);
    return stmt_run(stmt, err);
}
