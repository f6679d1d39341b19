// SPDX-License-Identifier: Apache-2.0
#pragma once

// redfishd's configuration: /etc/bootyard/redfishd.conf into one struct. Threads: any may read what it has a reference to.

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

// Never changed once it is loaded; a reload makes another one. Whoever hands it to a pool thread holds a reference.
struct redfishd_config {
    unsigned references; // counted on the loop's thread only
    struct daemon_settings common;
    struct command_list commands;
};

// NULL with err when the file is not acceptable.
struct redfishd_config *redfishd_config_load(const char *path, struct error *err);
struct redfishd_config *redfishd_config_ref(struct redfishd_config *config);
struct redfishd_config *redfishd_config_unref(struct redfishd_config *config); // returns NULL; NULL allowed
void redfishd_config_print_options(void);

// NULL when there is no such section.
const struct command_config *redfishd_config_command(const struct redfishd_config *config, const char *name);
