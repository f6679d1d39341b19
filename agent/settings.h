// SPDX-License-Identifier: Apache-2.0
#pragma once

// The vars as the agent needs them: the file read whole, every value that has a form checked before the first
// request is made (CAPRF facts, section 2.4), and the mode.

#include "base/error.h"
#include "base/vars.h"

enum agent_mode {
    MODE_PROVISION,
    MODE_STANDBY,
    MODE_DEPROVISION,
    MODE_SOFT_DEPROVISION,
    MODE_DRY_RUN,
};

// Values with a form: numbers, choices, JSON. Unknown keys are nobody's business here.
int settings_check(const struct vars *vars, struct error *err);

// The file's content, parsed and checked.
int settings_read(const char *path, struct vars *ret_vars, struct error *err);

// Whether the token may travel to every URL that the vars name (facts 0.3). The message says what to change.
int settings_check_transport(const struct vars *vars, struct error *err);

enum agent_mode settings_mode(const struct vars *vars);
const char *settings_mode_name(enum agent_mode mode);
