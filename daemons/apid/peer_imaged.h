// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an oci:// name stands for right now, asked of imaged: GET
// <url>/resolve?ref=<name>&arch=<arch>. imaged alone talks to registries and knows which are
// allowed. Threads: the loop's.

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct apid;
struct peer_imaged;

struct peer_image {
    char digest[DIGEST_TEXT_SIZE];       // of the manifest or index that the name names
    char layer_digest[DIGEST_TEXT_SIZE]; // of the bytes that an agent fetches
    int64_t layer_size;                  // 0 unknown
    char media_type[128];
    char fetch_url[1024]; // where machines get it
};

// 0 = `image` is filled. Else: ERROR_UNPROCESSABLE = it answered, and the image is refused (not
// allowed, not there, not one that can be installed); ERROR_UPSTREAM, ERROR_TIMEOUT or
// ERROR_UNAVAILABLE = nobody could say.
typedef void (*peer_imaged_done)(void *context, int result, const struct peer_image *image,
                                 const struct error *err);

struct peer_imaged *peer_imaged_new(struct apid *apid);
// Whoever still waits is told ERROR_UNAVAILABLE. Returns NULL; NULL allowed.
struct peer_imaged *peer_imaged_free(struct peer_imaged *peer);

// `done` is called once, never from within this call.
int peer_imaged_resolve(struct peer_imaged *peer, const char *ref, const char *arch,
                        peer_imaged_done done, void *context, struct error *err);
