// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stands between method and version of a request line, taken apart: path segments and query pairs, each
// percent-decoded once. Pure functions over text from the wire; a fuzzer feeds them. Threads: any.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_MAX = 8192, TARGET_SEGMENTS_MAX = 64, TARGET_QUERIES_MAX = 64 };

struct target_pair {
    const char *name;
    const char *value; // "" if there was no '='
};

// All strings live in `memory`.
struct target {
    char *memory;
    const char *path; // decoded, for logs
    const char *segments[TARGET_SEGMENTS_MAX];
    size_t segment_count;
    struct target_pair queries[TARGET_QUERIES_MAX];
    size_t query_count;
    bool trailing_slash;
};

// Refuses (ERROR_BAD_REQUEST): what does not start with "/" (or "http://host/"), empty, "." and ".." segments,
// control characters, bytes that are not UTF-8, bad percent signs. `*ret_target` is untouched on failure.
int target_parse(const char *text, struct target *ret_target, struct error *err);
void target_fini(struct target *target);
