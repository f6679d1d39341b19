// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET /deploy/{key}/deploy.cpio: made for each fetch, with a token of its own.

struct web_request;

void handle_archive(struct web_request *request, void *context);
// HEAD on whatever has an effect: 200, and none.
void handle_no_effect(struct web_request *request, void *context);
