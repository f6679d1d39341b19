// SPDX-License-Identifier: Apache-2.0
// The smallest daemon that shows all of common/web and common/service: the tests beside it drive it.
// Usage: echo_daemon [CERTIFICATE KEY]. Prints "PORT=n" (and "TLS_PORT=n") on standard output.

#include "base/cleanup.h"
#include "base/log.h"
#include "service/service.h"
#include "web/web.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WHO_TOKEN = 1, COUNT_STREAM_BLOCKS = 5 };

struct echo {
    struct service *service;
    struct web *web;
    struct web_request *parked; // replied to by /release
    unsigned destroyed;         // streams
};

struct later {
    struct web_request *request;
    char text[64];
};

struct counting {
    struct echo *echo;
    struct web_stream *stream;
    struct service_timer *timer;
    unsigned ready; // blocks that may be sent
    unsigned sent;
};

static void handle_echo(struct web_request *request, void *context)
{
    size_t length;
    const void *body = web_body(request, &length);
    web_reply_bytes(request, 200, "application/octet-stream", body, length);
}

static void handle_json(struct web_request *request, void *context)
{
    struct error err = {0};
    json_t *body = web_body_json(request, &err);
    if (!body) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200, body);
}

static void handle_args(struct web_request *request, void *context)
{
    const char *query = web_query(request, "q");
    web_reply_json(request, 200, json_pack("{s:s, s:s*, s:s, s:s, s:b}", "name", web_arg(request, "name"), "q", query,
                                           "path", web_path(request), "peer", web_peer_text(request), "tls", web_is_tls(request)));
}

static void handle_rest(struct web_request *request, void *context)
{
    web_reply_text(request, 200, "text/plain", web_arg(request, "rest"));
}

static void work_run(void *context)
{
    struct later *later = context;
    (void)snprintf(later->text, sizeof(later->text), "worked\n");
}

static void work_done(void *context)
{
    struct later *later = context;
    web_reply_text(later->request, 200, "text/plain", later->text);
    free(later);
}

static void handle_work(struct web_request *request, void *context)
{
    struct echo *echo = context;
    struct error err = {0};
    struct later *later = calloc(1, sizeof(*later));
    if (!later) {
        abort();
    }
    later->request = request;
    if (service_work(echo->service, work_run, work_done, later, &err) < 0) {
        free(later);
        web_reply_error(request, &err);
    }
}

static void handle_park(struct web_request *request, void *context)
{
    struct echo *echo = context;
    if (echo->parked) {
        struct error err;
        (void)error_set(&err, ERROR_CONFLICT, "somebody is parked already");
        web_reply_error(request, &err);
        return;
    }
    echo->parked = request;
}

static void handle_release(struct web_request *request, void *context)
{
    struct echo *echo = context;
    bool gone = echo->parked && web_client_is_gone(echo->parked);
    bool was_parked = echo->parked;
    if (echo->parked) {
        web_reply_text(echo->parked, 200, "text/plain", "released\n");
        echo->parked = NULL;
    }
    web_reply_json(request, 200, json_pack("{s:b, s:b}", "parked", was_parked, "gone", gone));
}

static ssize_t count_read(void *context, uint64_t position, char *buffer, size_t max)
{
    struct counting *counting = context;
    if (counting->sent == COUNT_STREAM_BLOCKS) {
        return -1;
    }
    if (counting->sent == counting->ready) {
        return 0;
    }
    char text[32];
    int length = snprintf(text, sizeof(text), "block %u\n", counting->sent++);
    if ((size_t)length > max) {
        return -2;
    }
    memcpy(buffer, text, (size_t)length); // without the NUL
    return length;
}

static void count_tick(void *context)
{
    struct counting *counting = context;
    counting->ready++;
    if (counting->ready == COUNT_STREAM_BLOCKS) {
        service_timer_stop(counting->timer);
    }
    web_stream_wake(counting->stream);
}

static void count_destroy(void *context)
{
    struct counting *counting = context;
    counting->echo->destroyed++;
    (void)service_timer_free(counting->timer);
    free(counting);
}

static void handle_stream(struct web_request *request, void *context)
{
    static const struct web_stream_ops ops = {.read = count_read, .destroy = count_destroy};
    struct echo *echo = context;
    struct counting *counting = calloc(1, sizeof(*counting));
    if (!counting) {
        abort();
    }
    counting->echo = echo;
    counting->timer = service_timer_new(echo->service, count_tick, counting);
    const char *total = web_query(request, "total");
    counting->stream = web_reply_stream(request, 200, "text/plain", total ? strtoll(total, NULL, 10) : -1, &ops, counting);
    if (counting->stream) {
        service_timer_arm(counting->timer, 10, 10);
    }
}

static ssize_t endless_read(void *context, uint64_t position, char *buffer, size_t max)
{
    memset(buffer, 'x', max);
    return (ssize_t)max;
}

static void endless_destroy(void *context)
{
    ((struct echo *)context)->destroyed++;
}

static void handle_endless(struct web_request *request, void *context)
{
    static const struct web_stream_ops ops = {.read = endless_read, .destroy = endless_destroy};
    (void)web_reply_stream(request, 200, "text/plain", -1, &ops, context);
}

static void handle_state(struct web_request *request, void *context)
{
    struct echo *echo = context;
    web_reply_json(request, 200, json_pack("{s:i, s:b}", "destroyed", echo->destroyed, "parked", echo->parked != NULL));
}

static void handle_file(struct web_request *request, void *context)
{
    enum { SIZE = 3 * 1024 * 1024 };
    int fd = memfd_create("file", MFD_CLOEXEC);
    CLEANUP_FREE char *bytes = malloc(SIZE);
    if (fd < 0 || !bytes) {
        abort();
    }
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (char)(i >> 8);
    }
    if (write(fd, bytes, SIZE) != SIZE) {
        abort();
    }
    web_reply_file(request, 200, "application/octet-stream", fd, 256, SIZE - 256);
}

static void handle_secret(struct web_request *request, void *context)
{
    web_reply_text(request, 200, "text/plain", web_identity(request));
}

static void handle_broken(struct web_request *request, void *context)
{
    struct error err;
    (void)error_set(&err, ERROR_INTERNAL, "path /etc/secret is not there");
    web_reply_error(request, &err);
}

static void handle_head(struct web_request *request, void *context)
{
    web_add_header(request, "X-Own-Head", "yes");
    web_reply_empty(request, 204);
}

static int authorize(struct web_request *request, unsigned who, void *context, struct error *err)
{
    const char *token = web_bearer(request);
    if (!token || strcmp(token, "open") != 0) {
        return error_set(err, ERROR_UNAUTHORIZED, "a token is needed");
    }
    web_set_identity(request, strdup("somebody"), free);
    return 0;
}

static const struct web_route routes[] = {
    {"GET", "/healthz", 0, 0, web_handle_health, "health"},
    {"GET", "/metrics", 0, 0, web_handle_metrics, "metrics"},
    {"POST", "/echo", 0, 100000, handle_echo, "echo"},
    {"POST", "/json", 0, 100000, handle_json, "json"},
    {"GET", "/args/{name}", 0, 0, handle_args, "args"},
    {"DELETE", "/args/{name}", 0, 0, handle_args, "args"},
    {"GET", "/args/fixed", 0, 0, handle_echo, "fixed"},
    {"GET", "/rest/{rest*}", 0, 0, handle_rest, "rest"},
    {"GET", "/work", 0, 0, handle_work, "work"},
    {"GET", "/park", 0, 0, handle_park, "park"},
    {"POST", "/release", 0, 0, handle_release, "release"},
    {"GET", "/stream", 0, 0, handle_stream, "stream"},
    {"GET", "/endless", 0, 0, handle_endless, "endless"},
    {"GET", "/state", 0, 0, handle_state, "state"},
    {"GET", "/file", 0, 0, handle_file, "file"},
    {"POST", "/secret", WHO_TOKEN, 1000, handle_secret, "secret"},
    {"GET", "/broken", 0, 0, handle_broken, "broken"},
    {"GET", "/head", 0, 0, handle_broken, "head"},
    {"HEAD", "/head", 0, 0, handle_head, "head"},
};

static int reload(void *context, struct error *err)
{
    return web_reload_tls(((struct echo *)context)->web, err);
}

static void drained(void *context)
{
    service_exit(((struct echo *)context)->service, 0);
}

static void stop(void *context)
{
    struct echo *echo = context;
    web_drain(echo->web, drained, echo);
}

static int listen_all(struct echo *echo, int argc, char **argv, struct error *err)
{
    struct web_listen plain = {.address = "127.0.0.1"};
    unsigned port;
    int result = web_add_listener(echo->web, &plain, &port, err);
    if (result < 0) {
        return result;
    }
    (void)printf("PORT=%u\n", port);
    if (argc == 3) {
        struct web_listen tls = {.address = "::1", .certificate = argv[1], .key = argv[2]};
        result = web_add_listener(echo->web, &tls, &port, err);
        if (result < 0) {
            return result;
        }
        (void)printf("TLS_PORT=%u\n", port);
    }
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct echo echo = {0};
    struct error err = {0};
    const struct service_hooks hooks = {.reload = reload, .stop = stop, .context = &echo};
    const struct web_settings settings = {
        .daemon = "echo",
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .context = &echo,
        .authorize = authorize,
        .challenge = "Bearer",
        .max_connections = 200,
        .head_timeout_ms = 1500,
        .body_timeout_ms = 1500,
    };
    int status = 1;
    log_set_level(LOG_LEVEL_DEBUG);
    echo.service = service_new("echo", &hooks, &err);
    echo.web = echo.service ? web_new(echo.service, &settings, &err) : NULL;
    if (echo.web && listen_all(&echo, argc, argv, &err) == 0) {
        status = service_run(echo.service);
    } else {
        log_err("%s", err.message);
    }
    echo.web = web_free(echo.web);
    if (echo.parked) {
        web_reply_text(echo.parked, 200, "text/plain", "too late\n");
    }
    echo.service = service_free(echo.service);
    return status;
}
