// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may have what. Without a credential imaged gives away what a deployment that is not over
// names, and nothing else, unless its conf says "open". Credentials (a deployment's path or token,
// API tokens) come here in a later issue. Threads: the loop's.

#include "base/error.h"

struct imaged;
struct reference;
struct web_request;

// The request comes from this host: apid and bootd, which share it.
int access_check_host(struct web_request *request, struct error *err);

// This content may go to whoever asks: a deployment wants its digest from this repository (from
// another one a stranger could make imaged fetch it where it is not, or never comes).
int access_check_content(struct imaged *daemon, const struct reference *reference,
                         struct error *err);
