// SPDX-License-Identifier: Apache-2.0
// One request on a connection (http_channel.c) that is gone when the call returns, unless the caller keeps it. evhttp
// speaks HTTP; the time limits are this file's own, since evhttp has one for everything and counts the time that a
// callback blocked.

#include "agent/http.h"

#include "agent/http_channel.h"
#include "agent/tls.h"
#include "agent/url.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

enum {
    DROPPED_BODY_MAX = 64 * 1024,
    CONNECT_DEFAULT_MS = 10000,
    IDLE_DEFAULT_MS = 30000,
};

struct call {
    const struct http_request *request;
    struct url url;
    struct http_response response;
    struct error *err;
    int result; // 0, or the first failure
    bool is_over;
    bool is_connected;
    bool has_head;
    bool has_parse_cause;
    enum evhttp_request_error parse_cause;
    uint64_t dropped;
    struct http_channel *channel;
    bool is_reused;   // the channel had a request before
    bool is_complete; // the whole answer was read
    bool was_cut;     // ended before an answer began
    bufferevent_event_cb evhttp_event;
    void *evhttp_context;
    int connect_errno;
    struct event *quiet_timer; // to connect, then between any two signs of life
    struct event *total_timer;
};

static pthread_once_t libevent_once = PTHREAD_ONCE_INIT;

static void on_libevent_log(int severity, const char *message)
{
    (void)severity; // what matters comes back as an error of the call
    log_debug("libevent: %s", message);
}

static void libevent_begin(void)
{
    (void)evthread_use_pthreads();
    event_set_log_callback(on_libevent_log);
}

static void end_call(struct call *call)
{
    call->is_over = true;
    (void)event_base_loopbreak(call->channel->base);
}

static void fail_call(struct call *call, int result)
{
    if (!call->is_over) {
        call->result = result;
        end_call(call);
    }
}

// Who does not read the body has its answer with the head (CAPRF facts, A-33).
static bool head_is_enough(const struct call *call)
{
    return call->has_head && !call->request->on_data;
}

static void fail_upstream(struct call *call, enum error_code code, const char *what)
{
    if (call->is_over) {
        return;
    }
    if (head_is_enough(call)) {
        end_call(call);
        return;
    }
    fail_call(call, error_set(call->err, code, "%s:%u: %s", call->url.host, call->url.port, what));
}

static void arm(struct call *call, struct event *timer, int64_t milliseconds)
{
    // A callback may have blocked for long: without this the time-out counts from before it.
    (void)event_base_update_cache_time(call->channel->base);
    struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    (void)event_add(timer, &time);
}

static void sign_of_life(struct call *call)
{
    int idle_ms = call->request->idle_timeout_ms;
    arm(call, call->quiet_timer, idle_ms > 0 ? idle_ms : IDLE_DEFAULT_MS);
}

static void on_quiet(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct call *call = context;
    fail_upstream(call, ERROR_TIMEOUT,
                  call->is_connected ? "no byte within the time limit" : "no connection in time");
}

static void on_total(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    fail_upstream(context, ERROR_TIMEOUT, "the answer took too long");
}

// The request enters the output buffer when the connection (with TLS) stands, and leaves it as it is sent.
static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
    (void)buffer;
    (void)info;
    struct call *call = context;
    call->is_connected = true;
    if (!call->is_over) {
        sign_of_life(call);
    }
}

static int64_t parse_length(const char *text)
{
    char *end;
    errno = 0;
    long long value = text && *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
    return value < 0 || errno || *end ? -1 : value;
}

// "bytes 100-199/1000": the start must be what was asked for, or the bytes would land in the wrong place.
static int read_content_range(struct call *call, const char *text)
{
    int64_t start = -1;
    int64_t last = -1;
    int64_t total = -1;
    int fields = text ? sscanf(text, "bytes %" SCNd64 "-%" SCNd64 "/%" SCNd64, &start, &last, &total)
                      : 0;
    if (fields < 2 || start != call->request->range_start || last < start) {
        return -1;
    }
    call->response.total_length = fields == 3 ? total : -1;
    return 0;
}

static void copy_header(struct evkeyvalq *headers, const char *name, char *text, size_t size)
{
    const char *value = evhttp_find_header(headers, name);
    (void)snprintf(text, size, "%s", value ? value : "");
}

static int read_head(struct call *call, struct evhttp_request *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(answer);
    struct http_response *response = &call->response;
    response->status = evhttp_request_get_response_code(answer);
    response->content_length = parse_length(evhttp_find_header(headers, "Content-Length"));
    response->total_length = response->content_length;
    copy_header(headers, "ETag", response->etag, sizeof(response->etag));
    copy_header(headers, "Content-Type", response->content_type, sizeof(response->content_type));
    if (response->status == 206 &&
        read_content_range(call, evhttp_find_header(headers, "Content-Range")) < 0) {
        return error_set(call->err, ERROR_UPSTREAM, "%s:%u: the answer is another range",
                         call->url.host, call->url.port);
    }
    return 0;
}

static int on_head(struct evhttp_request *answer, void *context)
{
    struct call *call = context;
    if (call->is_over || evhttp_request_get_response_code(answer) < 200) {
        return 0;
    }
    int result = read_head(call, answer);
    if (result == 0) {
        call->has_head = true;
        if (call->request->on_head) {
            result = call->request->on_head(call->request->context, &call->response, call->err);
        }
    }
    if (result < 0) {
        call->has_head = false;
        fail_call(call, result);
        return 0; // evhttp would call back into a request that is over
    }
    sign_of_life(call);
    return 0;
}

static void on_body(struct evhttp_request *answer, void *context)
{
    struct call *call = context;
    struct evbuffer *body = evhttp_request_get_input_buffer(answer);
    while (!call->is_over && evbuffer_get_length(body) > 0) {
        size_t length = evbuffer_get_contiguous_space(body);
        if (call->request->on_data) {
            int result = call->request->on_data(call->request->context,
                                                evbuffer_pullup(body, (ev_ssize_t)length), length,
                                                call->err);
            if (result < 0) {
                fail_call(call, result);
            }
        } else {
            call->dropped += length;
            if (call->dropped > DROPPED_BODY_MAX) {
                end_call(call);
            }
        }
        (void)evbuffer_drain(body, length);
    }
    if (!call->is_over) {
        sign_of_life(call);
    }
}

static void on_parse_error(enum evhttp_request_error cause, void *context)
{
    struct call *call = context;
    call->has_parse_cause = true;
    call->parse_cause = cause;
}

// Stands before evhttp's own while it connects: by the time evhttp says that it failed, errno is another.
static void on_connect_event(struct bufferevent *channel, short what, void *context)
{
    struct call *call = context;
    call->connect_errno = errno;
    call->evhttp_event(channel, what, call->evhttp_context);
}

static void watch_connect(struct call *call)
{
    struct bufferevent *channel = evhttp_connection_get_bufferevent(call->channel->connection);
    bufferevent_data_cb on_read;
    bufferevent_data_cb on_write;
    bufferevent_getcb(channel, &on_read, &on_write, &call->evhttp_event, &call->evhttp_context);
    if (!on_read && !on_write && call->evhttp_event) {
        bufferevent_setcb(channel, NULL, NULL, on_connect_event, call);
    }
}

static void explain_connect(struct call *call, char *text, size_t size)
{
    struct bufferevent *channel = evhttp_connection_get_bufferevent(call->channel->connection);
    int dns = bufferevent_socket_get_dns_error(channel);
    char reason[128];
    // Where connect(2) itself failed (no route, say), there was no event and the reason is lost.
    int number = call->connect_errno ? call->connect_errno : ENETUNREACH;
    (void)snprintf(text, size, "cannot connect: %s",
                   dns ? evutil_gai_strerror(dns) : strerror_r(number, reason, sizeof(reason)));
}

static const char *parse_cause_text(enum evhttp_request_error cause)
{
    switch (cause) {
    case EVREQ_HTTP_TIMEOUT:
        return "no byte within the time limit";
    case EVREQ_HTTP_EOF:
        return "the connection was closed before the answer was complete";
    case EVREQ_HTTP_INVALID_HEADER:
        return "the answer is not valid HTTP";
    case EVREQ_HTTP_BUFFER_ERROR:
        return "the connection broke before the answer was complete";
    case EVREQ_HTTP_DATA_TOO_LONG:
        return "the answer's head is too large";
    default:
        return "the request was cancelled";
    }
}

static void on_done(struct evhttp_request *answer, void *context)
{
    struct call *call = context;
    if (call->is_over) {
        return;
    }
    if (answer && evhttp_request_get_response_code(answer) >= 200 && call->has_head &&
        !call->has_parse_cause) {
        call->is_complete = true;
        end_call(call);
        return;
    }
    call->was_cut = !call->has_head &&
                    (!call->has_parse_cause || call->parse_cause == EVREQ_HTTP_EOF ||
                     call->parse_cause == EVREQ_HTTP_BUFFER_ERROR);
    char text[300];
    if (call->channel->tls && tls_explain(call->channel->tls, text, sizeof(text))) {
        fail_upstream(call, ERROR_UPSTREAM, text);
    } else if (!call->is_connected) {
        explain_connect(call, text, sizeof(text));
        fail_upstream(call, ERROR_UPSTREAM, text);
    } else if (call->has_parse_cause) {
        fail_upstream(call, ERROR_UPSTREAM, parse_cause_text(call->parse_cause));
    } else {
        fail_upstream(call, ERROR_UPSTREAM, parse_cause_text(EVREQ_HTTP_EOF));
    }
}

static int out_of_memory(struct error *err)
{
    return error_set(err, ERROR_IO, "out of memory for a request");
}

static int make_timers(struct call *call)
{
    struct evbuffer *output =
        bufferevent_get_output(evhttp_connection_get_bufferevent(call->channel->connection));
    call->quiet_timer = evtimer_new(call->channel->base, on_quiet, call);
    call->total_timer = evtimer_new(call->channel->base, on_total, call);
    if (!call->quiet_timer || !call->total_timer || !evbuffer_add_cb(output, on_output, call)) {
        return out_of_memory(call->err);
    }
    return 0;
}

static int add_headers(const struct call *call, struct evkeyvalq *headers)
{
    const struct http_request *request = call->request;
    char host[URL_HOST_SIZE + 16];
    bool is_six = strchr(call->url.host, ':') != NULL;
    (void)snprintf(host, sizeof(host), is_six ? "[%s]:%u" : "%s:%u", call->url.host, call->url.port);
    if (call->url.port == (call->url.is_https ? 443 : 80)) {
        *strrchr(host, ':') = '\0';
    }
    int bad = evhttp_add_header(headers, "Host", host);
    bad |= evhttp_add_header(headers, "User-Agent", "bootyard-agent");
    bad |= evhttp_add_header(headers, "Connection", request->kept ? "keep-alive" : "close");
    if (request->bearer) {
        size_t size = strlen(request->bearer) + sizeof("Bearer ");
        CLEANUP_FREE char *value = malloc(size);
        if (!value) {
            return -1;
        }
        (void)snprintf(value, size, "Bearer %s", request->bearer);
        bad |= evhttp_add_header(headers, "Authorization", value);
        explicit_bzero(value, size);
    }
    if (request->content_type) {
        bad |= evhttp_add_header(headers, "Content-Type", request->content_type);
    }
    if (request->accept) {
        bad |= evhttp_add_header(headers, "Accept", request->accept);
    }
    if (request->proves_whole) {
        bad |= evhttp_add_header(headers, "Bootyard-Proves-Whole", "1");
    }
    if (request->boot_id) {
        bad |= evhttp_add_header(headers, "Bootyard-Boot-Id", request->boot_id);
    }
    if (request->range_start > 0) {
        char range[48];
        (void)snprintf(range, sizeof(range), "bytes=%" PRId64 "-", request->range_start);
        bad |= evhttp_add_header(headers, "Range", range);
        if (request->if_range) {
            bad |= evhttp_add_header(headers, "If-Range", request->if_range);
        }
    }
    return bad;
}

static int method_find(const char *name, enum evhttp_cmd_type *ret_method)
{
    static const struct {
        const char *name;
        enum evhttp_cmd_type method;
    } methods[] = {{"GET", EVHTTP_REQ_GET}, {"HEAD", EVHTTP_REQ_HEAD}, {"POST", EVHTTP_REQ_POST}};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(name, methods[i].name) == 0) {
            *ret_method = methods[i].method;
            return 0;
        }
    }
    return -1;
}

static int send_request(struct call *call)
{
    const struct http_request *request = call->request;
    enum evhttp_cmd_type method;
    if (method_find(request->method, &method) < 0) {
        return error_set(call->err, ERROR_INTERNAL, "method %s is not known", request->method);
    }
    struct evhttp_request *message = evhttp_request_new(on_done, call);
    if (!message) {
        return out_of_memory(call->err);
    }
    evhttp_request_set_header_cb(message, on_head);
    evhttp_request_set_chunked_cb(message, on_body);
    evhttp_request_set_error_cb(message, on_parse_error);
    int bad = add_headers(call, evhttp_request_get_output_headers(message));
    if (!bad && request->body_length > 0) {
        bad = evbuffer_add_reference(evhttp_request_get_output_buffer(message), request->body,
                                     request->body_length, NULL, NULL);
    }
    if (bad) {
        evhttp_request_free(message);
        return error_set(call->err, ERROR_BAD_REQUEST, "a header of the request is not valid");
    }
    int connect_ms = request->connect_timeout_ms;
    arm(call, call->quiet_timer, connect_ms > 0 ? connect_ms : CONNECT_DEFAULT_MS);
    call->is_connected = call->is_reused;
    if (request->total_timeout_ms > 0) {
        arm(call, call->total_timer, request->total_timeout_ms);
    }
    // From here the message belongs to the connection, also when this fails.
    if (evhttp_make_request(call->channel->connection, message, method, call->url.target) < 0) {
        fail_upstream(call, ERROR_UPSTREAM, "the request could not be started");
    } else {
        watch_connect(call);
    }
    return 0;
}

static int run_call(struct call *call)
{
    int result = make_timers(call);
    if (result == 0) {
        result = send_request(call);
    }
    if (result < 0) {
        return result;
    }
    while (!call->is_over) {
        if (event_base_loop(call->channel->base, EVLOOP_ONCE) != 0) {
            fail_upstream(call, ERROR_INTERNAL, "the request's event loop ended early");
        }
    }
    return call->result;
}

// Nothing of the call stays in the channel, which may serve the next one.
static void leave_channel(struct call *call)
{
    struct http_channel *channel = call->channel;
    call->is_over = true;
    if (call->quiet_timer) {
        event_free(call->quiet_timer);
    }
    if (call->total_timer) {
        event_free(call->total_timer);
    }
    struct bufferevent *socket = evhttp_connection_get_bufferevent(channel->connection);
    (void)evbuffer_remove_cb(bufferevent_get_output(socket), on_output, call);
    if (!call->is_complete) {
        channel->is_ended = true; // the rest of its answer would be taken for the next one's
    }
    channel->rested_ms = clock_monotonic_ms();
}

static int perform_once(struct call *call)
{
    struct http_channel channel;
    int result = http_channel_open(&channel, &call->url, call->request->ca_file, call->err);
    if (result < 0) {
        return result;
    }
    call->channel = &channel;
    result = run_call(call);
    leave_channel(call);
    http_channel_close(&channel);
    return result;
}

// Called with the kept connection's lock held.
static int perform_kept(struct call *call, struct http_kept *kept)
{
    const char *ca_file = call->request->ca_file;
    call->channel = &kept->channel;
    call->is_reused = kept->is_open && http_channel_is_usable(&kept->channel, &call->url, ca_file);
    if (!call->is_reused) {
        if (kept->is_open) {
            http_channel_close(&kept->channel);
        }
        int result = http_channel_open(&kept->channel, &call->url, ca_file, call->err);
        kept->is_open = result == 0;
        if (result < 0) {
            return result;
        }
    }
    int result = run_call(call);
    leave_channel(call);
    if (kept->channel.is_ended) {
        http_channel_close(&kept->channel);
        kept->is_open = false;
    }
    return result;
}

int http_perform(const struct http_request *request, struct http_response *ret_response,
                 struct error *err)
{
    (void)pthread_once(&libevent_once, libevent_begin);
    struct call call = {.request = request, .err = err};
    if (request->ret_was_cut) {
        *request->ret_was_cut = false;
    }
    int result = url_parse(request->url, &call.url, err);
    if (result < 0) {
        return result;
    }
    if (request->bearer && !url_may_carry_secret(&call.url, request->insecure_transport)) {
        return error_set(err, ERROR_FORBIDDEN,
                         "%s:%u: a token is not sent over plain http to another host",
                         call.url.host, call.url.port);
    }
    struct http_kept *kept = request->kept;
    if (kept && pthread_mutex_trylock(&kept->lock) == 0) {
        result = perform_kept(&call, kept);
        (void)pthread_mutex_unlock(&kept->lock);
    } else {
        result = perform_once(&call);
    }
    if (request->ret_was_cut) {
        *request->ret_was_cut = call.is_reused && call.was_cut;
    }
    if (result == 0) {
        *ret_response = call.response;
    }
    return result;
}
