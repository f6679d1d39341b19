// SPDX-License-Identifier: Apache-2.0
// Range and If-None-Match fields.

#include "../../../daemons/imaged/range.h"
#include "../tap.h"

#include <stddef.h>

struct sample {
    const char *text;
    uint64_t size;
    enum range_result result;
    uint64_t first, last;
};

static const struct sample samples[] = {
    {NULL, 100, RANGE_WHOLE, 0, 0},
    {"bytes=0-", 100, RANGE_PART, 0, 99},
    {"bytes=10-19", 100, RANGE_PART, 10, 19},
    {"Bytes=99-99", 100, RANGE_PART, 99, 99},
    {"bytes=10-1000", 100, RANGE_PART, 10, 99},
    {"bytes=10-99999999999999999999999999", 100, RANGE_PART, 10, 99},
    {"bytes=-1", 100, RANGE_PART, 99, 99},
    {"bytes=-1000", 100, RANGE_PART, 0, 99},
    {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=99999999999999999999999999-", 100, RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=20-10", 100, RANGE_WHOLE, 0, 0},
    {"bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 0},
    {"bytes=", 100, RANGE_WHOLE, 0, 0},
    {"bytes=-", 100, RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 100, RANGE_WHOLE, 0, 0},
    {"bytes=1-2x", 100, RANGE_WHOLE, 0, 0},
    {"lines=1-2", 100, RANGE_WHOLE, 0, 0},
};

int main(void)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *sample = &samples[i];
        struct range range = {.first = 0, .last = 0};
        const char *text = sample->text ? sample->text : "(none)";
        ok(range_parse(sample->text, sample->size, &range) == sample->result, "%s of %llu", text,
           (unsigned long long)sample->size);
        ok(range.first == sample->first && range.last == sample->last, "its ends");
    }
    ok(etag_list_has("\"a\"", "\"a\""), "one tag");
    ok(etag_list_has("\"b\", W/\"a\"", "\"a\""), "a weak one in a list");
    ok(etag_list_has("*", "\"a\""), "any");
    ok(!etag_list_has("\"b\"", "\"a\"") && !etag_list_has("", "\"a\"") &&
           !etag_list_has("a", "\"a\"") && !etag_list_has("\"a", "\"a\"") &&
           !etag_list_has("\"ab\"", "\"a\""),
       "others");
    return done();
}
