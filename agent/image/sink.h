// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the image's bytes go, in order: onto the disk, except what belongs to its first and last
// MiB, which is kept in `held` until the commit. Runs of zeros are made zeros by the device, never
// skipped. Called by stream.c's writer.

#include "agent/disk/commit.h"
#include "agent/disk/device.h"

enum { SINK_WATCH_MAX = 2048 };

// Bytes that somebody wants to see before they are written; a refusal ends the writing.
struct sink_watch {
    uint64_t offset;
    size_t length; // 0: none; SINK_WATCH_MAX at most
    int (*check)(void *context, const uint8_t *bytes, struct error *err);
    void *context;
};

struct sink {
    struct device *device; // borrowed
    struct held *held;     // borrowed
    uint64_t offset;       // bytes taken so far
    uint64_t zero_start;   // a run of zeros not yet on the disk
    uint64_t zero_length;
    struct sink_watch watch; // may be set after sink_init
    uint8_t watched[SINK_WATCH_MAX];
};

void sink_init(struct sink *sink, struct device *device, struct held *held);

// The next bytes of the image; `data` aligned to 4096, and all pieces but the last a multiple of
// it. ERROR_TOO_LARGE when the disk ends.
int sink_append(struct sink *sink, const uint8_t *data, size_t length, struct error *err);

// Everything taken is on the medium.
int sink_finish(struct sink *sink, struct error *err);
