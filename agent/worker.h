// SPDX-License-Identifier: Apache-2.0
#pragma once

// The worker: everything of the agent that is not PID 1's, in a process of its own (agent/init).

#include "agent/report/memory.h"

#include <stdbool.h>

// What init tells a worker; stays as it is while the worker lives.
struct worker_start {
    struct report_memory *memory; // shared with init and with the workers before
    unsigned crashes;             // of the workers before
    int signal;                   // that ended the last one, 0 if it left by itself
    bool is_last;                 // only report the crash, then end
};

enum { WORKER_DONE = 0 }; // the exit status that asks for a restart of the machine; any other is a crash

// Returns the exit status.
int worker_main(const struct worker_start *start);
