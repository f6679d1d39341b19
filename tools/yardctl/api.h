// SPDX-License-Identifier: Apache-2.0
#pragma once

// yardctl's side of apid's API.

#include "base/error.h"

#include <jansson.h>

struct yardctl;

// One request; `path` begins with a slash, `body` may be NULL (stays the caller's). 0 = a 2xx
// answer, its document in *ret_reply (NULL when it is empty; ret_reply may be NULL). A problem
// document's detail is the error's message.
int api_call(const struct yardctl *ctl, const char *method, const char *path, const json_t *body,
             json_t **ret_reply, struct error *err);

// "/v1/machines/" and `name`, percent-encoded, and `rest`. Caller frees; NULL: no memory.
char *api_path(const char *collection, const char *name, const char *rest);

void api_print(const json_t *document);                       // indented, with a newline
const char *api_text(const json_t *object, const char *name); // "-" where there is no text
