// SPDX-License-Identifier: Apache-2.0
#pragma once

// The HTTP client side of the daemons, over libcurl's multi interface on the service's loop. Every
// outbound byte passes the address guard: the address that a connection is really made to, after
// DNS, is checked, so a name that resolves to loopback, link-local, private or multicast addresses
// is refused unless the request's guard allows it. Redirects are followed here, one by one: each
// target is asked of `allow_url` again, credentials never leave their origin (scheme, host, port),
// https never becomes http. No proxies, no cookies, no netrc; only http and https; TLS 1.2 or
// later, verified. GET and HEAD follow up to 5 redirects; a POST's redirect is its answer.
// Callbacks never run inside fetch_start, fetch_resume or fetch_cancel, and may call all three.
// Threads: the loop's.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service;
struct fetcher;
struct fetch;

struct fetch_head {
    int status;
    int64_t content_length;       // -1 unknown
    int64_t range_start;          // of a 206's Content-Range, else 0
    int64_t range_total;          // of a 206's Content-Range, else content_length
    const char *content_type;     // "" if none; all borrowed for the call
    const char *www_authenticate; // "" if none
    const char *docker_digest;    // Docker-Content-Digest, "" if none
    const char *etag;
};

enum { FETCH_ALLOW_PRIVATE = 1 };

struct fetch_request {
    const char *method; // "GET" or "HEAD"; POST with a body
    const char *url;
    const char *const *headers; // "Name: value", NULL-terminated list; may be NULL
    const char *authorization;  // value of Authorization; dropped when a redirect leaves the origin
    const void *body;
    size_t body_length;
    const char *ca_file;          // NULL: the system's bundle
    bool allow_private_addresses; // for the first URL's origin; a redirect elsewhere is guarded
                                  // again
    int64_t range_start;          // > 0: Range: bytes=N-
    uint64_t max_bytes;           // of the body; more is ERROR_TOO_LARGE
    unsigned connect_timeout_ms;  // 0: 10,000
    unsigned stall_timeout_ms;    // 0: 30,000 without a byte
    unsigned total_timeout_ms;    // 0: none
    unsigned
        lowest_rate; // bytes a second over any stall_timeout_ms, or it counts as stalled; 0: any
    // Asked for the first URL and for every redirect; NULL: all that the guard lets through. 0 =
    // allowed, FETCH_ALLOW_PRIVATE = allowed, and this URL's host may have a private address.
    int (*allow_url)(void *context, const char *url, struct error *err);
    // The final answer's head (not a followed redirect's); negative stops. May be NULL.
    int (*on_head)(void *context, const struct fetch_head *head, struct error *err);
    // 0 = taken; 1 = not now: the same bytes come again after fetch_resume; negative stops.
    int (*on_data)(void *context, const void *data, size_t length, struct error *err);
    // Called exactly once, last, unless the fetch is cancelled: result 0 = the whole answer came
    // (any status), else err says why.
    void (*on_done)(void *context, int result, int status, const struct error *err);
    void *context;
};

struct fetcher *fetcher_new(struct service *service, struct error *err);
struct fetcher *fetcher_free(struct fetcher *fetcher); // cancels all

// Everything in `request` is copied. Returns NULL with err when it cannot even start (bad URL,
// refused).
struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                          struct error *err);
void fetch_resume(struct fetch *fetch);
struct fetch *
fetch_cancel(struct fetch *fetch); // on_done is not called; returns NULL; NULL allowed

// The guard's rule, for tests: true when connecting is refused without allow_private_addresses.
// Covers IPv4-mapped, 6to4, NAT64, CGNAT, documentation, benchmark and reserved blocks.
struct sockaddr;
bool fetch_address_is_private(const struct sockaddr *address);
