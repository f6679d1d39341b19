// SPDX-License-Identifier: Apache-2.0
#pragma once

// A daemon's configuration: /etc/bootyard/<name>.conf and <name>.conf.d/*.conf (in name order) over built-in
// defaults, INI syntax by libinih. A daemon describes its keys in one table; a file is taken whole or not at
// all. An unknown section or key, a bad value or a line too long is an error "file:line: message". A section
// name may carry an argument, `[registry ghcr.io]`: the table's section is then "registry " (with the space)
// and the parser gets the rest as `instance`. Threads: the loop's only.

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

// Parse `value` into the field at `field`. `instance` is "" for plain sections.
typedef int (*conf_parse_fn)(const char *instance, const char *value, void *field, struct error *err);

struct conf_option {
    const char *section;
    const char *key;
    conf_parse_fn parse;
    size_t offset;             // of the field in the daemon's struct
    const char *default_value; // parsed like a line of the file; NULL: the field stays as it is
    const char *help;
};

// Parsers for common fields.
int conf_parse_string(const char *instance, const char *value, void *field, struct error *err);    // char *, owned
int conf_parse_bool(const char *instance, const char *value, void *field, struct error *err);      // bool
int conf_parse_unsigned(const char *instance, const char *value, void *field, struct error *err);  // unsigned
int conf_parse_bytes(const char *instance, const char *value, void *field, struct error *err);     // uint64_t; suffix K, M, G, T
int conf_parse_seconds(const char *instance, const char *value, void *field, struct error *err);   // unsigned; suffix s, min, h, d
int conf_parse_port(const char *instance, const char *value, void *field, struct error *err);      // unsigned, 0..65535 (0: off or any)
int conf_parse_log_level(const char *instance, const char *value, void *field, struct error *err); // enum log_level
int conf_parse_strings(const char *instance, const char *value, void *field, struct error *err);   // struct conf_strings: words, appended

struct conf_strings {
    char **items;
    size_t count;
};
void conf_strings_fini(struct conf_strings *strings);

// Defaults, then `path` (must exist unless `may_be_missing`), then `<path>.d/*.conf` into `settings`. On failure
// `settings` is in an undefined state that the daemon's own _fini can free.
int conf_load(const char *path, bool may_be_missing, const struct conf_option *options, size_t option_count,
              void *settings, struct error *err);

// For --help-config: every option with its default and help text.
void conf_print_options(FILE *out, const struct conf_option *options, size_t option_count);
