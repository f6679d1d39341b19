// SPDX-License-Identifier: Apache-2.0
#pragma once

// TLS under one request of http.c: a client context with the CA bundle, the server's name or address to
// be proven, and why a handshake failed. Used by http.c only, on its thread.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;
struct tls;
struct url;

#define TLS_SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

// `ret_channel` is not connected yet; the caller frees it before `ret_tls`.
int tls_open(struct event_base *base, const struct url *url, const char *ca_file, struct tls **ret_tls,
             struct bufferevent **ret_channel, struct error *err);
void tls_free(struct tls *tls);

// True, and a reason in `text`, when it was TLS that failed.
bool tls_explain(const struct tls *tls, char *text, size_t size);
