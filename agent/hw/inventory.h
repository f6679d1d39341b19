// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the machine is made of, as the JSON of CAPRF's inventory (facts 1.9), out of /proc and /sys.

#include "base/error.h"

// `root` is "" for the running machine, or a folder that holds proc and sys (tests). NULL with `err` when memory is gone;
// what cannot be read is empty, as the format wants. Caller frees.
char *inventory_collect(const char *root, struct error *err);
