// SPDX-License-Identifier: Apache-2.0
#pragma once

// ComputerSystem.Reset: power on, off and restart through the machine's driver.

struct web_request;

void handle_reset(struct web_request *request, void *context);
