// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel knows of a disk's partitions, told by us: before the commit the table is only in
// memory, so the kernel cannot read it. Also the names of partition devices. Called by the
// provision pipeline.

#include "agent/disk/device.h"
#include "agent/disk/gpt.h"

enum { PARTITION_PATH_SIZE = 64 };

// "/dev/vda1", "/dev/nvme0n1p1". Waits up to 5 s for devtmpfs to have it when `wait` is true.
int partition_path(const struct device *device, uint32_t number, bool wait,
                   char path[PARTITION_PATH_SIZE], struct error *err);

// Forget all partitions of the disk; nothing is written. ERROR_CONFLICT if one is in use.
int partitions_forget(const struct device *device, struct error *err);

// Show every partition of `gpt`, in place of what was known before.
int partitions_show(const struct device *device, const struct gpt *gpt, struct error *err);

// The kernel reads the table from the disk.
int partitions_reread(const struct device *device, struct error *err);
