// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may have what. Without a credential imaged gives away what a deployment that is not over
// names, and nothing else, unless its conf says "open". Credentials (a deployment's path or token,
// API tokens) come here in a later issue. Threads: the loop's.

#include "base/error.h"

struct imaged;
struct web_request;

// The request comes from this host: apid and bootd, which share it.
int access_check_host(struct web_request *request, struct error *err);

// This content may go to whoever asks. "" for a tag, whose digest nobody named.
int access_check_digest(struct imaged *daemon, const char *digest, struct error *err);
