// SPDX-License-Identifier: Apache-2.0

// The partition table of an image, checked and laid out anew for the disk that it goes to. Called
// by the provision pipeline between the image's first MiB and the commit.

#include "agent/disk/gpt.h"

#include "base/bytes.h"
#include "base/uuid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum {
    HEADER_SIGNATURE = 0,
    HEADER_REVISION = 8,
    HEADER_SIZE = 12,
    HEADER_CRC = 16,
    HEADER_MY_LBA = 24,
    HEADER_OTHER_LBA = 32,
    HEADER_FIRST_USABLE = 40,
    HEADER_LAST_USABLE = 48,
    HEADER_DISK_GUID = 56,
    HEADER_ENTRIES_LBA = 72,
    HEADER_ENTRY_COUNT = 80,
    HEADER_ENTRY_SIZE = 84,
    HEADER_ENTRIES_CRC = 88,

    ENTRY_TYPE = 0,
    ENTRY_GUID = 16,
    ENTRY_FIRST = 32,
    ENTRY_LAST = 40,
    ENTRY_ATTRIBUTES = 48,
    ENTRY_NAME = 56,
    ENTRY_BYTES = 128,

    MBR_ENTRIES = 446,
    MBR_ENTRY_BYTES = 16,
    MBR_ENTRY_TYPE = 4,
    MBR_ENTRY_START = 8,
    MBR_ENTRY_SECTORS = 12,
    MBR_SIGNATURE = 510,
    MBR_TYPE_PROTECTIVE = 0xEE,
};

static const char signature[] = "EFI PART";
static const uint8_t no_guid[GPT_GUID_BYTES];

uint32_t gpt_crc32(const void *data, size_t length)
{
    return (uint32_t)crc32_z(0, data, length);
}

void gpt_guid_format(const uint8_t guid[GPT_GUID_BYTES], char text[GPT_GUID_TEXT_SIZE])
{
    struct uuid uuid;
    put_be32(uuid.bytes, get_le32(guid));
    put_be16(uuid.bytes + 4, get_le16(guid + 4));
    put_be16(uuid.bytes + 6, get_le16(guid + 6));
    memcpy(uuid.bytes + 8, guid + 8, 8);
    uuid_format(&uuid, text);
}

void gpt_guid_parse(const char *text, uint8_t ret_guid[GPT_GUID_BYTES])
{
    struct uuid uuid;
    if (uuid_parse(text, &uuid, NULL) < 0) {
        abort();
    }
    put_le32(ret_guid, get_be32(uuid.bytes));
    put_le16(ret_guid + 4, get_be16(uuid.bytes + 4));
    put_le16(ret_guid + 6, get_be16(uuid.bytes + 6));
    memcpy(ret_guid + 8, uuid.bytes + 8, 8);
}

static size_t table_bytes(const struct gpt *gpt)
{
    return (size_t)gpt->entry_count * gpt->entry_size;
}

static uint64_t table_sectors(const struct gpt *gpt)
{
    return (table_bytes(gpt) + gpt->sector_size - 1) / gpt->sector_size;
}

static uint8_t *entry_at(const struct gpt *gpt, uint32_t number)
{
    return gpt->entries + (size_t)(number - 1) * gpt->entry_size;
}

static bool entry_is_used(const uint8_t *entry)
{
    return memcmp(entry + ENTRY_TYPE, no_guid, GPT_GUID_BYTES) != 0;
}

// UTF-16LE to UTF-8; what is no character becomes '?'.
static void name_decode(const uint8_t *units, char *text)
{
    size_t used = 0;
    for (size_t i = 0; i < 36; i++) {
        uint32_t unit = get_le16(units + i * 2);
        if (unit == 0) {
            break;
        }
        if (unit < 0x20 || unit == 0x7F || (unit >= 0xD800 && unit < 0xE000)) {
            unit = '?';
        }
        if (unit < 0x80) {
            text[used++] = (char)unit;
        } else if (unit < 0x800) {
            text[used++] = (char)(0xC0 | unit >> 6);
            text[used++] = (char)(0x80 | (unit & 0x3F));
        } else {
            text[used++] = (char)(0xE0 | unit >> 12);
            text[used++] = (char)(0x80 | (unit >> 6 & 0x3F));
            text[used++] = (char)(0x80 | (unit & 0x3F));
        }
    }
    text[used] = '\0';
}

bool gpt_partition_get(const struct gpt *gpt, uint32_t number, struct gpt_partition *ret_partition)
{
    if (number == 0 || number > gpt->entry_count) {
        return false;
    }
    const uint8_t *entry = entry_at(gpt, number);
    if (!entry_is_used(entry)) {
        return false;
    }
    struct gpt_partition partition = {
        .number = number,
        .first = get_le64(entry + ENTRY_FIRST),
        .last = get_le64(entry + ENTRY_LAST),
        .attributes = get_le64(entry + ENTRY_ATTRIBUTES),
    };
    memcpy(partition.type, entry + ENTRY_TYPE, GPT_GUID_BYTES);
    memcpy(partition.guid, entry + ENTRY_GUID, GPT_GUID_BYTES);
    name_decode(entry + ENTRY_NAME, partition.name);
    *ret_partition = partition;
    return true;
}

uint64_t gpt_end(const struct gpt *gpt)
{
    uint64_t end = gpt->first_usable;
    struct gpt_partition partition;
    for (uint32_t number = 1; number <= gpt->entry_count; number++) {
        if (gpt_partition_get(gpt, number, &partition) && partition.last >= end) {
            end = partition.last + 1;
        }
    }
    return end;
}

static int partitions_check(const struct gpt *gpt, struct error *err)
{
    struct gpt_partition a;
    struct gpt_partition b;
    for (uint32_t i = 1; i <= gpt->entry_count; i++) {
        if (!gpt_partition_get(gpt, i, &a)) {
            continue;
        }
        if (a.first > a.last || a.first < gpt->first_usable || a.last > gpt->last_usable) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "partition %" PRIu32 " (sectors %" PRIu64 " to %" PRIu64
                             ") lies outside the usable range",
                             i, a.first, a.last);
        }
        for (uint32_t j = 1; j < i; j++) {
            if (gpt_partition_get(gpt, j, &b) && a.first <= b.last && b.first <= a.last) {
                return error_set(err, ERROR_UNPROCESSABLE,
                                 "partitions %" PRIu32 " and %" PRIu32 " overlap", j, i);
            }
        }
    }
    return 0;
}

static int header_check(const uint8_t *header, uint32_t sector_size, struct error *err)
{
    uint32_t size = get_le32(header + HEADER_SIZE);
    if (size < GPT_HEADER_BYTES || size > sector_size) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the GPT header says that it has %" PRIu32 " bytes", size);
    }
    uint8_t copy[4096];
    memcpy(copy, header, size);
    put_le32(copy + HEADER_CRC, 0);
    if (gpt_crc32(copy, size) != get_le32(header + HEADER_CRC)) {
        return error_set(err, ERROR_UNPROCESSABLE, "the GPT header's checksum is wrong");
    }
    if (get_le64(header + HEADER_MY_LBA) != 1) {
        return error_set(err, ERROR_UNPROCESSABLE, "the GPT header is not that of sector 1");
    }
    return 0;
}

static int layout_check(const struct gpt *gpt, struct error *err)
{
    uint32_t size = gpt->entry_size;
    if (size < ENTRY_BYTES || size > 4096 || (size & (size - 1)) != 0 || gpt->entry_count == 0 ||
        gpt->entry_count > GPT_ENTRY_COUNT_MAX || table_bytes(gpt) > GPT_TABLE_BYTES_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the GPT has %" PRIu32 " entries of %" PRIu32
                         " bytes, more than is sensible",
                         gpt->entry_count, gpt->entry_size);
    }
    // No wrap-around anywhere below, in bytes and with sign either: no disk has 2^50 sectors.
    uint64_t limit = UINT64_C(1) << 50;
    if (gpt->backup_lba >= limit || gpt->last_usable >= gpt->backup_lba ||
        gpt->first_usable > gpt->last_usable || gpt->entries_lba < 2 || gpt->entries_lba >= limit ||
        gpt->entries_lba + table_sectors(gpt) > gpt->first_usable) {
        return error_set(err, ERROR_UNPROCESSABLE, "the GPT's ranges contradict each other");
    }
    return 0;
}

int gpt_parse(const uint8_t *head, size_t length, uint32_t sector_size, struct gpt *ret_gpt,
              struct error *err)
{
    if (sector_size != 512 && sector_size != 4096) {
        return error_set(err, ERROR_UNPROCESSABLE, "sectors of %" PRIu32 " bytes are not supported",
                         sector_size);
    }
    if (length < (size_t)sector_size * 2 ||
        memcmp(head + sector_size, signature, sizeof(signature) - 1) != 0) {
        uint32_t other = sector_size == 512 ? 4096 : 512;
        if (length >= (size_t)other * 2 &&
            memcmp(head + other, signature, sizeof(signature) - 1) == 0) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "the partition table is for sectors of %" PRIu32
                             " bytes, but the disk has %" PRIu32,
                             other, sector_size);
        }
        return error_set(err, ERROR_UNPROCESSABLE, "there is no GUID partition table");
    }
    const uint8_t *header = head + sector_size;
    if (header_check(header, sector_size, err) < 0) {
        return -1;
    }
    CLEANUP_GPT struct gpt gpt = {
        .sector_size = sector_size,
        .first_usable = get_le64(header + HEADER_FIRST_USABLE),
        .last_usable = get_le64(header + HEADER_LAST_USABLE),
        .backup_lba = get_le64(header + HEADER_OTHER_LBA),
        .entries_lba = get_le64(header + HEADER_ENTRIES_LBA),
        .entry_count = get_le32(header + HEADER_ENTRY_COUNT),
        .entry_size = get_le32(header + HEADER_ENTRY_SIZE),
    };
    memcpy(gpt.disk_guid, header + HEADER_DISK_GUID, GPT_GUID_BYTES);
    if (layout_check(&gpt, err) < 0) {
        return -1;
    }
    uint64_t start = gpt.entries_lba * sector_size;
    if (start > length || table_bytes(&gpt) > length - start) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the partition entries lie too far from the beginning");
    }
    if (gpt_crc32(head + start, table_bytes(&gpt)) != get_le32(header + HEADER_ENTRIES_CRC)) {
        return error_set(err, ERROR_UNPROCESSABLE, "the partition entries' checksum is wrong");
    }
    gpt.entries = malloc(table_bytes(&gpt));
    if (!gpt.entries) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memcpy(gpt.entries, head + start, table_bytes(&gpt));
    if (partitions_check(&gpt, err) < 0) {
        return -1;
    }
    *ret_gpt = gpt;
    gpt.entries = NULL;
    return 0;
}

void gpt_fini(struct gpt *gpt)
{
    free(gpt->entries);
    *gpt = (struct gpt){0};
}

int gpt_fit(struct gpt *gpt, uint64_t disk_sectors, struct error *err)
{
    uint64_t reserved = table_sectors(gpt) + 1; // entries and header
    uint64_t end = gpt_end(gpt);
    if (disk_sectors < reserved || end > disk_sectors - reserved ||
        gpt->first_usable >= disk_sectors - reserved) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the image's partitions need %" PRIu64 " sectors of %" PRIu32
                         " bytes, the disk has %" PRIu64,
                         end + reserved, gpt->sector_size, disk_sectors);
    }
    gpt->backup_lba = disk_sectors - 1;
    gpt->last_usable = disk_sectors - reserved - 1;
    return 0;
}

bool gpt_partition_grow(struct gpt *gpt, uint32_t number)
{
    struct gpt_partition partition;
    if (!gpt_partition_get(gpt, number, &partition)) {
        return false;
    }
    uint64_t limit = gpt->last_usable;
    struct gpt_partition other;
    for (uint32_t i = 1; i <= gpt->entry_count; i++) {
        if (gpt_partition_get(gpt, i, &other) && other.first > partition.last &&
            other.first - 1 < limit) {
            limit = other.first - 1;
        }
    }
    uint64_t align = (UINT64_C(1) << 20) / gpt->sector_size;
    uint64_t last = (limit + 1) / align * align - 1;
    if (limit + 1 < align || last <= partition.last) {
        return false;
    }
    put_le64(entry_at(gpt, number) + ENTRY_LAST, last);
    return true;
}

uint64_t gpt_backup_bytes(const struct gpt *gpt)
{
    return (table_sectors(gpt) + 1) * gpt->sector_size;
}

// One header sector, zeros behind the header as UEFI wants it.
static void header_write(const struct gpt *gpt, bool primary, uint8_t *sector)
{
    memset(sector, 0, gpt->sector_size);
    memcpy(sector + HEADER_SIGNATURE, signature, sizeof(signature) - 1);
    put_le32(sector + HEADER_REVISION, 0x00010000);
    put_le32(sector + HEADER_SIZE, GPT_HEADER_BYTES);
    put_le64(sector + HEADER_MY_LBA, primary ? 1 : gpt->backup_lba);
    put_le64(sector + HEADER_OTHER_LBA, primary ? gpt->backup_lba : 1);
    put_le64(sector + HEADER_FIRST_USABLE, gpt->first_usable);
    put_le64(sector + HEADER_LAST_USABLE, gpt->last_usable);
    memcpy(sector + HEADER_DISK_GUID, gpt->disk_guid, GPT_GUID_BYTES);
    put_le64(sector + HEADER_ENTRIES_LBA,
             primary ? gpt->entries_lba : gpt->backup_lba - table_sectors(gpt));
    put_le32(sector + HEADER_ENTRY_COUNT, gpt->entry_count);
    put_le32(sector + HEADER_ENTRY_SIZE, gpt->entry_size);
    put_le32(sector + HEADER_ENTRIES_CRC, gpt_crc32(gpt->entries, table_bytes(gpt)));
    put_le32(sector + HEADER_CRC, gpt_crc32(sector, GPT_HEADER_BYTES));
}

bool gpt_is_protected(const uint8_t *head, size_t length)
{
    if (length < 512 || head[MBR_SIGNATURE] != 0x55 || head[MBR_SIGNATURE + 1] != 0xAA) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *entry = head + MBR_ENTRIES + i * MBR_ENTRY_BYTES;
        if (entry[MBR_ENTRY_TYPE] == MBR_TYPE_PROTECTIVE &&
            get_le32(entry + MBR_ENTRY_START) == 1) {
            return true;
        }
    }
    return false;
}

// Firmware takes a disk as GPT only with a protective entry in sector 0. What else stands there
// (boot code, the other entries of a hybrid table) stays.
static void protective_mbr_write(const struct gpt *gpt, uint8_t *sector)
{
    uint32_t sectors = gpt->backup_lba > UINT32_MAX ? UINT32_MAX : (uint32_t)gpt->backup_lba;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t *entry = sector + MBR_ENTRIES + i * MBR_ENTRY_BYTES;
        if (entry[MBR_ENTRY_TYPE] == MBR_TYPE_PROTECTIVE &&
            get_le32(entry + MBR_ENTRY_START) == 1) {
            put_le32(entry + MBR_ENTRY_SECTORS, sectors);
            sector[MBR_SIGNATURE] = 0x55;
            sector[MBR_SIGNATURE + 1] = 0xAA;
            return;
        }
    }
    static const uint8_t protective[8] = {0x00, 0x00, 0x02, 0x00, MBR_TYPE_PROTECTIVE,
                                          0xFF, 0xFF, 0xFF};
    uint8_t *entry = sector + MBR_ENTRIES;
    memset(entry, 0, (size_t)4 * MBR_ENTRY_BYTES);
    memcpy(entry, protective, sizeof(protective));
    put_le32(entry + MBR_ENTRY_START, 1);
    put_le32(entry + MBR_ENTRY_SECTORS, sectors);
    sector[MBR_SIGNATURE] = 0x55;
    sector[MBR_SIGNATURE + 1] = 0xAA;
}

int gpt_write_primary(const struct gpt *gpt, uint8_t *head, size_t length, struct error *err)
{
    uint64_t start = gpt->entries_lba * gpt->sector_size;
    if (start > length || table_bytes(gpt) > length - start) {
        return error_set(err, ERROR_UNPROCESSABLE, "no room for the partition table");
    }
    protective_mbr_write(gpt, head);
    header_write(gpt, true, head + gpt->sector_size);
    memcpy(head + start, gpt->entries, table_bytes(gpt));
    return 0;
}

int gpt_write_backup(const struct gpt *gpt, uint8_t *tail, size_t length, struct error *err)
{
    uint64_t needed = gpt_backup_bytes(gpt);
    if (needed > length) {
        return error_set(err, ERROR_UNPROCESSABLE, "no room for the backup partition table");
    }
    uint8_t *start = tail + length - needed;
    memset(start, 0, needed);
    memcpy(start, gpt->entries, table_bytes(gpt));
    header_write(gpt, false, tail + length - gpt->sector_size);
    return 0;
}
