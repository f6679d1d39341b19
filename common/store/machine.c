// SPDX-License-Identifier: Apache-2.0
// Machines: changes. apid registers and deletes them, bootd enrols those that nobody registered.

#include "store/machine.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int machine_name_check(const char *name, struct error *err)
{
    size_t length = strlen(name);
    bool good =
        length > 0 && length < MACHINE_NAME_SIZE && is_alnum(name[0]) && is_alnum(name[length - 1]);
    for (size_t i = 0; good && i < length; i++) {
        good = is_alnum(name[i]) || name[i] == '-' || (name[i] == '.' && name[i + 1] != '.');
    }
    return good ? 0
                : error_set(err, ERROR_UNPROCESSABLE,
                            "a machine's name is 1 to %d of a-z, 0-9, '.' and '-', a letter or "
                            "digit first and last",
                            MACHINE_NAME_SIZE - 1);
}

// Whose is it? The owner's name goes into the message.
static int check_owner(struct stmt *stmt, int64_t id, const char *what, const char *value,
                       struct error *err)
{
    int row = stmt_step(stmt, err);
    if (row <= 0 || stmt_int(stmt, 0) == id) {
        return row < 0 ? row : 0;
    }
    return error_set(err, ERROR_CONFLICT, "%s %s is machine %s's", what, value, stmt_text(stmt, 1));
}

static int check_uuid(struct store_conn *conn, const struct machine *machine, int64_t id,
                      struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (!machine->has_uuid) {
        return 0;
    }
    if (stmt_prepare(conn, &stmt, "SELECT id, name FROM machines WHERE uuid = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_blob(stmt, 1, machine->uuid.bytes, UUID_BYTES);
    char text[UUID_TEXT_SIZE];
    uuid_format(&machine->uuid, text);
    return check_owner(stmt, id, "UUID", text, err);
}

static int check_serial(struct store_conn *conn, const struct machine *machine, int64_t id,
                        struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (!machine->serial[0]) {
        return 0;
    }
    if (stmt_prepare(conn, &stmt, "SELECT id, name FROM machines WHERE serial = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, machine->serial);
    return check_owner(stmt, id, "serial number", machine->serial, err);
}

static int check_mac(struct store_conn *conn, const struct mac *mac, int64_t id, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT m.id, m.name FROM interfaces i JOIN machines m ON m.id = i.machine_id "
                     "WHERE i.mac = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_blob(stmt, 1, mac->bytes, MAC_BYTES);
    char text[MAC_TEXT_SIZE];
    mac_format(mac, text);
    return check_owner(stmt, id, "MAC", text, err);
}

static int check_machine(struct store_conn *conn, const struct machine *machine, int64_t id,
                         struct error *err)
{
    if (machine_name_check(machine->name, err) < 0) {
        return -1;
    }
    if (machine->mac_count > MACHINE_INTERFACES_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "more than %d interfaces", MACHINE_INTERFACES_MAX);
    }
    for (unsigned i = 0; i < machine->mac_count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (memcmp(machine->macs[i].bytes, machine->macs[j].bytes, MAC_BYTES) == 0) {
                return error_set(err, ERROR_UNPROCESSABLE, "the same MAC stands there twice");
            }
        }
        int result = check_mac(conn, &machine->macs[i], id, err);
        if (result < 0) {
            return result;
        }
    }
    if (check_uuid(conn, machine, id, err) < 0) {
        return -1;
    }
    return check_serial(conn, machine, id, err);
}

static int write_interfaces(struct store_conn *conn, const struct machine *machine,
                            struct error *err)
{
    CLEANUP_STMT struct stmt *delete = NULL;
    if (stmt_prepare(conn, &delete, "DELETE FROM interfaces WHERE machine_id = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_int(delete, 1, machine->id);
    int result = stmt_run(delete, err);
    for (unsigned i = 0; result == 0 && i < machine->mac_count; i++) {
        CLEANUP_STMT struct stmt *insert = NULL;
        result = stmt_prepare(
            conn, &insert, "INSERT INTO interfaces (mac, machine_id, position) VALUES (?1, ?2, ?3)",
            err);
        if (result == 0) {
            stmt_bind_blob(insert, 1, machine->macs[i].bytes, MAC_BYTES);
            stmt_bind_int(insert, 2, machine->id);
            stmt_bind_int(insert, 3, i);
            result = stmt_run(insert, err);
        }
    }
    return result;
}

static int write_row(struct store_conn *conn, const struct machine *machine, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO machines (name, uuid, serial, arch, labels, power, enrolled, created_ms, "
            "updated_ms)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)"
            " ON CONFLICT (name) DO UPDATE SET uuid = excluded.uuid, serial = excluded.serial,"
            " arch = excluded.arch, labels = excluded.labels, power = excluded.power,"
            " enrolled = excluded.enrolled, updated_ms = excluded.updated_ms",
            err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, machine->name);
    if (machine->has_uuid) {
        stmt_bind_blob(stmt, 2, machine->uuid.bytes, UUID_BYTES);
    }
    stmt_bind_text(stmt, 3, machine->serial[0] ? machine->serial : NULL);
    stmt_bind_text(stmt, 4, machine->arch);
    stmt_bind_text(stmt, 5, machine->labels);
    stmt_bind_text(stmt, 6, machine->power);
    stmt_bind_int(stmt, 7, machine->enrolled ? 1 : 0);
    stmt_bind_int(stmt, 8, clock_now_ms());
    return stmt_run(stmt, err);
}

// The id and the times as they are now; 0 when there is no such machine.
static int read_identity(struct store_conn *conn, struct machine *machine, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "SELECT id, created_ms, updated_ms, last_seen_ms FROM machines WHERE name = ?1",
            err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, machine->name);
    int row = stmt_step(stmt, err);
    machine->id = row > 0 ? stmt_int(stmt, 0) : 0;
    machine->created_ms = row > 0 ? stmt_int(stmt, 1) : 0;
    machine->updated_ms = row > 0 ? stmt_int(stmt, 2) : 0;
    machine->last_seen_ms = row > 0 ? stmt_int(stmt, 3) : 0;
    return row < 0 ? row : 0;
}

int machine_put(struct store_conn *conn, struct machine *machine, bool *ret_created,
                struct error *err)
{
    if (read_identity(conn, machine, err) < 0 ||
        check_machine(conn, machine, machine->id, err) < 0) {
        return -1;
    }
    bool created = machine->id == 0;
    if (write_row(conn, machine, err) < 0 || read_identity(conn, machine, err) < 0 ||
        write_interfaces(conn, machine, err) < 0) {
        return -1;
    }
    if (created && timeline_addf(conn, machine->id, NULL, machine->enrolled ? "bootd" : "apid",
                                 machine->enrolled ? "machine.enrolled" : "machine.registered", err,
                                 "%s as %s", machine->enrolled ? "enrolled" : "registered",
                                 machine->name) < 0) {
        return -1;
    }
    *ret_created = created;
    return 0;
}

int machine_delete(struct store_conn *conn, const char *name, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    // A trigger of the deployments' schema refuses while one is active; what hangs on the machine
    // goes by cascade.
    if (stmt_prepare(conn, &stmt, "DELETE FROM machines WHERE name = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, name);
    int result = stmt_run(stmt, err);
    if (result == 0 && conn_changes(conn) == 0) {
        result = error_set(err, ERROR_NOT_FOUND, "there is no machine %s", name);
    }
    return result;
}

int machine_seen(struct store_conn *conn, int64_t id, int64_t when_ms, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "UPDATE machines SET last_seen_ms = max(last_seen_ms, ?2) WHERE id = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, id);
    stmt_bind_int(stmt, 2, when_ms);
    return stmt_run(stmt, err);
}

static int check_enrolments(struct store_conn *conn, unsigned per_hour, unsigned in_all,
                            struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT count(*), total(created_ms > ?1) FROM machines WHERE enrolled = 1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, clock_now_ms() - HOUR_MS);
    int result = stmt_one(stmt, err, "no count");
    if (result < 0) {
        return result;
    }
    if (stmt_int(stmt, 0) >= (int64_t)in_all) {
        return error_set(err, ERROR_TOO_MANY,
                         "%u unknown machines are enrolled already, no more are taken", in_all);
    }
    if (stmt_int(stmt, 1) >= (int64_t)per_hour) {
        return error_set(
            err, ERROR_TOO_MANY,
            "%u unknown machines were enrolled in the last hour, no more are taken now", per_hour);
    }
    return 0;
}

int machine_enrol(struct store_conn *conn, const struct mac *mac, const struct uuid *uuid_or_null,
                  unsigned per_hour, unsigned in_all, struct machine *ret_machine,
                  struct error *err)
{
    int result = check_enrolments(conn, per_hour, in_all, err);
    if (result < 0) {
        return result;
    }
    struct machine machine = {.enrolled = true, .arch = "amd64", .macs = {*mac}, .mac_count = 1};
    char digits[2 * MAC_BYTES + 1];
    hex_encode(mac->bytes, MAC_BYTES, digits);
    (void)snprintf(machine.name, sizeof(machine.name), "discovered-%s", digits);
    if (uuid_or_null && !uuid_is_zero(uuid_or_null)) {
        machine.has_uuid = true;
        machine.uuid = *uuid_or_null;
    }
    bool created = false;
    result = machine_put(conn, &machine, &created, err);
    if (result == 0) {
        *ret_machine = machine;
    }
    return result;
}
