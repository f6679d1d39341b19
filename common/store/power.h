// SPDX-License-Identifier: Apache-2.0
#pragma once

// redfishd's own rows: the last power state it knows of a machine, and one-time boot overrides as
// asked for.

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store_conn;

struct power_state {
    bool on;
    int64_t changed_ms;
    char boot_target[16];  // "None", "Pxe", "Hdd", "UefiHttp"
    char boot_enabled[16]; // "Disabled", "Once", "Continuous"
};
int power_state_get(struct store_conn *conn, int64_t machine_id, struct power_state *ret_state,
                    struct error *err); // defaults when there is no row
int power_state_put(struct store_conn *conn, int64_t machine_id, const struct power_state *state,
                    struct error *err);
