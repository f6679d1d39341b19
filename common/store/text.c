// SPDX-License-Identifier: Apache-2.0
// Text from the wire made fit to be stored: valid UTF-8 (RFC 3629) of limited length, so that
// whoever reads it back can put it into JSON. Used by the timeline and the logs.

#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

// Length of the valid sequence at `text`, 0 if there is none. NUL counts as invalid.
static size_t sequence_length(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char first, last, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        size_t length = forms[i].length;
        if (length > left ||
            (length > 1 && (text[1] < forms[i].second_low || text[1] > forms[i].second_high))) {
            return 0;
        }
        for (size_t j = 2; j < length; j++) {
            if ((text[j] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}

char *text_valid(const char *text, size_t length, size_t maximum, size_t *ret_length)
{
    static const char replacement[] = "\xef\xbf\xbd";
    // A bad byte becomes three.
    size_t room = length < maximum / 3 ? 3 * length : maximum;
    char *result = malloc(room + 1);
    if (!result) {
        return NULL;
    }
    size_t used = 0;
    for (size_t position = 0; position < length;) {
        size_t good = sequence_length((const unsigned char *)text + position, length - position);
        size_t add = good > 0 ? good : sizeof(replacement) - 1;
        if (used + add > room) {
            break;
        }
        memcpy(result + used, good > 0 ? text + position : replacement, add);
        used += add;
        position += good > 0 ? good : 1;
    }
    result[used] = '\0';
    if (ret_length) {
        *ret_length = used;
    }
    return result;
}
