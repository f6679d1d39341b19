// SPDX-License-Identifier: Apache-2.0
// Clients of a fill. Called by handle_blob.c. The bytes come from the partial file, which is nearly
// always in the page cache; a client that is far behind makes a pool thread fetch them there, so
// that the loop never waits for the disk.

#include "stream.h"

#include "base/log.h"
#include "counters.h"
#include "fill.h"
#include "service/metrics.h"
#include "service/service.h"
#include "web/web.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WARM_UP = 512 * 1024 };

struct stream {
    struct service *service;
    struct counters *counters;
    struct fill *fill;
    struct fill_watcher watcher;
    struct web_stream *web;
    uint64_t offset;
    int64_t length;
    unsigned references; // web's, and the warming job's
    bool warming, closed;
    uint64_t warm_at;
};

static void stream_unref(struct stream *stream)
{
    if (--stream->references == 0) {
        fill_unref(stream->fill);
        free(stream);
    }
}

static void wake(void *context)
{
    struct stream *stream = context;
    if (stream->web && !stream->closed) {
        web_stream_wake(stream->web);
    }
}

// Pool thread: read the bytes for their being in memory afterwards.
static void warm_run(void *context)
{
    struct stream *stream = context;
    char *bytes = malloc(WARM_UP);
    if (bytes) {
        ssize_t got = pread(fill_fd(stream->fill), bytes, WARM_UP, (off_t)stream->warm_at);
        (void)got; // the loop's own read sees any failure
        free(bytes);
    }
}

static void warm_done(void *context)
{
    struct stream *stream = context;
    stream->warming = false;
    wake(stream);
    stream_unref(stream);
}

// 0: the bytes are being fetched; negative: they cannot be.
static ssize_t warm_up(struct stream *stream, uint64_t at)
{
    struct error err;
    if (stream->warming) {
        return 0;
    }
    stream->warming = true;
    stream->warm_at = at;
    stream->references++;
    if (service_work(stream->service, warm_run, warm_done, stream, &err) < 0) {
        log_warning("a client of a blob has to go: %s", err.message);
        stream->warming = false;
        stream->references--;
        return -2;
    }
    return 0;
}

static ssize_t read_file(struct stream *stream, char *buffer, size_t length, uint64_t at)
{
    struct iovec part = {.iov_base = buffer, .iov_len = length};
    ssize_t got = preadv2(fill_fd(stream->fill), &part, 1, (off_t)at, RWF_NOWAIT);
    if (got < 0 && errno == EAGAIN) {
        return warm_up(stream, at);
    }
    if (got < 0 && errno == EOPNOTSUPP) { // a file system that is memory anyway, or cannot say
        got = pread(fill_fd(stream->fill), buffer, length, (off_t)at);
    }
    if (got <= 0) {
        log_err("cannot read from the cache");
        return -2;
    }
    metric_add(stream->counters->client_bytes, got);
    return got;
}

static ssize_t stream_read(void *context, uint64_t position, char *buffer, size_t max)
{
    struct stream *stream = context;
    uint64_t at = stream->offset + position;
    uint64_t end = fill_released(stream->fill);
    bool over = fill_is_proven(stream->fill) && at >= end;
    if (over || (stream->length >= 0 && position >= (uint64_t)stream->length)) {
        return -1;
    }
    if (fill_has_failed(stream->fill)) {
        return -2;
    }
    if (stream->length >= 0 && stream->offset + (uint64_t)stream->length < end) {
        end = stream->offset + (uint64_t)stream->length;
    }
    if (at >= end) {
        return 0;
    }
    size_t length = end - at < max ? (size_t)(end - at) : max;
    return read_file(stream, buffer, length, at);
}

static void stream_destroy(void *context)
{
    struct stream *stream = context;
    stream->closed = true;
    stream->web = NULL;
    fill_unwatch(stream->fill, &stream->watcher);
    metric_add(stream->counters->stream_clients, -1);
    stream_unref(stream);
}

void stream_reply(struct web_request *request, struct fill *fill, const struct stream_part *part,
                  struct service *service, struct counters *counters)
{
    static const struct web_stream_ops ops = {.read = stream_read, .destroy = stream_destroy};
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        struct error err;
        error_set(&err, ERROR_IO, "no memory");
        web_reply_error(request, &err);
        return;
    }
    stream->service = service;
    stream->counters = counters;
    stream->fill = fill_ref(fill);
    stream->offset = part->offset;
    stream->length = part->length;
    stream->references = 2; // web's, and this function's: the connection may end at once
    stream->watcher.progress = wake;
    stream->watcher.context = stream;
    fill_watch(fill, &stream->watcher);
    metric_add(counters->stream_clients, 1);
    struct web_stream *web =
        web_reply_stream(request, part->status, part->type, part->length, &ops, stream);
    if (!stream->closed) {
        stream->web = web;
    }
    stream_unref(stream);
}
