// SPDX-License-Identifier: Apache-2.0

#include "handle_blob.h"

#include "cache.h"
#include "fill.h"
#include "imaged.h"
#include "range.h"
#include "registry.h"
#include "stream.h"

#include "base/cleanup.h"
#include "service/metrics.h"
#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char blob_type[] = "application/octet-stream";

enum { HEAD_TIMEOUT_MS = 60000 };

// A request that waits for a fill, or for the registry's answer to a HEAD.
struct blob_wait {
    struct imaged *daemon;
    struct web_request *request;
    struct reference reference;
    struct fill *fill;
    struct fill_waiter waiter;
    int64_t size; // of a HEAD's answer
};

static void add_headers(struct web_request *request, const char *digest)
{
    char etag[DIGEST_TEXT_SIZE + 2];
    snprintf(etag, sizeof(etag), "\"%s\"", digest);
    web_add_header(request, "Docker-Content-Digest", digest);
    web_add_header(request, "ETag", etag);
    web_add_header(request, "Accept-Ranges", "bytes");
    web_add_header(request, "Cache-Control", "max-age=31536000, immutable");
}

// The Range field, unless If-Range names other content or it is a HEAD, which has no range (RFC
// 9110 section 14.2).
static const char *range_wanted(struct web_request *request, const char *digest)
{
    char etag[DIGEST_TEXT_SIZE + 2];
    snprintf(etag, sizeof(etag), "\"%s\"", digest);
    const char *condition = web_header(request, "If-Range");
    bool other = condition && strcmp(condition, etag) != 0;
    return other || web_is_head(request) ? NULL : web_header(request, "Range");
}

static void reply_unsatisfiable(struct web_request *request, uint64_t size)
{
    char text[48];
    struct error err;
    snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
    web_add_header(request, "Content-Range", text);
    error_set(&err, ERROR_RANGE, "the blob has %llu bytes", (unsigned long long)size);
    web_reply_error(request, &err);
}

static void add_content_range(struct web_request *request, const struct range *range, uint64_t size)
{
    char text[80];
    snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)range->first,
             (unsigned long long)range->last, (unsigned long long)size);
    web_add_header(request, "Content-Range", text);
}

// The whole, or a part, of a proven file. Takes the descriptor.
static void reply_proven(struct imaged *daemon, struct web_request *request, const char *digest,
                         int fd, uint64_t size)
{
    struct range range = {.first = 0, .last = size - 1};
    int status = 200;
    switch (range_parse(range_wanted(request, digest), size, &range)) {
    case RANGE_UNSATISFIABLE:
        close(fd);
        reply_unsatisfiable(request, size);
        return;
    case RANGE_PART:
        status = 206;
        add_content_range(request, &range, size);
        break;
    case RANGE_WHOLE:
        break;
    }
    add_headers(request, digest);
    uint64_t length = size ? range.last - range.first + 1 : 0;
    if (!web_is_head(request)) {
        metric_add(daemon->counters.client_bytes, (int64_t)length);
    }
    web_reply_file(request, status, blob_type, fd, range.first, length);
}

static void wait_free(struct blob_wait *wait)
{
    fill_unref(wait->fill);
    free(wait);
}

static void on_proven(void *context, struct fill *fill)
{
    struct blob_wait *wait = context;
    struct error err;
    int fd = -1;
    if (fill_has_failed(fill)) {
        web_reply_error(wait->request, fill_error(fill));
    } else if ((fd = fcntl(fill_fd(fill), F_DUPFD_CLOEXEC, 3)) < 0) {
        error_errno(&err, errno, "cannot open a file of the cache");
        web_reply_error(wait->request, &err);
    } else {
        reply_proven(wait->daemon, wait->request, wait->reference.digest, fd,
                     (uint64_t)fill_size(fill));
    }
    wait_free(wait);
}

static bool proves_whole(struct web_request *request)
{
    const char *value = web_header(request, "Bootyard-Proves-Whole");
    return value && strcmp(value, "1") == 0;
}

// The registry has answered, so the size is known, mostly. Everybody who wants all from the start,
// and who proves the whole himself, gets the bytes as they come.
static void on_fill_head(void *context, struct fill *fill)
{
    struct blob_wait *wait = context;
    struct web_request *request = wait->request;
    const char *digest = wait->reference.digest;
    const char *wanted = range_wanted(request, digest);
    if (fill_has_failed(fill)) {
        web_reply_error(request, fill_error(fill));
        wait_free(wait);
        return;
    }
    int64_t size = fill_size(fill);
    struct range range = {.first = 0};
    enum range_result result = range_parse(wanted, size < 0 ? INT64_MAX : (uint64_t)size, &range);
    bool must_wait =
        result != RANGE_WHOLE && (size < 0 || fill_is_proven(fill) || !proves_whole(request));
    // Nothing can be held back of nothing: an empty blob is whole with its head.
    if (must_wait || (size == 0 && !fill_is_proven(fill))) {
        wait->waiter.ready = on_proven;
        fill_wait(fill, FILL_PROVEN, &wait->waiter);
        return;
    }
    if (result == RANGE_UNSATISFIABLE) {
        reply_unsatisfiable(request, (uint64_t)size);
        wait_free(wait);
        return;
    }
    struct stream_part part = {.offset = 0, .length = size, .status = 200, .type = blob_type};
    if (result == RANGE_PART) {
        part = (struct stream_part){.offset = range.first,
                                    .length = (int64_t)(range.last - range.first + 1),
                                    .status = 206,
                                    .type = blob_type};
        add_content_range(request, &range, (uint64_t)size);
    }
    add_headers(request, digest);
    stream_reply(request, fill, &part, wait->daemon->service, &wait->daemon->counters);
    wait_free(wait);
}

static int head_answer(void *context, const struct fetch_head *head, struct error *err)
{
    struct blob_wait *wait = context;
    wait->size = head->content_length;
    return 0;
}

static ssize_t no_body(void *context, uint64_t position, char *buffer, size_t max)
{
    return -1;
}

static void no_destroy(void *context)
{
}

static void head_done(void *context, int result, int status, const struct error *err)
{
    static const struct web_stream_ops nothing = {.read = no_body, .destroy = no_destroy};
    struct blob_wait *wait = context;
    struct error own = {.code = ERROR_NONE};
    if (result < 0) {
        own = *err;
        registry_blame(&own);
    } else if (status != 200) {
        registry_status_error(&wait->reference, status, &own);
    }
    if (own.code != ERROR_NONE) {
        web_reply_error(wait->request, &own);
    } else {
        add_headers(wait->request, wait->reference.digest);
        web_reply_stream(wait->request, 200, blob_type, wait->size, &nothing, NULL);
    }
    wait_free(wait);
}

// A HEAD of what nobody fetches is no reason to fetch it.
static int ask_head(struct blob_wait *wait, struct error *err)
{
    char path[sizeof("blobs/") + DIGEST_TEXT_SIZE];
    snprintf(path, sizeof(path), "blobs/%s", wait->reference.digest);
    struct registry_ask ask = {
        .reference = &wait->reference,
        .path = path,
        .method = "HEAD",
        .total_timeout_ms = HEAD_TIMEOUT_MS,
        .on_head = head_answer,
        .on_done = head_done,
        .context = wait,
    };
    return registry_start(wait->daemon->registry, &ask, err) ? 0 : -1;
}

static int begin_wait(struct blob_wait *wait, struct error *err)
{
    struct imaged *daemon = wait->daemon;
    const char *digest = wait->reference.digest;
    if (web_is_head(wait->request)) {
        wait->fill = fills_find(daemon->fills, digest);
        if (!wait->fill) {
            return ask_head(wait, err);
        }
    } else {
        wait->fill = fills_join(daemon->fills, &wait->reference, digest, err);
        if (!wait->fill) {
            return -1;
        }
    }
    metric_add(daemon->counters.cache_misses, 1);
    wait->waiter.ready = on_fill_head;
    wait->waiter.context = wait;
    fill_wait(wait->fill, FILL_HEAD, &wait->waiter);
    return 0;
}

static bool reply_not_modified(struct web_request *request, const char *digest)
{
    char etag[DIGEST_TEXT_SIZE + 2];
    snprintf(etag, sizeof(etag), "\"%s\"", digest);
    const char *list = web_header(request, "If-None-Match");
    if (!list || !etag_list_has(list, etag)) {
        return false;
    }
    add_headers(request, digest);
    web_reply_empty(request, 304);
    return true;
}

void handle_blob(struct imaged *daemon, struct web_request *request,
                 const struct reference *reference)
{
    struct error err;
    int fd = -1;
    uint64_t size = 0;
    if (reply_not_modified(request, reference->digest)) {
        return;
    }
    if (cache_open(daemon->cache, reference->digest, &fd, &size, &err) == 0) {
        metric_add(daemon->counters.cache_hits, 1);
        reply_proven(daemon, request, reference->digest, fd, size);
        return;
    }
    struct blob_wait *wait = calloc(1, sizeof(*wait));
    if (!wait) {
        error_set(&err, ERROR_IO, "no memory");
        web_reply_error(request, &err);
        return;
    }
    *wait = (struct blob_wait){
        .daemon = daemon, .request = request, .reference = *reference, .size = -1};
    if (begin_wait(wait, &err) < 0) {
        wait_free(wait);
        web_reply_error(request, &err);
    }
}
