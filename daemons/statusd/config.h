// SPDX-License-Identifier: Apache-2.0
#pragma once

// statusd's configuration: /etc/bootyard/statusd.conf into one struct. Threads: the loop's.

#include "base/error.h"
#include "conf/daemon.h"

#include <stdbool.h>

struct statusd_config {
    struct daemon_settings common;
    bool plain_tokens; // a token over plain HTTP is taken from everybody, not only from loopback
    unsigned phone_home_timeout; // seconds, as all that follow
    unsigned failing_timeout;
    unsigned silent_timeout;
    unsigned lost_timeout;
};

int statusd_config_load(const char *path, struct statusd_config *ret_config, struct error *err);
void statusd_config_fini(struct statusd_config *config);
void statusd_config_print_options(void);
