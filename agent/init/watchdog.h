// SPDX-License-Identifier: Apache-2.0
#pragma once

// The hardware watchdog: once its device is there, init must pet it or the machine starts again.

enum { WATCHDOG_PERIOD_MS = 10000 };

struct watchdog {
    int fd; // -1: none found yet
};

// Finds the device if it is not open yet, and pets it. Call at least every WATCHDOG_PERIOD_MS.
void watchdog_pet(struct watchdog *watchdog);
