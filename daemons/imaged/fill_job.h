// SPDX-License-Identifier: Apache-2.0
#pragma once

// The blocking part of a fill, for a pool thread: one job at a time, which alone touches the digest
// and the file's end. Between jobs the fields are the loop's.

#include "base/bytes.h"
#include "base/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILL_BUFFER = 256 * 1024 };

struct cache;
struct fill;

enum fill_job_kind {
    FILL_JOB_REHASH,  // read `offset` bytes that an earlier fill left into the digest, and cut the
                      // file there
    FILL_JOB_WRITE,   // `bytes` into the digest and to `offset`
    FILL_JOB_PROVE,   // compare the digest
    FILL_JOB_PUBLISH, // flush and move into the cache
};

struct fill_job {
    struct fill *fill; // not looked into here
    enum fill_job_kind kind;
    const struct cache *cache;
    const char *digest; // the fill's
    int fd;             // the fill's
    const bool *closing;
    EVP_MD_CTX *hash;
    const uint8_t *bytes;
    size_t length;
    uint64_t offset;
    bool doomed; // the loop's: the fill failed while the job ran
    int result;
    struct error err;
};

// `fill`, `cache`, `digest`, `fd` and `closing` are set before.
int fill_job_init(struct fill_job *job, struct error *err);
void fill_job_fini(struct fill_job *job);

// service_work's `run`; `context` is the struct fill_job.
void fill_job_run(void *context);
