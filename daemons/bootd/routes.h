// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "web/web.h"

#include <stddef.h>

extern const struct web_route bootd_routes[];
extern const size_t bootd_route_count;
