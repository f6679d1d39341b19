// SPDX-License-Identifier: Apache-2.0
#pragma once

struct web_request;

void handle_log(struct web_request *request, void *context);
void handle_debug(struct web_request *request, void *context);
