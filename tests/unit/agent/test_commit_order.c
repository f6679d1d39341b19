// SPDX-License-Identifier: Apache-2.0
// The commit protocol, write by write and flush by flush, on a disk that is this program: the
// device_* functions here take the place of the real ones. A power cut is tried after every write.

#include "agent/disk/commit.h"
#include "base/bytes.h"
#include "tests/unit/tap.h"

enum { MIB = 1024 * 1024, DISK_BYTES = 8 * MIB, EVENTS_MAX = 64 };

struct event {
    bool flush;
    uint64_t offset;
    size_t length;
};

static uint8_t disk[DISK_BYTES];
static struct event events[EVENTS_MAX];
static size_t event_count;
static size_t events_allowed; // the plug is pulled after so many

static int event_add(bool flush, uint64_t offset, size_t length, struct error *err)
{
    if (event_count >= events_allowed || event_count == EVENTS_MAX) {
        return error_set(err, ERROR_IO, "power cut");
    }
    events[event_count++] = (struct event){flush, offset, length};
    return 0;
}

int device_write(struct device *device, uint64_t offset, const void *data, size_t length,
                 struct error *err)
{
    if (event_add(false, offset, length, err) < 0) {
        return -1;
    }
    memcpy(disk + offset, data, length);
    return 0;
}

int device_zero(struct device *device, uint64_t offset, uint64_t length, struct error *err)
{
    if (event_add(false, offset, length, err) < 0) {
        return -1;
    }
    memset(disk + offset, 0, length);
    return 0;
}

int device_flush(struct device *device, struct error *err)
{
    return event_add(true, 0, 0, err);
}

static struct gpt make_table(void)
{
    struct gpt gpt = {
        .sector_size = 512,
        .first_usable = 34,
        .last_usable = DISK_BYTES / 512 - 34,
        .backup_lba = DISK_BYTES / 512 - 1,
        .entries_lba = 2,
        .entry_count = 128,
        .entry_size = 128,
        .entries = calloc(128, 128),
    };
    gpt_guid_parse("0fc63daf-8483-4772-8e79-3d69d8477de4", gpt.entries);
    put_le64(gpt.entries + 32, 2048);
    put_le64(gpt.entries + 40, 12287);
    return gpt;
}

// What firmware would take for a system: a protected primary table, or a backup to repair it from
// behind a protected first block.
static bool is_bootable(void)
{
    return gpt_is_protected(disk, MIB);
}

static int whole_run(struct gpt *gpt, struct held *held)
{
    struct device device = {.sector_size = 512, .size = DISK_BYTES};
    struct error err = {0};
    if (disk_clear_ends(&device, &err) < 0 ||
        disk_write_partition_parts(&device, gpt, held, &err) < 0) {
        return -1;
    }
    return disk_commit(&device, gpt, held, &err);
}

// The disk as an older system left it: its own protected table at both ends.
static void old_disk(const struct gpt *gpt)
{
    struct error err = {0};
    memset(disk, 0xA5, sizeof(disk));
    gpt_write_primary(gpt, disk, MIB, &err);
    gpt_write_backup(gpt, disk + DISK_BYTES - MIB, MIB, &err);
    event_count = 0;
}

int main(void)
{
    struct gpt gpt = make_table();
    struct held held = {0};
    struct error err = {0};
    held_init(&held, &err);
    old_disk(&gpt);
    ok(is_bootable(), "an old system");
    events_allowed = EVENTS_MAX;
    ok(whole_run(&gpt, &held) == 0 && is_bootable(), "is replaced by a new one");

    size_t count = event_count;
    ok(count == 9, "in nine events: %zu", count);
    ok(!events[0].flush && events[0].offset == 0 && events[0].length == MIB,
       "the first MiB is cleared");
    ok(!events[1].flush && events[1].offset == DISK_BYTES - MIB && events[1].length == MIB,
       "and the last");
    ok(events[2].flush, "flushed");
    ok(events[3].flush, "partitions' parts: none here, flushed");
    ok(!events[4].flush && events[4].offset == DISK_BYTES - MIB && events[4].length == MIB,
       "the backup table");
    ok(!events[5].flush && events[5].offset == 512 && events[5].length == MIB - 512,
       "the first MiB after its first block");
    ok(events[6].flush, "flushed");
    ok(!events[7].flush && events[7].offset == 0 && events[7].length == 512,
       "the first block alone");
    ok(events[8].flush, "flushed");

    bool never = true;
    for (size_t cut = 1; cut <= 7; cut++) {
        old_disk(&gpt);
        memset(held.head, 0, HELD_BYTES);
        memset(held.tail, 0, HELD_BYTES);
        events_allowed = cut;
        never = never && whole_run(&gpt, &held) < 0 && !is_bootable();
    }
    ok(never, "whichever write is the last before a power cut, there is no system");
    gpt_fini(&gpt);
    held_fini(&held);
    return done();
}
