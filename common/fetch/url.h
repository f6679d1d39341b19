// SPDX-License-Identifier: Apache-2.0
#pragma once

// URLs of outbound requests, taken apart by the same parser that later connects, so that what was
// checked is what is asked. Threads: any.

#include "base/error.h"

#include <stdbool.h>

struct url_origin {
    char scheme[8]; // "http" or "https"
    char host[256]; // lower case; an IPv6 address is in brackets
    unsigned port;  // always set
};

// Only http and https, without user and password in it. `ret_normal` (NULL if not wanted) gets the
// URL as it is to be asked for, the caller frees it.
int url_parse(const char *url, struct url_origin *ret_origin, char **ret_normal, struct error *err);

bool url_same_origin(const struct url_origin *a, const struct url_origin *b);

// The URL for people: without its query, which may hold a signature. `text` has URL_LOG_SIZE bytes.
enum { URL_LOG_SIZE = 200 };
void url_for_log(const char *url, char *text);
