// SPDX-License-Identifier: Apache-2.0
#pragma once

// A daemon's life (one a process): one libevent loop, signals (SIGHUP reloads, SIGTERM and SIGINT drain), sd_notify with
// watchdog, timers, a bell that other daemons ring, a small pool for blocking work. No other room
// includes libevent: web/, fetch/ and store/ wait for file descriptors through this header. Threads: all
// functions on the loop's thread, except service_work's `run` (a pool thread) and service_post (any thread).

#include "base/error.h"

#include <stdint.h>
#include <stdbool.h>

struct service;
struct service_timer;
struct service_io;

struct service_hooks {
    int (*reload)(void *context, struct error *err); // SIGHUP; on failure the old settings stay and the error is logged
    void (*stop)(void *context);                     // SIGTERM: stop accepting; the loop ends when service_exit is called or after drain_ms
    void *context;
};

struct service *service_new(const char *name, const struct service_hooks *hooks, struct error *err);
struct service *service_free(struct service *service); // returns NULL

// READY=1 and run until SIGTERM or service_exit. Returns the exit status.
int service_run(struct service *service);
void service_exit(struct service *service, int status);

// Timers: monotonic. A timer made with repeat_ms 0 runs once. Free stops it; NULL allowed; returns NULL.
struct service_timer *service_timer_new(struct service *service, void (*fire)(void *context), void *context);
void service_timer_arm(struct service_timer *timer, int64_t after_ms, int64_t repeat_ms);
void service_timer_stop(struct service_timer *timer);
struct service_timer *service_timer_free(struct service_timer *timer);

// File descriptors: level-triggered, borrowed. SERVICE_READ | SERVICE_WRITE.
enum { SERVICE_READ = 1, SERVICE_WRITE = 2 };
struct service_io *service_io_new(struct service *service, int fd, unsigned what,
                                  void (*ready)(void *context, unsigned what), void *context);
void service_io_set(struct service_io *io, unsigned what);
struct service_io *service_io_free(struct service_io *io);

// Run `function(context)` on the loop's thread soon. Any thread.
void service_post(struct service *service, void (*function)(void *context), void *context);

// Blocking work: `run` on a pool thread (4 of them), then `done` on the loop's thread. Returns negative when 1,024 jobs wait.
int service_work(struct service *service, void (*run)(void *context), void (*done)(void *context), void *context,
                 struct error *err);

// Bells (DESIGN.md, process model): a datagram socket <run_dir>/<name>.bell. A ring is a hint, never data.
int service_bell_listen(struct service *service, const char *run_dir,
                        void (*rung)(void *context, const char *family, int64_t id), void *context, struct error *err);
void service_bell_ring(struct service *service, const char *run_dir, const char *const *daemons, const char *family, int64_t id);
