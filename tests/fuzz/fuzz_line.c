// SPDX-License-Identifier: Apache-2.0
// What an agent's lines say, and what the store keeps of bytes that are no text.

#include "fuzz.h"

#include "../../daemons/statusd/line.h"

#include "store/internal.h"

#include <jansson.h>

static void check_word(const char *word)
{
    fuzz_check(strlen(word) < LINE_WORD_SIZE);
    fuzz_check(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(word));
}

// jansson refuses what is not UTF-8: the reader of the timeline would have nothing.
static void check_kept(const uint8_t *data, size_t size, size_t maximum)
{
    size_t length = 0;
    char *kept = text_valid((const char *)data, size, maximum, &length);
    fuzz_check(kept && length <= maximum && strlen(kept) == length);
    json_t *json = json_stringn(kept, length);
    fuzz_check(json);
    json_decref(json);
    free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct line line;
    line_parse(text, &line);
    fuzz_check(strchr("IWED", line.level) && line.bytes <= INT64_MAX && line.total <= INT64_MAX);
    fuzz_check((line.what == LINE_PLAIN) || line.name[0]);
    check_word(line.name);
    char step[LINE_WORD_SIZE];
    line_failed_step(text, step);
    check_word(step);
    check_kept(data, size, 7);
    check_kept(data, size, 2000);
    free(text);
    return 0;
}
