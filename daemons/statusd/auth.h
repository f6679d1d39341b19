// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who asks. The token, in Authorization or as ?t=, says which boot attempt it is; an ended attempt
// is let in, so that its report can be refused with a reason and a row in the timeline. Threads:
// the loop's.

#include "base/error.h"
#include "store/attempt.h"

struct web_request;

enum who {
    WHO_ANYBODY,
    WHO_AGENT,            // a boot attempt's token: the request's identity is a struct visitor
    WHO_INSTALLED_SYSTEM, // some token; attempt_phone_home finds out whose: a struct visitor
                          // without attempt
    WHO_SCRAPER,          // this host itself, or an API token that may read
};

struct visitor {
    char token[TOKEN_TEXT_SIZE];
    struct attempt attempt; // as it was when the request came
};

int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err);
const struct visitor *auth_visitor(const struct web_request *request); // NULL if there is none
