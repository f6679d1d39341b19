// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an oci:// name stands for right now, asked of imaged: GET
// <url>/resolve?ref=<name>&arch=<arch>. imaged alone talks to registries and knows which are
// allowed; apid asks when a deployment is made, bootd when it is served without an answer yet.
// Threads: the loop's.

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct fetcher;
struct image_question;

enum { IMAGE_URL_SIZE = 1024, IMAGE_MEDIA_TYPE_SIZE = 128 };

struct image_answer {
    char digest[DIGEST_TEXT_SIZE];       // of the manifest or index that the name names
    char layer_digest[DIGEST_TEXT_SIZE]; // of the bytes that an agent fetches
    int64_t layer_size;                  // 0 unknown
    char media_type[IMAGE_MEDIA_TYPE_SIZE];
    char fetch_url[IMAGE_URL_SIZE]; // where machines get it
};

// 0 = `answer` is filled. Else: ERROR_UNPROCESSABLE = imaged answered, and the image is refused
// (not allowed, not there, not one that can be installed); ERROR_UPSTREAM, ERROR_TIMEOUT or
// ERROR_UNAVAILABLE = nobody could say.
typedef void (*image_done)(void *context, int result, const struct image_answer *answer,
                           const struct error *err);

// `imaged_url` without a slash at its end. `done` is called once, never from within this call;
// then the question is gone.
struct image_question *image_ask(struct fetcher *fetcher, const char *imaged_url, const char *ref,
                                 const char *arch, unsigned timeout_ms, image_done done,
                                 void *context, struct error *err);
struct image_question *image_cancel(struct image_question *question); // `done` is not called; NULL
