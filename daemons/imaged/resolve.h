// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a reference to the one layer that is a machine's disk: manifest, or index by architecture
// and then its manifest. Threads: the loop's.

#include "base/error.h"
#include "manifest.h"
#include "reference.h"

struct manifests;

struct resolve_wish {
    struct reference reference;
    char arch[24];
    char media_type[MEDIA_TYPE_SIZE]; // of the layer; "" = find the disk
};

struct resolved {
    char digest[DIGEST_TEXT_SIZE];          // of what the reference names: manifest or index
    char manifest_digest[DIGEST_TEXT_SIZE]; // of the image's manifest
    struct manifest_layer layer;
};

// `done` comes exactly once, later, if this returned 0. `resolved` is NULL and `err` set when it
// failed.
int resolve_start(struct manifests *manifests, const struct resolve_wish *wish,
                  void (*done)(void *context, const struct resolved *resolved,
                               const struct error *err),
                  void *context, struct error *err);
