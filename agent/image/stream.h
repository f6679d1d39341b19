// SPDX-License-Identifier: Apache-2.0
#pragma once

// The image's way as a pipeline of threads around two bounded rings:
//   fetch + SHA-256 of the served bytes -> [ring] -> decode -> [ring] -> digest of the raw bytes,
//   if one is declared -> disk (the caller's thread).
// The caller is only told that all is well when every stage has proven its digest. Opening starts
// the fetch; the first MiB can be looked at before anything is written, from the same one transfer.

#include "agent/image/decoder.h"
#include "agent/image/fetch.h"
#include "agent/image/sink.h"

struct image_expectation {
    enum image_format format;             // IMAGE_FORMAT_UNKNOWN: by magic
    char served_digest[DIGEST_TEXT_SIZE]; // "sha256:..." of the bytes as served; "" if not declared
    char raw_algorithm[8]; // "sha256", "sha512" over the decompressed bytes; "" if not declared
    char raw_hex[129];     // lower case
};

struct image_stream;

// `fetch` is copied (its URLs and context are borrowed); its begin and consume are set by the
// stream. NULL on failure.
struct image_stream *image_stream_open(const struct image_fetch *fetch,
                                       const struct image_expectation *expect, struct error *err);

// Ends all threads and frees. Waits for a request that runs, but not for its end.
void image_stream_close(struct image_stream *stream);

// The first HELD_BYTES of the disk, or the whole image if it is smaller; valid until
// image_stream_write. Waits for them.
int image_stream_head(struct image_stream *stream, const uint8_t **ret_head, size_t *ret_length,
                      struct error *err);

// Size of the bytes as served (-1: not known) and the format in use; valid after image_stream_head.
int64_t image_stream_served_size(const struct image_stream *stream);
enum image_format image_stream_format(const struct image_stream *stream);

// Everything into the sink, flushed, digests proven. `progress` gets the raw bytes so far; may be
// NULL.
int image_stream_write(struct image_stream *stream, struct sink *sink,
                       void (*progress)(void *context, uint64_t bytes), struct error *err);
