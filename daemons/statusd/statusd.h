// SPDX-License-Identifier: Apache-2.0
#pragma once

// The daemon as a whole: owns the loop, the DB, the HTTP server and the configuration. Threads: the
// loop's.

#include "config.h"
#include "counters.h"

#include "base/error.h"

#include <stdbool.h>

struct seen;
struct service;
struct service_timer;
struct store;
struct web;

struct statusd {
    struct statusd_config config;
    const char *config_path; // borrowed from argv
    struct service *service;
    struct store *store;
    struct web *web;
    struct seen *seen;
    struct counters counters;
    struct service_timer *sweep; // time passes: what was not reported
    struct service_timer *tidy;  // lines of machines that are gone
    bool sweeping;
};

int statusd_new(const char *config_path, struct statusd **ret_daemon, struct error *err);
int statusd_run(struct statusd *daemon); // the exit status
struct statusd *statusd_free(struct statusd *daemon);
