// SPDX-License-Identifier: Apache-2.0
// Single flight of blobs. Called by handle_blob.c; stream.c reads what is there. Life of a fill: asked -> head known -> body, with
// resumes -> all written -> proven -> published; or failed. Bytes go: registry -> `gather` (loop) -> one job at a time
// hashes and writes them (fill_job.c, pool thread) -> clients read the file. When both buffers are full, the registry waits.

#include "fill.h"

#include "base/clock.h"
#include "base/log.h"
#include "cache.h"
#include "config.h"
#include "counters.h"
#include "fill_job.h"
#include "registry.h"
#include "service/metrics.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILL_TRIES_MAX = 5,     // in a row that brought next to nothing
    FILL_RESUMES_MAX = 100, // in all
    FILL_PROGRESS = 65536,  // more than next to nothing
    FILL_LOWEST_RATE = 1024,
    FILL_BACKOFF_MS = 250,
};

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

static void advance(struct fill *fill);
static int ask_upstream(struct fill *fill, struct error *err);

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
static void tell(struct fill *fill)
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

// Wrong bytes and a broken disk leave nothing behind; a registry that is away leaves what is good so far.
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
    tell(fill);
    fill_unref(fill);
}

static void fail(struct fill *fill, const struct error *err)
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
        fail(fill, &err);
        fill = next;
    }
}

static void published(struct fill *fill)
{
    char name[REFERENCE_TEXT_SIZE];
    reference_format_name(&fill->repository, name);
    int64_t took_ms = clock_monotonic_ms() - fill->began_ms;
    log_info("%s@%s: %llu bytes in the cache, %llu from the registry, %lld ms, %u resumes", name, fill->digest,
             (unsigned long long)fill->written, (unsigned long long)fill->from_upstream, (long long)took_ms,
             fill->resumes);
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
        fail(fill, &err);
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
        tell(fill);
        advance(fill);
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

// Start whatever is next, if no job runs: write what was gathered, prove, publish. May be the fill's end.
static void advance(struct fill *fill)
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

static int check_size(struct fill *fill, int64_t size, struct error *err)
{
    const struct imaged_config *config = fill->fills->parts.config;
    if (size < 0) {
        return 0;
    }
    if ((uint64_t)size > config->max_blob) {
        return error_set(err, ERROR_TOO_LARGE, "the blob has %lld bytes, more than max_blob allows", (long long)size);
    }
    if ((uint64_t)size < fill->received || (fill->head_known && fill->size >= 0 && size != fill->size)) {
        return error_set(err, ERROR_CORRUPT, "the registry says %lld bytes, after it was another number",
                         (long long)size);
    }
    return cache_check_room(fill->fills->parts.cache, (uint64_t)size - fill->written, config->keep_free, err);
}

static int upstream_head(void *context, const struct fetch_head *head, struct error *err)
{
    struct fill *fill = context;
    fill->skip = 0;
    if (head->status == 206) {
        if ((uint64_t)head->range_start != fill->received) {
            return error_set(err, ERROR_UPSTREAM, "the registry sent another range than was asked for");
        }
    } else if (head->status == 200) {
        fill->skip = fill->received;
    } else {
        return 0; // upstream_done sees the status
    }
    int64_t size = head->status == 206 ? head->range_total : head->content_length;
    if (check_size(fill, size, err) < 0) {
        return -1;
    }
    if (!fill->head_known || fill->size < 0) {
        fill->size = size;
    }
    fill->head_known = true;
    fill->references++;
    tell(fill);
    fill_unref(fill);
    return 0;
}

static int upstream_data(void *context, const void *data, size_t length, struct error *err)
{
    struct fill *fill = context;
    if (!fill->head_known) {
        return 0; // the text of a refusal
    }
    const uint8_t *bytes = data;
    size_t skip = fill->skip < length ? (size_t)fill->skip : length;
    size_t take = length - skip;
    if (take > FILL_BUFFER - fill->gathered) {
        if (fill->gathered == 0) {
            return error_set(err, ERROR_INTERNAL, "more bytes at once than a buffer holds");
        }
        fill->held_back = true;
        return 1;
    }
    if (fill->size < 0 && fill->received + take > fill->fills->parts.config->max_blob) {
        return error_set(err, ERROR_TOO_LARGE, "the blob has more bytes than max_blob allows");
    }
    memcpy(fill->gather + fill->gathered, bytes + skip, take);
    fill->gathered += take;
    fill->skip -= skip;
    fill->received += take;
    fill->from_upstream += length;
    metric_add(fill->fills->parts.counters->upstream_bytes, (int64_t)length);
    advance(fill);
    return 0;
}

static bool may_ask_again(enum error_code code, int status)
{
    if (status) {
        return status == 408 || status == 429 || status >= 500;
    }
    return code == ERROR_UPSTREAM || code == ERROR_TIMEOUT;
}

// Wait a little and ask for the rest, unless that was done often enough.
static void ask_later(struct fill *fill, const struct error *err, int status)
{
    if (fill->received >= fill->received_at_try + FILL_PROGRESS) {
        fill->tries = 0;
        fill->received_at_try = fill->received;
    }
    if (!may_ask_again(err->code, status) || ++fill->tries >= FILL_TRIES_MAX || ++fill->resumes > FILL_RESUMES_MAX) {
        fail(fill, err);
        return;
    }
    log_debug("%s: %s; asking again", fill->digest, err->message);
    metric_add(fill->fills->parts.counters->fill_resumes, 1);
    service_timer_arm(fill->retry, FILL_BACKOFF_MS << (fill->tries - 1), 0);
}

static void upstream_done(void *context, int result, int status, const struct error *err)
{
    struct fill *fill = context;
    struct error own = {.code = ERROR_NONE};
    fill->call = NULL;
    fill->held_back = false;
    if (result < 0) {
        ask_later(fill, err, 0);
    } else if (status != 200 && status != 206) {
        registry_status_error(&fill->repository, status, &own);
        ask_later(fill, &own, status);
    } else if (fill->size >= 0 && fill->received < (uint64_t)fill->size) {
        error_set(&own, ERROR_UPSTREAM, "the registry stopped at byte %llu of %lld",
                  (unsigned long long)fill->received, (long long)fill->size);
        ask_later(fill, &own, 0);
    } else if (fill->size >= 0 && fill->received > (uint64_t)fill->size) {
        error_set(&own, ERROR_CORRUPT, "the registry sent more bytes than it said");
        fail(fill, &own);
    } else {
        fill->body_over = true;
        advance(fill);
    }
}

static void on_retry(void *context)
{
    struct fill *fill = context;
    struct error err = {.code = ERROR_NONE};
    if (ask_upstream(fill, &err) < 0) {
        fail(fill, &err);
    }
}

static int ask_upstream(struct fill *fill, struct error *err)
{
    char path[sizeof("blobs/") + DIGEST_TEXT_SIZE];
    snprintf(path, sizeof(path), "blobs/%s", fill->digest);
    struct registry_ask ask = {
        .reference = &fill->repository,
        .path = path,
        .method = "GET",
        .range_start = (int64_t)fill->received,
        .max_bytes = fill->fills->parts.config->max_blob,
        .lowest_rate = FILL_LOWEST_RATE,
        .on_head = upstream_head,
        .on_data = upstream_data,
        .on_done = upstream_done,
        .context = fill,
    };
    fill->call = registry_start(fill->fills->parts.registry, &ask, err);
    return fill->call ? 0 : -1;
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
    fill->retry = service_timer_new(fill->fills->parts.service, on_retry, fill);
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
    return ask_upstream(fill, err);
}

static struct fill *begin(struct fills *fills, const struct reference *repository, const char *digest,
                          struct error *err)
{
    if (fills->closing || fills->count >= fills->parts.config->max_fills) {
        error_set(err, ERROR_UNAVAILABLE, "%u blobs are being fetched already; try again", fills->count);
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

struct fill *fills_join(struct fills *fills, const struct reference *repository, const char *digest, struct error *err)
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
