// SPDX-License-Identifier: Apache-2.0
// gpt.c: the table of an image that anybody may have made. What is accepted is fitted to a disk, grown and written, and
// must then be read back the same. Input: flags, four bytes of disk size in sectors, then the image from its second
// sector on. Flag 1: sectors of 4096 bytes; flag 2: the checksums are made right first, or none would ever be.

#include "agent/disk/gpt.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 1024 * 1024, PREFIX = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t head[HEAD_BYTES];
static uint8_t tail[HEAD_BYTES];

static void repair(uint32_t sector_size)
{
    uint8_t *header = head + sector_size;
    uint64_t start = get_le64(header + 72) * sector_size;
    uint64_t table = (uint64_t)get_le32(header + 80) * get_le32(header + 84);
    if (start < HEAD_BYTES && table < HEAD_BYTES - start) {
        put_le32(header + 88, gpt_crc32(head + start, table));
    }
    uint32_t size = get_le32(header + 12);
    put_le32(header + 16, 0);
    if (size <= sector_size) {
        put_le32(header + 16, gpt_crc32(header, size));
    }
}

static void check(const struct gpt *gpt)
{
    struct gpt_partition one;
    struct gpt_partition other;
    for (uint32_t i = 1; i <= gpt->entry_count && i <= 64; i++) {
        if (!gpt_partition_get(gpt, i, &one)) {
            continue;
        }
        if (one.first > one.last || one.first < gpt->first_usable || one.last > gpt->last_usable) {
            abort();
        }
        for (uint32_t j = 1; j < i; j++) {
            if (gpt_partition_get(gpt, j, &other) && one.first <= other.last && other.first <= one.last) {
                abort();
            }
        }
    }
}

static void check_written(const struct gpt *gpt, uint64_t sectors)
{
    struct gpt back;
    if (gpt_write_primary(gpt, head, HEAD_BYTES, NULL) < 0 || gpt_write_backup(gpt, tail, HEAD_BYTES, NULL) < 0) {
        return; // a table that lies too far behind, or is too long
    }
    if (!gpt_is_protected(head, HEAD_BYTES) || gpt_parse(head, HEAD_BYTES, gpt->sector_size, &back, NULL) < 0 ||
        back.backup_lba != sectors - 1 || memcmp(tail + HEAD_BYTES - gpt->sector_size, "EFI PART", 8) != 0 ||
        memcmp(back.entries, gpt->entries, (size_t)gpt->entry_count * gpt->entry_size) != 0) {
        abort();
    }
    gpt_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length <= PREFIX) {
        return 0;
    }
    uint32_t sector_size = bytes[0] & 1 ? 4096 : 512;
    uint64_t sectors = get_le32(bytes + 1);
    size_t image = length - PREFIX < HEAD_BYTES - sector_size ? length - PREFIX : HEAD_BYTES - sector_size;
    memset(head, 0, sizeof(head));
    memset(tail, 0, sizeof(tail));
    memcpy(head + sector_size, bytes + PREFIX, image);
    struct gpt gpt;
    if (!(bytes[0] & 2)) {
        // As short as it is, so that a read behind its end is seen.
        uint8_t *exact = malloc(sector_size + image);
        if (exact) {
            memcpy(exact, head, sector_size + image);
            if (gpt_parse(exact, sector_size + image, sector_size, &gpt, NULL) == 0) {
                gpt_fini(&gpt);
            }
        }
        free(exact);
    } else {
        repair(sector_size);
    }
    if (gpt_parse(head, HEAD_BYTES, sector_size, &gpt, NULL) < 0) {
        return 0;
    }
    check(&gpt);
    if (gpt_fit(&gpt, sectors, NULL) == 0) {
        for (uint32_t i = 1; i <= gpt.entry_count && i <= 16; i++) {
            (void)gpt_partition_grow(&gpt, i);
        }
        check(&gpt);
        check_written(&gpt, sectors);
    }
    gpt_fini(&gpt);
    return 0;
}
