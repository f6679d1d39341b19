// SPDX-License-Identifier: Apache-2.0

#include "cpio.h"

#include <string.h>
#include <sys/stat.h>

static void cpio_pad(struct cpio *cpio, size_t multiple)
{
    static const char zeros[512];
    size_t over = cpio->out->length % multiple;
    if (over != 0) {
        strbuf_append(cpio->out, zeros, multiple - over);
    }
}

// Fields of a header (cpio(5), "New ASCII Format"): magic, inode, mode, uid, gid, links, mtime,
// size, device (two), special device (two), length of the name with its NUL, checksum (0 for this
// magic).
static void cpio_add(struct cpio *cpio, const char *path, unsigned mode, unsigned links,
                     const void *data, size_t length)
{
    size_t name_size = strlen(path) + 1;
    strbuf_printf(cpio->out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                  cpio->inode, mode, 0, 0, links, cpio->mtime_s, (unsigned)length, 0, 0, 0, 0,
                  (unsigned)name_size, 0);
    strbuf_append(cpio->out, path, name_size);
    cpio_pad(cpio, 4);
    if (length > 0) {
        strbuf_append(cpio->out, data, length);
    }
    cpio_pad(cpio, 4);
}

void cpio_begin(struct cpio *cpio, struct strbuf *out, int64_t now_ms)
{
    *cpio = (struct cpio){.out = out, .mtime_s = (uint32_t)(now_ms / 1000)};
}

void cpio_add_folder(struct cpio *cpio, const char *path, unsigned mode)
{
    cpio->inode++;
    cpio_add(cpio, path, S_IFDIR | mode, 2, NULL, 0);
}

void cpio_add_file(struct cpio *cpio, const char *path, unsigned mode, const void *data,
                   size_t length)
{
    cpio->inode++;
    cpio_add(cpio, path, S_IFREG | mode, 1, data, length);
}

void cpio_end(struct cpio *cpio)
{
    cpio->inode = 0;
    cpio->mtime_s = 0;
    cpio_add(cpio, "TRAILER!!!", 0, 1, NULL, 0);
    cpio_pad(cpio, 512);
}
