// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a machine told of itself: its log lines, and its reports by kind.

struct web_request;

void handle_log_get(struct web_request *request, void *context);
void handle_report_get(struct web_request *request, void *context);
