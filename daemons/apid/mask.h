// SPDX-License-Identifier: Apache-2.0
#pragma once

// Secrets do not leave in replies: what looks like one is shown as MASK_TEXT. Decided by the
// member's or variable's name (TOKEN, PASSWORD, SECRET, PASSPHRASE, PRIVATE_KEY anywhere in it,
// either case), by the user information of a URL and by query parameters named like a credential.
// Threads: any.

#include <jansson.h>
#include <stdbool.h>

#define MASK_TEXT "***"

bool mask_name_is_secret(const char *name);

// `text` with the user information and secret query values of all URLs in it masked. Caller frees;
// NULL: no memory.
char *mask_url(const char *text);

// The same as a new JSON string. What is not UTF-8, which the store does not let in, is told
// instead of breaking a whole reply. NULL stays null.
json_t *mask_text(const char *text);

// A deep copy of `value` in which every secret is masked. New reference, or NULL.
json_t *mask_json(const json_t *value);

// True if a secret member somewhere in `value` is the mask itself: somebody sends back what a reply
// showed.
bool mask_is_in(const json_t *value);
