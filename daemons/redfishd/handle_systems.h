// SPDX-License-Identifier: Apache-2.0
#pragma once

// Systems: one for every machine of the DB, under its name.

struct web_request;

void handle_systems(struct web_request *request, void *context);
void handle_system(struct web_request *request, void *context);
