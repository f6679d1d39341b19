// SPDX-License-Identifier: Apache-2.0
#pragma once

// MODE=standby: the machine waits for commands (CAPRF facts, 1.4, 1.6, 1.7).

#include "agent/context.h"

// Returns when the machine is to restart: a command said so, the attempt is over, or nobody answers any more.
void standby_run(struct agent_context *context);

struct command {
    char id[128];
    char type[64];
};

enum { COMMANDS_MAX = 32 };

// The commands in a reply's body, in order; members in any case. All or nothing.
int commands_parse(const char *text, size_t length, struct command ret_commands[COMMANDS_MAX],
                   size_t *ret_count, struct error *err);
