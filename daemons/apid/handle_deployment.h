// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deployments: made below a machine, asked for and cancelled by id.

struct web_request;

void handle_deployment_list(struct web_request *request, void *context);
void handle_deployment_post(struct web_request *request, void *context);
void handle_deployment_get(struct web_request *request, void *context);
void handle_deployment_cancel(struct web_request *request, void *context);
