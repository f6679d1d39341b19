// SPDX-License-Identifier: Apache-2.0
#pragma once

// A machine DB in a folder of its own, for the store's unit tests, and a way to look at it past the
// store.

#include "store/store.h"

#include <stdint.h>

void yard_make(void);
void yard_remove(void);
const char *yard_dir(void);
struct store *yard_open(enum store_role role); // without a loop; bails out on failure
int64_t yard_count(const char *sql);           // one number, by a connection of its own; -1 failed
int64_t yard_count_logs(const char *sql);
int yard_exec(const char *sql);
