// SPDX-License-Identifier: Apache-2.0
#pragma once

// The vars file of BOOTy: lines of `export KEY="value"` that tell an agent its mode, image and URLs.
// bootd writes it, the agent reads it, apid checks values before they are stored. The grammar is
// BOOTy's as its parser really behaves (CAPRF facts, section 2.3): no escapes, one pair of quotes is
// stripped, last duplicate wins, unknown keys are kept (the caller decides), a line has less than
// 65,536 bytes, keys that start with LUKS_ are refused.

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum { VARS_LINE_MAX = 65535, VARS_COUNT_MAX = 512, VARS_FILE_MAX = 1024 * 1024 };

struct vars_entry {
    char *key;
    char *value;
};

struct vars {
    struct vars_entry *entries;
    size_t count;
};

void vars_init(struct vars *vars);
void vars_fini(struct vars *vars);

// Parse a file's bytes (need not be NUL-terminated, must not contain NUL). All or nothing.
int vars_parse(const char *text, size_t length, struct vars *ret_vars, struct error *err);

// Last value of `key`, or NULL.
const char *vars_get(const struct vars *vars, const char *key);
// bool rule of BOOTy: "true", "1", "yes" in any case, trimmed; anything else is false.
bool vars_get_bool(const struct vars *vars, const char *key);

int vars_set(struct vars *vars, const char *key, const char *value, struct error *err);

// A key that can be written and read back: [A-Za-z_][A-Za-z0-9_]*, at most 64 bytes, not LUKS_*.
// A value that can: no CR, LF or NUL, fits a line, and survives quoting (any text does: the parser strips
// one outer pair only).
int vars_check(const char *key, const char *value, struct error *err);

// A name that bootd sets itself (MODE, TOKEN, IMAGE, INIT_URL, ...): a deployment's own vars may not hold it.
bool vars_is_reserved(const char *key);

// Append `export KEY="value"` lines. What vars_parse reads from it is what was put in.
int vars_write(const struct vars *vars, struct strbuf *out, struct error *err);

#define CLEANUP_VARS CLEANUP(vars_fini)
