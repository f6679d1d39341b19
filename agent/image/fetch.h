// SPDX-License-Identifier: Apache-2.0
#pragma once

// An image's bytes as served, once each and in order, over as many requests as it takes: after a
// cut the next request asks for the rest (Range, If-Range), from the next mirror if there are
// several. Called on stream.c's first thread.

#include "agent/http.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_URL_MAX = 8 };

struct image_fetch {
    const char *urls[IMAGE_URL_MAX];    // the same bytes at each
    const char *bearers[IMAGE_URL_MAX]; // credential for each, or NULL
    size_t url_count;
    bool insecure_transport;
    bool proves_whole; // whoever consumes the bytes checks their digest

    int (*perform)(const struct http_request *request, struct http_response *ret_response,
                   struct error *err);
    // True: give up now (fenced, or the reader has gone). Any thread.
    bool (*is_stopped)(void *context);
    // Once, when the first answer is there; `total` is -1 if the server did not say. May be NULL.
    int (*begin)(void *context, int64_t total, struct error *err);
    int (*consume)(void *context, const uint8_t *data, size_t length, struct error *err);
    // A person may want to know that a request failed and another is made. May be NULL.
    void (*notice)(void *context, const char *text);
    void *context;

    int idle_timeout_ms;
    int64_t silence_max_ms; // nobody answers for so long: give up
    int backoff_ms;         // before the second attempt; doubles, 8 s at most
};

// 0 when all bytes were consumed; their SHA-256 is in `ret_digest`.
int image_fetch_run(const struct image_fetch *fetch, uint8_t ret_digest[SHA256_BYTES],
                    struct error *err);
