// SPDX-License-Identifier: Apache-2.0
// A web as a whole: made, drained, freed; and its metrics.

#include "web/internal.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "service/metrics.h"
#include "service/service.h"

#include <string.h>

static unsigned or_default(unsigned value, unsigned default_value)
{
    return value ? value : default_value;
}

static void make_metrics(struct web *web)
{
    const char *daemon = web->settings.daemon;
    web->connections = metric_new(daemon, "http_connections", METRIC_GAUGE, "Open HTTP connections.", NULL);
    web->refused = metric_new(daemon, "http_connections_refused_total", METRIC_COUNTER,
                              "Connections refused because one address had too many.", NULL);
    web->evicted = metric_new(daemon, "http_connections_evicted_total", METRIC_COUNTER,
                              "Idle connections closed because others needed the room.", NULL);
    web->deadlines = metric_new(daemon, "http_deadlines_total", METRIC_COUNTER,
                                "Connections closed because a request came too slowly.", NULL);
}

// Made when a class of status first occurs on a route, so that /metrics stays short.
static struct metric *reply_metric(struct web *web, size_t route, unsigned class)
{
    struct metric **slot = &web->metrics[route * WEB_STATUS_CLASSES + class];
    if (*slot) {
        return *slot;
    }
    const char *label = route < web->settings.route_count ? web->settings.routes[route].label : "none";
    for (size_t i = 0; i < web->settings.route_count && route < web->settings.route_count; i++) {
        struct metric *other = web->metrics[i * WEB_STATUS_CLASSES + class];
        if (other && strcmp(web->settings.routes[i].label, label) == 0) {
            *slot = other;
            return other;
        }
    }
    CLEANUP_STRBUF struct strbuf labels;
    strbuf_init(&labels, 300);
    strbuf_puts(&labels, "route=\"");
    metrics_escape_label(label, &labels);
    strbuf_printf(&labels, "\",class=\"%uxx\"", class);
    *slot = metric_new(web->settings.daemon, "http_replies_total", METRIC_COUNTER, "HTTP replies by route and class of status.",
                       strbuf_text(&labels));
    return *slot;
}

void web_count_reply(struct web *web, const struct web_request *request)
{
    unsigned class = (unsigned)request->status / 100;
    size_t route = request->match.route ? request->match.index : web->settings.route_count;
    metric_add(reply_metric(web, route, class < WEB_STATUS_CLASSES ? class : 0), 1);
    log_debug("%s %s %s: %d", request->connection ? request->connection->peer_text : "gone", request->method,
              request->target.path ? request->target.path : "?", request->status);
}

static void drain_check(void *context)
{
    struct web *web = context;
    if (web->drained && web->connection_count == 0) {
        void (*drained)(void *) = web->drained;
        web->drained = NULL;
        drained(web->drained_context);
    }
}

struct web *web_new(struct service *service, const struct web_settings *settings, struct error *err)
{
    struct web *web = calloc(1, sizeof(*web));
    if (!web) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    web->service = service;
    web->settings = *settings;
    web->settings.max_connections = or_default(settings->max_connections, 1000);
    web->settings.max_connections_per_address = or_default(settings->max_connections_per_address, 64);
    web->settings.head_timeout_ms = or_default(settings->head_timeout_ms, 10000);
    web->settings.body_timeout_ms = or_default(settings->body_timeout_ms, 60000);
    web->settings.max_head = settings->max_head ? settings->max_head : 16 * 1024;
    LIST_INIT(&web->listeners);
    LIST_INIT(&web->connection_list);
    LIST_INIT(&web->requests);
    LIST_INIT(&web->streams);
    LIST_INIT(&web->lingers);
    web->metrics = calloc((settings->route_count + 1) * WEB_STATUS_CLASSES, sizeof(struct metric *));
    web->drain_timer = service_timer_new(service, drain_check, web);
    web->table = route_table_new(settings->routes, settings->route_count, err);
    if (!web->metrics || !web->drain_timer || !web->table) {
        (void)error_wrap(err, "web");
        return web_free(web);
    }
    make_metrics(web);
    return web;
}

// MHD ends the program if a daemon is stopped while connections are suspended.
static void resume_all(struct web *web)
{
    struct web_request *request;
    LIST_FOREACH(request, &web->requests, entry) {
        if (request->suspended) {
            request->suspended = false;
            connection_resume(request->connection);
        }
    }
    stream_resume_all(web);
}

struct web *web_free(struct web *web)
{
    if (!web) {
        return NULL;
    }
    web->closing = true;
    resume_all(web);
    while (!LIST_EMPTY(&web->listeners)) {
        listener_free(LIST_FIRST(&web->listeners));
    }
    linger_free_all(web);
    web->drain_timer = service_timer_free(web->drain_timer);
    web->table = route_table_free(web->table);
    free(web->metrics);
    free(web);
    return NULL;
}

void web_stop_accepting(struct web *web)
{
    struct web_listener *listener;
    LIST_FOREACH(listener, &web->listeners, entry) {
        listener_stop_accepting(listener);
    }
}

void web_check_drained(struct web *web)
{
    if (web->drained && web->connection_count == 0 && !web->closing) {
        service_timer_arm(web->drain_timer, 0, 0);
    }
}

void web_drain(struct web *web, void (*drained)(void *context), void *context)
{
    web->draining = true;
    web->drained = drained;
    web->drained_context = context;
    web_stop_accepting(web);
    connection_release_idle(web);
    web_check_drained(web);
}

int web_reload_tls(struct web *web, struct error *err)
{
    struct web_listener *listener;
    LIST_FOREACH(listener, &web->listeners, entry) {
        int result = listener->tls ? tls_reload(listener->tls, err) : 0;
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

void web_handle_health(struct web_request *request, void *context)
{
    web_reply_text(request, 200, "text/plain; charset=utf-8", "ok\n");
}

void web_handle_metrics(struct web_request *request, void *context)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, 4 * 1024 * 1024);
    metrics_write(&text);
    if (strbuf_failed(&text)) {
        struct error err;
        (void)error_set(&err, ERROR_INTERNAL, "the metrics do not fit into 4 MiB");
        web_reply_error(request, &err);
        return;
    }
    web_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_text(&text));
}
