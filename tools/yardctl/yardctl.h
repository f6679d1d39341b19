// SPDX-License-Identifier: Apache-2.0
#pragma once

// What all commands of yardctl share. A command gets its own arguments (argv[0] is its verb) and
// returns the exit status; its errors are printed by main from `err`.

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

// Exit statuses; the man page lists them.
enum {
    EXIT_FAILED = 1,        // refused, not reached, broken
    EXIT_USAGE = 2,         // the command line
    EXIT_NOT_SUCCEEDED = 3, // the deployment that was waited for failed or was cancelled
    EXIT_TOO_LONG = 4,      // it was not over in time
};

struct yardctl {
    const char *url;       // of apid
    char *token;           // NULL: none
    const char *ca_file;   // NULL: the system's bundle
    const char *state_dir; // NULL: work through the API
    bool json;             // print documents, not tables
};

struct command {
    const char *noun, *verb;
    const char *arguments; // for the usage text
    int (*run)(const struct yardctl *ctl, int argc, char **argv, struct error *err);
};

int cmd_machine_put(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_machine_get(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_machine_list(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_machine_rm(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_deployment_create(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_deployment_get(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_deployment_list(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_deployment_cancel(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_deployment_wait(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_timeline(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_token_create(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_token_list(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_token_revoke(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_ca_init(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_ca_show(const struct yardctl *ctl, int argc, char **argv, struct error *err);
int cmd_ca_renew(const struct yardctl *ctl, int argc, char **argv, struct error *err);

// "usage: ..." as the error's text; returns EXIT_USAGE.
int usage_error(struct error *err, const char *text);
