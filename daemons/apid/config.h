// SPDX-License-Identifier: Apache-2.0
#pragma once

// apid.conf as one struct.

#include "conf/daemon.h"

struct apid_config {
    struct daemon_settings common;
    char *imaged_url;               // "": nobody resolves, every registry counts as silent
    unsigned resolve_timeout_s;     // how long a POST waits for imaged
    unsigned auth_failures_per_min; // wrong tokens an address may show in a minute
    unsigned max_waiters;           // long polls at a time
};

// Defaults, `path` and `path`.d. On failure nothing is left to free.
int apid_config_load(const char *path, struct apid_config *ret_config, struct error *err);
void apid_config_fini(struct apid_config *config);
void apid_config_print_options(void);
