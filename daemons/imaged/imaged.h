// SPDX-License-Identifier: Apache-2.0
#pragma once

// The daemon as a whole: owns the loop, the DB, the HTTP server, the client side and the topics.
// Threads: the loop's.

#include "config.h"
#include "counters.h"

#include "base/error.h"

struct cache;
struct fetcher;
struct fills;
struct manifests;
struct registry;
struct service;
struct service_timer;
struct store;
struct web;

struct imaged {
    struct imaged_config config; // its content changes on a reload
    const char *config_path;     // borrowed from argv
    struct service *service;
    struct store *store;
    struct fetcher *fetcher;
    struct registry *registry;
    struct cache *cache;
    struct fills *fills;
    struct manifests *manifests;
    struct web *web;
    struct counters counters;
    struct service_timer *drain;
};

int imaged_new(const char *config_path, struct imaged **ret_daemon, struct error *err);
int imaged_run(struct imaged *daemon); // the exit status
struct imaged *imaged_free(struct imaged *daemon);
