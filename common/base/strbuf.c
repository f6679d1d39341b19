// SPDX-License-Identifier: Apache-2.0

#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, size_t maximum)
{
    *buf = (struct strbuf){.maximum = maximum};
}

void strbuf_fini(struct strbuf *buf)
{
    free(buf->data);
    *buf = (struct strbuf){.maximum = buf->maximum};
}

void strbuf_reset(struct strbuf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

static bool reserve(struct strbuf *buf, size_t more)
{
    if (buf->failed || more > buf->maximum - buf->length) {
        buf->failed = true;
        return false;
    }
    size_t needed = buf->length + more + 1;
    if (needed <= buf->allocated) {
        return true;
    }
    size_t size = buf->allocated ? buf->allocated : 128;
    while (size < needed) {
        size *= 2;
    }
    char *data = realloc(buf->data, size);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->allocated = size;
    return true;
}

void strbuf_append(struct strbuf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length)) {
        return;
    }
    if (length) {
        memcpy(buf->data + buf->length, bytes, length);
    }
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int wanted = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        buf->failed = true;
    } else if (reserve(buf, (size_t)wanted)) {
        (void)vsnprintf(buf->data + buf->length, (size_t)wanted + 1, format, again);
        buf->length += (size_t)wanted;
    }
    va_end(again);
}

bool strbuf_failed(const struct strbuf *buf)
{
    return buf->failed;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

char *strbuf_take(struct strbuf *buf)
{
    if (buf->failed) {
        return NULL;
    }
    char *data = buf->data ? buf->data : strdup("");
    *buf = (struct strbuf){.maximum = buf->maximum};
    return data;
}
