// SPDX-License-Identifier: Apache-2.0
// Which disk is chosen, on a made-up sysfs; and the commit protocol on a file: what stands on the
// disk after each of its parts.

#include "agent/disk/choose.h"
#include "agent/disk/commit.h"
#include "base/bytes.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, DISK_MIB = 8 };

static char base[] = "disks.XXXXXX";

static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof(full), "%s/%s", base, path);
    for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "we");
    fputs(text, file);
    fclose(file);
}

static void put_disk(const char *name, const char *sectors, const char *removable, const char *ro,
                     const char *number)
{
    const char *const attributes[] = {"size", "removable", "ro", "dev"};
    const char *const values[] = {sectors, removable, ro, number};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof(path), "sys/block/%s/%s", name, attributes[i]);
        put(path, values[i]);
    }
}

static const char *refusal(const struct disk_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->disks[i].name, name) == 0) {
            return list->disks[i].refusal;
        }
    }
    return "not listed";
}

static void test_choice(void)
{
    put("proc/self/mountinfo",
        "22 1 8:2 / / rw,relatime - ext4 /dev/sda2 rw\n23 22 0:5 / /dev rw - devtmpfs d rw\n");
    put_disk("sda", "9000000\n", "0\n", "0\n", "8:0\n");
    put("sys/block/sda/sda2/dev", "8:2\n");
    put("sys/block/sda/sda2/partition", "2\n");
    put_disk("sdb", "8000000\n", "1\n", "0\n", "8:16\n");
    put_disk("sdc", "8000000\n", "0\n", "1\n", "8:32\n");
    put_disk("sdd", "7000000\n", "0\n", "0\n", "8:48\n");
    put("sys/block/sdd/sdd1/holders/md0/x", "");
    put_disk("sde", "0\n", "0\n", "0\n", "8:64\n");
    put_disk("nvme0c0n1", "9999999\n", "0\n", "0\n", "0:0\n");
    put("sys/block/nvme0c0n1/hidden", "1\n");
    put_disk("loop0", "9999999\n", "0\n", "0\n", "7:0\n");
    put_disk("mmcblk0boot0", "9999999\n", "0\n", "0\n", "179:8\n");
    put_disk("vda", "2000000\n", "0\n", "0\n", "253:0\n");
    put_disk("vdb", "3000000\n", "0\n", "0\n", "253:16\n");
    put_disk("vdc", "3000000\n", "0\n", "0\n", "253:32\n");

    struct disk_list list;
    struct disk disk;
    struct error err = {0};
    ok(disk_list_read(base, &list, &err) == 0 && list.count == 11, "disks are listed: %zu %s",
       list.count, err.message);
    is_text(refusal(&list, "sda"), "it is in use", "a partition is mounted");
    is_text(refusal(&list, "sdb"), "it is removable", "removable");
    is_text(refusal(&list, "sdc"), "it is read-only", "read-only");
    is_text(refusal(&list, "sdd"), "it is in use", "something holds a partition");
    is_text(refusal(&list, "sde"), "it has no medium", "no medium");
    is_text(refusal(&list, "nvme0c0n1"), "it is one path of a disk with several", "hidden");
    is_text(refusal(&list, "loop0"), "it is no disk of its own", "loop");
    is_text(refusal(&list, "mmcblk0boot0"), "it is no disk of its own", "eMMC boot area");
    is_text(refusal(&list, "vda"), "", "a plain disk may be taken");
    ok(disk_choose(&list, NULL, 0, &disk, &err) == 0 && strcmp(disk.name, "vdb") == 0,
       "the largest, the first of equals: %s", disk.name);
    ok(disk_choose(&list, "/dev/vda", 1000, &disk, &err) == 0 && strcmp(disk.name, "vda") == 0,
       "the one asked for");
    ok(disk_choose(&list, "/dev/sdb", 1000, &disk, &err) == 0, "asked for, it may be removable");
    ok(disk_choose(&list, "/dev/sda", 1000, &disk, &err) < 0, "but not in use: %s", err.message);
    ok(disk_choose(&list, "/dev/../vda", 1000, &disk, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "a path is no name: %s", err.message);
    ok(disk_choose(&list, "/dev/vda", UINT64_C(1) << 40, &disk, &err) < 0, "nor too small: %s",
       err.message);
    ok(disk_choose(&list, NULL, UINT64_C(1) << 40, &disk, &err) < 0 &&
           strstr(err.message, "sda: it is in use"),
       "when none will do, the reasons are named: %s", err.message);
    disk_list_fini(&list);
}

static uint8_t disk_bytes[DISK_MIB * MIB];

static const uint8_t *disk_read(const struct device *device)
{
    struct error err = {0};
    if (device_read(device, 0, disk_bytes, device->size, &err) < 0) {
        bail("cannot read the disk: %s", err.message);
    }
    return disk_bytes;
}

static bool all(const uint8_t *bytes, size_t length, uint8_t value)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != value) {
            printf("# byte %zu is %02x\n", i, bytes[i]);
            return false;
        }
    }
    return true;
}

static struct gpt make_table(void)
{
    struct gpt gpt = {
        .sector_size = 512,
        .first_usable = 34,
        .last_usable = DISK_MIB * 2048 - 34,
        .backup_lba = DISK_MIB * 2048 - 1,
        .entries_lba = 2,
        .entry_count = 128,
        .entry_size = 128,
        .entries = calloc(128, 128),
    };
    // One partition in the first MiB, one across into the last.
    const uint64_t ranges[2][2] = {{40, 99}, {4096, DISK_MIB * 2048 - 100}};
    for (size_t i = 0; i < 2; i++) {
        gpt_guid_parse("0fc63daf-8483-4772-8e79-3d69d8477de4", gpt.entries + i * 128);
        put_le64(gpt.entries + i * 128 + 32, ranges[i][0]);
        put_le64(gpt.entries + i * 128 + 40, ranges[i][1]);
    }
    return gpt;
}

static void test_commit(void)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/disk", base);
    put("disk", "");
    memset(disk_bytes, 0xA5, sizeof(disk_bytes));
    int fd = open(path, O_WRONLY);
    ok(write(fd, disk_bytes, sizeof(disk_bytes)) == sizeof(disk_bytes), "a disk full of something");
    close(fd);
    struct device device;
    struct held held = {0};
    struct error err = {0};
    struct gpt gpt = make_table();
    ok(device_open(&device, path, &err) == 0 && held_init(&held, &err) == 0, "is opened: %s",
       err.message);
    memset(held.head, 0x11, HELD_BYTES);
    memset(held.tail, 0x22, HELD_BYTES);
    memset(held.head + 446, 0, 64);
    size_t tail = (DISK_MIB - 1) * (size_t)MIB;

    ok(disk_clear_ends(&device, &err) == 0, "its ends are cleared");
    const uint8_t *disk = disk_read(&device);
    ok(all(disk, MIB, 0) && all(disk + tail, MIB, 0) && all(disk + MIB, tail - MIB, 0xA5),
       "and nothing else");

    ok(disk_write_partition_parts(&device, &gpt, &held, &err) == 0,
       "what belongs to partitions is written");
    disk = disk_read(&device);
    size_t inside = MIB - 99 * 512; // of the last MiB
    ok(all(disk, 40 * 512, 0) && all(disk + 40 * 512, 60 * 512, 0x11) &&
           all(disk + 100 * 512, MIB - 100 * 512, 0),
       "in the first MiB");
    ok(all(disk + tail, inside, 0x22) && all(disk + tail + inside, MIB - inside, 0),
       "in the last MiB");
    ok(!gpt_is_protected(disk, MIB) && memcmp(disk + 512, "EFI PART", 8) != 0 &&
           memcmp(disk + sizeof(disk_bytes) - 512, "EFI PART", 8) != 0,
       "there is no table yet");

    // As a mounted file system would have changed it since.
    memset(disk_bytes, 0x33, MIB);
    device_write(&device, 40 * 512, disk_bytes, 512, &err);
    ok(disk_commit(&device, &gpt, &held, &err) == 0, "the disk is committed: %s", err.message);
    disk = disk_read(&device);
    struct gpt back;
    ok(gpt_is_protected(disk, MIB) && gpt_parse(disk, MIB, 512, &back, &err) == 0,
       "it has a table");
    ok(memcmp(disk + sizeof(disk_bytes) - 512, "EFI PART", 8) == 0, "and a backup");
    ok(all(disk, 446, 0x11), "the boot code is the image's");
    ok(all(disk + 40 * 512, 512, 0x33) && all(disk + 41 * 512, 59 * 512, 0x11),
       "partitions were left alone");
    ok(all(disk + 100 * 512, MIB - 100 * 512, 0x11) && all(disk + MIB, tail - MIB, 0xA5),
       "the rest is there");
    gpt.backup_lba--;
    ok(disk_commit(&device, &gpt, &held, &err) < 0 && err.code == ERROR_INTERNAL,
       "a table for another disk is refused");
    gpt_fini(&gpt);
    gpt_fini(&back);
    held_fini(&held);
    device_close(&device);
}

static int checks_allowed;

static bool is_stopped(void *context)
{
    (void)context;
    return checks_allowed-- <= 0;
}

// The fence falls before each of the commit's writes in turn, also when the disk has a size that no tool would make.
static void test_fenced_commit(void)
{
    static const uint64_t sizes[] = {DISK_MIB * MIB, DISK_MIB * MIB - 512, DISK_MIB * MIB - 512 * 1027};
    char path[512];
    snprintf(path, sizeof(path), "%s/fenced", base);
    put("fenced", "");
    for (size_t i = 0; i < 3; i++) {
        struct device device;
        struct held held = {0};
        struct error err = {0};
        struct gpt gpt = make_table();
        put_le64(gpt.entries + 128 + 40, sizes[i] / 512 - 100);
        if (truncate(path, 0) < 0 || truncate(path, (off_t)sizes[i]) < 0 || device_open(&device, path, &err) < 0 ||
            held_init(&held, &err) < 0 || gpt_fit(&gpt, sizes[i] / 512, &err) < 0) {
            bail("no disk: %s", err.message);
        }
        device.is_stopped = is_stopped;
        bool never = true;
        int stops = 0;
        checks_allowed = 0;
        while (stops < 20) {
            checks_allowed = stops;
            if (disk_commit(&device, &gpt, &held, &err) == 0) {
                break;
            }
            disk_read(&device);
            never = never && err.code == ERROR_CONFLICT && !gpt_is_protected(disk_bytes, MIB);
            stops++;
        }
        ok(never && stops >= 3 && stops < 20, "fenced before any of %d writes, there is no system", stops);
        disk_read(&device);
        struct gpt back = {0};
        ok(gpt_is_protected(disk_bytes, MIB) && gpt_parse(disk_bytes, MIB, 512, &back, &err) == 0 &&
               back.backup_lba == sizes[i] / 512 - 1 && memcmp(disk_bytes + sizes[i] - 512, "EFI PART", 8) == 0,
           "unfenced, there is one on %llu bytes", (unsigned long long)sizes[i]);
        gpt_fini(&back);
        gpt_fini(&gpt);
        held_fini(&held);
        device_close(&device);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

int main(void)
{
    if (!mkdtemp(base)) {
        bail("no folder");
    }
    test_choice();
    test_commit();
    test_fenced_commit();
    nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return done();
}
