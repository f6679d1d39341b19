// SPDX-License-Identifier: Apache-2.0
#pragma once

// Long polls: timeline requests that wait until there is something to say. Whenever the DB changed
// each waiter looks again; a reply goes out with the first events, or empty when its time is over.
// Threads: the loop's.

#include "base/error.h"

#include <stdint.h>

struct apid;
struct waiters;
struct web_request;

struct waiters *waiters_new(struct apid *apid, unsigned max, struct error *err);
struct waiters *waiters_free(struct waiters *waiters); // answers all first

// Keep `request` for `wait_ms`, until machine `machine_id` has an event after `after`. False: no
// room, reply now.
bool waiters_add(struct waiters *waiters, struct web_request *request, int64_t machine_id,
                 int64_t after, unsigned limit, int64_t wait_ms);

// Answer all at once, since the daemon stops; later ones find no room.
void waiters_release(struct waiters *waiters);
