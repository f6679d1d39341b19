// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which disk a system goes to: the one that was asked for, or else the largest that may be
// overwritten. Called by the provision pipeline; reads sysfs and mountinfo below a root folder, so
// that a test can bring its own.

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISK_NAME_SIZE = 32, DISK_COUNT_MAX = 512 };

struct disk {
    char name[DISK_NAME_SIZE]; // "vda"
    uint64_t size;             // bytes
    char refusal[80];          // why it may not be overwritten; "" if it may
};

struct disk_list {
    struct disk *disks; // sorted by name, owned
    size_t count;
};

// Every whole disk that the kernel knows, with the reason against each. `root` is "" on a machine.
int disk_list_read(const char *root, struct disk_list *ret_list, struct error *err);
void disk_list_fini(struct disk_list *list);

// `device` ("/dev/vda", NULL: choose) and the size in bytes that is needed. On failure `err` names
// the reasons.
int disk_choose(const struct disk_list *list, const char *device, uint64_t needed,
                struct disk *ret_disk, struct error *err);

#define CLEANUP_DISK_LIST __attribute__((cleanup(disk_list_fini)))
