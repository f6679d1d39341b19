// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kernel's word that a device came or went (NETLINK_KOBJECT_UEVENT), so that nobody has to sleep and
// look again. Any process may listen; init does for modules, others to wait for a disk.

#include "base/error.h"

enum { UEVENT_SIZE = 8192 };

// Points into its own text; "" where the kernel said nothing.
struct uevent {
    const char *action;    // "add", "remove", "change", ...
    const char *devpath;   // below /sys
    const char *subsystem;
    const char *modalias;
    char text[UEVENT_SIZE];
};

int uevent_open(int *ret_fd, struct error *err);
// 1: `ret_event` is filled; 0: none is waiting (or it was not the kernel's).
int uevent_read(int fd, struct uevent *ret_event);
// Waits until something may have come, at most so long.
void uevent_wait(int fd, int timeout_ms);
