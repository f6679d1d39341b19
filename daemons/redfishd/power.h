// SPDX-License-Identifier: Apache-2.0
#pragma once

// Power of machines that have no BMC: the interface between Redfish and what really switches. A machine's `power` object
// names the driver ({"driver": "command", "name": "vm1"}); the driver reads the rest of it. A driver's functions
// may block for seconds: they run on pool threads, at most one at a time for one machine (handle_reset.c sees to it).

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct redfishd_config;

// What a driver is handed: borrowed for the call.
struct power_target {
    const struct redfishd_config *config;
    const char *run_dir;  // for what must survive a restart of the daemon
    const json_t *settings; // the machine's `power` object
};

struct power_driver {
    const char *name;
    // 0 when `settings` make sense to this driver; else what is wrong with them.
    int (*check)(const struct power_target *target, struct error *err);
    int (*is_on)(const struct power_target *target, bool *ret_on, struct error *err);
    // Both return when the new state is reached; asking for the state that is there already is no error.
    int (*turn_on)(const struct power_target *target, struct error *err);
    int (*turn_off)(const struct power_target *target, bool graceful, struct error *err);
};

extern const struct power_driver power_command_driver;

// The driver that `settings` name, checked; NULL with ERROR_UNPROCESSABLE (no settings, unknown driver, bad settings).
const struct power_driver *power_driver_find(const struct power_target *target, struct error *err);
