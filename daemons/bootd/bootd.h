// SPDX-License-Identifier: Apache-2.0
#pragma once

// The daemon as a whole: owns the loop, the DB, the HTTP server and the configuration. Threads: the
// loop's.

#include "config.h"
#include "leases.h"

#include "base/error.h"

struct bootfile;
struct fetcher;
struct metric;
struct padding;
struct resolver;
struct service;
struct store;
struct web;

struct bootd {
    struct bootd_config config;
    const char *config_path; // borrowed from argv
    struct service *service;
    struct store *store;
    struct fetcher *fetcher;
    struct resolver *resolver;
    struct web *web;
    struct lease_reader leases;
    struct bootfile *bootfiles; // those that had to be padded (handle_file.c)
    struct padding *paddings;   // that are under way
    struct metric *scripts, *archives, *refused;
};

int bootd_new(const char *config_path, struct bootd **ret_daemon, struct error *err);
int bootd_run(struct bootd *daemon); // the exit status
struct bootd *bootd_free(struct bootd *daemon);
