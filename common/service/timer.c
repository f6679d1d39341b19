// SPDX-License-Identifier: Apache-2.0
// Timers and file descriptors on the loop: thin covers, so that libevent stays in this folder.

#include "service/internal.h"

#include <stdlib.h>

struct service_timer {
    struct event *event;
    void (*fire)(void *context);
    void *context;
    int64_t repeat_ms;
};

struct service_io {
    struct service *service;
    struct event *event;
    int fd;
    unsigned what;
    void (*ready)(void *context, unsigned what);
    void *context;
};

static struct timeval timeval_of(int64_t ms)
{
    if (ms < 0) {
        ms = 0;
    }
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct service_timer *timer = context;
    if (timer->repeat_ms > 0) {
        struct timeval next = timeval_of(timer->repeat_ms);
        (void)event_add(timer->event, &next);
    }
    timer->fire(timer->context); // may free the timer: nothing after this
}

struct service_timer *service_timer_new(struct service *service, void (*fire)(void *context), void *context)
{
    struct service_timer *timer = calloc(1, sizeof(*timer));
    if (!timer) {
        return NULL;
    }
    timer->fire = fire;
    timer->context = context;
    timer->event = evtimer_new(service->base, on_timer, timer);
    if (!timer->event) {
        free(timer);
        return NULL;
    }
    return timer;
}

void service_timer_arm(struct service_timer *timer, int64_t after_ms, int64_t repeat_ms)
{
    timer->repeat_ms = repeat_ms;
    struct timeval after = timeval_of(after_ms);
    (void)event_add(timer->event, &after);
}

void service_timer_stop(struct service_timer *timer)
{
    if (timer) {
        (void)event_del(timer->event);
    }
}

struct service_timer *service_timer_free(struct service_timer *timer)
{
    if (timer) {
        event_free(timer->event);
        free(timer);
    }
    return NULL;
}

static void on_io(evutil_socket_t fd, short what, void *context)
{
    struct service_io *io = context;
    unsigned ready = 0;
    ready |= what & EV_READ ? SERVICE_READ : 0;
    ready |= what & EV_WRITE ? SERVICE_WRITE : 0;
    io->ready(io->context, ready);
}

static short events_of(unsigned what)
{
    short events = EV_PERSIST;
    events |= what & SERVICE_READ ? EV_READ : 0;
    events |= what & SERVICE_WRITE ? EV_WRITE : 0;
    return events;
}

struct service_io *service_io_new(struct service *service, int fd, unsigned what,
                                  void (*ready)(void *context, unsigned what), void *context)
{
    struct service_io *io = calloc(1, sizeof(*io));
    if (!io) {
        return NULL;
    }
    *io = (struct service_io){
        .service = service, .fd = fd, .ready = ready, .context = context, .what = what};
    io->event = event_new(service->base, fd, events_of(what), on_io, io);
    if (!io->event || (what != 0 && event_add(io->event, NULL) < 0)) {
        return service_io_free(io);
    }
    return io;
}

void service_io_set(struct service_io *io, unsigned what)
{
    if (io->what == what) {
        return;
    }
    (void)event_del(io->event);
    io->what = what;
    (void)event_assign(io->event, io->service->base, io->fd, events_of(what), on_io, io);
    if (what != 0) {
        (void)event_add(io->event, NULL);
    }
}

struct service_io *service_io_free(struct service_io *io)
{
    if (io) {
        if (io->event) {
            event_free(io->event);
        }
        free(io);
    }
    return NULL;
}
