// SPDX-License-Identifier: Apache-2.0
#pragma once

// One running apid: everything that its handlers share. Threads: the loop's; functions that run on
// the store's writer thread (change.h) touch nothing of it.

#include "config.h"

struct apid {
    const char *config_path; // borrowed from argv
    struct apid_config config;
    struct service *service;
    struct store *store;
    struct web *web;
    struct fetcher *fetcher;
    struct limiter *limiter;  // wrong tokens by address
    struct peer_imaged *peer; // resolves image names
    struct waiters *waiters;  // timeline requests that wait for the next event
};

int apid_new(const char *config_path, struct apid **ret_apid, struct error *err);
int apid_run(struct apid *apid);
struct apid *apid_free(struct apid *apid);
