// SPDX-License-Identifier: Apache-2.0
#pragma once

// The command line that all daemons share: --config FILE, --check-config, --help-config, --version, --help.
// An unknown option prints the usage on standard error and means exit status 2.

#include <stdbool.h>

struct options {
    const char *config; // borrowed from argv
    bool check_config;
    bool help_config;
};

// Returns -1 to go on, else the exit status of a program that is already done (--help, --version, usage error).
int options_parse(int argc, char **argv, const char *name, const char *default_config, struct options *ret_options);
