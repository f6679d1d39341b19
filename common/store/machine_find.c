// SPDX-License-Identifier: Apache-2.0
// Machines: reading. Each function is one statement, so what it returns is one moment's truth.

#include "store/machine.h"

#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
#define MACHINE_SELECT                                                                             \
    "SELECT m.id, m.name, m.uuid, m.serial, m.arch, m.labels, m.power, m.enrolled, m.created_ms, m.updated_ms, m.last_seen_ms," \
    " (SELECT group_concat(hex(mac), '') FROM" \
    "   (SELECT mac FROM interfaces WHERE machine_id = m.id ORDER BY position))" \
    " FROM machines m "
// clang-format on

void machine_fini(struct machine *machine)
{
    free(machine->labels);
    free(machine->power);
    machine->labels = NULL;
    machine->power = NULL;
}

static void read_macs(struct stmt *stmt, int column, struct machine *machine)
{
    const char *digits = stmt_text(stmt, column);
    size_t count = strlen(digits) / (2 * MAC_BYTES);
    for (size_t i = 0; i < count && i < MACHINE_INTERFACES_MAX; i++) {
        char one[2 * MAC_BYTES + 1];
        memcpy(one, digits + i * 2 * MAC_BYTES, 2 * MAC_BYTES);
        one[2 * MAC_BYTES] = '\0';
        if (hex_decode(one, machine->macs[i].bytes, MAC_BYTES) == 0) {
            machine->mac_count++;
        }
    }
}

static int read_row(struct stmt *stmt, struct machine *machine, struct error *err)
{
    *machine = (struct machine){0};
    machine->id = stmt_int(stmt, 0);
    stmt_copy(stmt, 1, machine->name, sizeof(machine->name));
    size_t length = 0;
    const void *bytes = stmt_blob(stmt, 2, &length);
    if (bytes && length == UUID_BYTES) {
        machine->has_uuid = true;
        memcpy(machine->uuid.bytes, bytes, UUID_BYTES);
    }
    stmt_copy(stmt, 3, machine->serial, sizeof(machine->serial));
    stmt_copy(stmt, 4, machine->arch, sizeof(machine->arch));
    machine->enrolled = stmt_int(stmt, 7) != 0;
    machine->created_ms = stmt_int(stmt, 8);
    machine->updated_ms = stmt_int(stmt, 9);
    machine->last_seen_ms = stmt_int(stmt, 10);
    read_macs(stmt, 11, machine);
    if (stmt_dup(stmt, 5, &machine->labels, err) < 0 ||
        stmt_dup(stmt, 6, &machine->power, err) < 0) {
        machine_fini(machine);
        return -1;
    }
    return 0;
}

int machine_by_name(struct store_conn *conn, const char *name, struct machine *ret_machine,
                    struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, MACHINE_SELECT "WHERE m.name = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, name);
    int result = stmt_one(stmt, err, "there is no machine %s", name);
    return result < 0 ? result : read_row(stmt, ret_machine, err);
}

int machine_by_id(struct store_conn *conn, int64_t id, struct machine *ret_machine,
                  struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, MACHINE_SELECT "WHERE m.id = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, id);
    int result = stmt_one(stmt, err, "the machine is gone");
    return result < 0 ? result : read_row(stmt, ret_machine, err);
}

int machine_by_mac(struct store_conn *conn, const struct mac *mac, struct machine *ret_machine,
                   struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     MACHINE_SELECT
                     "WHERE m.id = (SELECT machine_id FROM interfaces WHERE mac = ?1)",
                     err) < 0) {
        return -1;
    }
    stmt_bind_blob(stmt, 1, mac->bytes, MAC_BYTES);
    char text[MAC_TEXT_SIZE];
    mac_format(mac, text);
    int result = stmt_one(stmt, err, "no machine has the MAC %s", text);
    return result < 0 ? result : read_row(stmt, ret_machine, err);
}

int machine_by_uuid(struct store_conn *conn, const struct uuid *uuid, struct machine *ret_machine,
                    struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, MACHINE_SELECT "WHERE m.uuid = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_blob(stmt, 1, uuid->bytes, UUID_BYTES);
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    int result = stmt_one(stmt, err, "no machine has the UUID %s", text);
    return result < 0 ? result : read_row(stmt, ret_machine, err);
}

int machine_by_serial(struct store_conn *conn, const char *serial, struct machine *ret_machine,
                      struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, MACHINE_SELECT "WHERE m.serial = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, serial);
    int result = stmt_one(stmt, err, "no machine has the serial number %s", serial);
    return result < 0 ? result : read_row(stmt, ret_machine, err);
}

int machine_list(struct store_conn *conn, const char *after, unsigned limit,
                 int (*each)(void *context, const struct machine *machine, struct error *err),
                 void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, MACHINE_SELECT "WHERE m.name > ?1 ORDER BY m.name LIMIT ?2",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, after ? after : "");
    stmt_bind_int(stmt, 2, LIST_LIMIT(limit));
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        struct machine machine;
        int result = read_row(stmt, &machine, err);
        if (result == 0) {
            result = each(context, &machine, err);
            machine_fini(&machine);
        }
        if (result < 0) {
            return result;
        }
    }
    return row;
}
