// SPDX-License-Identifier: Apache-2.0
#pragma once

// What may stand in a request's body, as a table: each member's name, type and limits. wire_check
// walks a document along its table and names the first thing that is wrong by its path
// ("interfaces[0].mac: ..."), so that a handler only ever sees documents of the right shape.
// Unknown members are refused: a misspelt one would otherwise be lost silently. Every failure is
// ERROR_UNPROCESSABLE. Threads: any.

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind {
    WIRE_STRING,  // min..max: bytes of UTF-8; no control characters
    WIRE_INTEGER, // min..max: the value
    WIRE_BOOL,
    WIRE_OBJECT, // `fields`; without fields: any members, min..max of them, each passed to
                 // check_member
    WIRE_ARRAY,  // of objects with `fields`; min..max: elements
};

struct wire_field {
    const char *name;
    enum wire_kind kind;
    bool required;
    int64_t min, max;
    int (*check)(const char *text, struct error *err); // strings; may be NULL
    // Members of an object without `fields`; may be NULL.
    int (*check_member)(const char *key, const json_t *value, struct error *err);
    const struct wire_field *fields; // of an object, or of each element of an array
    size_t field_count;
};

// `document` is an object. 0, or negative with the path in the message.
int wire_check(const json_t *document, const struct wire_field *fields, size_t field_count,
               struct error *err);

// "a string", "an object", ... for messages.
const char *wire_type_name(const json_t *value);

// The string member `name`, or `otherwise` when it is absent.
const char *wire_text(const json_t *object, const char *name, const char *otherwise);
