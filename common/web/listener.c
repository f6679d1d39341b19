// SPDX-License-Identifier: Apache-2.0
// A listener: a socket, and the MHD daemon that serves it. MHD polls by its own epoll descriptor, which the loop
// watches; its time-outs become a timer of the loop.

#include "web/internal.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "service/service.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

enum { LISTEN_OPTIONS_MAX = 24, LISTEN_POOL_EXTRA = 6 * 1024 };

void listener_run(struct web_listener *listener)
{
    listener->resumed = false;
    (void)MHD_run(listener->mhd);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (listener->resumed) {
        service_timer_arm(listener->timer, 0, 0);
    } else if (MHD_get_timeout(listener->mhd, &wait_ms) == MHD_YES) {
        service_timer_arm(listener->timer, wait_ms < 60000 ? (int64_t)wait_ms : 60000, 0);
    } else {
        service_timer_stop(listener->timer);
    }
}

static void on_ready(void *context, unsigned what)
{
    listener_run(context);
}

static void on_timer(void *context)
{
    listener_run(context);
}

static void on_log(void *context, const char *format, va_list arguments)
{
    char line[500];
    (void)vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http: %s", line);
}

// URLs are decoded once, by target.c, after they were taken apart.
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    return strlen(text);
}

static int open_socket(const struct web_listen *listen_on, unsigned *ret_port, struct error *err)
{
    char port[12];
    (void)snprintf(port, sizeof(port), "%u", listen_on->port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(listen_on->address, port, &hints, &found);
    if (result != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "listen address %s: %s", listen_on->address, gai_strerror(result));
    }
    struct sockaddr_storage address = {0};
    socklen_t length = found->ai_addrlen;
    memcpy(&address, found->ai_addr, length);
    freeaddrinfo(found);
    CLEANUP_CLOSE int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return error_errno(err, errno, "socket");
    }
    int yes = 1;
    int no = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    }
    if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, SOMAXCONN) < 0) {
        return error_errno(err, errno, "listen on %s port %u", listen_on->address, listen_on->port);
    }
    length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        return error_errno(err, errno, "getsockname");
    }
    *ret_port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                    : ((struct sockaddr_in *)&address)->sin_port);
    return TAKE_FD(fd);
}

static size_t fill_options(struct web_listener *listener, int fd, struct MHD_OptionItem *options)
{
    const struct web_settings *settings = &listener->web->settings;
    const struct MHD_OptionItem common[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, listener},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notify, listener},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, listener},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_begin, listener},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->max_connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_SECONDS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)(settings->max_head + LISTEN_POOL_EXTRA), NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
    };
    size_t count = sizeof(common) / sizeof(common[0]);
    memcpy(options, common, sizeof(common));
    if (listener->tls) {
        count += tls_options(options + count);
    }
    options[count++] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return count;
}

static int start(struct web_listener *listener, int fd, struct error *err)
{
    struct MHD_OptionItem options[LISTEN_OPTIONS_MAX];
    (void)fill_options(listener, fd, options);
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    flags |= listener->tls ? MHD_USE_TLS : 0;
    listener->mhd = MHD_start_daemon(flags, 0, connection_accept, listener, request_continue, listener,
                                     MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!listener->mhd) {
        return error_set(err, ERROR_IO, "cannot start the HTTP server");
    }
    listener->accepting = true;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    struct service *service = listener->web->service;
    listener->timer = service_timer_new(service, on_timer, listener);
    listener->io = info ? service_io_new(service, info->epoll_fd, SERVICE_READ, on_ready, listener) : NULL;
    return listener->timer && listener->io ? 0 : error_set(err, ERROR_IO, "cannot watch the HTTP server");
}

void listener_free(struct web_listener *listener)
{
    LIST_REMOVE(listener, entry);
    listener->io = service_io_free(listener->io);
    if (listener->mhd) {
        MHD_stop_daemon(listener->mhd);
    }
    listener->timer = service_timer_free(listener->timer);
    listener->tls = tls_free(listener->tls);
    free(listener);
}

void listener_stop_accepting(struct web_listener *listener)
{
    // MHD hands the socket over each time it is asked, but it can be closed only once.
    int fd = listener->accepting ? MHD_quiesce_daemon(listener->mhd) : -1;
    listener->accepting = false;
    if (fd >= 0) {
        close(fd);
    }
}

int web_add_listener(struct web *web, const struct web_listen *listen_on, unsigned *ret_port, struct error *err)
{
    struct web_listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    listener->web = web;
    LIST_INSERT_HEAD(&web->listeners, listener, entry);
    int result = 0;
    if (listen_on->certificate) {
        listener->tls = tls_new(listen_on->certificate, listen_on->key, err);
        result = listener->tls ? 0 : -EINVAL;
    }
    unsigned port = 0;
    int fd = result < 0 ? result : open_socket(listen_on, &port, err);
    result = fd < 0 ? fd : start(listener, fd, err);
    if (result < 0) {
        listener_free(listener);
        return result;
    }
    if (ret_port) {
        *ret_port = port;
    }
    return 0;
}
