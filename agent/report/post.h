// SPDX-License-Identifier: Apache-2.0
#pragma once

// One POST to the controller as every report makes it: bearer token, 30 s, any 2xx is an acknowledgement, 409
// is the fence. Retries inside are CAPRF's (facts 1.0). Threads: any.

#include "base/error.h"
#include "base/vars.h"

#include <stdatomic.h>
#include <stddef.h>

enum { POST_ATTEMPTS = 3 };

struct http_kept;

struct post {
    const struct vars *vars; // TOKEN and INSECURE_TRANSPORT
    atomic_bool *is_fenced;  // set by a 409
    struct http_kept *kept;  // borrowed; NULL: a connection for each post
};

struct post_body {
    const char *type; // content type
    const void *bytes;
    size_t length;
};

// One try; a second one at once if it was a kept connection's end that failed it. Negative: ERROR_CONFLICT (fenced), ERROR_FORBIDDEN (not sent: a token over plain http), ERROR_UPSTREAM or
// ERROR_TIMEOUT. `ret_status` (may be NULL) is 0 when no answer came.
int post_once(const struct post *post, const char *url, struct post_body body, int *ret_status,
              struct error *err);

// Up to POST_ATTEMPTS tries with 1 s and 2 s between; ends early when fenced or refused locally.
int post_retry(const struct post *post, const char *url, struct post_body body, struct error *err);

struct post_body post_text(const char *text);
