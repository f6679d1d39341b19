// SPDX-License-Identifier: Apache-2.0
// Commands for machines that stand by: queued by apid (or by a new deployment), delivered and
// acknowledged through statusd. What ends the agent's process (reboot, provision, deprovision) is
// delivered once only: redelivered blindly it could loop for ever; what is harmless is offered
// again until it is acknowledged.

#include "store/report.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/timeline.h"

#include <string.h>

enum { COMMAND_MESSAGE_MAX = 1000, COMMANDS_OPEN_MAX = 64 };

static bool is_known(const char *type)
{
    static const char *const types[] = {"reboot", "health-check", "provision", "deprovision"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i], type) == 0) {
            return true;
        }
    }
    return false;
}

static int check_open(struct store_conn *conn, int64_t machine_id, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT count(*) FROM commands WHERE machine_id = ?1 AND state = 'queued'",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    int result = stmt_one(stmt, err, "no count");
    if (result == 0 && stmt_int(stmt, 0) >= COMMANDS_OPEN_MAX) {
        result = error_set(err, ERROR_TOO_MANY, "%d commands wait for the machine already",
                           COMMANDS_OPEN_MAX);
    }
    return result;
}

int command_queue(struct store_conn *conn, int64_t machine_id, const char *type, struct error *err)
{
    if (!is_known(type)) {
        return error_set(err, ERROR_UNPROCESSABLE, "there is no command %.40s", type);
    }
    int result = check_open(conn, machine_id, err);
    if (result < 0) {
        return result;
    }
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    uuid_make(&uuid);
    uuid_format(&uuid, id);
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO commands (id, machine_id, type, created_ms) VALUES (?1, ?2, ?3, ?4)",
            err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, id);
    stmt_bind_int(stmt, 2, machine_id);
    stmt_bind_text(stmt, 3, type);
    stmt_bind_int(stmt, 4, clock_now_ms());
    result = stmt_run(stmt, err);
    return result < 0
               ? result
               : timeline_addf(conn, machine_id, NULL, "yard", "command.queued", err, "%s", type);
}

static int mark_delivered(struct store_conn *conn, const char *id, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "UPDATE commands SET state = 'delivered', delivered_ms = ?2 WHERE id = ?1 AND "
                     "state = 'queued'",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, id);
    stmt_bind_int(stmt, 2, clock_now_ms());
    return stmt_run(stmt, err);
}

// The harmless ones, oldest first, and behind them the oldest terminal one.
static int select_open(struct store_conn *conn, int64_t machine_id, struct command *ret_commands,
                       unsigned max, unsigned *ret_count, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "SELECT id, type, 0 AS terminal FROM commands"
            " WHERE machine_id = ?1 AND type = 'health-check' AND state IN ('queued', 'delivered')"
            " UNION ALL SELECT * FROM (SELECT id, type, 1 FROM commands"
            " WHERE machine_id = ?1 AND type <> 'health-check' AND state = 'queued' ORDER BY seq "
            "LIMIT 1)"
            " ORDER BY terminal",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    unsigned count = 0;
    int row = 0;
    while (count < max && (row = stmt_step(stmt, err)) > 0) {
        stmt_copy(stmt, 0, ret_commands[count].id, sizeof(ret_commands[count].id));
        stmt_copy(stmt, 1, ret_commands[count].type, sizeof(ret_commands[count].type));
        count++;
    }
    *ret_count = count;
    return row < 0 ? row : 0;
}

int command_take(struct store_conn *conn, int64_t machine_id, struct command *ret_commands,
                 unsigned max, unsigned *ret_count, struct error *err)
{
    int result = select_open(conn, machine_id, ret_commands, max, ret_count, err);
    for (unsigned i = 0; result == 0 && i < *ret_count; i++) {
        result = mark_delivered(conn, ret_commands[i].id, err);
        if (result == 0 && conn_changes(conn) > 0) {
            result = timeline_addf(conn, machine_id, NULL, "statusd", "command.delivered", err,
                                   "%s", ret_commands[i].type);
        }
    }
    return result;
}

int command_has(struct store_conn *conn, int64_t machine_id, bool *ret_has, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT 1 FROM commands WHERE machine_id = ?1 AND (state = 'queued' OR"
                     " (state = 'delivered' AND type = 'health-check')) LIMIT 1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, machine_id);
    int row = stmt_step(stmt, err);
    *ret_has = row > 0;
    return row < 0 ? row : 0;
}

static int finish(struct store_conn *conn, const char *id, bool completed, const char *message,
                  struct error *err)
{
    CLEANUP_FREE char *text = text_valid(message ? message : "", message ? strlen(message) : 0,
                                         COMMAND_MESSAGE_MAX, NULL);
    if (!text) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "UPDATE commands SET state = ?2, message = ?3, acknowledged_ms = ?4 WHERE id = ?1",
            err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, id);
    stmt_bind_text(stmt, 2, completed ? "completed" : "failed");
    stmt_bind_text(stmt, 3, text);
    stmt_bind_int(stmt, 4, clock_now_ms());
    return stmt_run(stmt, err);
}

int command_ack(struct store_conn *conn, int64_t machine_id, const char *id, bool completed,
                const char *message, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT type, state FROM commands WHERE id = ?1 AND machine_id = ?2",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, id);
    stmt_bind_int(stmt, 2, machine_id);
    int result = stmt_one(stmt, err, "the machine has no such command");
    if (result < 0) {
        return result;
    }
    const char *state = stmt_text(stmt, 1);
    if (strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0) {
        return 0;
    }
    result = finish(conn, id, completed, message, err);
    if (result == 0) {
        result = timeline_addf(conn, machine_id, NULL, "agent",
                               completed ? "command.completed" : "command.failed", err, "%s%s%s",
                               stmt_text(stmt, 0), message && *message ? ": " : "",
                               message ? message : "");
    }
    return result;
}
