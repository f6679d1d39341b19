// SPDX-License-Identifier: Apache-2.0
// Parsers for the kinds of values that conf files have. Each says what it would have accepted.

#include "conf/conf.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

enum { CONF_STRINGS_MAX = 1000 };

int conf_parse_string(const char *instance, const char *value, void *field, struct error *err)
{
    char *copy = strdup(value);
    if (!copy) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    char **string = field;
    free(*string);
    *string = copy;
    return 0;
}

int conf_parse_bool(const char *instance, const char *value, void *field, struct error *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value, words[i]) == 0) {
            *(bool *)field = i % 2 == 1;
            return 0;
        }
    }
    return error_set(err, ERROR_UNPROCESSABLE, "expected yes or no, not \"%.100s\"", value);
}

struct suffix {
    const char *text;
    uint64_t factor;
};

// Digits and at most one suffix of the list (which ends with a NULL text).
static int parse_number(const char *value, const struct suffix *suffixes, uint64_t maximum, uint64_t *ret_number)
{
    if (!isdigit((unsigned char)*value)) {
        return -1;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno != 0) {
        return -1;
    }
    uint64_t factor = *end == '\0' ? 1 : 0;
    end += strspn(end, " ");
    for (; factor == 0 && suffixes && suffixes->text; suffixes++) {
        factor = strcmp(end, suffixes->text) == 0 ? suffixes->factor : 0;
    }
    if (factor == 0 || number > maximum / factor) {
        return -1;
    }
    *ret_number = number * factor;
    return 0;
}

int conf_parse_unsigned(const char *instance, const char *value, void *field, struct error *err)
{
    uint64_t number;
    if (parse_number(value, NULL, UINT_MAX, &number) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "expected a number of 0 to %u, not \"%.100s\"", UINT_MAX, value);
    }
    *(unsigned *)field = (unsigned)number;
    return 0;
}

int conf_parse_bytes(const char *instance, const char *value, void *field, struct error *err)
{
    static const struct suffix suffixes[] = {
        {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}, {NULL, 0},
    };
    uint64_t number;
    if (parse_number(value, suffixes, INT64_MAX, &number) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "expected bytes as a number with K, M, G, T or nothing behind it, not \"%.100s\"", value);
    }
    *(uint64_t *)field = number;
    return 0;
}

int conf_parse_seconds(const char *instance, const char *value, void *field, struct error *err)
{
    static const struct suffix suffixes[] = {
        {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0},
    };
    uint64_t number;
    if (parse_number(value, suffixes, INT_MAX, &number) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "expected seconds as a number with s, min, h, d or nothing behind it, not \"%.100s\"", value);
    }
    *(unsigned *)field = (unsigned)number;
    return 0;
}

int conf_parse_port(const char *instance, const char *value, void *field, struct error *err)
{
    uint64_t number;
    if (parse_number(value, NULL, 65535, &number) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "expected a port of 0 to 65535, not \"%.100s\"", value);
    }
    *(unsigned *)field = (unsigned)number;
    return 0;
}

int conf_parse_log_level(const char *instance, const char *value, void *field, struct error *err)
{
    if (log_level_parse(value, field) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "expected err, warning, notice, info or debug, not \"%.100s\"", value);
    }
    return 0;
}

static int strings_append(struct conf_strings *strings, const char *word, size_t length, struct error *err)
{
    if (strings->count >= CONF_STRINGS_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "more than %d words", CONF_STRINGS_MAX);
    }
    CLEANUP_FREE char *copy = strndup(word, length);
    char **items = realloc(strings->items, (strings->count + 1) * sizeof(*items));
    if (items) {
        strings->items = items;
    }
    if (!copy || !items) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    items[strings->count++] = TAKE_PTR(copy);
    return 0;
}

// Words between white space; an empty value empties the list.
int conf_parse_strings(const char *instance, const char *value, void *field, struct error *err)
{
    if (*value == '\0') {
        conf_strings_fini(field);
        return 0;
    }
    for (const char *word = value + strspn(value, " \t"); *word;) {
        size_t length = strcspn(word, " \t");
        int result = strings_append(field, word, length, err);
        if (result < 0) {
            return result;
        }
        word += length;
        word += strspn(word, " \t");
    }
    return 0;
}

void conf_strings_fini(struct conf_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->items[i]);
    }
    free(strings->items);
    *strings = (struct conf_strings){0};
}
