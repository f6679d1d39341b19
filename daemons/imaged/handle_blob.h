// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET and HEAD of a blob: from the cache, from a running fill, or by beginning one. handle_v2.c has
// read the path and asked for leave.
//
// A Range of a blob that is not proven yet waits for the proof, so that nothing that checks no
// digest (firmware) ever gets unproven bytes. A client that hashes the whole blob itself says so by
// "Bootyard-Proves-Whole: 1" and gets its range as the bytes come; the last 64 KiB wait for the
// proof even then.

struct imaged;
struct reference;
struct web_request;

void handle_blob(struct imaged *daemon, struct web_request *request,
                 const struct reference *reference);
