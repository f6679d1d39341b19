// SPDX-License-Identifier: Apache-2.0
#pragma once

// The daemon as a whole: owns the loop, the DB, the HTTP server and the configuration. Threads: the loop's.

#include "config.h"

#include "base/error.h"

struct service;
struct store;
struct web;

struct redfishd {
    struct redfishd_config *config; // the newest; work that runs may hold an older one
    const char *config_path; // borrowed from argv
    struct service *service;
    struct store *store;
    struct web *web;
    struct reset_job *resets; // running, at most one a machine (handle_reset.c)
};

int redfishd_new(const char *config_path, struct redfishd **ret_daemon, struct error *err);
int redfishd_run(struct redfishd *daemon); // the exit status
struct redfishd *redfishd_free(struct redfishd *daemon);
