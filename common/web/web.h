// SPDX-License-Identifier: Apache-2.0
#pragma once

// The HTTP server side of a daemon, over libmicrohttpd on the service's loop. One route table is the truth: it
// yields 404, 405 with Allow, the auth rule, the body limit and the metrics label. /metrics and /healthz are
// answered here for every daemon that lists them in its table (web_handle_metrics, web_handle_health).
//
// A handler runs on the loop's thread with the whole body read. It replies once, now or later: if it
// returns without having replied, the connection stays suspended until someone replies. A client that went away
// meanwhile is no trouble: replying is then a no-op, and the request stays valid until it is replied to.
// Errors are application/problem+json (RFC 9457): {"type": "about:blank", "title", "status", "detail", "code"}.
// Limits: head 16 KiB, 64 headers, total deadline 10 s for the head and 60 s for the body, 1,000 connections (64 an
// address, loopback excepted), all settable. HEAD is answered by the GET route without its body.
// Pattern: "/v1/machines/{name}/timeline"; an argument is one path segment, percent-decoded once; a pattern that ends
// in "/{rest*}" takes all that follows. A path with control characters, "//", "." or ".." segments gets 400; one slash
// at its end does not matter. A request that was begun while a client is let go (drain) is finished. A keep-alive
// connection may be idle for 60 s, or until others need its place: the longest idle one goes when nearly all are taken; a reply that makes no progress for 60 s is broken off.

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct daemon_settings;
struct service;
struct web;
struct web_request;

struct web_route {
    const char *method; // "GET" also answers HEAD, unless a HEAD route is there
    const char *pattern;
    unsigned who;       // the daemon's own meaning; 0 = anybody, without asking `authorize`
    size_t max_body;    // bytes; 0 = no body allowed
    void (*handle)(struct web_request *request, void *context);
    const char *label;  // for metrics and logs
};

struct web_settings {
    const char *daemon; // name, for metrics
    const struct web_route *routes;
    size_t route_count;
    void *context; // handed to handlers and authorize
    // Called before the body is read, for routes with who != 0. 0 = let in; else the error is the reply
    // (ERROR_UNAUTHORIZED gets WWW-Authenticate: `challenge`). May keep what it learnt with web_set_identity.
    int (*authorize)(struct web_request *request, unsigned who, void *context, struct error *err);
    const char *challenge; // e.g. "Bearer"
    // Called for a request that no route takes, instead of the 404 reply; may be NULL.
    void (*not_found)(struct web_request *request, void *context);
    unsigned max_connections;             // 0: 1,000
    unsigned max_connections_per_address; // 0: 64
    unsigned head_timeout_ms;             // 0: 10,000
    unsigned body_timeout_ms;             // 0: 60,000
    size_t max_head;                      // 0: 16 KiB; each connection has a buffer of this size and a little more
};

struct web *web_new(struct service *service, const struct web_settings *settings, struct error *err);
struct web *web_free(struct web *web);

// Listen. `address` is an IPv4 or IPv6 literal, port 0 any free port (ret_port tells). With `certificate` and `key` (PEM
// files) it speaks TLS 1.2 or later; web_reload_tls reads the files again.
struct web_listen {
    const char *address;
    unsigned port;
    const char *certificate; // NULL: plain HTTP
    const char *key;
};
int web_add_listener(struct web *web, const struct web_listen *listen, unsigned *ret_port, struct error *err);
// Both listeners that a daemon's configuration names; a port of 0 is none.
int web_listen_daemon(struct web *web, const struct daemon_settings *settings, struct error *err);
int web_reload_tls(struct web *web, struct error *err);
void web_stop_accepting(struct web *web);
// For hooks.stop: stops accepting, lets go of idle connections, and calls `drained` (once, from the loop, never from
// within this call) when the last connection has ended. Endless streams have to be ended by their makers.
void web_drain(struct web *web, void (*drained)(void *context), void *context);

// What was asked. Strings are borrowed until the reply; NULL where absent.
const char *web_method(const struct web_request *request);
const char *web_path(const struct web_request *request); // decoded, for logs
const char *web_arg(const struct web_request *request, const char *name);   // of the pattern; never NULL for a name in it
const char *web_query(const struct web_request *request, const char *name); // decoded
const char *web_header(const struct web_request *request, const char *name);
const void *web_body(const struct web_request *request, size_t *ret_length); // NUL-terminated besides
const struct sockaddr *web_peer(const struct web_request *request);
const char *web_peer_text(const struct web_request *request); // numeric address without port; IPv4-mapped shown as IPv4
bool web_is_tls(const struct web_request *request);
bool web_is_local(const struct web_request *request); // the peer is a loopback address
bool web_is_head(const struct web_request *request);
bool web_client_is_gone(const struct web_request *request);
struct web *web_server(const struct web_request *request);

// A credential came over plain HTTP from another host: ERROR_FORBIDDEN, whether it is good or not.
int web_check_transport(const struct web_request *request, struct error *err);

// The bearer token of Authorization, NULL if there is none; Basic credentials decoded (caller frees both), 0 or -1.
const char *web_bearer(const struct web_request *request);
int web_basic(const struct web_request *request, char **ret_user, char **ret_password);

// Something the authorize callback found out, for the handler; freed by `destroy` after the reply.
void web_set_identity(struct web_request *request, void *identity, void (*destroy)(void *identity));
void *web_identity(const struct web_request *request);

// JSON body: checks the content type (application/json, or none), UTF-8, no duplicate keys, depth ≤ 25, an object.
json_t *web_body_json(const struct web_request *request, struct error *err);
json_t *web_body_json_any(const struct web_request *request, struct error *err); // an object or an array

// Replies. Each ends the request; a second one is a programming error (assert).
// web_reply_error: of ERROR_INTERNAL and ERROR_IO the client learns nothing but that; the text is logged.
void web_add_header(struct web_request *request, const char *name, const char *value); // before the reply; 16 at most
void web_reply_empty(struct web_request *request, int status);
void web_reply_json(struct web_request *request, int status, json_t *body); // takes the reference; NULL body: 500
void web_reply_bytes(struct web_request *request, int status, const char *type, const void *bytes, size_t length);
void web_reply_text(struct web_request *request, int status, const char *type, const char *text);
void web_reply_error(struct web_request *request, const struct error *err);
// A file, by sendfile; takes the descriptor. `offset` and `length` say which part; Content-Length is `length`.
void web_reply_file(struct web_request *request, int status, const char *type, int fd, uint64_t offset, uint64_t length);

// A body that comes as it is made. `read` runs on the loop's thread: > 0 bytes put into `buffer`, 0 = nothing yet (the connection
// sleeps until web_stream_wake), -1 = end of the body, -2 = break the connection. `total` is the Content-Length, or -1 for
// chunked. `destroy` is called exactly once when the connection has ended, however it ended.
struct web_stream;
struct web_stream_ops {
    ssize_t (*read)(void *context, uint64_t position, char *buffer, size_t max);
    void (*destroy)(void *context);
};
struct web_stream *web_reply_stream(struct web_request *request, int status, const char *type, int64_t total,
                                    const struct web_stream_ops *ops, void *context);
void web_stream_wake(struct web_stream *stream); // loop's thread; valid until `destroy` was called

// Handlers for the two routes that every daemon has: "ok\n", and the Prometheus text.
void web_handle_health(struct web_request *request, void *context);
void web_handle_metrics(struct web_request *request, void *context);
