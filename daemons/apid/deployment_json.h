// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deployments as documents: POST's body in, replies out. Threads: any.

#include "base/error.h"
#include "image_name.h"

#include <jansson.h>

struct deployment;
struct machine;

// `document` is POST's body; the host name is the machine's name unless given. ERROR_UNPROCESSABLE
// with the member's path. For http(s) images fetch_url and layer_digest are filled: such a name
// needs no resolving. The caller calls deployment_fini.
int deployment_from_json(const struct machine *machine, const json_t *document,
                         struct deployment *ret_deployment, struct image_name *ret_image,
                         struct error *err);

// New reference, NULL when memory is gone. Secrets are masked. `warnings` is an array or NULL and
// stays the caller's.
json_t *deployment_to_json(const struct deployment *deployment, const char *machine_name,
                           const json_t *warnings);

// One variable as a request gives it; also what the unit test asks.
int deployment_var_check(const char *key, const json_t *value, struct error *err);
