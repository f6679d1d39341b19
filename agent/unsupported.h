// SPDX-License-Identifier: Apache-2.0
#pragma once

// Variables that this agent knows and cannot honour yet. One that decides about disks, encryption, integrity or the
// network ends a run before anything is written: a machine that looks installed, but not as it was asked for, is worse
// than none. All others have no effect, and the log says so. Called by the first step of a provision run.

#include "base/error.h"
#include "base/vars.h"

// ERROR_UNPROCESSABLE names every variable of the first kind that is set; `notice` is called for each of the second.
int unsupported_check(const struct vars *vars, void (*notice)(void *context, const char *key),
                      void *context, struct error *err);
