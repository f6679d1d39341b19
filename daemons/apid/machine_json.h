// SPDX-License-Identifier: Apache-2.0
#pragma once

// Machines as documents: PUT's body in, replies out. Threads: any.

#include "base/error.h"

#include <jansson.h>

struct deployment;
struct machine;

// `document` is PUT's body, `name` comes from the path. ERROR_UNPROCESSABLE with the member's path.
// The caller calls machine_fini.
int machine_from_json(const char *name, const json_t *document, struct machine *ret_machine,
                      struct error *err);

// New reference, NULL when memory is gone. `current` is the newest deployment or NULL.
json_t *machine_to_json(const struct machine *machine, const struct deployment *current);

// RFC 3339 text, or null for 0.
json_t *time_to_json(int64_t time_ms);
