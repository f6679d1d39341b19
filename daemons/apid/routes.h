// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole surface of apid on one page. docs/openapi.yaml is held against it by a test.

#include "web/web.h"

#include <stddef.h>

extern const struct web_route apid_routes[];
extern const size_t apid_route_count;
