// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder share. A web has listeners (one MHD daemon each), a listener has connections, a
// connection has at most one request at a time. A request belongs to its handler until the reply and to MHD until the
// connection has taken the reply; whoever comes second frees it. Everything runs on the loop's thread.

#include "web/route.h"
#include "web/target.h"
#include "web/web.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/queue.h>

enum {
    WEB_HEADERS_MAX = 64,
    WEB_EXTRA_HEADERS_MAX = 16,
    WEB_IDLE_SECONDS = 60,
    WEB_DISCARD_MAX = 64 * 1024, // of a refused body; more is not worth the connection
    WEB_STATUS_CLASSES = 6,
    WEB_ROOM = 16, // of the connections one in so many is kept free by closing idle ones
};

struct service_timer;
struct service_io;
struct metric;
struct web_linger;
struct web_tls;

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_REPLY };

struct web_connection {
    LIST_ENTRY(web_connection) entry;
    struct web *web;
    struct web_listener *listener;
    struct MHD_Connection *mhd;
    struct service_timer *deadline;
    struct sockaddr_storage peer;
    char peer_text[INET6_ADDRSTRLEN];
    int fd; // MHD's
    enum phase phase;
    int64_t idle_ms; // monotonic: when it became idle
    bool served; // had a request before
    bool timed_out;
    bool refused_early; // replied before all of the request was read
};

struct web_listener {
    LIST_ENTRY(web_listener) entry;
    struct web *web;
    struct MHD_Daemon *mhd;
    struct service_io *io; // MHD's epoll descriptor
    struct service_timer *timer;
    struct web_tls *tls; // NULL: plain
    unsigned connection_count;
    bool accepting;
    bool resumed; // some connection, since MHD ran last
};

struct web {
    struct service *service;
    struct web_settings settings;
    struct route_table *table;
    struct metric **metrics; // [route or one past the last][status class]
    struct metric *connections;
    struct metric *refused;
    struct metric *evicted;
    struct metric *deadlines;
    LIST_HEAD(, web_listener) listeners;
    LIST_HEAD(, web_connection) connection_list;
    LIST_HEAD(, web_request) requests; // those that MHD still knows
    LIST_HEAD(, web_stream) streams;
    LIST_HEAD(, web_linger) lingers;
    unsigned connection_count;
    unsigned linger_count;
    struct service_timer *drain_timer;
    void (*drained)(void *context);
    void *drained_context;
    bool draining;
    bool closing; // web_free is at work
};

enum stage { STAGE_NEW, STAGE_BODY, STAGE_HANDLING, STAGE_QUEUED };

struct web_request {
    LIST_ENTRY(web_request) entry;
    struct web *web;                   // NULL when web_free was called first
    struct web_connection *connection; // NULL when the client has gone
    enum stage stage;
    char *method;
    struct target target;
    struct route_match match;
    char *raw_target;
    // body
    char *body;
    size_t body_length;
    size_t body_allocated;
    size_t discarded;
    // a refusal that waits for the end of the body
    bool is_refused;
    struct error refusal;
    int refusal_status; // 0: that of the error
    char *allow;
    // what authorize found out
    void *identity;
    void (*destroy_identity)(void *identity);
    // reply
    struct {
        char *name;
        char *value;
    } headers[WEB_EXTRA_HEADERS_MAX];
    size_t header_count;
    struct MHD_Response *response;
    int status;
    bool replied;
    bool suspended;
    bool is_head;
};

struct web_stream {
    LIST_ENTRY(web_stream) entry;
    struct web *web;
    struct web_connection *connection;
    struct web_stream_ops ops;
    void *context;
    bool suspended;
};

// listener.c
void listener_run(struct web_listener *listener);
void listener_free(struct web_listener *listener);
void listener_stop_accepting(struct web_listener *listener);

// connection.c: MHD's callbacks, and the deadlines
void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);
enum MHD_Result connection_accept(void *context, const struct sockaddr *address, socklen_t length);
void connection_resume(struct web_connection *connection);
struct web_connection *connection_of(struct MHD_Connection *mhd);
void connection_set_phase(struct web_connection *connection, enum phase phase);
void connection_release_idle(struct web *web);
// Write a whole reply to the socket past MHD, where MHD takes none; the connection must be closed then.
void connection_send_raw(struct web_connection *connection, int status, const char *code, const char *detail);
void peer_format(const struct sockaddr *address, char text[INET6_ADDRSTRLEN]);

// linger.c: closing so that the peer can still read the last reply
void linger_start(struct web *web, int fd);
void linger_free_all(struct web *web);

// request.c
void *request_begin(void *context, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_continue(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **request_pointer);
void request_completed(void *context, struct MHD_Connection *mhd, void **request_pointer,
                       enum MHD_RequestTerminationCode code);

// body.c
int body_take(struct web_request *request, const char *bytes, size_t length, struct error *err);

// reply.c. Takes the response; NULL means that there was no memory for one.
void reply_with(struct web_request *request, int status, const char *type, struct MHD_Response *response);
enum MHD_Result reply_queue(struct web_request *request, struct MHD_Connection *mhd);
void request_free(struct web_request *request);

// problem.c: the JSON text of an error; the caller frees it, NULL without memory
char *problem_text(int status, const char *code, const char *detail);
void reply_refusal(struct web_request *request);

// stream.c
void stream_resume_all(struct web *web);

// server.c
void web_count_reply(struct web *web, const struct web_request *request);
void web_check_drained(struct web *web);

// tls.c
struct web_tls *tls_new(const char *certificate, const char *key, struct error *err);
struct web_tls *tls_free(struct web_tls *tls);
int tls_reload(struct web_tls *tls, struct error *err);
// The options MHD_start_daemon needs for it, appended; returns how many.
size_t tls_options(struct MHD_OptionItem *options);
ssize_t tls_send(struct MHD_Connection *mhd, const void *bytes, size_t length);
