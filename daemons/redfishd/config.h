// SPDX-License-Identifier: Apache-2.0
#pragma once

// redfishd's configuration: /etc/bootyard/redfishd.conf into one struct. Threads: read-only after loading.

#include "base/error.h"
#include "conf/daemon.h"

#include <stddef.h>

enum { COMMAND_NAME_SIZE = 64, COMMANDS_MAX = 256 };

// One `[command NAME]` section: a machine that is on while a process runs.
struct command_config {
    char name[COMMAND_NAME_SIZE];
    struct conf_strings start; // argv; its first word is an absolute path
    unsigned stop_timeout;     // seconds from SIGTERM to SIGKILL
};

// The [command ...] sections, in the order of the file.
struct command_list {
    struct command_config *items;
    size_t count;
};

struct redfishd_config {
    struct daemon_settings common;
    struct command_list commands;
};

int redfishd_config_load(const char *path, struct redfishd_config *ret_config, struct error *err);
void redfishd_config_fini(struct redfishd_config *config);
void redfishd_config_print_options(void);

// NULL when there is no such section.
const struct command_config *redfishd_config_command(const struct redfishd_config *config, const char *name);
