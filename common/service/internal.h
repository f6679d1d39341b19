// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder share about a service; nobody else includes it.

#include "service/service.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>

enum {
    SERVICE_DRAIN_MS = 10000,
    SERVICE_WORKERS = 4,
    SERVICE_WORK_MAX = 1024,
};

// Functions that other threads want run on the loop.
struct post {
    struct post *next;
    void (*function)(void *context);
    void *context;
};

struct post_queue {
    pthread_mutex_t mutex;
    struct post *first;
    struct post **last;
    int wake_fd; // eventfd
    struct event *wake;
};

struct pool;
struct bell;

struct service {
    char *name;
    struct service_hooks hooks;
    struct event_base *base;
    struct event *signals[3]; // HUP, TERM, INT
    struct service_timer *watchdog;
    struct service_timer *drain;
    struct post_queue posts;
    struct pool *pool; // made by the first service_work
    struct bell *bell;
    int status;
    bool stopping;
    bool exiting;
};

int posts_init(struct service *service, struct error *err);
void posts_fini(struct service *service);
void posts_run(struct service *service);

// Ends the pool's threads after the jobs that were accepted have run; their `done` functions are posted.
struct pool *pool_free(struct pool *pool);

struct bell *bell_free(struct bell *bell);
