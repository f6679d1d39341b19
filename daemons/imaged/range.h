// SPDX-License-Identifier: Apache-2.0
#pragma once

// Range and entity-tag fields of requests (RFC 9110 sections 13 and 14). Threads: any; plain data.

#include <stdbool.h>
#include <stdint.h>

enum range_result {
    RANGE_WHOLE, // no range, or one that a server may ignore: several, another unit, nonsense
    RANGE_PART,  // first..last are set
    RANGE_UNSATISFIABLE, // 416
};

struct range {
    uint64_t first, last; // inclusive
};

// `text` is the field's value, NULL if there is none. `size` is that of the whole.
enum range_result range_parse(const char *text, uint64_t size, struct range *ret_range);

// Does a list of entity tags ("*", or quoted tags, weak ones too) name `etag` (with its quotes)?
// The comparison is the weak one of If-None-Match.
bool etag_list_has(const char *list, const char *etag);
