// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an agent finds in its deploy archive: /deploy/vars, /deploy/time and the yard's CA. Pure.
// Threads: any.

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vars.h"

#include <stdint.h>

struct deployment;
struct machine;

enum { ARCHIVE_MAX = 2 * 1024 * 1024, ARCHIVE_CA_MAX = 512 * 1024 };

struct archive_settings {
    const struct machine *machine;
    const struct deployment *deployment; // NULL: the agent stands by
    const char *statusd_url;
    const char *token, *phone_home_token;
    const char *ca; // PEM, "" none
    size_t ca_length;
    int64_t now_ms;
};

// The deployment's own variables first, but for those that are ours to set; then ours.
int archive_vars(const struct archive_settings *settings, struct vars *vars, struct error *err);
// How the image's bytes are packed, from the media type: "zstd", "gzip", "raw", or NULL when it
// does not say.
const char *archive_image_format(const char *media_type);

int archive_build(const struct archive_settings *settings, struct strbuf *out, struct error *err);
