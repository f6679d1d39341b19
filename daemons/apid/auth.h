// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who asks: API tokens as bearer credentials, roles read < admin. The web room calls auth_authorize
// for every route that is not for anybody.

#include "base/error.h"

struct web_request;

// web_settings.authorize; `context` is the struct apid. The identity it leaves is the token's name.
int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err);

// The name of the token that the request came with; borrowed until the reply, "" when there is
// none.
const char *auth_name(const struct web_request *request);
