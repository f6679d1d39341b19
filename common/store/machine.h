// SPDX-License-Identifier: Apache-2.0
#pragma once

// Machines and their interfaces. Names are 1 to 63 of [a-z0-9.-], a letter or digit first and last
// (they become host names and path segments). A UUID, a MAC and a serial belong to at most one
// machine.

#include "base/error.h"
#include "base/mac.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

struct store_conn;

enum {
    MACHINE_NAME_SIZE = 64,
    MACHINE_SERIAL_SIZE = 128,
    MACHINE_INTERFACES_MAX = 64,
    MACHINE_JSON_MAX = 16384
};

struct machine {
    int64_t id; // 0 before it is stored
    char name[MACHINE_NAME_SIZE];
    bool has_uuid;
    struct uuid uuid;
    char serial[MACHINE_SERIAL_SIZE]; // "" if unknown
    char arch[16];                    // "amd64" or "arm64" (OCI's names)
    struct mac macs[MACHINE_INTERFACES_MAX];
    unsigned mac_count;
    char *labels;  // JSON object as text, owned; NULL = {}
    char *power;   // JSON object as text, owned; NULL = none. {"driver": "...", ...}: redfishd's
                   // business
    bool enrolled; // made by bootd for a machine that nobody registered
    int64_t created_ms;
    int64_t updated_ms;
    int64_t last_seen_ms; // 0 never
};

void machine_fini(struct machine *machine);

int machine_name_check(const char *name, struct error *err);

// Insert or replace by name; keeps id, created and deployments. ERROR_CONFLICT when a MAC, UUID or
// serial is another machine's.
int machine_put(struct store_conn *conn, struct machine *machine, bool *ret_created,
                struct error *err);

// ERROR_NOT_FOUND when there is none. The caller calls machine_fini.
int machine_by_name(struct store_conn *conn, const char *name, struct machine *ret_machine,
                    struct error *err);
int machine_by_id(struct store_conn *conn, int64_t id, struct machine *ret_machine,
                  struct error *err);
int machine_by_mac(struct store_conn *conn, const struct mac *mac, struct machine *ret_machine,
                   struct error *err);
int machine_by_uuid(struct store_conn *conn, const struct uuid *uuid, struct machine *ret_machine,
                    struct error *err);
int machine_by_serial(struct store_conn *conn, const char *serial, struct machine *ret_machine,
                      struct error *err);

// In name order, names > `after` ("" for all), at most `limit` (1..1000). `each` gets a borrowed
// machine; negative stops.
int machine_list(struct store_conn *conn, const char *after, unsigned limit,
                 int (*each)(void *context, const struct machine *machine, struct error *err),
                 void *context, struct error *err);

// ERROR_CONFLICT while a deployment of it is active. Takes its timeline, deployments, reports with
// it.
int machine_delete(struct store_conn *conn, const char *name, struct error *err);

// last_seen is not acknowledged data: daemons collect it and write it every few seconds.
int machine_seen(struct store_conn *conn, int64_t id, int64_t when_ms, struct error *err);

// Enrol a machine that nobody registered (policy `discover`): named "discovered-<mac digits>".
// ERROR_TOO_MANY beyond `per_hour` in the last hour or `in_all` enrolled machines that nobody has
// taken over by machine_put.
int machine_enrol(struct store_conn *conn, const struct mac *mac, const struct uuid *uuid_or_null,
                  unsigned per_hour, unsigned in_all, struct machine *ret_machine,
                  struct error *err);
