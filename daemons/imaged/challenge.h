// SPDX-License-Identifier: Apache-2.0
#pragma once

// WWW-Authenticate as registries send it (RFC 9110 section 11.6.1, distribution's token
// specification): which token server to ask. Threads: any; plain data.

#include "base/error.h"

struct challenge {
    char realm[1024];
    char service[256]; // "" if absent
};

// Find the Bearer challenge in a field value that may hold several. ERROR_UPSTREAM when there is
// none that can be used.
int challenge_parse_bearer(const char *header, struct challenge *ret_challenge, struct error *err);

// The URL to ask for a token that may pull `repository`; what goes into the query is
// percent-encoded.
int challenge_token_url(const struct challenge *challenge, const char *repository, char *text,
                        size_t size, struct error *err);
