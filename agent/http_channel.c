// SPDX-License-Identifier: Apache-2.0
// Opening, keeping and closing. A kept connection is never mended: when it has ended, all of it is thrown away
// and made anew, so that certificate and name are proven again.

#include "agent/http_channel.h"

#include "agent/http.h"
#include "agent/tls.h"

#include "base/clock.h"

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    HEADERS_MAX = 64 * 1024,
    EVHTTP_NEVER_S = 30 * 24 * 3600,
};

static void on_ended(struct evhttp_connection *connection, void *context)
{
    (void)connection;
    struct http_channel *channel = context;
    channel->is_ended = true;
}

static int out_of_memory(struct error *err)
{
    return error_set(err, ERROR_IO, "out of memory for a connection");
}

static int open_parts(struct http_channel *channel, struct error *err)
{
    const struct url *url = &channel->origin;
    channel->base = event_base_new();
    // The resolver also hands literals through; it reads resolv.conf and hosts only when there is a name.
    channel->dns = channel->base
                       ? evdns_base_new(channel->base,
                                        url->host_is_address ? 0 : EVDNS_BASE_INITIALIZE_NAMESERVERS)
                       : NULL;
    if (!channel->dns) {
        return error_set(err, ERROR_IO, "no resolver for %s", url->host);
    }
    struct bufferevent *socket = NULL;
    if (url->is_https) {
        int result =
            tls_open(channel->base, url, channel->ca_file, &channel->tls, &socket, err);
        if (result < 0) {
            return result;
        }
    } else {
        socket = bufferevent_socket_new(channel->base, -1, BEV_OPT_CLOSE_ON_FREE);
    }
    if (!socket) {
        return out_of_memory(err);
    }
    channel->connection = evhttp_connection_base_bufferevent_new(channel->base, channel->dns, socket,
                                                                 url->host, url->port);
    if (!channel->connection) {
        bufferevent_free(socket);
        return out_of_memory(err);
    }
    evhttp_connection_set_timeout(channel->connection, EVHTTP_NEVER_S);
    evhttp_connection_set_max_headers_size(channel->connection, HEADERS_MAX);
    evhttp_connection_set_max_body_size(channel->connection, -1);
    evhttp_connection_set_closecb(channel->connection, on_ended, channel);
    return 0;
}

int http_channel_open(struct http_channel *channel, const struct url *url, const char *ca_file,
                      struct error *err)
{
    *channel = (struct http_channel){.origin = *url, .ca_file = ca_file};
    int result = open_parts(channel, err);
    if (result < 0) {
        http_channel_close(channel);
    }
    return result;
}

void http_channel_close(struct http_channel *channel)
{
    if (channel->connection) {
        evhttp_connection_free(channel->connection);
    }
    if (channel->dns) {
        evdns_base_free(channel->dns, 0);
    }
    if (channel->base) {
        event_base_free(channel->base);
    }
    tls_free(channel->tls);
    *channel = (struct http_channel){0};
}

bool http_channel_is_usable(struct http_channel *channel, const struct url *url, const char *ca_file)
{
    const struct url *origin = &channel->origin;
    bool same_ca = ca_file == channel->ca_file ||
                   (ca_file && channel->ca_file && strcmp(ca_file, channel->ca_file) == 0);
    if (!same_ca || origin->is_https != url->is_https || origin->port != url->port ||
        strcasecmp(origin->host, url->host) != 0 ||
        clock_monotonic_ms() - channel->rested_ms > HTTP_KEPT_REST_MS) {
        return false;
    }
    (void)event_base_loop(channel->base, EVLOOP_NONBLOCK);
    return !channel->is_ended;
}

struct http_kept *http_kept_new(void)
{
    struct http_kept *kept = calloc(1, sizeof(*kept));
    if (kept) {
        (void)pthread_mutex_init(&kept->lock, NULL);
    }
    return kept;
}

void http_kept_rest(struct http_kept *kept)
{
    if (!kept || pthread_mutex_trylock(&kept->lock) != 0) {
        return;
    }
    if (kept->is_open && clock_monotonic_ms() - kept->channel.rested_ms > HTTP_KEPT_REST_MS) {
        http_channel_close(&kept->channel);
        kept->is_open = false;
    }
    (void)pthread_mutex_unlock(&kept->lock);
}

struct http_kept *http_kept_free(struct http_kept *kept)
{
    if (kept) {
        if (kept->is_open) {
            http_channel_close(&kept->channel);
        }
        (void)pthread_mutex_destroy(&kept->lock);
        free(kept);
    }
    return NULL;
}
