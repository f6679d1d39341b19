// SPDX-License-Identifier: Apache-2.0
#pragma once

// GUID partition tables as bytes in memory (UEFI 2.10, section 5.3): parse the primary one out of
// an image's first bytes, let it grow to a bigger disk, write both copies into buffers. No I/O, so
// that tests and fuzzers can have it. GUIDs are kept as they lie on the disk (mixed endian);
// gpt_guid_parse makes such bytes from text. Threads: plain data.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GPT_GUID_BYTES = 16,
    GPT_GUID_TEXT_SIZE = 37,
    GPT_NAME_SIZE = 36 * 3 + 1, // 36 UTF-16 units as UTF-8 + NUL
    GPT_ENTRY_COUNT_MAX = 1024, // no tool makes more than 128 unless told to
    GPT_TABLE_BYTES_MAX =
        512 * 1024, // entries of one copy; both ends of a disk have one MiB for it
    GPT_HEADER_BYTES = 92,
};

struct gpt {
    uint32_t sector_size;
    uint8_t disk_guid[GPT_GUID_BYTES];
    uint64_t first_usable;
    uint64_t last_usable;
    uint64_t backup_lba;  // where the other header stands: the last sector of the disk that it was
                          // made for
    uint64_t entries_lba; // of the primary copy
    uint32_t entry_count;
    uint32_t entry_size;
    uint8_t *entries; // entry_count * entry_size bytes, owned
};

// One used entry, decoded. `number` counts from 1 as partitions do.
struct gpt_partition {
    uint32_t number;
    uint8_t type[GPT_GUID_BYTES];
    uint8_t guid[GPT_GUID_BYTES];
    uint64_t first;
    uint64_t last; // inclusive
    uint64_t attributes;
    char name[GPT_NAME_SIZE];
};

// `head` is the beginning of a disk or image. Both checksums, all limits, the order of first and
// last, and that no two partitions overlap are checked. ERROR_UNPROCESSABLE with the reason; a
// table for another sector size is named as such.
int gpt_parse(const uint8_t *head, size_t length, uint32_t sector_size, struct gpt *ret_gpt,
              struct error *err);
void gpt_fini(struct gpt *gpt);

// Does the first block say that a GPT follows? Without it neither firmware nor kernel believes one:
// a disk that was cut off before its commit has a table, but not this.
bool gpt_is_protected(const uint8_t *head, size_t length);

// Partition `number` (from 1); false if that entry is unused or beyond the table.
bool gpt_partition_get(const struct gpt *gpt, uint32_t number, struct gpt_partition *ret_partition);

// First sector that is in no partition's way behind the highest partition.
uint64_t gpt_end(const struct gpt *gpt);

// Lay the table out for a disk of `disk_sectors`: the usable range and the backup reach to its end.
// ERROR_TOO_LARGE if a partition would not fit.
int gpt_fit(struct gpt *gpt, uint64_t disk_sectors, struct error *err);

// Let a partition grow into the free space behind it, its end on a whole MiB where there is room.
// True if it became larger.
bool gpt_partition_grow(struct gpt *gpt, uint32_t number);

// Bytes from the end of the disk that gpt_write_backup needs.
uint64_t gpt_backup_bytes(const struct gpt *gpt);

// Write the primary header, entries and the protective MBR's size into `head` (the first bytes of
// the disk; its boot code stays), or entries and header into `tail` (the last `length` bytes of the
// disk).
int gpt_write_primary(const struct gpt *gpt, uint8_t *head, size_t length, struct error *err);
int gpt_write_backup(const struct gpt *gpt, uint8_t *tail, size_t length, struct error *err);

// Text of 36 characters to bytes as on disk; aborts on a bad text, since all are constants of ours.
void gpt_guid_parse(const char *text, uint8_t ret_guid[GPT_GUID_BYTES]);
void gpt_guid_format(const uint8_t guid[GPT_GUID_BYTES], char text[GPT_GUID_TEXT_SIZE]);

// CRC-32 as in UEFI, gzip and zlib.
uint32_t gpt_crc32(const void *data, size_t length);

static inline void cleanup_gpt_value(struct gpt *gpt)
{
    gpt_fini(gpt);
}
#define CLEANUP_GPT __attribute__((cleanup(cleanup_gpt_value)))
