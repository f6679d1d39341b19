// SPDX-License-Identifier: Apache-2.0
#pragma once

struct web_request;

void handle_probe(struct web_request *request, void *context);
void handle_init(struct web_request *request, void *context);
void handle_success(struct web_request *request, void *context);
void handle_error(struct web_request *request, void *context);
void handle_heartbeat(struct web_request *request, void *context);
