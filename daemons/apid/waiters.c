// SPDX-License-Identifier: Apache-2.0

#include "waiters.h"

#include "apid.h"
#include "base/clock.h"
#include "handle_timeline.h"
#include "service/service.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>
#include <sys/queue.h>

enum { TICK_MS = 500 };

struct waiter {
    TAILQ_ENTRY(waiter) link;
    struct web_request *request;
    int64_t machine_id, after;
    unsigned limit;
    int64_t until_ms; // monotonic
};

struct waiters {
    struct apid *apid;
    struct service_timer *timer; // runs while somebody waits
    unsigned count, max;
    bool released;
    TAILQ_HEAD(, waiter) list;
};

static void waiter_end(struct waiters *waiters, struct waiter *waiter)
{
    TAILQ_REMOVE(&waiters->list, waiter, link);
    waiters->count--;
    free(waiter);
}

// Reply if there are events, or anyhow when `finish`. A client that is gone is replied to as well:
// that frees it.
static void waiter_look(struct waiters *waiters, struct waiter *waiter, bool finish)
{
    struct error err = {0};
    size_t count = 0;
    json_t *page = timeline_page(waiters->apid, waiter->machine_id, waiter->after, waiter->limit,
                                 &count, &err);
    if (page && count == 0 && !finish && !web_client_is_gone(waiter->request)) {
        json_decref(page);
        return;
    }
    if (page) {
        web_reply_json(waiter->request, 200, page);
    } else {
        web_reply_error(waiter->request, &err);
    }
    waiter_end(waiters, waiter);
}

static void changed(void *context)
{
    struct waiters *waiters = context;
    struct waiter *next = NULL;
    for (struct waiter *waiter = TAILQ_FIRST(&waiters->list); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, link);
        waiter_look(waiters, waiter, false);
    }
}

static void tick(void *context)
{
    struct waiters *waiters = context;
    int64_t now_ms = clock_monotonic_ms();
    struct waiter *next = NULL;
    for (struct waiter *waiter = TAILQ_FIRST(&waiters->list); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, link);
        if (now_ms >= waiter->until_ms) {
            waiter_look(waiters, waiter, true);
        }
    }
    if (waiters->count == 0) {
        service_timer_stop(waiters->timer);
    }
}

struct waiters *waiters_new(struct apid *apid, unsigned max, struct error *err)
{
    struct waiters *waiters = calloc(1, sizeof(*waiters));
    if (!waiters) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    waiters->apid = apid;
    waiters->max = max;
    TAILQ_INIT(&waiters->list);
    waiters->timer = service_timer_new(apid->service, tick, waiters);
    if (!waiters->timer) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return waiters_free(waiters);
    }
    store_watch(apid->store, changed, waiters);
    return waiters;
}

struct waiters *waiters_free(struct waiters *waiters)
{
    if (waiters) {
        waiters_release(waiters);
        service_timer_free(waiters->timer);
        free(waiters);
    }
    return NULL;
}

bool waiters_add(struct waiters *waiters, struct web_request *request, int64_t machine_id,
                 int64_t after, unsigned limit, int64_t wait_ms)
{
    struct waiter *waiter =
        waiters->count < waiters->max && !waiters->released ? calloc(1, sizeof(*waiter)) : NULL;
    if (!waiter) {
        return false;
    }
    *waiter = (struct waiter){.request = request,
                              .machine_id = machine_id,
                              .after = after,
                              .limit = limit,
                              .until_ms = clock_monotonic_ms() + wait_ms};
    TAILQ_INSERT_TAIL(&waiters->list, waiter, link);
    if (waiters->count++ == 0) {
        service_timer_arm(waiters->timer, TICK_MS, TICK_MS);
    }
    return true;
}

void waiters_release(struct waiters *waiters)
{
    waiters->released = true;
    while (!TAILQ_EMPTY(&waiters->list)) {
        waiter_look(waiters, TAILQ_FIRST(&waiters->list), true);
    }
}
