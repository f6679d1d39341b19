// SPDX-License-Identifier: Apache-2.0
#pragma once

// Is what a deployment wants on a disk already? Looks only: nothing is written, no journal
// replayed. Called first by the provision pipeline (DESIGN.md, "Never installed twice").

#include "agent/disk/choose.h"
#include "agent/disk/gpt.h"
#include "agent/os/stamp.h"

struct found {
    char disk[DISK_NAME_SIZE];
    struct gpt gpt; // owned
};

// 1: `ret_found` is the committed disk whose root holds a stamp like `wanted`. 0: there is none.
int find_stamped(const struct disk_list *list, const struct stamp *wanted, const char *mount_point,
                 struct found *ret_found);
