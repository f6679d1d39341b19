// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a run of the worker knows: made by the worker's start (worker.c) after the network is up, handed to
// the mode that the vars ask for. Everything is borrowed from the worker for the time of the run.

#include "base/vars.h"

struct report;

struct agent_context {
    const struct vars *vars;
    struct report *report;
    const char *deploy_dir;  // "/deploy"
    const char *ca_file;     // "/etc/ssl/certs/ca-certificates.crt"
    const char *agent_file;  // this program's own file, to be left in the target for the phone-home
};
