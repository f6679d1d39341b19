// SPDX-License-Identifier: Apache-2.0
#pragma once

// What must outlive a worker that crashes: its unsent log lines and the step it was in. Init makes it in
// shared memory; every worker adopts it.

#include "agent/report/spool.h"

enum { REPORT_STEP_SIZE = 64 };

struct report_memory {
    char step[REPORT_STEP_SIZE]; // "" before the first one
    struct spool spool;
};
