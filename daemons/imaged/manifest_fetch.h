// SPDX-License-Identifier: Apache-2.0
#pragma once

// Getting a manifest: by digest from the cache or else from its registry, by tag from its registry.
// The digest is computed here, never taken from a header, and what was fetched goes into the cache.
// Threads: the loop's.

#include "base/error.h"
#include "manifest.h"
#include "reference.h"

struct cache;
struct counters;
struct manifests;
struct registry;
struct service;

struct manifests_parts {
    struct service *service;
    struct cache *cache;
    struct registry *registry;
    struct counters *counters;
};

struct manifest_body {
    const char *bytes; // borrowed for the call
    size_t length;
    char digest[DIGEST_TEXT_SIZE];
    enum manifest_kind kind;
    char media_type[MEDIA_TYPE_SIZE];
};

struct manifests *manifests_new(const struct manifests_parts *parts, struct error *err);
// The daemon ends: what runs gets its `done` with an error, nothing new begins.
void manifests_close(struct manifests *manifests);
struct manifests *
manifests_free(struct manifests *manifests); // after manifests_close and the end of the pool's jobs

// `done` comes exactly once, later, if this returned 0. `body` is NULL and `err` set when it
// failed.
int manifest_fetch(struct manifests *manifests, const struct reference *reference,
                   void (*done)(void *context, const struct manifest_body *body,
                                const struct error *err),
                   void *context, struct error *err);
