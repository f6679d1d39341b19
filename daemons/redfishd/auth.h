// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may: Basic (user = the API token's name, password = the token), Bearer, or X-Auth-Token with an API token. What a route asks for is a
// token_role of store/token.h. Threads: the loop's.

#include "base/error.h"

struct web_request;

int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err);
// The name of the token that was let in; "" on public routes.
const char *auth_name(const struct web_request *request);
