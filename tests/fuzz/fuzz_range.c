// SPDX-License-Identifier: Apache-2.0
// A range that is taken lies within the content, whatever its size.

#include "fuzz.h"

#include "../../daemons/imaged/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 100, UINT64_C(1) << 40, INT64_MAX};
    char *text = fuzz_text(data, size);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct range range;
        if (range_parse(text, sizes[i], &range) == RANGE_PART) {
            fuzz_check(range.first <= range.last && range.last < sizes[i]);
        }
    }
    (void)etag_list_has(text, "\"a\"");
    free(text);
    return 0;
}
