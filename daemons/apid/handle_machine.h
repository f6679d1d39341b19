// SPDX-License-Identifier: Apache-2.0
#pragma once

// /v1/machines: the register of machines.

struct web_request;

void handle_machine_list(struct web_request *request, void *context);
void handle_machine_get(struct web_request *request, void *context);
void handle_machine_put(struct web_request *request, void *context);
void handle_machine_delete(struct web_request *request, void *context);
