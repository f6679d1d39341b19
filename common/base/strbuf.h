// SPDX-License-Identifier: Apache-2.0
#pragma once

// A growing byte string with a mandatory maximum, so that nothing sized by a peer grows for ever.
// After an append that would pass the maximum (or for which memory is gone) the buffer is failed:
// its content stays as it was before, further appends do nothing, strbuf_failed() tells. So a chain
// of appends needs one check at its end. `data` is always NUL-terminated once something was appended
// (or "" by strbuf_text). Threads: none shared.

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *data;
    size_t length;
    size_t allocated;
    size_t maximum; // bytes without the NUL
    bool failed;
};

void strbuf_init(struct strbuf *buf, size_t maximum);
void strbuf_fini(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); // empty again, memory kept

void strbuf_append(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool strbuf_failed(const struct strbuf *buf);
const char *strbuf_text(const struct strbuf *buf); // never NULL
char *strbuf_take(struct strbuf *buf);             // caller frees; never NULL unless failed

#define CLEANUP_STRBUF CLEANUP(strbuf_fini)
