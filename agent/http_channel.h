// SPDX-License-Identifier: Apache-2.0
#pragma once

// The connection under a request of http.c: event loop, resolver, socket, TLS, evhttp's state. Either it lives for one
// request, or it is kept between the requests of one caller (struct http_kept of http.h). Used by http.c only.

#include "agent/url.h"
#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct evdns_base;
struct evhttp_connection;
struct tls;

struct http_channel {
    struct url origin;
    const char *ca_file; // borrowed; compared as text
    struct event_base *base;
    struct evdns_base *dns;
    struct evhttp_connection *connection;
    struct tls *tls;
    bool is_ended;     // by the server, or by a request after which nothing else may follow
    int64_t rested_ms; // when the last request was over
};

struct http_kept {
    pthread_mutex_t lock; // who does not get it takes a connection of its own
    struct http_channel channel;
    bool is_open;
};

// Not connected yet: the first request does that. `channel` must not move until it is closed.
int http_channel_open(struct http_channel *channel, const struct url *url, const char *ca_file,
                      struct error *err);
void http_channel_close(struct http_channel *channel);

// May the next request to `url` go out on it? Looks whether the server has hung up meanwhile.
bool http_channel_is_usable(struct http_channel *channel, const struct url *url, const char *ca_file);
