// SPDX-License-Identifier: Apache-2.0
#pragma once

// The log lines that wait for a controller: a ring of fixed size in memory that its owner brings (init
// shares it with the worker, so that lines outlive a worker that crashed). When it is full the oldest
// lines go and are counted; the reader gets one line that says how many. Threads: any.

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPOOL_BYTES = 256 * 1024, SPOOL_LINE_MAX = 4095 };

struct spool {
    pthread_mutex_t lock;
    uint64_t first; // number of the oldest line
    uint64_t count; // lines
    uint64_t lost;  // lines dropped since the reader was last told
    size_t start;   // of the oldest line in data
    size_t used;
    unsigned char data[SPOOL_BYTES];
};

// What spool_peek gave; to be handed back to spool_drop.
struct spool_line {
    uint64_t number;
    uint64_t lost; // > 0: the line tells of lost ones
    char text[SPOOL_LINE_MAX + 1];
};

void spool_init(struct spool *spool);
// Take over a spool whose last user may have died in the middle of a call: lines that make no sense go.
void spool_adopt(struct spool *spool);

// Level is 'I', 'W' or 'E'; longer text is cut. Never blocks for longer than a copy.
void spool_put(struct spool *spool, char level, const char *text);

// The oldest line as "[INFO] text", still kept; false when there is none.
bool spool_peek(struct spool *spool, struct spool_line *ret_line);
// Number that the next line put will have; a line is gone from the spool when spool_first is beyond its number.
uint64_t spool_next(struct spool *spool);
uint64_t spool_first(struct spool *spool);
// Forget a line that was sent (nothing happens if it was lost meanwhile).
void spool_drop(struct spool *spool, const struct spool_line *line);
