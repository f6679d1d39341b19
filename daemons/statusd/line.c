// SPDX-License-Identifier: Apache-2.0

#include "line.h"

#include <stddef.h>
#include <string.h>

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

// A word of [a-z0-9-_.] that ends at a space, a line's end or the end; anything else is not taken
// at all.
static bool read_word(const char *text, char ret_word[LINE_WORD_SIZE])
{
    size_t length = 0;
    while (is_word(text[length])) {
        length++;
    }
    bool ends = text[length] == '\0' || text[length] == ' ' || text[length] == '\n';
    if (length == 0 || length >= LINE_WORD_SIZE || !ends) {
        return false;
    }
    memcpy(ret_word, text, length);
    ret_word[length] = '\0';
    return true;
}

// The decimal number of " key=", 0 when it is not there or is no number.
static uint64_t read_number(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    uint64_t value = 0;
    for (at = at ? at + strlen(key) : ""; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

void line_parse(const char *text, struct line *ret_line)
{
    static const struct {
        const char *prefix;
        char level;
    } levels[] = {{"[INFO] ", 'I'}, {"[WARN] ", 'W'}, {"[ERROR] ", 'E'}, {"[DEBUG] ", 'D'}};
    *ret_line = (struct line){.level = 'I'};
    const char *message = NULL;
    for (size_t i = 0; !message && i < sizeof(levels) / sizeof(levels[0]); i++) {
        message = after(text, levels[i].prefix);
        ret_line->level = message ? levels[i].level : 'I';
    }
    if (!message || ret_line->level != 'I') {
        return;
    }
    const char *name = after(message, "provisioning step step=");
    if (name && read_word(name, ret_line->name)) {
        ret_line->what = LINE_STEP;
        return;
    }
    name = after(message, "progress stage=");
    if (name && read_word(name, ret_line->name)) {
        ret_line->what = LINE_PROGRESS;
        ret_line->bytes = read_number(name, " bytes=");
        ret_line->total = read_number(name, " total=");
        ret_line->rate = read_number(name, " rate=");
    }
}

void line_failed_step(const char *text, char ret_step[LINE_WORD_SIZE])
{
    ret_step[0] = '\0';
    const char *name = after(text, "step ");
    char word[LINE_WORD_SIZE];
    if (name && read_word(name, word) && after(name + strlen(word), " failed:")) {
        memcpy(ret_step, word, sizeof(word));
    }
}
