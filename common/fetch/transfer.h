// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside fetch/ only: what one outbound request is between fetcher.c (which owns the loop's side
// and decides when) and transfer.c (which owns the request's side: hops, heads, bodies, the guard).
// Threads: the loop's.

#include "fetch/fetch.h"
#include "fetch/url.h"

#include <curl/curl.h>
#include <stdbool.h>

struct service;
struct service_timer;

enum { FETCH_REDIRECTS_MAX = 5, FETCH_HEAD_MAX = 65536, FETCH_REDIRECT_BODY_MAX = 65536 };

// curl keeps connections and gives them to later requests. So that none that was opened with the
// guard down is ever given to a request with the guard up, there are two lanes with their own
// connections.
enum lane_kind { LANE_GUARDED, LANE_PRIVATE, LANE_COUNT };

struct lane {
    struct fetcher *fetcher;
    CURLM *multi;
    struct service_timer *timer;
};

struct fetcher {
    struct service *service;
    struct lane lanes[LANE_COUNT];
    struct service_timer *kick; // settles soon, when something was asked for from within a callback
    struct fetch *first;
    unsigned depth; // > 0: curl is on the stack and must not be re-entered
    bool settling;
    bool attention;  // some fetch wants something
    bool curl_ready; // curl_global_init was called
};

struct head_buffer {
    size_t bytes;
    int status;
    int64_t content_length, range_start, range_total;
    char content_type[160];
    char www_authenticate[4096];
    char docker_digest[160];
    char etag[256];
    bool chunked;
    bool complete;
};

struct fetch {
    struct fetcher *fetcher;
    struct fetch *next;
    struct fetch_request request; // pointers into what is owned below
    char *url;                    // of this hop, normal form
    char *authorization, *ca_file;
    void *body;
    struct curl_slist *headers;
    struct url_origin origin;       // of this hop
    struct url_origin first_origin; // the only one that gets `authorization`
    unsigned redirects;

    CURL *easy;
    struct curl_slist *hop_headers;
    enum lane_kind lane;
    bool in_multi;
    char curl_text[CURL_ERROR_SIZE];
    CURLcode curl_result;

    struct head_buffer head;
    uint64_t body_bytes; // taken by on_data, all hops' redirect bodies apart
    uint64_t redirect_bytes;
    int64_t started_ms, active_ms; // monotonic
    int64_t window_ms;             // when the rate's window began
    uint64_t window_bytes;         // body_bytes then
    struct service_timer *deadline;
    struct error err; // of a callback, the guard or a deadline
    bool failed;      // err is set
    bool refused;     // the guard refused an address
    bool paused;
    bool rate_pardoned; // it was paused since the rate's window began
    bool start_wanted, resume_wanted, hop_over, cancelled, finished;
};

// Make the easy handle of the next hop for fetch->url. Nothing runs yet.
int transfer_prepare(struct fetch *fetch, struct error *err);
// The hop is over: true when a redirect has to be followed (fetch->url is then the new one), else
// the request is over and `err` is filled when it failed.
bool transfer_hop_over(struct fetch *fetch, struct error *err);
void transfer_drop_easy(struct fetch *fetch);
int transfer_fail(struct fetch *fetch, const struct error *err);
