// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many wrong tokens an address may show: a small table of buckets, one an address (IPv6: one a
// /64). It says when somebody who guesses gets 429 in place of 401 and no more lines in the log. A
// right token is always let in: 256 random bits cannot be guessed at any rate, and a neighbour
// behind the same address must not be locked out by somebody else's mistakes. Threads: the loop's.

#include <stdbool.h>
#include <stdint.h>

struct limiter;
struct sockaddr;

struct limiter *limiter_new(unsigned per_minute);
struct limiter *limiter_free(struct limiter *limiter);
void limiter_set(struct limiter *limiter, unsigned per_minute);

// One more failure of `peer` at `now_ms` (monotonic). True while it is within the limit.
bool limiter_failure(struct limiter *limiter, const struct sockaddr *peer, int64_t now_ms);
