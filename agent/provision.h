// SPDX-License-Identifier: Apache-2.0
#pragma once

// MODE=provision: from the empty disk to a committed system with its boot entry (DESIGN.md, "The agent").

#include "agent/context.h"
#include "base/error.h"

enum provision_result {
    PROVISION_INSTALLED,     // the image was written and committed now
    PROVISION_WAS_INSTALLED, // our own stamp was found on a committed disk: nothing was written
};

// Runs the whole pipeline, reports its steps and progress, but neither INIT nor SUCCESS nor ERROR: the worker
// does. Returns a provision_result or a negative number; `err->message` then starts with
// "step <name> failed: ". All that was mounted or opened is undone on every way out. Stops with ERROR_CONFLICT when the report is fenced.
int provision_run(struct agent_context *context, struct error *err);

// After SUCCESS was acknowledged: asks the firmware to start the installed system next. Nothing hangs on it: a machine that
// comes by the network is sent to its disk by bootd.
void provision_start_next(void);
