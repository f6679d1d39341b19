// SPDX-License-Identifier: Apache-2.0
// Single flight of blobs. Called by handle_blob.c; stream.c reads what is there. Life of a fill:
// asked -> head known -> body, with resumes -> all written -> proven -> published; or failed. Bytes
// go: registry -> `gather` (loop) -> one job at a time hashes and writes them (fill_job.c, pool
// thread) -> clients read the file. When both buffers are full, the registry waits.

#include "fill_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "cache.h"
#include "config.h"
#include "counters.h"
#include "registry.h"
#include "service/metrics.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fills *fills_new(const struct fills_parts *parts, struct error *err)
{
    struct fills *fills = calloc(1, sizeof(*fills));
    if (!fills) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    fills->parts = *parts;
    return fills;
}

static struct fill *fill_free(struct fill *fill)
{
    registry_cancel(fill->call);
    service_timer_free(fill->retry);
    fill_job_fini(&fill->job);
    if (fill->fd >= 0) {
        close(fill->fd);
    }
    free(fill->gather);
    free(fill->writing);
    free(fill);
    return NULL;
}

struct fill *fill_ref(struct fill *fill)
{
    fill->references++;
    return fill;
}

struct fill *fill_unref(struct fill *fill)
{
    if (fill && --fill->references == 0) {
        fill_free(fill);
    }
    return NULL;
}

// Take it out of the table: the next request for the digest finds the cache's file, or begins anew.
static void unlist(struct fill *fill)
{
    if (!fill->listed) {
        return;
    }
    for (struct fill **link = &fill->fills->first; *link; link = &(*link)->next) {
        if (*link == fill) {
            *link = fill->next;
            break;
        }
    }
    fill->listed = false;
    fill->fills->count--;
    metric_set(fill->fills->parts.counters->active_fills, fill->fills->count);
    fill_unref(fill);
}

struct fills *fills_free(struct fills *fills)
{
    if (fills) {
        while (fills->first) {
            unlist(fills->first);
        }
        free(fills);
    }
    return NULL;
}

static bool waiter_is_due(const struct fill *fill, enum fill_event event)
{
    return fill->failed || fill->proven || (event == FILL_HEAD && fill->head_known);
}

// Tell everybody who waits or watches. The caller holds a reference.
void fill_tell(struct fill *fill)
{
    struct fill_waiter **link = &fill->waiters;
    while (*link) {
        struct fill_waiter *waiter = *link;
        if (!waiter_is_due(fill, waiter->event)) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        waiter->ready(waiter->context, fill);
        link = &fill->waiters; // the list may have changed
    }
    for (struct fill_watcher *watcher = fill->watchers; watcher;) {
        struct fill_watcher *next = watcher->next;
        watcher->progress(watcher->context);
        watcher = next;
    }
}

// Wrong bytes and a broken disk leave nothing behind; a registry that is away leaves what is good
// so far.
static bool partial_is_good(enum error_code code)
{
    return code == ERROR_UPSTREAM || code == ERROR_TIMEOUT || code == ERROR_UNAVAILABLE;
}

// Called when no job runs.
static void fail_now(struct fill *fill, const struct error *err)
{
    char name[REFERENCE_TEXT_SIZE];
    reference_format_name(&fill->repository, name);
    struct counters *counters = fill->fills->parts.counters;
    fill->failed = true;
    fill->err = *err;
    registry_blame(&fill->err);
    fill->call = registry_cancel(fill->call);
    service_timer_stop(fill->retry);
    metric_add(counters->fills_failed, 1);
    if (err->code == ERROR_CORRUPT) {
        metric_add(counters->digest_mismatches, 1);
        log_err("%s@%s: %s; nothing of it is kept", name, fill->digest, err->message);
    } else {
        log_warning("%s@%s: not fetched, %llu bytes came: %s", name, fill->digest,
                    (unsigned long long)fill->from_upstream, err->message);
    }
    if (!partial_is_good(err->code)) {
        cache_drop_partial(fill->fills->parts.cache, fill->digest);
    }
    fill->references++;
    unlist(fill);
    fill_tell(fill);
    fill_unref(fill);
}

void fill_fail(struct fill *fill, const struct error *err)
{
    if (fill->failed || fill->job.doomed) {
        return;
    }
    if (fill->job_runs) { // its bytes must not land in a file that somebody else has begun
        fill->err = *err;
        fill->call = registry_cancel(fill->call);
        service_timer_stop(fill->retry);
        fill->gathered = 0;
        fill->body_over = false;
        fill->job.doomed = true;
        return;
    }
    fail_now(fill, err);
}

void fills_close(struct fills *fills)
{
    struct error err;
    error_set(&err, ERROR_UNAVAILABLE, "imaged is stopping");
    __atomic_store_n(&fills->closing, true, __ATOMIC_RELAXED);
    for (struct fill *fill = fills->first; fill;) {
        struct fill *next = fill->next;
        fill_fail(fill, &err);
        fill = next;
    }
}

static void published(struct fill *fill)
{
    char name[REFERENCE_TEXT_SIZE];
    reference_format_name(&fill->repository, name);
    int64_t took_ms = clock_monotonic_ms() - fill->began_ms;
    log_info("%s@%s: %llu bytes in the cache, %llu from the registry, %lld ms, %u resumes", name,
             fill->digest, (unsigned long long)fill->written,
             (unsigned long long)fill->from_upstream, (long long)took_ms, fill->resumes);
    cache_note(fill->fills->parts.cache, fill->digest, fill->written, name);
    unlist(fill);
}

static void job_done(void *context);

static void run_job(struct fill *fill, enum fill_job_kind kind)
{
    fill->job.kind = kind;
    struct error err;
    fill->references++;
    fill->job_runs = true;
    if (service_work(fill->fills->parts.service, fill_job_run, job_done, &fill->job, &err) < 0) {
        fill->job_runs = false;
        fill_fail(fill, &err);
        fill_unref(fill);
    }
}

// One finished job: account for it. Returns negative when the fill is at its end.
static int take_job(struct fill *fill, struct error *err)
{
    struct fill_job *job = &fill->job;
    if (job->result < 0) {
        *err = job->err;
        return -1;
    }
    if (job->kind == FILL_JOB_WRITE) {
        fill->written += job->length;
    } else if (job->kind == FILL_JOB_PROVE) {
        fill->proven = true;
        fill->size = (int64_t)fill->written;
        fill->head_known = true;
    }
    return 0;
}

static void job_done(void *context)
{
    struct fill_job *job = context;
    struct fill *fill = job->fill;
    struct error err = {.code = ERROR_NONE};
    fill->job_runs = false;
    if (job->doomed) {
        err = fill->err;
        fail_now(fill, &err);
    } else if (take_job(fill, &err) < 0) {
        if (job->kind == FILL_JOB_PUBLISH) { // its clients have got it all
            log_err("%s: proven, but not kept: %s", fill->digest, err.message);
            cache_drop_partial(fill->fills->parts.cache, fill->digest);
            unlist(fill);
        } else {
            fail_now(fill, &err);
        }
    } else if (job->kind == FILL_JOB_PUBLISH) {
        published(fill);
    } else if (fill->fills->closing) {
        error_set(&err, ERROR_UNAVAILABLE, "imaged is stopping");
        fail_now(fill, &err);
    } else {
        fill_tell(fill);
        fill_advance(fill);
    }
    fill_unref(fill); // run_job's
}

static void write_gathered(struct fill *fill)
{
    uint8_t *full = fill->gather;
    fill->gather = fill->writing;
    fill->writing = full;
    fill->job.bytes = full;
    fill->job.length = fill->gathered;
    fill->job.offset = fill->written;
    fill->gathered = 0;
    run_job(fill, FILL_JOB_WRITE);
}

// Start whatever is next, if no job runs: write what was gathered, prove, publish. May be the
// fill's end.
void fill_advance(struct fill *fill)
{
    if (fill->failed || fill->job_runs) {
        return;
    }
    fill->references++;
    if (fill->gathered > 0) {
        write_gathered(fill);
    } else if (fill->proven) {
        run_job(fill, FILL_JOB_PUBLISH);
    } else if (fill->body_over) {
        run_job(fill, FILL_JOB_PROVE);
    }
    if (fill->held_back && fill->call) {
        fill->held_back = false;
        registry_resume(fill->call);
    }
    fill_unref(fill);
}

static int prepare(struct fill *fill, struct error *err)
{
    uint64_t kept = 0;
    if (cache_open_partial(fill->fills->parts.cache, fill->digest, &fill->fd, &kept, err) < 0) {
        return -1;
    }
    // One byte at least is asked for, so that the range can be satisfied and the size is told.
    kept = kept > 0 ? kept - 1 : 0;
    fill->gather = malloc(FILL_BUFFER);
    fill->writing = malloc(FILL_BUFFER);
    fill->retry = service_timer_new(fill->fills->parts.service, fill_on_retry, fill);
    if (!fill->gather || !fill->writing || !fill->retry) {
        return error_set(err, ERROR_IO, "no memory");
    }
    fill->job = (struct fill_job){
        .fill = fill,
        .cache = fill->fills->parts.cache,
        .digest = fill->digest,
        .fd = fill->fd,
        .closing = &fill->fills->closing,
    };
    if (fill_job_init(&fill->job, err) < 0) {
        return -1;
    }
    fill->received = fill->written = kept;
    fill->received_at_try = kept;
    return fill_ask_upstream(fill, err);
}

static struct fill *begin(struct fills *fills, const struct reference *repository,
                          const char *digest, struct error *err)
{
    if (fills->closing || fills->count >= fills->parts.config->max_fills) {
        error_set(err, ERROR_UNAVAILABLE, "%u blobs are being fetched already; try again",
                  fills->count);
        return NULL;
    }
    struct fill *fill = calloc(1, sizeof(*fill));
    if (!fill) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    fill->fills = fills;
    fill->references = 2; // the table's and the caller's
    fill->repository = *repository;
    snprintf(fill->digest, sizeof(fill->digest), "%s", digest);
    fill->began_ms = clock_monotonic_ms();
    fill->fd = -1;
    fill->size = -1;
    if (prepare(fill, err) < 0) {
        return fill_free(fill);
    }
    fill->listed = true;
    fill->next = fills->first;
    fills->first = fill;
    fills->count++;
    metric_add(fills->parts.counters->fills, 1);
    metric_set(fills->parts.counters->active_fills, fills->count);
    if (fill->written > 0) {
        fill->job.length = 0;
        fill->job.offset = fill->written;
        run_job(fill, FILL_JOB_REHASH);
    }
    return fill;
}

struct fill *fills_find(struct fills *fills, const char *digest)
{
    for (struct fill *fill = fills->first; fill; fill = fill->next) {
        if (strcmp(fill->digest, digest) == 0) {
            fill->references++;
            return fill;
        }
    }
    return NULL;
}

struct fill *fills_join(struct fills *fills, const struct reference *repository, const char *digest,
                        struct error *err)
{
    struct fill *fill = fills_find(fills, digest);
    if (!fill) {
        fill = begin(fills, repository, digest, err);
    }
    return fill;
}

int64_t fill_size(const struct fill *fill)
{
    return fill->size;
}

bool fill_is_proven(const struct fill *fill)
{
    return fill->proven;
}

bool fill_has_failed(const struct fill *fill)
{
    return fill->failed;
}

const struct error *fill_error(const struct fill *fill)
{
    return &fill->err;
}

void fill_wait(struct fill *fill, enum fill_event event, struct fill_waiter *waiter)
{
    if (waiter_is_due(fill, event)) {
        waiter->ready(waiter->context, fill);
        return;
    }
    waiter->event = event;
    waiter->next = fill->waiters;
    fill->waiters = waiter;
}

void fill_watch(struct fill *fill, struct fill_watcher *watcher)
{
    watcher->next = fill->watchers;
    fill->watchers = watcher;
}

void fill_unwatch(struct fill *fill, struct fill_watcher *watcher)
{
    for (struct fill_watcher **link = &fill->watchers; *link; link = &(*link)->next) {
        if (*link == watcher) {
            *link = watcher->next;
            return;
        }
    }
}

uint64_t fill_released(const struct fill *fill)
{
    if (fill->proven) {
        return fill->written;
    }
    uint64_t end = fill->size >= 0 ? (uint64_t)fill->size : fill->written;
    uint64_t limit = end > FILL_TAIL ? end - FILL_TAIL : 0;
    return fill->written < limit ? fill->written : limit;
}

int fill_fd(const struct fill *fill)
{
    return fill->fd;
}
