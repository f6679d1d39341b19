// SPDX-License-Identifier: Apache-2.0
#pragma once

// A fuzz target: one parser fed with bytes. What it must hold is asserted with fuzz_check; memory
// errors are the sanitizers'.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check(bool holds)
{
    if (!holds) {
        abort();
    }
}

// The input as a C string; the caller frees.
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}
