// SPDX-License-Identifier: Apache-2.0
#pragma once

// Manifests and indexes (OCI image-spec 1.1, and Docker's equals): what kind it is, which entry is
// for a machine's architecture, which layer is the disk. Nothing is believed of it but what is
// checked here. Threads: any.

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

enum { MEDIA_TYPE_SIZE = 128, MANIFEST_MAX = 4 * 1024 * 1024 };

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

struct manifest_layer {
    char digest[DIGEST_TEXT_SIZE];
    char media_type[MEDIA_TYPE_SIZE]; // "" if it does not say
    int64_t size;
};

// Media types that a registry is asked for.
extern const char manifest_accept[];

// ERROR_UNPROCESSABLE when it is neither. The media type is what it says itself, else what its kind
// is called by OCI.
int manifest_read_kind(const char *bytes, size_t length, enum manifest_kind *ret_kind,
                       char media_type[MEDIA_TYPE_SIZE], struct error *err);

// The entry of an index for `arch` ("amd64", "arm64"). ERROR_NOT_FOUND when there is none.
int manifest_choose_platform(const char *bytes, size_t length, const char *arch,
                             char digest[DIGEST_TEXT_SIZE], struct error *err);

// The disk's layer: the one of the media type that is asked for (with or without its "+zstd");
// without such a wish the only layer, or the only one that calls itself a disk. ERROR_UNPROCESSABLE
// names what there is instead.
int manifest_choose_layer(const char *bytes, size_t length, const char *media_type,
                          struct manifest_layer *ret_layer, struct error *err);
