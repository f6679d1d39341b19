// SPDX-License-Identifier: Apache-2.0
// script.c: whatever a title, a reason or an argument is, the script has the lines that it should
// have, and expands nothing but what is ours.

#include "daemons/bootd/script.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

static void check(const struct strbuf *out, unsigned lines, unsigned expansions, unsigned ors)
{
    const char *text = strbuf_text(out);
    if (count(text, "\n") != lines || count(text, "${") != expansions || count(text, "||") != ors ||
        count(text, "&&") != expansions || strlen(text) != out->length) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[4096];
    if (length >= sizeof(text)) {
        return 0;
    }
    memcpy(text, bytes, length);
    text[length] = '\0';
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out, SCRIPT_MAX);
    struct script_agent agent = {.title = text,
                                 .kernel_url = "http://b/k",
                                 .initramfs_url = "http://b/i",
                                 .archive_url = "http://b/d",
                                 .args = text,
                                 .machine_args = text};
    if (script_agent(&out, &agent, NULL) == 0) {
        check(&out, 6, 0, 0);
    }
    strbuf_reset(&out);
    if (script_wait(&out, text, 60, text, NULL) == 0) {
        check(&out, 6, 0, 1);
    }
    strbuf_reset(&out);
    if (script_disk(&out, text, text, NULL) == 0) {
        check(&out, text[0] ? 10 : 9, 1, text[0] ? 3 : 2);
    }
    return 0;
}
