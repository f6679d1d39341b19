// SPDX-License-Identifier: Apache-2.0
#pragma once

// The yard's own certificate authority and the one server certificate that its daemons share: EC
// P-256, the CA for 20 years, the server for one. Names only, no files: cmd_ca.c keeps those.
// Errors are ERROR_INTERNAL with OpenSSL's reason unless said otherwise.

#include "base/error.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

enum { CA_YEARS = 20, CA_SERVER_DAYS = 365, CA_SANS_MAX = 64 };

// The names and addresses that a server certificate is for.
struct ca_sans {
    const char *items[CA_SANS_MAX]; // borrowed
    size_t count;
};

EVP_PKEY *ca_make_key(struct error *err);
X509 *ca_make_root(EVP_PKEY *key, struct error *err);
// An address literal becomes an address, anything else must be a DNS name (ERROR_UNPROCESSABLE).
X509 *ca_make_server(X509 *root, EVP_PKEY *root_key, EVP_PKEY *server_key,
                     const struct ca_sans *sans, struct error *err);

// Subject alternative names of `certificate` as text, each newly allocated; `ret_texts` has
// CA_SANS_MAX places.
size_t ca_server_sans(X509 *certificate, char **ret_texts);

// Whole days until `certificate` ends; negative when it has.
int ca_days_left(X509 *certificate);
