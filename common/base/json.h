// SPDX-License-Identifier: Apache-2.0
#pragma once

// Cleanup for jansson values, for whoever includes jansson.h anyway.

#include "base/cleanup.h"

#include <jansson.h>

static inline void cleanup_json_value(json_t **value)
{
    json_decref(*value);
}

#define CLEANUP_JSON CLEANUP(cleanup_json_value)
