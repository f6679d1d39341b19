// SPDX-License-Identifier: Apache-2.0
#pragma once

// Questions to imaged (fetch/image.h) that a client of apid waits for. Threads: the loop's.

#include "fetch/image.h"

struct apid;
struct peer_imaged;

struct peer_imaged *peer_imaged_new(struct apid *apid);
// Whoever still waits is told ERROR_UNAVAILABLE. Returns NULL; NULL allowed.
struct peer_imaged *peer_imaged_free(struct peer_imaged *peer);

// `done` is called once, never from within this call.
int peer_imaged_resolve(struct peer_imaged *peer, const char *ref, const char *arch,
                        image_done done, void *context, struct error *err);
