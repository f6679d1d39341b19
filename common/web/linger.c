// SPDX-License-Identifier: Apache-2.0
// After a reply to a request that was not read to its end: the socket stays open for reading for a moment, and what
// comes is thrown away, so that the peer gets the reply instead of a reset.

#include "web/internal.h"

#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 2000, LINGER_BYTES = 16 * 1024 * 1024, LINGER_MAX = 64, LINGER_ROUND = 8 };

struct web_linger {
    LIST_ENTRY(web_linger) entry;
    struct web *web;
    struct service_io *io;
    struct service_timer *timer;
    int fd;
    size_t thrown_away;
};

static void linger_free(struct web_linger *linger)
{
    LIST_REMOVE(linger, entry);
    linger->web->linger_count--;
    (void)service_io_free(linger->io);
    (void)service_timer_free(linger->timer);
    close(linger->fd);
    free(linger);
}

static void on_timeout(void *context)
{
    linger_free(context);
}

static void on_bytes(void *context, unsigned what)
{
    struct web_linger *linger = context;
    char bytes[16 * 1024];
    for (int i = 0; i < LINGER_ROUND; i++) {
        ssize_t length = recv(linger->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        linger->thrown_away += length > 0 ? (size_t)length : 0;
        if (length <= 0 || linger->thrown_away > LINGER_BYTES) {
            linger_free(linger);
            return;
        }
    }
}

void linger_start(struct web *web, int fd)
{
    if (web->linger_count >= LINGER_MAX) {
        return;
    }
    struct web_linger *linger = calloc(1, sizeof(*linger));
    if (!linger) {
        return;
    }
    LIST_INSERT_HEAD(&web->lingers, linger, entry);
    web->linger_count++;
    linger->web = web;
    linger->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); // MHD closes its own
    linger->timer = service_timer_new(web->service, on_timeout, linger);
    linger->io = linger->fd >= 0 ? service_io_new(web->service, linger->fd, SERVICE_READ, on_bytes, linger) : NULL;
    if (!linger->timer || !linger->io) {
        linger_free(linger);
        return;
    }
    (void)shutdown(linger->fd, SHUT_WR);
    service_timer_arm(linger->timer, LINGER_MS, 0);
}

void linger_free_all(struct web *web)
{
    while (!LIST_EMPTY(&web->lingers)) {
        linger_free(LIST_FIRST(&web->lingers));
    }
}
