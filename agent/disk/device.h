// SPDX-License-Identifier: Apache-2.0
#pragma once

// One whole disk, open for writing: aligned direct writes where the kernel takes them, zeros by the
// device where it can, and flushes whose failure is a failure. A regular file does as well (tests,
// and disks of virtual machines). Offsets and lengths are bytes and whole sectors. Threads: one at
// a time.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device {
    char path[64];
    char name[32]; // as under /sys/block; the file's name for a regular file
    int fd;        // buffered; -1 when closed
    int direct_fd; // O_DIRECT; -1 if the kernel or file system has none
    bool is_block;
    bool punch_works; // still worth trying
    bool zeroout_works;
    uint32_t sector_size; // logical
    uint64_t size;
    // May be set after opening. Asked before each write: true refuses it (ERROR_CONFLICT), so that whoever was told to
    // stop stops at once, whatever it was in the middle of.
    bool (*is_stopped)(void *context);
    void *context;
};

// Opens exclusively: it fails (ERROR_CONFLICT) while anything of the disk is mounted or in use. A
// regular file gets sectors of 512 bytes.
int device_open(struct device *device, const char *path, struct error *err);
void device_close(struct device *device);

// Mounting one of its partitions is refused while the disk is held exclusively: let go, and take
// again.
void device_release(struct device *device);
int device_claim(struct device *device, struct error *err);

int device_read(const struct device *device, uint64_t offset, void *data, size_t length,
                struct error *err);
// `data` aligned to 4096 is written past the page cache.
int device_write(struct device *device, uint64_t offset, const void *data, size_t length,
                 struct error *err);
// The range reads as zeros afterwards, by whatever way works.
int device_zero(struct device *device, uint64_t offset, uint64_t length, struct error *err);
// All writes so far are on the medium.
int device_flush(struct device *device, struct error *err);
