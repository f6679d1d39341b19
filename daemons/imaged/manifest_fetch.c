// SPDX-License-Identifier: Apache-2.0
// One manifest at a time for handle_manifest.c and resolve.c: look in the cache (pool thread), ask
// the registry (loop), write into the cache (pool thread), done.

#include "manifest_fetch.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "cache.h"
#include "counters.h"
#include "registry.h"
#include "service/metrics.h"
#include "service/service.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { RUNNING_MAX = 64, MANIFEST_TIMEOUT_MS = 60000 };

struct manifests {
    struct manifests_parts parts;
    struct manifest_job *first;
    unsigned count;
    bool closing;
};

struct manifest_job {
    struct manifests *manifests;
    struct manifest_job *next;
    struct reference reference;
    struct registry_call *call;
    struct strbuf bytes;
    struct manifest_body body;
    char told_digest[DIGEST_TEXT_SIZE]; // by the registry; "" if it did not
    int cached_fd;
    bool pool_runs;
    int result; // of the pool's work
    struct error err;
    void (*done)(void *context, const struct manifest_body *body, const struct error *err);
    void *context;
};

struct manifests *manifests_new(const struct manifests_parts *parts, struct error *err)
{
    struct manifests *manifests = calloc(1, sizeof(*manifests));
    if (!manifests) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    manifests->parts = *parts;
    return manifests;
}

struct manifests *manifests_free(struct manifests *manifests)
{
    free(manifests);
    return NULL;
}

static void job_free(struct manifest_job *job)
{
    for (struct manifest_job **link = &job->manifests->first; *link; link = &(*link)->next) {
        if (*link == job) {
            *link = job->next;
            job->manifests->count--;
            break;
        }
    }
    registry_cancel(job->call);
    if (job->cached_fd >= 0) {
        close(job->cached_fd);
    }
    strbuf_fini(&job->bytes);
    free(job);
}

static void finish(struct manifest_job *job, const struct error *err)
{
    if (job->done) {
        if (err && err->code == ERROR_CORRUPT) {
            metric_add(job->manifests->parts.counters->digest_mismatches, 1);
            log_err("%s", err->message);
        }
        job->done(job->context, err ? NULL : &job->body, err);
    }
    job_free(job);
}

void manifests_close(struct manifests *manifests)
{
    struct error err;
    error_set(&err, ERROR_UNAVAILABLE, "imaged is stopping");
    manifests->closing = true;
    for (struct manifest_job *job = manifests->first; job;) {
        struct manifest_job *next = job->next;
        if (!job->pool_runs) {
            finish(job, &err);
        } else if (job->done) { // told now, freed when the pool is done with it
            job->done(job->context, NULL, &err);
            job->done = NULL;
        }
        job = next;
    }
}

static int run_on_pool(struct manifest_job *job, void (*run)(void *context),
                       void (*done)(void *context))
{
    job->pool_runs = true;
    if (service_work(job->manifests->parts.service, run, done, job, &job->err) < 0) {
        job->pool_runs = false;
        return -1;
    }
    return 0;
}

// Digest and kind of what came. The digest that was named, or told, has to be it.
static int judge(struct manifest_job *job, struct error *err)
{
    uint8_t digest[SHA256_BYTES];
    const char *named = job->reference.digest[0] ? job->reference.digest : job->told_digest;
    sha256_bytes(strbuf_text(&job->bytes), job->bytes.length, digest);
    digest_format(digest, job->body.digest);
    job->body.bytes = strbuf_text(&job->bytes);
    job->body.length = job->bytes.length;
    char name[REFERENCE_TEXT_SIZE];
    reference_format(&job->reference, name);
    if (named[0] && strcmp(named, job->body.digest) != 0) {
        return error_set(err, ERROR_CORRUPT, "%s: what came has the digest %s, not %s", name,
                         job->body.digest, named);
    }
    if (manifest_read_kind(job->body.bytes, job->body.length, &job->body.kind, job->body.media_type,
                           err) < 0) {
        return error_wrap(err, "%s", name);
    }
    return 0;
}

static void write_run(void *context)
{
    struct manifest_job *job = context;
    job->result = cache_write(job->manifests->parts.cache, job->body.digest, job->body.bytes,
                              job->body.length, &job->err);
}

static void write_done(void *context)
{
    struct manifest_job *job = context;
    job->pool_runs = false;
    if (job->result < 0) {
        log_warning("a manifest is not kept: %s", job->err.message); // it is right all the same
    } else {
        char name[REFERENCE_TEXT_SIZE];
        reference_format_name(&job->reference, name);
        cache_note(job->manifests->parts.cache, job->body.digest, job->body.length, name);
    }
    finish(job, NULL);
}

static int answer_head(void *context, const struct fetch_head *head, struct error *err)
{
    struct manifest_job *job = context;
    if (head->status == 200 && digest_is_valid(head->docker_digest)) {
        memcpy(job->told_digest, head->docker_digest, sizeof(job->told_digest));
    }
    return 0;
}

static int answer_data(void *context, const void *data, size_t length, struct error *err)
{
    struct manifest_job *job = context;
    strbuf_append(&job->bytes, data, length);
    return strbuf_failed(&job->bytes) ? error_set(err, ERROR_UPSTREAM, "the manifest is too long")
                                      : 0;
}

static void answer_done(void *context, int result, int status, const struct error *err)
{
    struct manifest_job *job = context;
    struct error own = {.code = ERROR_NONE};
    job->call = NULL;
    if (result < 0) {
        own = *err;
        registry_blame(&own);
    } else if (status != 200) {
        registry_status_error(&job->reference, status, &own);
    } else if (judge(job, &own) == 0) {
        if (run_on_pool(job, write_run, write_done) == 0) {
            return;
        }
        finish(job, NULL);
        return;
    }
    finish(job, &own);
}

static int ask_registry(struct manifest_job *job, struct error *err)
{
    char path[256];
    snprintf(path, sizeof(path), "manifests/%s", reference_version(&job->reference));
    struct registry_ask ask = {
        .reference = &job->reference,
        .path = path,
        .method = "GET",
        .accept = manifest_accept,
        .max_bytes = MANIFEST_MAX,
        .total_timeout_ms = MANIFEST_TIMEOUT_MS,
        .on_head = answer_head,
        .on_data = answer_data,
        .on_done = answer_done,
        .context = job,
    };
    job->call = registry_start(job->manifests->parts.registry, &ask, err);
    return job->call ? 0 : -1;
}

static void read_run(void *context)
{
    struct manifest_job *job = context;
    char part[16384];
    job->result = 0;
    for (;;) {
        ssize_t got = read(job->cached_fd, part, sizeof(part));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            job->result = error_errno(&job->err, errno, "cannot read from the cache");
        }
        if (got <= 0) {
            break;
        }
        strbuf_append(&job->bytes, part, (size_t)got);
    }
    if (job->result == 0 && strbuf_failed(&job->bytes)) {
        job->result = error_set(&job->err, ERROR_UNPROCESSABLE, "this is not a manifest");
    }
    if (job->result == 0) {
        job->result = judge(job, &job->err);
    }
}

static void read_done(void *context)
{
    struct manifest_job *job = context;
    job->pool_runs = false;
    finish(job, job->result < 0 ? &job->err : NULL);
}

static int start(struct manifest_job *job, struct error *err)
{
    uint64_t size;
    if (job->reference.digest[0] && cache_open(job->manifests->parts.cache, job->reference.digest,
                                               &job->cached_fd, &size, NULL) == 0) {
        if (run_on_pool(job, read_run, read_done) < 0) {
            *err = job->err;
            return -1;
        }
        return 0;
    }
    return ask_registry(job, err);
}

int manifest_fetch(struct manifests *manifests, const struct reference *reference,
                   void (*done)(void *context, const struct manifest_body *body,
                                const struct error *err),
                   void *context, struct error *err)
{
    if (manifests->closing || manifests->count >= RUNNING_MAX) {
        return error_set(err, ERROR_UNAVAILABLE,
                         "%u manifests are being fetched already; try again", manifests->count);
    }
    struct manifest_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return error_set(err, ERROR_IO, "no memory");
    }
    job->manifests = manifests;
    job->reference = *reference;
    job->cached_fd = -1;
    job->done = done;
    job->context = context;
    strbuf_init(&job->bytes, MANIFEST_MAX);
    job->next = manifests->first;
    manifests->first = job;
    manifests->count++;
    if (start(job, err) < 0) {
        job_free(job);
        return -1;
    }
    return 0;
}
