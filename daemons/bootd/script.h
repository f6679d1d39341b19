// SPDX-License-Identifier: Apache-2.0
#pragma once

// The texts of iPXE scripts. Nothing gets into a script but by two doors: script_word for values
// that the script's meaning hangs on (refuses whatever iPXE would read as more than a word) and
// script_say for what a person reads (replaces it). Pure. Threads: any.

#include "base/error.h"
#include "base/strbuf.h"

enum { SCRIPT_MAX = 16384, SCRIPT_ARGS_MAX = 2048, SCRIPT_SAY_MAX = 300 };

// Append a value. Refused (ERROR_UNPROCESSABLE): control characters, space, bytes above 0x7e, "${",
// "||", "&&", ";" or "#" as a word, and the empty string.
int script_word(struct strbuf *out, const char *word, struct error *err);
// The same for a list of words between single spaces (kernel arguments); "" appends nothing.
// Otherwise each with a space before it.
int script_words(struct strbuf *out, const char *words, struct error *err);
// Append " " and a text for people, cut; what iPXE could read as anything but text becomes '?'.
void script_say(struct strbuf *out, const char *text);

struct script_agent {
    const char *title; // for people
    const char *kernel_url;
    const char *initramfs_url;
    const char *archive_url;
    const char *args;         // of the yard for this architecture
    const char *machine_args; // of the machine, "" none
};
// Boot the agent: one kernel, two initrds.
int script_agent(struct strbuf *out, const struct script_agent *agent, struct error *err);

// Boot your disk; `title` says why. `loader_url`: an EFI program that starts the loader on the
// first disk that has one, for firmware under which iPXE cannot boot a disk itself; "" none, then
// the firmware tries its next entry.
int script_disk(struct strbuf *out, const char *title, const char *loader_url, struct error *err);

// Say `text`, wait, ask `url` again.
int script_wait(struct strbuf *out, const char *text, unsigned seconds, const char *url,
                struct error *err);

// Say `text` and go on with the firmware's next entry.
void script_ignore(struct strbuf *out, const char *text);

// The first script, for everybody: names the machine by its UUID and MAC, asks `base` (no slash at
// its end) again and again until it answers.
int script_chain(struct strbuf *out, const char *base, struct error *err);
