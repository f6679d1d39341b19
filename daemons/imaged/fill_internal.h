// SPDX-License-Identifier: Apache-2.0
#pragma once

// Between fill.c (who waits, what is written, how it ends) and fill_upstream.c (the registry's
// side). Nobody else includes it.

#include "fill.h"
#include "fill_job.h"

struct registry_call;
struct service_timer;

struct fills {
    struct fills_parts parts;
    struct fill *first;
    unsigned count;
    bool closing;
};

struct fill {
    struct fills *fills;
    struct fill *next;
    unsigned references;
    bool listed; // in fills, which holds a reference
    struct reference repository;
    char digest[DIGEST_TEXT_SIZE];
    int64_t began_ms;

    int fd;
    int64_t size; // -1 unknown
    bool head_known, body_over;
    uint64_t received; // from the registry, from the start of the blob: written, or in a buffer
    uint64_t written;  // hashed and in the file
    uint64_t skip;     // bytes that come again because the registry ignored the range
    uint64_t from_upstream;

    struct registry_call *call;
    bool held_back; // the registry waits for a free buffer
    unsigned tries, resumes;
    uint64_t received_at_try;
    struct service_timer *retry;

    uint8_t *gather, *writing; // FILL_BUFFER each
    size_t gathered;
    struct fill_job job;
    bool job_runs;

    bool proven, failed;
    struct error err;
    struct fill_waiter *waiters;
    struct fill_watcher *watchers;
};

// Start whatever is next, if no job runs: write what was gathered, prove, publish. May be the
// fill's end.
void fill_advance(struct fill *fill);
// Tell everybody who waits or watches. The caller holds a reference.
void fill_tell(struct fill *fill);
// The end, now or when the job that runs is done. May free the fill.
void fill_fail(struct fill *fill, const struct error *err);

// Ask the registry for what has not come yet.
int fill_ask_upstream(struct fill *fill, struct error *err);
void fill_on_retry(void *context); // the retry timer's
