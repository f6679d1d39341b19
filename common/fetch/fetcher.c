// SPDX-License-Identifier: Apache-2.0
// Outbound requests on the service's loop: curl's multi interface gets its sockets and its one
// timer from there. Called by whoever fetches (imaged's registry client, redfishd's BMCs). curl
// must not be re-entered from its own callbacks, so whatever a callback asks for is noted and done
// by settle() when curl is off the stack.

#include "fetch/transfer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

struct watch {
    struct lane *lane;
    curl_socket_t fd;
    struct service_io *io;
};

static void settle(struct fetcher *fetcher);

static void want_attention(struct fetcher *fetcher)
{
    fetcher->attention = true;
    service_timer_arm(fetcher->kick, 0, 0);
}

static void drive(struct lane *lane, curl_socket_t fd, int bits)
{
    int running = 0;
    lane->fetcher->depth++;
    curl_multi_socket_action(lane->multi, fd, bits, &running);
    lane->fetcher->depth--;
    settle(lane->fetcher);
}

static void on_socket_ready(void *context, unsigned what)
{
    struct watch *watch = context;
    int bits =
        (what & SERVICE_READ ? CURL_CSELECT_IN : 0) | (what & SERVICE_WRITE ? CURL_CSELECT_OUT : 0);
    drive(watch->lane, watch->fd, bits); // may free the watch
}

static void on_lane_timer(void *context)
{
    drive(context, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(void *context)
{
    settle(context);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct lane *lane = context;
    struct watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            service_io_free(watch->io);
            free(watch);
            curl_multi_assign(lane->multi, fd, NULL);
        }
        return 0;
    }
    unsigned wanted =
        (what & CURL_POLL_IN ? SERVICE_READ : 0U) | (what & CURL_POLL_OUT ? SERVICE_WRITE : 0U);
    if (watch) {
        service_io_set(watch->io, wanted);
        return 0;
    }
    watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return -1;
    }
    watch->lane = lane;
    watch->fd = fd;
    watch->io = service_io_new(lane->fetcher->service, fd, wanted, on_socket_ready, watch);
    if (!watch->io) {
        free(watch);
        return -1;
    }
    curl_multi_assign(lane->multi, fd, watch);
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct lane *lane = context;
    (void)multi;
    if (timeout_ms < 0) {
        service_timer_stop(lane->timer);
    } else {
        service_timer_arm(lane->timer, timeout_ms, 0);
    }
    return 0;
}

static int lane_init(struct lane *lane, struct fetcher *fetcher, struct error *err)
{
    lane->fetcher = fetcher;
    lane->timer = service_timer_new(fetcher->service, on_lane_timer, lane);
    lane->multi = curl_multi_init();
    if (!lane->timer || !lane->multi) {
        return error_set(err, ERROR_IO, "no memory");
    }
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, 16L);
    return 0;
}

struct fetcher *fetcher_new(struct service *service, struct error *err)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    if (!fetcher) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    fetcher->service = service;
    fetcher->curl_ready = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
    fetcher->kick = service_timer_new(service, on_kick, fetcher);
    bool made = fetcher->curl_ready && fetcher->kick;
    if (!made) {
        error_set(err, ERROR_IO, "cannot start libcurl");
    }
    for (int i = 0; made && i < LANE_COUNT; i++) {
        made = lane_init(&fetcher->lanes[i], fetcher, err) == 0;
    }
    return made ? fetcher : fetcher_free(fetcher);
}

static void leave_multi(struct fetch *fetch)
{
    if (fetch->in_multi) {
        fetch->fetcher->depth++;
        curl_multi_remove_handle(fetch->fetcher->lanes[fetch->lane].multi, fetch->easy);
        fetch->fetcher->depth--;
        fetch->in_multi = false;
    }
}

static void free_secret(char *text)
{
    if (text) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static struct fetch *fetch_free(struct fetch *fetch)
{
    leave_multi(fetch);
    transfer_drop_easy(fetch);
    service_timer_free(fetch->deadline);
    curl_slist_free_all(fetch->headers);
    free(fetch->url);
    free_secret(fetch->authorization);
    free(fetch->ca_file);
    free(fetch->body);
    free(fetch);
    return NULL;
}

static void unlink_fetch(struct fetch *fetch)
{
    for (struct fetch **link = &fetch->fetcher->first; *link; link = &(*link)->next) {
        if (*link == fetch) {
            *link = fetch->next;
            return;
        }
    }
}

struct fetcher *fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher) {
        return NULL;
    }
    fetcher->settling = true; // nothing is called back any more
    while (fetcher->first) {
        struct fetch *fetch = fetcher->first;
        fetcher->first = fetch->next;
        fetch_free(fetch);
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        if (fetcher->lanes[i].multi) {
            curl_multi_cleanup(fetcher->lanes[i].multi);
        }
        service_timer_free(fetcher->lanes[i].timer);
    }
    service_timer_free(fetcher->kick);
    if (fetcher->curl_ready) {
        curl_global_cleanup();
    }
    free(fetcher);
    return NULL;
}

// The request is over: tell its owner once, then forget it.
static void finish(struct fetch *fetch, int result, const struct error *err)
{
    leave_multi(fetch);
    fetch->finished = true;
    if (fetch->request.on_done && !fetch->cancelled) {
        int status = result < 0 ? 0 : fetch->head.status;
        fetch->request.on_done(fetch->request.context, result, status, err);
    }
    unlink_fetch(fetch);
    fetch_free(fetch);
}

static void start_hop(struct fetch *fetch)
{
    struct error err = {.code = ERROR_NONE};
    if (transfer_prepare(fetch, &err) < 0) {
        finish(fetch, -1, &err);
        return;
    }
    fetch->fetcher->depth++;
    CURLMcode code = curl_multi_add_handle(fetch->fetcher->lanes[fetch->lane].multi, fetch->easy);
    fetch->fetcher->depth--;
    if (code != CURLM_OK) {
        error_set(&err, ERROR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
        finish(fetch, -1, &err);
        return;
    }
    fetch->in_multi = true;
}

static void end_hop(struct fetch *fetch)
{
    struct error err = {.code = ERROR_NONE};
    enum lane_kind lane = fetch->lane;
    bool follow = transfer_hop_over(fetch, &err);
    enum lane_kind next_lane = fetch->lane;
    fetch->lane = lane; // it is still in the lane of the hop that ends
    if (!follow) {
        finish(fetch, err.code == ERROR_NONE ? 0 : -1, err.code == ERROR_NONE ? NULL : &err);
        return;
    }
    leave_multi(fetch);
    transfer_drop_easy(fetch);
    fetch->lane = next_lane;
    start_hop(fetch);
}

// Do what one fetch wants. True when it wanted something: the list may have changed.
static bool serve(struct fetch *fetch)
{
    if (fetch->cancelled) {
        unlink_fetch(fetch);
        fetch_free(fetch);
        return true;
    }
    if (fetch->hop_over) {
        fetch->hop_over = false;
        end_hop(fetch);
        return true;
    }
    if (fetch->start_wanted) {
        fetch->start_wanted = false;
        start_hop(fetch);
        return true;
    }
    if (fetch->resume_wanted) {
        fetch->resume_wanted = false;
        if (fetch->paused && fetch->in_multi) {
            fetch->paused = false;
            fetch->rate_pardoned = true;
            fetch->active_ms = clock_monotonic_ms();
            fetch->fetcher->depth++;
            curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
            fetch->fetcher->depth--;
        }
        return true;
    }
    return false;
}

static void collect_results(struct fetcher *fetcher)
{
    for (int i = 0; i < LANE_COUNT; i++) {
        int left = 0;
        for (CURLMsg *message; (message = curl_multi_info_read(fetcher->lanes[i].multi, &left));) {
            struct fetch *fetch = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
            if (message->msg == CURLMSG_DONE && fetch) {
                fetch->curl_result = message->data.result;
                fetch->hop_over = true;
                fetcher->attention = true;
            }
        }
    }
}

static void settle(struct fetcher *fetcher)
{
    if (fetcher->depth > 0 || fetcher->settling) {
        return; // whoever is on the stack settles when it is done
    }
    fetcher->settling = true;
    collect_results(fetcher);
    while (fetcher->attention) {
        fetcher->attention = false;
        struct fetch *fetch = fetcher->first;
        while (fetch) {
            if (serve(fetch)) {
                collect_results(fetcher);
                fetch = fetcher->first;
            } else {
                fetch = fetch->next;
            }
        }
    }
    fetcher->settling = false;
}

static int64_t stall_ms_of(const struct fetch *fetch)
{
    return fetch->request.stall_timeout_ms ? fetch->request.stall_timeout_ms : 30000;
}

// Milliseconds until the rate is judged; not positive when it was too low in a whole window. The
// owner's own pauses do not count.
static int64_t rate_left(struct fetch *fetch, int64_t now)
{
    int64_t window = stall_ms_of(fetch);
    int64_t left = fetch->window_ms + window - now;
    if (!fetch->request.lowest_rate || fetch->paused || fetch->rate_pardoned) {
        fetch->rate_pardoned = fetch->paused;
        left = 0;
    } else if (left <= 0) {
        uint64_t bytes = fetch->body_bytes - fetch->window_bytes;
        if (bytes * 1000 < (uint64_t)fetch->request.lowest_rate * (uint64_t)window) {
            return 0;
        }
    }
    if (left <= 0) {
        fetch->window_ms = now;
        fetch->window_bytes = fetch->body_bytes;
        left = window;
    }
    return left;
}

// Silence, rate and total time. The timer is not moved for every packet: when it fires, it looks
// how long ago the last one was.
static void on_deadline(void *context)
{
    struct fetch *fetch = context;
    int64_t now = clock_monotonic_ms();
    int64_t stall_ms = stall_ms_of(fetch);
    int64_t stall_left = fetch->paused ? stall_ms : fetch->active_ms + stall_ms - now;
    int64_t slow_left = rate_left(fetch, now);
    int64_t left = slow_left < stall_left ? slow_left : stall_left;
    int64_t total_left = 0;
    if (fetch->request.total_timeout_ms) {
        total_left = fetch->started_ms + fetch->request.total_timeout_ms - now;
        left = total_left < left ? total_left : left;
    }
    if (left > 0) {
        service_timer_arm(fetch->deadline, left, 0);
        return;
    }
    struct error err;
    char url[URL_LOG_SIZE];
    url_for_log(fetch->url, url);
    error_set(&err, ERROR_TIMEOUT, "%s: %s", url,
              stall_left <= 0  ? "no byte came for too long"
              : slow_left <= 0 ? "the bytes come too slowly"
                               : "it took too long in all");
    transfer_fail(fetch, &err);
    fetch->hop_over = true;
    want_attention(fetch->fetcher);
}

static bool header_is_clean(const char *header)
{
    return strchr(header, ':') && !strpbrk(header, "\r\n");
}

static int copy_request(struct fetch *fetch, const struct fetch_request *request, struct error *err)
{
    fetch->request = *request;
    fetch->request.url = NULL;
    fetch->request.headers = NULL;
    fetch->request.authorization = NULL;
    fetch->request.ca_file = NULL;
    fetch->request.body = NULL;
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    fetch->request.method = NULL;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(request->method, methods[i]) == 0) {
            fetch->request.method = methods[i];
        }
    }
    if (!fetch->request.method) {
        return error_set(err, ERROR_INTERNAL, "method %s is not one that is fetched with",
                         request->method);
    }
    for (const char *const *header = request->headers; header && *header; header++) {
        struct curl_slist *longer =
            header_is_clean(*header) ? curl_slist_append(fetch->headers, *header) : NULL;
        if (!longer) {
            return error_set(err, ERROR_BAD_REQUEST, "a header that cannot be sent");
        }
        fetch->headers = longer;
    }
    if (request->authorization) {
        fetch->authorization =
            strpbrk(request->authorization, "\r\n") ? NULL : strdup(request->authorization);
    }
    if (request->ca_file) {
        fetch->ca_file = strdup(request->ca_file);
    }
    if (request->body_length > 0) {
        fetch->body = malloc(request->body_length);
        if (fetch->body) {
            memcpy(fetch->body, request->body, request->body_length);
        }
    }
    if ((request->authorization && !fetch->authorization) ||
        (request->ca_file && !fetch->ca_file) || (request->body_length > 0 && !fetch->body)) {
        return error_set(err, ERROR_IO, "no memory, or a credential that cannot be sent");
    }
    return 0;
}

static int judge_first_url(struct fetch *fetch, const char *url, struct error *err)
{
    if (url_parse(url, &fetch->origin, &fetch->url, err) < 0) {
        return -1;
    }
    fetch->first_origin = fetch->origin;
    int allowed = 0;
    if (fetch->request.allow_url) {
        allowed = fetch->request.allow_url(fetch->request.context, fetch->url, err);
    }
    if (allowed < 0) {
        return -1;
    }
    bool private = fetch->request.allow_private_addresses || allowed == FETCH_ALLOW_PRIVATE;
    fetch->lane = private ? LANE_PRIVATE : LANE_GUARDED;
    return 0;
}

struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                          struct error *err)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    fetch->fetcher = fetcher;
    fetch->deadline = service_timer_new(fetcher->service, on_deadline, fetch);
    if (!fetch->deadline) {
        error_set(err, ERROR_IO, "no memory");
        return fetch_free(fetch);
    }
    if (copy_request(fetch, request, err) < 0 || judge_first_url(fetch, request->url, err) < 0) {
        return fetch_free(fetch);
    }
    fetch->started_ms = fetch->active_ms = fetch->window_ms = clock_monotonic_ms();
    fetch->start_wanted = true;
    fetch->next = fetcher->first;
    fetcher->first = fetch;
    want_attention(fetcher);
    on_deadline(fetch); // arms it
    return fetch;
}

void fetch_resume(struct fetch *fetch)
{
    fetch->resume_wanted = true;
    want_attention(fetch->fetcher);
}

struct fetch *fetch_cancel(struct fetch *fetch)
{
    if (fetch && !fetch->finished) {
        fetch->cancelled = true;
        service_timer_stop(fetch->deadline);
        want_attention(fetch->fetcher);
    }
    return NULL;
}
