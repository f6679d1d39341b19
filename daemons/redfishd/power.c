// SPDX-License-Identifier: Apache-2.0
// The table of power drivers.

#include "power.h"

#include <string.h>

static const struct power_driver *const drivers[] = {
    &power_command_driver,
};

const struct power_driver *power_driver_find(const struct power_target *target, struct error *err)
{
    const char *name = json_string_value(json_object_get(target->settings, "driver"));
    if (!name) {
        (void)error_set(err, ERROR_UNPROCESSABLE,
                        "the machine has no power driver: set power.driver with apid");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i]->check(target, err) < 0 ? NULL : drivers[i];
        }
    }
    (void)error_set(err, ERROR_UNPROCESSABLE, "unknown power driver \"%.32s\"", name);
    return NULL;
}
