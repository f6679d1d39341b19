// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "web/web.h"

#include <stddef.h>

extern const struct web_route imaged_routes[];
extern const size_t imaged_route_count;
int imaged_authorize(struct web_request *request, unsigned who, void *context, struct error *err);
