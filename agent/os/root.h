// SPDX-License-Identifier: Apache-2.0
#pragma once

// The target's root file system: which partition it is on, mounting it, growing it. ext4 for now.

#include "agent/disk/device.h"
#include "agent/disk/gpt.h"

#include <stdbool.h>

// The root partition by its type (Discoverable Partitions Specification, for this machine's
// architecture), else by the name "root" or "/" among Linux file systems, else the only Linux file
// system there is; 0 if none of them tells.
uint32_t root_by_table(const struct gpt *gpt);

// The EFI system partition's number, 0 if there is none.
uint32_t esp_by_table(const struct gpt *gpt);

// Is there any partition that could be the root?
bool root_may_exist(const struct gpt *gpt);

// The first bytes of a partition: ERROR_UNPROCESSABLE, "holds no ext4 file system", unless they are one's.
enum { ROOT_HEAD_BYTES = 2048 };
int root_check_head(const uint8_t head[ROOT_HEAD_BYTES], struct error *err);

// Does a file stand on an EFI system partition? 1 or 0; -1 if that cannot be told (no vfat in this kernel).
int esp_has_file(const char *partition, const char *mount_point, const char *path);

// Look into the Linux file systems for an etc/os-release (read-only, nothing is replayed). The
// kernel must know the partitions. 0 if none has one.
uint32_t root_by_content(const struct device *device, const struct gpt *gpt,
                         const char *mount_point);

// Mount a partition at `mount_point`, which is made if missing. Read-only means that not even a
// journal is replayed.
int root_mount(const char *partition, const char *mount_point, bool writable, struct error *err);
// Unmounting flushes. With `force`, it is at least taken out of sight.
int root_unmount(const char *mount_point, bool force, struct error *err);

// Let the mounted file system fill its partition. 0 also if it does already.
int root_grow(const char *partition, const char *mount_point, struct error *err);
