// SPDX-License-Identifier: Apache-2.0
#pragma once

struct web_request;

void handle_inventory(struct web_request *request, void *context);
void handle_firmware(struct web_request *request, void *context);
void handle_health(struct web_request *request, void *context);
void handle_metrics_report(struct web_request *request, void *context);
void handle_telemetry(struct web_request *request, void *context);
void handle_event(struct web_request *request, void *context);
