// SPDX-License-Identifier: Apache-2.0
#pragma once

// A disk is committed by one write (DESIGN.md, "The agent"). Both ends of the disk, where partition
// tables are, are cleared first and held back in memory while the image is written and configured;
// the very first block goes last. Until then neither firmware nor kernel takes the disk for a
// system. Called by the provision pipeline and, for the buffers, by the image's sink.

#include "agent/disk/device.h"
#include "agent/disk/gpt.h"

enum { HELD_BYTES = 1024 * 1024 };

// What of the image belongs to the disk's first and last MiB. Zero-filled at start.
struct held {
    uint8_t *head; // HELD_BYTES each, aligned for direct I/O, owned
    uint8_t *tail;
};

int held_init(struct held *held, struct error *err);
void held_fini(struct held *held);

// First byte of the last MiB. A disk has at least four (else ERROR_TOO_LARGE from disk_clear_ends).
uint64_t held_tail_start(const struct device *device);

// The old table and its backup are gone, on the medium. From here on the old system does not boot.
int disk_clear_ends(struct device *device, struct error *err);

// A partition may begin in the first MiB or reach into the last: its bytes are no partition table
// and are written now, so that its file system can be mounted before the commit. Never the first
// block.
int disk_write_partition_parts(struct device *device, const struct gpt *gpt,
                               const struct held *held, struct error *err);

// Backup table, first MiB after its first block, flush, first block, flush. What lies inside
// partitions is left alone: they have been mounted since. `held` gets both tables written into it.
int disk_commit(struct device *device, const struct gpt *gpt, struct held *held, struct error *err);
