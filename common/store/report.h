// SPDX-License-Identifier: Apache-2.0
#pragma once

// What machines report beside their status: JSON documents by kind (inventory, firmware, health,
// ...; latest and the last 10), and standby commands.

#include "base/error.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_conn;

int report_put(struct store_conn *conn, int64_t machine_id, const char *kind, const char *json,
               size_t length, struct error *err);
// Latest; ERROR_NOT_FOUND. Caller frees *ret_json.
int report_latest(struct store_conn *conn, int64_t machine_id, const char *kind, char **ret_json,
                  int64_t *ret_time_ms, struct error *err);

struct command {
    char id[UUID_TEXT_SIZE];
    char type[24]; // "reboot", "health-check", "provision", "deprovision"
};
int command_queue(struct store_conn *conn, int64_t machine_id, const char *type, struct error *err);
// What to deliver now: marks them delivered; a terminal command (reboot, provision, deprovision) at
// most one and last, and delivered once only.
int command_take(struct store_conn *conn, int64_t machine_id, struct command *ret_commands,
                 unsigned max, unsigned *ret_count, struct error *err);
// Is there anything to take? A read, so that an idle poll costs no write.
int command_has(struct store_conn *conn, int64_t machine_id, bool *ret_has, struct error *err);
// ERROR_NOT_FOUND for an id that is not this machine's; again: nothing changes.
int command_ack(struct store_conn *conn, int64_t machine_id, const char *id, bool completed,
                const char *message, struct error *err);
