// SPDX-License-Identifier: Apache-2.0
#pragma once

// From the bytes as served to the bytes of the disk: raw, gzip or zstd, any number of members or
// frames one after another, with nothing behind the last. Memory is bounded whatever the stream
// says. Threads: one at a time.

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum image_format {
    IMAGE_FORMAT_UNKNOWN, // to be told by the stream's first bytes
    IMAGE_FORMAT_RAW,
    IMAGE_FORMAT_GZIP,
    IMAGE_FORMAT_ZSTD,
};

enum { IMAGE_MAGIC_BYTES = 6 };

// "raw", "gzip", "zstd"; NULL or "" is IMAGE_FORMAT_UNKNOWN. ERROR_UNPROCESSABLE for others.
int image_format_parse(const char *text, enum image_format *ret_format, struct error *err);
const char *image_format_name(enum image_format format);

// By magic of the stream as served. A format that we know but cannot decode (xz, qcow2, ...) is an
// error, not raw.
int image_format_detect(const uint8_t *bytes, size_t length, enum image_format *ret_format,
                        struct error *err);

struct decoder;

struct decoder *decoder_new(enum image_format format, struct error *err);
void decoder_free(struct decoder *decoder);

// Take from *in and put to *out as much as fits; both move forward. Call again while *in_left > 0
// or the output was filled.
int decoder_run(struct decoder *decoder, const uint8_t **in, size_t *in_left, uint8_t **out,
                size_t *out_left, struct error *err);

// All input was given and no more output comes: was it whole?
int decoder_finish(const struct decoder *decoder, struct error *err);
