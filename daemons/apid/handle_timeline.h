// SPDX-License-Identifier: Apache-2.0
#pragma once

// A machine's timeline, page by page or as it happens.

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

struct apid;
struct web_request;

void handle_timeline_get(struct web_request *request, void *context);

// One page: {"events": [...], "next": seq to go on after}. *ret_count says how many events. NULL:
// err.
json_t *timeline_page(struct apid *apid, int64_t machine_id, int64_t after, unsigned limit,
                      size_t *ret_count, struct error *err);
