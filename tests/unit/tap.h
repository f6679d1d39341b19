// SPDX-License-Identifier: Apache-2.0
#pragma once

// The least a unit test needs: ok(condition, text...) prints a TAP line, done() prints the plan and
// gives main's return value. A test carries on after a failure; bail() is for what makes going on senseless.

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned tap_count;
static unsigned tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_line(bool good, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%sok %u - ", good ? "" : "not ", ++tap_count);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    if (!good) {
        tap_failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

#define ok(condition, ...) tap_line((condition), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((unused)) static bool tap_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

// Texts, NULL allowed; shows both when they differ.
#define is_text(got, expected, ...)                                                                \
    do {                                                                                           \
        const char *got_ = (got);                                                                  \
        const char *expected_ = (expected);                                                        \
        if (!ok(tap_same(got_, expected_), __VA_ARGS__)) {                                         \
            printf("# got      %s\n# expected %s\n", got_ ? got_ : "(null)",                       \
                   expected_ ? expected_ : "(null)");                                              \
        }                                                                                          \
    } while (0)

#define bail(...)                                                                                  \
    do {                                                                                           \
        printf("Bail out! " __VA_ARGS__);                                                          \
        printf("\n");                                                                              \
        exit(1);                                                                                   \
    } while (0)

__attribute__((unused)) static int done(void)
{
    printf("1..%u\n", tap_count);
    return tap_failed ? 1 : 0;
}
