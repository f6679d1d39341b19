// SPDX-License-Identifier: Apache-2.0
// What happens to a connection apart from its requests: who may connect, how long a head or a body may take in
// all (MHD knows only inactivity), how it is closed.

#include "web/internal.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/metrics.h"
#include "service/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

// An IPv4-mapped address as IPv4.
static bool peer_ipv4(const struct sockaddr *address, struct in_addr *ret_ipv4)
{
    if (address->sa_family == AF_INET) {
        *ret_ipv4 = ((const struct sockaddr_in *)address)->sin_addr;
        return true;
    }
    const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(ipv6)) {
        memcpy(ret_ipv4, ipv6->s6_addr + 12, sizeof(*ret_ipv4));
        return true;
    }
    return false;
}

void peer_format(const struct sockaddr *address, char text[INET6_ADDRSTRLEN])
{
    struct in_addr ipv4;
    const char *result = NULL;
    if (peer_ipv4(address, &ipv4)) {
        result = inet_ntop(AF_INET, &ipv4, text, INET6_ADDRSTRLEN);
    } else if (address->sa_family == AF_INET6) {
        result = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, INET6_ADDRSTRLEN);
    }
    if (!result) {
        (void)snprintf(text, INET6_ADDRSTRLEN, "unknown");
    }
}

static bool is_loopback(const struct sockaddr *address)
{
    struct in_addr ipv4;
    if (peer_ipv4(address, &ipv4)) {
        return ntohl(ipv4.s_addr) >> 24 == 127;
    }
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

// MHD does not tell its epoll descriptor about a resumption, nor MHD_get_timeout.
void connection_resume(struct web_connection *connection)
{
    struct web_listener *listener = connection->listener;
    MHD_resume_connection(connection->mhd);
    listener->resumed = true;
    service_timer_arm(listener->timer, 0, 0);
}

struct web_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void connection_send_raw(struct web_connection *connection, int status, const char *code, const char *detail)
{
    CLEANUP_FREE char *body = problem_text(status, code, detail);
    char reply[1200];
    int length = snprintf(reply, sizeof(reply),
                          "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                          "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          status, MHD_get_reason_phrase_for((unsigned)status), body ? strlen(body) : 0, body ? body : "");
    if (length < 0 || (size_t)length >= sizeof(reply)) {
        return;
    }
    // A full socket buffer means that the peer reads nothing: then nothing is lost either.
    if (connection->listener->tls) {
        (void)tls_send(connection->mhd, reply, (size_t)length);
    } else {
        (void)send(connection->fd, reply, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static void on_deadline(void *context)
{
    struct web_connection *connection = context;
    metric_add(connection->web->deadlines, 1);
    log_debug("%s: too slow, closing", connection->peer_text);
    if (connection->phase == PHASE_HEAD || connection->phase == PHASE_BODY) {
        connection_send_raw(connection, 408, "request-timeout", "the request took too long to arrive");
    }
    connection->timed_out = true;
    // MHD sees the end of the stream and closes.
    (void)shutdown(connection->fd, SHUT_RDWR);
}

void connection_set_phase(struct web_connection *connection, enum phase phase)
{
    const struct web_settings *settings = &connection->web->settings;
    connection->phase = phase;
    switch (phase) {
    case PHASE_IDLE:
        connection->idle_ms = clock_monotonic_ms();
        service_timer_arm(connection->deadline,
                          connection->served ? WEB_IDLE_SECONDS * 1000 : (int64_t)settings->head_timeout_ms, 0);
        break;
    case PHASE_HEAD:
        // The first head's time runs from the connection's begin.
        if (connection->served) {
            service_timer_arm(connection->deadline, settings->head_timeout_ms, 0);
        }
        break;
    case PHASE_BODY:
        service_timer_arm(connection->deadline, settings->body_timeout_ms, 0);
        break;
    case PHASE_REPLY:
        service_timer_stop(connection->deadline);
        break;
    }
}

// 1: bytes wait to be read, 0: the peer has closed, -1: neither.
static int peek(int fd)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return length < 0 ? (errno == EAGAIN ? -1 : 0) : (int)length;
}

void connection_release_idle(struct web *web)
{
    struct web_connection *connection;
    LIST_FOREACH(connection, &web->connection_list, entry) {
        if (connection->phase == PHASE_IDLE && peek(connection->fd) <= 0) {
            connection->timed_out = true;
            (void)shutdown(connection->fd, SHUT_RDWR);
        }
    }
}

// Idle connections are a favour: without this, as many clients as there are places would keep all
// others out for as long as they come back in time.
static void make_room(struct web_listener *listener)
{
    struct web *web = listener->web;
    unsigned max = web->settings.max_connections;
    if (listener->connection_count < max - max / WEB_ROOM) {
        return;
    }
    struct web_connection *connection;
    struct web_connection *longest = NULL;
    LIST_FOREACH(connection, &web->connection_list, entry) {
        bool idle = connection->listener == listener && connection->phase == PHASE_IDLE &&
                    connection->served && !connection->timed_out;
        if (idle && (!longest || connection->idle_ms < longest->idle_ms)) {
            longest = connection;
        }
    }
    if (longest && peek(longest->fd) < 0) {
        metric_add(web->evicted, 1);
        longest->timed_out = true;
        (void)shutdown(longest->fd, SHUT_RDWR);
    }
}

static bool address_has_too_many(const struct web *web, const struct sockaddr *address)
{
    if (is_loopback(address)) {
        return false;
    }
    char text[INET6_ADDRSTRLEN];
    peer_format(address, text);
    unsigned count = 0;
    struct web_connection *connection;
    LIST_FOREACH(connection, &web->connection_list, entry) {
        count += strcmp(connection->peer_text, text) == 0;
    }
    return count >= web->settings.max_connections_per_address;
}

enum MHD_Result connection_accept(void *context, const struct sockaddr *address, socklen_t length)
{
    struct web_listener *listener = context;
    if (address_has_too_many(listener->web, address)) {
        metric_add(listener->web->refused, 1);
        return MHD_NO;
    }
    make_room(listener);
    return MHD_YES;
}

static struct web_connection *connection_new(struct web_listener *listener, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct web_connection *connection = calloc(1, sizeof(*connection));
    if (!connection || !fd || !peer) {
        free(connection);
        return NULL;
    }
    connection->web = listener->web;
    connection->listener = listener;
    connection->mhd = mhd;
    connection->fd = fd->connect_fd;
    connection->deadline = service_timer_new(listener->web->service, on_deadline, connection);
    if (!connection->deadline) {
        free(connection);
        return NULL;
    }
    const struct sockaddr *address = peer->client_addr;
    memcpy(&connection->peer, address,
           address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    peer_format(address, connection->peer_text);
    connection_set_phase(connection, PHASE_IDLE);
    LIST_INSERT_HEAD(&listener->web->connection_list, connection, entry);
    return connection;
}

static void connection_ended(struct web_connection *connection)
{
    struct web *web = connection->web;
    // Closing a socket with unread bytes resets it, and the peer may lose the reply that says why.
    int state = peek(connection->fd);
    if (!connection->timed_out && !web->closing && (state > 0 || (state < 0 && connection->refused_early))) {
        linger_start(web, connection->fd);
    }
    LIST_REMOVE(connection, entry);
    connection->deadline = service_timer_free(connection->deadline);
    free(connection);
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct web_listener *listener = context;
    struct web *web = listener->web;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = connection_new(listener, mhd);
        web->connection_count++;
        listener->connection_count++;
    } else {
        if (*socket_context) {
            connection_ended(*socket_context);
        }
        *socket_context = NULL;
        web->connection_count--;
        listener->connection_count--;
        web_check_drained(web);
    }
    metric_set(web->connections, web->connection_count);
}

const struct sockaddr *web_peer(const struct web_request *request)
{
    static const struct sockaddr_in nobody = {.sin_family = AF_INET};
    return request->connection ? (const struct sockaddr *)&request->connection->peer : (const struct sockaddr *)&nobody;
}

const char *web_peer_text(const struct web_request *request)
{
    return request->connection ? request->connection->peer_text : "gone";
}

bool web_is_tls(const struct web_request *request)
{
    return request->connection && request->connection->listener->tls;
}

bool web_is_local(const struct web_request *request)
{
    return request->connection && is_loopback((const struct sockaddr *)&request->connection->peer);
}

bool web_client_is_gone(const struct web_request *request)
{
    if (!request->connection) {
        return true;
    }
    struct pollfd poll_fd = {.fd = request->connection->fd, .events = POLLRDHUP};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
