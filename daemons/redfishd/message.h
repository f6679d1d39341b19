// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replies as Redfish clients want them (DSP0266): the headers that every resource carries, and the error object with
// @Message.ExtendedInfo. Threads: the loop's.

#include "base/error.h"

#include <jansson.h>

struct web_request;

// Reply with a resource: takes `body`.
void message_reply_resource(struct web_request *request, json_t *body);
void message_reply_done(struct web_request *request); // 204
void message_reply_error(struct web_request *request, const struct error *err);
