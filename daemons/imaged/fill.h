// SPDX-License-Identifier: Apache-2.0
#pragma once

// Single flight: one fetch of a blob from its registry, written to the cache while any number of
// clients read what is there already. Nobody gets the last 64 KiB before the digest of the whole
// matched (all of a smaller blob), so nothing wrong is ever complete anywhere. A registry that cuts
// is asked for the rest; a fill that a restart interrupted goes on from its partial file, which is
// hashed again. Clients that go away do not stop it, slow ones do not slow it. Threads: the loop's;
// hashing and writing happen on pool threads inside.

#include "base/error.h"
#include "reference.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cache;
struct counters;
struct fill;
struct fills;
struct imaged_config;
struct registry;
struct service;

enum { FILL_TAIL = 65536 };

struct fills_parts {
    struct service *service;
    struct cache *cache;
    struct registry *registry;
    const struct imaged_config *config; // its content may change between calls
    struct counters *counters;
};

struct fills *fills_new(const struct fills_parts *parts, struct error *err);
// The daemon ends: all fills fail, what was good stays as partial files, nothing new begins.
void fills_close(struct fills *fills);
// After fills_close and the end of the pool's jobs; references that were handed out must have been
// given back.
struct fills *fills_free(struct fills *fills);

// The running fill of a digest with one reference for the caller, NULL if there is none.
struct fill *fills_find(struct fills *fills, const char *digest);
// The same, begun if need be. ERROR_UNAVAILABLE when too many run.
struct fill *fills_join(struct fills *fills, const struct reference *repository, const char *digest,
                        struct error *err);
struct fill *fill_ref(struct fill *fill);
struct fill *fill_unref(struct fill *fill); // returns NULL; NULL allowed

// Bytes of the whole; -1 while unknown (before the registry's answer, or for ever when it does not
// say).
int64_t fill_size(const struct fill *fill);
bool fill_is_proven(const struct fill *fill);
bool fill_has_failed(const struct fill *fill);
const struct error *fill_error(const struct fill *fill); // after it failed

// Be told once: when the registry's answer is there, when the whole is proven, or when it failed.
// Comes at once, from within this call, if it is so already; always comes before fills_close
// returns or soon after. `waiter` is the caller's until then, with `ready` and `context` set. The
// caller keeps its reference meanwhile.
enum fill_event { FILL_HEAD, FILL_PROVEN };
struct fill_waiter {
    void (*ready)(void *context, struct fill *fill);
    void *context;
    struct fill_waiter *next; // the fill's
    enum fill_event event;
};
void fill_wait(struct fill *fill, enum fill_event event, struct fill_waiter *waiter);

// Be told of every progress until unwatched. `watcher` is the caller's.
struct fill_watcher {
    struct fill_watcher *next;
    void (*progress)(void *context);
    void *context;
};
void fill_watch(struct fill *fill, struct fill_watcher *watcher);
void fill_unwatch(struct fill *fill, struct fill_watcher *watcher);

// How many bytes from the start may be given to clients now.
uint64_t fill_released(const struct fill *fill);
// The file that holds them; borrowed.
int fill_fd(const struct fill *fill);
