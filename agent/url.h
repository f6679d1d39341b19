// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the agent needs to know of an http or https URL, and whether a secret may travel over it. Plain
// data; nothing here touches the network. Threads: any.

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { URL_HOST_SIZE = 256, URL_TARGET_SIZE = 4096 };

struct url {
    bool is_https;
    bool host_is_address; // an IPv4 or IPv6 literal
    uint16_t port;        // the scheme's own when the URL names none
    char host[URL_HOST_SIZE];     // without brackets
    char target[URL_TARGET_SIZE]; // path and query as they go on the request line, "/" at least
};

// Only absolute http and https URLs without user information are taken.
int url_parse(const char *text, struct url *ret_url, struct error *err);

// True for localhost, 127.0.0.0/8 and ::1 as literals: "127.0.0.1.example.org" is none of them.
bool url_is_loopback(const struct url *url);

// True where a bearer token may go: https, loopback, or whatever the controller declared insecure on purpose.
bool url_may_carry_secret(const struct url *url, bool insecure_transport);

// Append the path element "ack" to `text`: slashes at its end are dropped, a query stays behind it.
int url_append_ack(const char *text, char *ret_text, size_t size, struct error *err);
