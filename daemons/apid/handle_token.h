// SPDX-License-Identifier: Apache-2.0
#pragma once

// API tokens: made, listed (never shown again) and revoked by administrators.

struct web_request;

void handle_token_list(struct web_request *request, void *context);
void handle_token_post(struct web_request *request, void *context);
void handle_token_delete(struct web_request *request, void *context);
