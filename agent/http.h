// SPDX-License-Identifier: Apache-2.0
#pragma once

// The agent's HTTP/1.1 client: one blocking call a request, over libevent's evhttp and OpenSSL. Each
// call has its own event loop, so any thread may call it, several at once. TLS is verified against
// the system bundle (/etc/ssl/certs/ca-certificates.crt, or `ca_file`) with host name or IP address; the bearer
// token is only sent over https or to loopback unless `insecure_transport` says otherwise (CAPRF facts 0.3).
// Redirects are not followed. `on_data` runs on the calling thread; while it blocks, TCP holds the
// sender back, so a slow disk needs no buffer here.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A connection that outlives its request, for a caller that has many for one server. Opened by the first request that
// names it, used again by the next one to the same scheme, host and port if that comes soon enough, else replaced; so
// whom a URL names is proven for each. Threads: any; a request that finds it busy makes a connection of its own.
struct http_kept;

// Longer than the pulse while imaging, shorter than what a yard of agents would cost a server in idle connections.
enum { HTTP_KEPT_REST_MS = 5000 };

struct http_kept *http_kept_new(void); // NULL: no memory; a request does without
struct http_kept *http_kept_free(struct http_kept *kept);
// Close it if it was not used for so long that the next request would open another.
void http_kept_rest(struct http_kept *kept);

struct http_response {
    int status;
    int64_t content_length; // of this body; -1 if the server did not say
    int64_t total_length;   // of the whole object: from Content-Range of a 206, else content_length
    char etag[160];         // "" if none
    char content_type[128];
};

struct http_request {
    const char *method; // "GET", "HEAD", "POST"
    const char *url;    // http or https; percent-encoding is the caller's
    const char *bearer; // NULL: no Authorization
    bool insecure_transport;
    const char *ca_file; // NULL: the system bundle
    const char *content_type; // of the body; NULL if there is none
    const void *body;
    size_t body_length;
    const char *accept;   // NULL: none
    int64_t range_start;  // > 0: "Range: bytes=N-"
    const char *if_range; // entity tag for the range, or NULL
    bool proves_whole;    // the caller checks the digest of the whole: imaged need not wait for its own proof before a range
    const char *boot_id;  // "Bootyard-Boot-Id": of the kernel that runs the agent; NULL: none
    struct http_kept *kept; // may be NULL
    // May be NULL. True afterwards: the kept connection ended before an answer began. Most likely the server closed it
    // for being idle and never had the request, but nobody knows.
    bool *ret_was_cut;
    int connect_timeout_ms;
    int idle_timeout_ms;  // no byte for so long ends the request
    int64_t total_timeout_ms; // 0: none
    // Called once with the head, before any data; negative stops. May be NULL.
    int (*on_head)(void *context, const struct http_response *head, struct error *err);
    // Called for body bytes of any status; negative stops. NULL: the body is read (64 KiB at most) and dropped.
    int (*on_data)(void *context, const void *data, size_t length, struct error *err);
    void *context;
};

// 0 when a complete answer came, whatever its status (in `ret_response`). Negative: nothing usable came
// (ERROR_UPSTREAM, ERROR_TIMEOUT), the transport was refused (ERROR_FORBIDDEN), or a callback stopped it (its error).
int http_perform(const struct http_request *request, struct http_response *ret_response, struct error *err);
