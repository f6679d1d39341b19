// SPDX-License-Identifier: Apache-2.0
// The life of a daemon from READY=1 to the end of its drain: signals, watchdog, the loop. Every main.c
// makes one of these.

#include "service/internal.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>

static void reload(struct service *service)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    struct error err = {0};
    if (service->hooks.reload && service->hooks.reload(service->hooks.context, &err) < 0) {
        log_err("reload failed, the old settings stay: %s", err.message);
    } else {
        log_notice("%s: settings read again", service->name);
    }
    (void)sd_notify(0, "READY=1");
}

static void drain_over(void *context)
{
    struct service *service = context;
    log_warning("still busy %d ms after being told to stop: ending anyway", SERVICE_DRAIN_MS);
    service_exit(service, service->status);
}

static void stop(struct service *service)
{
    if (service->stopping || !service->hooks.stop) {
        service_exit(service, service->status);
        return;
    }
    service->stopping = true;
    (void)sd_notify(0, "STOPPING=1");
    log_info("%s: stopping", service->name);
    service_timer_arm(service->drain, SERVICE_DRAIN_MS, 0);
    service->hooks.stop(service->hooks.context);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    if (number == SIGHUP) {
        reload(context);
    } else {
        stop(context);
    }
}

static int watch_signals(struct service *service, struct error *err)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        service->signals[i] = evsignal_new(service->base, numbers[i], on_signal, service);
        if (!service->signals[i] || event_add(service->signals[i], NULL) < 0) {
            return error_set(err, ERROR_IO, "cannot watch signal %d", numbers[i]);
        }
    }
    return 0;
}

static void pet_watchdog(void *context)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

static int start_timers(struct service *service, struct error *err)
{
    service->drain = service_timer_new(service, drain_over, service);
    service->watchdog = service_timer_new(service, pet_watchdog, service);
    if (!service->drain || !service->watchdog) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    uint64_t watchdog_us = 0;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
        int64_t period_ms = (int64_t)(watchdog_us / 3000);
        service_timer_arm(service->watchdog, period_ms, period_ms > 0 ? period_ms : 1);
    }
    return 0;
}

// Each connection is a descriptor; the soft limit of 1,024 is there for programs that use select().
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int service_init(struct service *service, const char *name, struct error *err)
{
    service->name = strdup(name);
    service->base = event_base_new();
    if (!service->name || !service->base) {
        return error_set(err, ERROR_IO, "cannot make an event loop");
    }
    int result = posts_init(service, err);
    if (result == 0) {
        result = watch_signals(service, err);
    }
    if (result == 0) {
        result = start_timers(service, err);
    }
    return result;
}

struct service *service_new(const char *name, const struct service_hooks *hooks, struct error *err)
{
    struct service *service = calloc(1, sizeof(*service));
    if (!service) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    if (hooks) {
        service->hooks = *hooks;
    }
    service->posts.wake_fd = -1;
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if (service_init(service, name, err) < 0) {
        return service_free(service);
    }
    return service;
}

struct service *service_free(struct service *service)
{
    if (!service) {
        return NULL;
    }
    service->pool = pool_free(service->pool);
    service->bell = bell_free(service->bell);
    service->drain = service_timer_free(service->drain);
    service->watchdog = service_timer_free(service->watchdog);
    for (size_t i = 0; i < sizeof(service->signals) / sizeof(service->signals[0]); i++) {
        if (service->signals[i]) {
            event_free(service->signals[i]);
        }
    }
    posts_fini(service);
    if (service->base) {
        event_base_free(service->base);
    }
    free(service->name);
    free(service);
    return NULL;
}

int service_run(struct service *service)
{
    (void)sd_notify(0, "READY=1");
    log_info("%s: ready", service->name);
    if (!service->exiting && event_base_dispatch(service->base) < 0) {
        log_err("%s: the event loop failed", service->name);
        service->status = 1;
    }
    // What was accepted is finished while the daemon's things are still there.
    service->pool = pool_free(service->pool);
    posts_run(service);
    log_info("%s: ends with status %d", service->name, service->status);
    return service->status;
}

void service_exit(struct service *service, int status)
{
    service->status = status;
    service->exiting = true;
    (void)event_base_loopbreak(service->base);
}
