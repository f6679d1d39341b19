// SPDX-License-Identifier: Apache-2.0
// strbuf.c: grows up to its maximum and not a byte further.

#include "base/strbuf.h"
#include "tests/unit/tap.h"

static void test_growth(void)
{
    struct strbuf buf;
    strbuf_init(&buf, 10);
    is_text(strbuf_text(&buf), "", "empty at first");
    strbuf_puts(&buf, "12345");
    strbuf_printf(&buf, "%d", 67890);
    is_text(strbuf_text(&buf), "1234567890", "exactly the maximum fits");
    ok(!strbuf_failed(&buf), "and is no failure");
    strbuf_append(&buf, "", 0);
    ok(!strbuf_failed(&buf), "nothing more is no failure either");
    strbuf_puts(&buf, "x");
    ok(strbuf_failed(&buf), "one more byte is");
    is_text(strbuf_text(&buf), "1234567890", "the content stays");
    ok(strbuf_take(&buf) == NULL, "a failed buffer gives nothing");
    strbuf_reset(&buf);
    strbuf_puts(&buf, "again");
    is_text(strbuf_text(&buf), "again", "reset starts afresh");
    strbuf_fini(&buf);
    ok(buf.maximum == 10, "fini keeps the maximum");
}

static void test_large(void)
{
    struct strbuf buf;
    strbuf_init(&buf, 1000000);
    for (int i = 0; i < 100000; i++) {
        strbuf_append(&buf, "0123456789", 10);
    }
    ok(buf.length == 1000000 && !strbuf_failed(&buf), "a million bytes in steps of ten");
    strbuf_printf(&buf, "%s", "x");
    ok(strbuf_failed(&buf), "printf over the maximum fails");
    strbuf_fini(&buf);
}

static void test_take(void)
{
    struct strbuf buf;
    strbuf_init(&buf, 100);
    char *text = strbuf_take(&buf);
    is_text(text, "", "an empty buffer gives an empty text");
    free(text);
    strbuf_append(&buf, "a\0b", 3);
    ok(buf.length == 3 && buf.data[3] == '\0', "NUL bytes are bytes");
    text = strbuf_take(&buf);
    ok(text[2] == 'b' && buf.data == NULL, "take hands the memory over");
    free(text);
    strbuf_fini(&buf);
}

int main(void)
{
    test_growth();
    test_large();
    test_take();
    return done();
}
