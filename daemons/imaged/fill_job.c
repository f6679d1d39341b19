// SPDX-License-Identifier: Apache-2.0
// Hashing, writing, proving and publishing of a fill, on pool threads. Called by fill.c through
// service_work.

#include "fill_job.h"

#include "cache.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fill_job_init(struct fill_job *job, struct error *err)
{
    job->hash = EVP_MD_CTX_new();
    if (!job->hash || EVP_DigestInit_ex(job->hash, EVP_sha256(), NULL) != 1) {
        return error_set(err, ERROR_IO, "no memory for a digest");
    }
    return 0;
}

void fill_job_fini(struct fill_job *job)
{
    EVP_MD_CTX_free(job->hash);
    job->hash = NULL;
}

static int update(struct fill_job *job, const void *bytes, size_t length)
{
    if (EVP_DigestUpdate(job->hash, bytes, length) != 1) {
        return error_set(&job->err, ERROR_INTERNAL, "the digest cannot be computed");
    }
    return 0;
}

static int rehash(struct fill_job *job)
{
    uint8_t *bytes = malloc(FILL_BUFFER);
    if (!bytes) {
        return error_set(&job->err, ERROR_IO, "no memory");
    }
    int result = ftruncate(job->fd, (off_t)job->offset) < 0
                     ? error_errno(&job->err, errno, "cannot cut a partial file")
                     : 0;
    for (uint64_t at = 0; result == 0 && at < job->offset;) {
        size_t want = job->offset - at < FILL_BUFFER ? (size_t)(job->offset - at) : FILL_BUFFER;
        ssize_t got = pread(job->fd, bytes, want, (off_t)at);
        if (__atomic_load_n(job->closing, __ATOMIC_RELAXED)) {
            result = error_set(&job->err, ERROR_UNAVAILABLE, "imaged is stopping");
        } else if (got <= 0) {
            result = error_errno(&job->err, got < 0 ? errno : EIO, "cannot read a partial file");
        } else {
            result = update(job, bytes, (size_t)got);
            at += (uint64_t)got;
        }
    }
    free(bytes);
    return result;
}

static int write_bytes(struct fill_job *job)
{
    for (size_t at = 0; at < job->length;) {
        ssize_t written =
            pwrite(job->fd, job->bytes + at, job->length - at, (off_t)(job->offset + at));
        if (written < 0 && errno != EINTR) {
            return error_errno(&job->err, errno, "cannot write to the cache");
        }
        at += written > 0 ? (size_t)written : 0;
    }
    return update(job, job->bytes, job->length);
}

static int prove(struct fill_job *job)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char text[DIGEST_TEXT_SIZE];
    if (EVP_DigestFinal_ex(job->hash, digest, NULL) != 1) {
        return error_set(&job->err, ERROR_INTERNAL, "the digest cannot be computed");
    }
    digest_format(digest, text);
    if (strcmp(text, job->digest) != 0) {
        return error_set(&job->err, ERROR_CORRUPT, "what the registry sent has the digest %s",
                         text);
    }
    return 0;
}

void fill_job_run(void *context)
{
    struct fill_job *job = context;
    switch (job->kind) {
    case FILL_JOB_REHASH:
        job->result = rehash(job);
        break;
    case FILL_JOB_WRITE:
        job->result = write_bytes(job);
        break;
    case FILL_JOB_PROVE:
        job->result = prove(job);
        break;
    case FILL_JOB_PUBLISH:
        job->result = cache_publish(job->cache, job->digest, job->fd, &job->err);
        break;
    }
}
