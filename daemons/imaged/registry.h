// SPDX-License-Identifier: Apache-2.0
#pragma once

// The registries: GET and HEAD of manifests and blobs by the OCI distribution protocol, with an
// anonymous token where one is asked for. Every URL on the way (registry, token server, redirects)
// is asked of the allow list, and every address of the guard in fetch/. Tokens are kept until they
// end, one a repository. Threads: the loop's.

#include "base/error.h"
#include "fetch/fetch.h"
#include "reference.h"

#include <stdint.h>

struct imaged_config;
struct registry;
struct registry_call;

struct registry_ask {
    const struct reference *reference; // host and repository are taken
    const char *path;   // "manifests/…" or "blobs/…", of characters that need no encoding
    const char *method; // "GET" or "HEAD"
    const char *accept; // NULL: none
    int64_t range_start;
    uint64_t max_bytes;
    unsigned total_timeout_ms; // 0: none
    unsigned lowest_rate;      // bytes a second; 0: any
    // As in struct fetch_request; the 401 that leads to a token is not shown.
    int (*on_head)(void *context, const struct fetch_head *head, struct error *err);
    int (*on_data)(void *context, const void *data, size_t length, struct error *err);
    void (*on_done)(void *context, int result, int status, const struct error *err);
    void *context;
};

// `config` stays the owner's and may change its content between calls (a reload).
struct registry *registry_new(struct fetcher *fetcher, const struct imaged_config *config,
                              struct error *err);
struct registry *
registry_free(struct registry *registry); // after all calls ended or were cancelled

// on_done comes exactly once unless the call is cancelled; never from within this function. NULL
// with err: not even started.
struct registry_call *registry_start(struct registry *registry, const struct registry_ask *ask,
                                     struct error *err);
void registry_resume(struct registry_call *call);
struct registry_call *registry_cancel(struct registry_call *call); // returns NULL

// What an answer other than success means to our own client. Always fills `err` and returns
// negative.
int registry_status_error(const struct reference *reference, int status, struct error *err);
// A refusal on the way (redirect, address) is the registry's failure, not the client's.
void registry_blame(struct error *err);
