// SPDX-License-Identifier: Apache-2.0
// Ranges and entity tags. Called by handle_blob.c with text from the wire.

#include "range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

// Decimal digits; false if there are none. A number too large for 64 bits becomes the largest: it
// is past the end anyway.
static bool read_number(const char **text, uint64_t *ret_number)
{
    const char *c = *text;
    uint64_t number = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        unsigned digit = (unsigned)(*c - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    if (c == *text) {
        return false;
    }
    *text = c;
    *ret_number = number;
    return true;
}

static enum range_result suffix_range(const char *text, uint64_t size, struct range *ret_range)
{
    uint64_t length;
    if (!read_number(&text, &length) || *text) {
        return RANGE_WHOLE;
    }
    if (length == 0 || size == 0) {
        return RANGE_UNSATISFIABLE;
    }
    *ret_range = (struct range){.first = length < size ? size - length : 0, .last = size - 1};
    return RANGE_PART;
}

enum range_result range_parse(const char *text, uint64_t size, struct range *ret_range)
{
    if (!text || strncasecmp(text, "bytes=", 6) != 0) {
        return RANGE_WHOLE;
    }
    text += 6;
    if (*text == '-') {
        return suffix_range(text + 1, size, ret_range);
    }
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (!read_number(&text, &first) || *text != '-') {
        return RANGE_WHOLE;
    }
    text++;
    if (*text && (!read_number(&text, &last) || *text || last < first)) {
        return RANGE_WHOLE;
    }
    if (first >= size) {
        return RANGE_UNSATISFIABLE;
    }
    *ret_range = (struct range){.first = first, .last = last < size ? last : size - 1};
    return RANGE_PART;
}

bool etag_list_has(const char *list, const char *etag)
{
    size_t length = strlen(etag);
    for (const char *at = list + strspn(list, " \t,"); *at; at += strspn(at, " \t,")) {
        if (*at == '*') {
            return true;
        }
        if (strncmp(at, "W/", 2) == 0) {
            at += 2;
        }
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (!end) {
            return false;
        }
        if ((size_t)(end + 1 - at) == length && memcmp(at, etag, length) == 0) {
            return true;
        }
        at = end + 1;
    }
    return false;
}
