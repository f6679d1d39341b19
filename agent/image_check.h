// SPDX-License-Identifier: Apache-2.0
#pragma once

// Can this image become this machine's system? What its first MiB tells is asked before anything is written, what comes
// later as it passes by. Called by the provision pipeline.

#include "agent/disk/device.h"
#include "agent/disk/gpt.h"
#include "agent/image/sink.h"

#include <stdbool.h>

struct image_layout {
    struct gpt gpt;       // laid out for the disk; owned
    uint64_t bytes;       // on the disk, as its table says
    uint32_t root_number; // 0: only its content will tell
};

// `head` is the image's beginning, `raw_bytes` its size if that is known before it has come, else -1. `ret_layout` is
// filled on success only.
int image_check_head(const uint8_t *head, size_t length, int64_t raw_bytes,
                     const struct device *device, struct image_layout *ret_layout, struct error *err);

// Has the sink look at the root partition's first bytes before they are written. `layout` must outlive the sink.
void image_check_watch(const struct image_layout *layout, struct sink *sink);

// All `bytes` have come: a partition that the image does not fill would keep what the disk held before.
int image_check_end(const struct image_layout *layout, uint64_t bytes, struct error *err);
