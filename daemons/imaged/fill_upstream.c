// SPDX-License-Identifier: Apache-2.0
// The registry's side of a fill: asking, judging what it says about size and range, gathering its
// bytes, asking again after a cut. Called by fill.c; what came is handed over by fill_advance.

#include "fill_internal.h"

#include "base/log.h"
#include "cache.h"
#include "config.h"
#include "counters.h"
#include "registry.h"
#include "service/metrics.h"
#include "service/service.h"

#include <stdio.h>
#include <string.h>

enum {
    FILL_TRIES_MAX = 5,     // in a row that brought next to nothing
    FILL_RESUMES_MAX = 100, // in all
    FILL_PROGRESS = 65536,  // more than next to nothing
    FILL_LOWEST_RATE = 1024,
    FILL_BACKOFF_MS = 250,
};

static int check_size(struct fill *fill, int64_t size, struct error *err)
{
    const struct imaged_config *config = fill->fills->parts.config;
    if (size < 0) {
        return 0;
    }
    if ((uint64_t)size > config->max_blob) {
        return error_set(err, ERROR_TOO_LARGE, "the blob has %lld bytes, more than max_blob allows",
                         (long long)size);
    }
    if ((uint64_t)size < fill->received ||
        (fill->head_known && fill->size >= 0 && size != fill->size)) {
        return error_set(err, ERROR_CORRUPT,
                         "the registry says %lld bytes, after it was another number",
                         (long long)size);
    }
    return cache_check_room(fill->fills->parts.cache, (uint64_t)size - fill->written,
                            config->keep_free, err);
}

static int upstream_head(void *context, const struct fetch_head *head, struct error *err)
{
    struct fill *fill = context;
    fill->skip = 0;
    if (head->status == 206) {
        if ((uint64_t)head->range_start != fill->received) {
            return error_set(err, ERROR_UPSTREAM,
                             "the registry sent another range than was asked for");
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
    fill_tell(fill);
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
    if (fill->size >= 0 && take > (uint64_t)fill->size - fill->received) {
        return error_set(err, ERROR_CORRUPT, "the registry sends more bytes than it said");
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
    fill_advance(fill);
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
    if (!may_ask_again(err->code, status) || ++fill->tries >= FILL_TRIES_MAX ||
        ++fill->resumes > FILL_RESUMES_MAX) {
        fill_fail(fill, err);
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
        fill_fail(fill, &own);
    } else {
        fill->body_over = true;
        fill_advance(fill);
    }
}

void fill_on_retry(void *context)
{
    struct fill *fill = context;
    struct error err = {.code = ERROR_NONE};
    if (fill_ask_upstream(fill, &err) < 0) {
        fill_fail(fill, &err);
    }
}

int fill_ask_upstream(struct fill *fill, struct error *err)
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
