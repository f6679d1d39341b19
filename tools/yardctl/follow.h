// SPDX-License-Identifier: Apache-2.0
#pragma once

// Watching a machine: its timeline as it grows, until a deployment is over. Behind `timeline
// --follow` and `deployment wait`.

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct yardctl;

struct follow {
    const char *machine;
    const char *deployment; // end when it is over; NULL: never
    bool endless;           // wait for more; false: stop after what is there
    bool quiet;             // print no events
    int64_t after;          // events after this one
    int64_t timeout_ms;     // 0: none
};

// Returns the exit status; the outcome of `deployment` is printed unless quiet.
int follow_run(const struct yardctl *ctl, const struct follow *follow, struct error *err);
