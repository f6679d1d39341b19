// SPDX-License-Identifier: Apache-2.0
#pragma once

// A bounded ring of buffers that several threads pass along in order: stage 0 fills, each later
// stage works on what the one before has passed, and the last one's pass gives the buffer back to
// stage 0. Memory is fixed at ring_new; who is ahead waits. Threads: one per stage; ring_abort by
// anybody.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

struct ring_slot {
    uint8_t *data; // aligned to 4096
    size_t length; // set by stage 0 before it passes
};

// NULL: no memory. At most 4 stages.
struct ring *ring_new(unsigned slot_count, size_t slot_size, unsigned stage_count);
void ring_free(struct ring *ring); // after all threads have left it

// The next buffer for `stage`; waits. NULL when the stream has ended (not for stage 0) or was
// aborted.
struct ring_slot *ring_take(struct ring *ring, unsigned stage);
void ring_pass(struct ring *ring, unsigned stage);

void ring_end(struct ring *ring);   // stage 0: nothing more will come
void ring_abort(struct ring *ring); // every waiter and later taker gets NULL
bool ring_is_aborted(struct ring *ring);
