// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who reported lately. Last-seen times and heartbeats are not acknowledged data: they are kept here
// and written every few seconds, a hundred agents in one write, so that 10,000 heartbeats cost no
// commit each. Threads: the loop's.

#include "base/error.h"

#include <stdint.h>

struct attempt;
struct seen;
struct store;

struct seen *seen_new(struct store *store, struct error *err);
struct seen *seen_free(struct seen *seen);

// An agent reported, from its own address. More than a few thousand at once are written early.
void seen_add(struct seen *seen, const struct attempt *attempt);
void seen_flush(struct seen *seen);
