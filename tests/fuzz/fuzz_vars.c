// SPDX-License-Identifier: Apache-2.0
// vars.c: what was parsed and can be written reads the same again.

#include "base/vars.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_same(const struct vars *a, const struct vars *b)
{
    if (a->count != b->count) {
        abort();
    }
    for (size_t i = 0; i < a->count; i++) {
        const char *value = vars_get(b, a->entries[i].key);
        if (!value || strcmp(value, a->entries[i].value) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_VARS struct vars vars = {0};
    CLEANUP_VARS struct vars again = {0};
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, 4 * VARS_FILE_MAX);
    if (vars_parse((const char *)bytes, length, &vars, NULL) == 0 && vars_write(&vars, &text, NULL) == 0 &&
        text.length <= VARS_FILE_MAX) {
        if (vars_parse(strbuf_text(&text), text.length, &again, NULL) < 0) {
            abort();
        }
        check_same(&vars, &again);
    }
    (void)vars_get_bool(&vars, "A");
    return 0;
}
