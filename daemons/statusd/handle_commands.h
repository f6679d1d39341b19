// SPDX-License-Identifier: Apache-2.0
#pragma once

struct web_request;

void handle_commands(struct web_request *request, void *context);
void handle_ack(struct web_request *request, void *context);
