// SPDX-License-Identifier: Apache-2.0
#pragma once

// The stamp: the last file that is written before a disk's commit. Whoever finds it on a committed
// disk knows which deployment and image made that system (DESIGN.md, "Never installed twice").

#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>

enum { STAMP_TEXT_MAX = 4096 };

#define STAMP_PATH "var/lib/bootyard/stamp"

struct stamp {
    char deployment[128];
    char image[160]; // "sha256:..." as declared
    char time[CLOCK_TEXT_SIZE];
};

// Text in the vars grammar (base/vars.h).
int stamp_format(const struct stamp *stamp, struct strbuf *out, struct error *err);
int stamp_parse(const char *text, size_t length, struct stamp *ret_stamp, struct error *err);

// Made by the same deployment from the same image?
bool stamp_matches(const struct stamp *a, const struct stamp *b);
