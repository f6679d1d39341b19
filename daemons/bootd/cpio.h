// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes cpio archives of the "newc" kind, which the kernel unpacks as (a part of) its initramfs.
// The kernel makes no parents: whoever adds a file adds its folders first. Errors are the strbuf's.
// Threads: any.

#include "base/strbuf.h"

#include <stdint.h>

struct cpio {
    struct strbuf *out; // borrowed
    uint32_t mtime_s;
    uint32_t inode; // of the last entry
};

void cpio_begin(struct cpio *cpio, struct strbuf *out, int64_t now_ms);
void cpio_add_folder(struct cpio *cpio, const char *path, unsigned mode);
void cpio_add_file(struct cpio *cpio, const char *path, unsigned mode, const void *data,
                   size_t length);
// The trailer, and zeros up to a multiple of 512.
void cpio_end(struct cpio *cpio);
