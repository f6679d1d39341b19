// SPDX-License-Identifier: Apache-2.0
// Bodies that come as they are made. A stream with nothing to say suspends its connection from within MHD's read
// callback; web_stream_wake resumes it.

#include "web/internal.h"

#include <stdlib.h>

enum { STREAM_BLOCK = 64 * 1024 };

static ssize_t on_read(void *context, uint64_t position, char *buffer, size_t max)
{
    struct web_stream *stream = context;
    ssize_t length = stream->ops.read(stream->context, position, buffer, max);
    if (length == 0) {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection->mhd);
    }
    if (length < 0) {
        return length == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return length;
}

static void on_destroy(void *context)
{
    struct web_stream *stream = context;
    LIST_REMOVE(stream, entry);
    stream->ops.destroy(stream->context);
    free(stream);
}

struct web_stream *web_reply_stream(struct web_request *request, int status, const char *type, int64_t total,
                                    const struct web_stream_ops *ops, void *context)
{
    struct web_stream *stream = request->connection ? calloc(1, sizeof(*stream)) : NULL;
    if (!stream) {
        ops->destroy(context);
        reply_with(request, status, type, NULL);
        return NULL;
    }
    stream->web = request->web;
    stream->connection = request->connection;
    stream->ops = *ops;
    stream->context = context;
    LIST_INSERT_HEAD(&stream->web->streams, stream, entry);
    uint64_t size = total < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)total;
    struct MHD_Response *response = MHD_create_response_from_callback(size, STREAM_BLOCK, on_read, stream, on_destroy);
    if (!response) {
        on_destroy(stream);
        stream = NULL;
    }
    reply_with(request, status, type, response);
    return stream;
}

void web_stream_wake(struct web_stream *stream)
{
    if (stream->suspended) {
        stream->suspended = false;
        connection_resume(stream->connection);
    }
}

void stream_resume_all(struct web *web)
{
    struct web_stream *stream;
    LIST_FOREACH(stream, &web->streams, entry) {
        web_stream_wake(stream);
    }
}
