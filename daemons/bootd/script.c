// SPDX-License-Identifier: Apache-2.0

#include "script.h"

#include <stdbool.h>
#include <string.h>

static bool is_operator(const char *word, size_t length)
{
    return (length == 1 && *word == ';') || (length >= 1 && *word == '#');
}

static bool word_is_safe(const char *word, size_t length)
{
    if (length == 0 || is_operator(word, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)word[i];
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
        char next = i + 1 < length ? word[i + 1] : '\0';
        if ((c == '$' && next == '{') || (c == '|' && next == '|') || (c == '&' && next == '&')) {
            return false;
        }
    }
    return true;
}

int script_word(struct strbuf *out, const char *word, struct error *err)
{
    size_t length = strlen(word);
    if (length > SCRIPT_ARGS_MAX || !word_is_safe(word, length)) {
        return error_set(err, ERROR_UNPROCESSABLE, "a value cannot stand in an iPXE script");
    }
    strbuf_append(out, word, length);
    return 0;
}

int script_words(struct strbuf *out, const char *words, struct error *err)
{
    if (strlen(words) > SCRIPT_ARGS_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "kernel arguments longer than %d bytes",
                         SCRIPT_ARGS_MAX);
    }
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (!word_is_safe(words, length)) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "kernel arguments that cannot stand in an iPXE script");
        }
        strbuf_puts(out, " ");
        strbuf_append(out, words, length);
        words += length;
        words += *words == ' ' ? 1 : 0;
    }
    return 0;
}

void script_say(struct strbuf *out, const char *text)
{
    // What neither iPXE's parser nor a terminal takes for anything but text.
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:_-+/()=@%'";
    strbuf_puts(out, " ");
    for (size_t i = 0; text[i] != '\0' && i < SCRIPT_SAY_MAX; i++) {
        char c = text[i] == ';' ? ',' : text[i]; // reasons are joined by it
        c = strchr(allowed, c) ? c : '?';
        strbuf_append(out, &c, 1);
    }
}

static void script_begin(struct strbuf *out, const char *title)
{
    strbuf_puts(out, "#!ipxe\necho bootyard:");
    script_say(out, title);
    strbuf_puts(out, "\n");
}

static int script_finish(struct strbuf *out, struct error *err)
{
    return strbuf_failed(out) ? error_set(err, ERROR_TOO_LARGE, "the script is too long") : 0;
}

// A line "<command><url>\n".
static int script_fetch(struct strbuf *out, const char *command, const char *url, struct error *err)
{
    strbuf_puts(out, command);
    int r = script_word(out, url, err);
    strbuf_puts(out, "\n");
    return r;
}

// The names make the kernel's EFI stub and BIOS both find the two archives in this order (the later
// one wins).
int script_agent(struct strbuf *out, const struct script_agent *agent, struct error *err)
{
    script_begin(out, agent->title);
    strbuf_puts(out, "kernel ");
    if (script_word(out, agent->kernel_url, err) < 0) {
        return -1;
    }
    strbuf_puts(out, " initrd=initramfs initrd=deploy.cpio");
    if (script_words(out, agent->args, err) < 0 ||
        script_words(out, agent->machine_args, err) < 0) {
        return -1;
    }
    strbuf_puts(out, "\n");
    if (script_fetch(out, "initrd --name initramfs ", agent->initramfs_url, err) < 0 ||
        script_fetch(out, "initrd --name deploy.cpio ", agent->archive_url, err) < 0) {
        return -1;
    }
    strbuf_puts(out, "boot\n");
    return script_finish(out, err);
}

// Under UEFI the firmware takes an error for "try your next entry" and a success for "show your
// menu". The variable tells the first script (script_chain) that this is meant.
static const char next_entry[] = "set bootyard-answer next\nexit 1\n";

int script_disk(struct strbuf *out, const char *title, const char *loader_url, struct error *err)
{
    script_begin(out, title);
    strbuf_puts(out, "iseq ${platform} pcbios && goto bios ||\n");
    if (loader_url[0] != '\0') {
        strbuf_puts(out, "chain --autofree ");
        if (script_word(out, loader_url, err) < 0) {
            return -1;
        }
        strbuf_puts(out, " ||\n");
    }
    strbuf_puts(out, "goto next\n"
                     ":bios\n"
                     "sanboot --no-describe --drive 0x80 ||\n"
                     ":next\n");
    strbuf_puts(out, next_entry);
    return script_finish(out, err);
}

int script_wait(struct strbuf *out, const char *text, unsigned seconds, const char *url,
                struct error *err)
{
    script_begin(out, text);
    strbuf_printf(
        out, "echo bootyard: asking again in %u s\n:again\nsleep %u\nchain --autofree --replace ",
        seconds, seconds);
    if (script_word(out, url, err) < 0) {
        return -1;
    }
    strbuf_puts(out, " || goto again\n");
    return script_finish(out, err);
}

void script_ignore(struct strbuf *out, const char *text)
{
    script_begin(out, text);
    strbuf_puts(out, next_entry);
}

int script_chain(struct strbuf *out, const char *base, struct error *err)
{
    strbuf_puts(out, "#!ipxe\n"
                     "set bootyard-answer none\n"
                     ":ask\n"
                     "isset ${uuid} && goto uuid ||\n"
                     "chain --autofree ");
    if (script_word(out, base, err) < 0) {
        return -1;
    }
    strbuf_puts(out, "/ipxe/mac/${netX/mac:hexhyp} || goto failed\n"
                     "exit\n"
                     ":uuid\n"
                     "chain --autofree ");
    if (script_word(out, base, err) < 0) {
        return -1;
    }
    strbuf_puts(out, "/ipxe/${uuid}?mac=${netX/mac:hexhyp} || goto failed\n"
                     "exit\n"
                     ":failed\n"
                     "iseq ${bootyard-answer} next && exit 1 ||\n"
                     "echo bootyard: no boot this time, asking again in 10 s\n"
                     "sleep 10\n"
                     "goto ask\n");
    return script_finish(out, err);
}
