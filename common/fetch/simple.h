// SPDX-License-Identifier: Apache-2.0
#pragma once

// One HTTP exchange that the caller waits for: for command-line tools, never for a daemon (it
// blocks). It asks whom its user names, so there is no address guard; but no redirects, proxies,
// cookies or netrc either, and TLS is 1.2 or later and verified. Threads: any, one at a time.

#include "base/error.h"
#include "base/strbuf.h"

#include <stdint.h>

struct simple_request {
    const char *method;
    const char *url;           // http:// or https://
    const char *authorization; // value of Authorization; NULL: none
    const char *content_type;  // of the body
    const void *body;
    size_t body_length;
    const char *ca_file;       // PEM; NULL: the system's bundle
    unsigned total_timeout_ms; // 0: none
};

// 0 = an answer came, with any status; its body is appended to `body`, which the caller has
// initialised: its maximum is the limit (ERROR_TOO_LARGE). ERROR_UNAVAILABLE: no connection, or it
// broke; ERROR_TIMEOUT; ERROR_UPSTREAM: broken answer or certificate.
int simple_fetch(const struct simple_request *request, int *ret_status, struct strbuf *body,
                 struct error *err);
