// SPDX-License-Identifier: Apache-2.0
// What is refused about an image before it is written, and what while its bytes go by.

#include "agent/image_check.h"

#include "agent/os/root.h"
#include "base/bytes.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, IMAGE_BYTES = 8 * MIB, DISK_BYTES = 16 * MIB };

#define LINUX "0fc63daf-8483-4772-8e79-3d69d8477de4"
#define ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

static uint8_t image[IMAGE_BYTES];
static struct error err;

static struct device disk(uint64_t size)
{
    return (struct device){.fd = -1, .direct_fd = -1, .name = "vda", .sector_size = 512, .size = size};
}

// One partition of `type` from sector `first` up to 100 sectors before the image's end, with an ext4 file system's magic.
static void make_image(const char *type, uint64_t first)
{
    memset(image, 0, sizeof(image));
    struct gpt gpt = {
        .sector_size = 512,
        .first_usable = 34,
        .last_usable = IMAGE_BYTES / 512 - 34,
        .backup_lba = IMAGE_BYTES / 512 - 1,
        .entries_lba = 2,
        .entry_count = 128,
        .entry_size = 128,
        .entries = calloc(128, 128),
    };
    gpt_guid_parse(type, gpt.entries);
    put_le64(gpt.entries + 32, first);
    put_le64(gpt.entries + 40, IMAGE_BYTES / 512 - 101);
    if (gpt_write_primary(&gpt, image, MIB, &err) < 0) {
        bail("%s", err.message);
    }
    gpt_fini(&gpt);
    put_le16(image + first * 512 + 1024 + 56, 0xEF53);
}

static int check(int64_t raw_bytes, uint64_t disk_size)
{
    struct device device = disk(disk_size);
    struct image_layout layout;
    err = (struct error){0};
    int result = image_check_head(image, MIB, raw_bytes, &device, &layout, &err);
    if (result == 0) {
        gpt_fini(&layout.gpt);
    }
    return result;
}

static void test_head(void)
{
    make_image(LINUX, 2048);
    ok(check(-1, DISK_BYTES) == 0, "a good image: %s", err.message);
    ok(check(IMAGE_BYTES, IMAGE_BYTES) == 0, "as large as the disk: %s", err.message);
    ok(check(-1, IMAGE_BYTES - 512) < 0 && err.code == ERROR_TOO_LARGE, "one sector larger: %s", err.message);
    ok(check(IMAGE_BYTES + 100000, IMAGE_BYTES + 99840) < 0 && err.code == ERROR_TOO_LARGE,
       "what is behind its table counts: %s", err.message);
    ok(check(IMAGE_BYTES - 100 * 512, DISK_BYTES) == 0, "its own backup table may be cut off");
    ok(check(IMAGE_BYTES - 100 * 512 - 1, DISK_BYTES) < 0 && err.code == ERROR_CORRUPT,
       "its last partition not: %s", err.message);
    struct gpt gpt;
    if (gpt_parse(image, MIB, 512, &gpt, &err) < 0) {
        bail("%s", err.message);
    }
    gpt.backup_lba = UINT64_C(1) << 51;
    ok(gpt_write_primary(&gpt, image, MIB, &err) == 0 && check(IMAGE_BYTES, DISK_BYTES) < 0 &&
           err.code == ERROR_UNPROCESSABLE,
       "a table for a disk whose bytes nobody can count: %s", err.message);
    gpt_fini(&gpt);
    make_image(LINUX, 64);
    ok(check(-1, DISK_BYTES) == 0, "a root in the first MiB: %s", err.message);
    memcpy(image + 64 * 512, "XFSB", 4);
    put_le16(image + 64 * 512 + 1024 + 56, 0);
    ok(check(-1, DISK_BYTES) < 0 && strstr(err.message, "partition 1") && strstr(err.message, "XFS"),
       "that is not ext4: %s", err.message);
    make_image(ESP, 2048);
    ok(check(-1, DISK_BYTES) < 0 && strstr(err.message, "root"), "nothing that can be a root: %s", err.message);
    memset(image, 0, 4096);
    ok(check(-1, DISK_BYTES) < 0 && err.code == ERROR_UNPROCESSABLE && strstr(err.message, "no GUID partition table"),
       "no table: %s", err.message);
    struct device device = disk(DISK_BYTES);
    struct image_layout layout;
    ok(image_check_head(image, 3, -1, &device, &layout, &err) < 0, "three bytes: %s", err.message);
}

static char path[] = "check-disk.XXXXXX";

// Puts the image through a sink in pieces; how many bytes it took before it refused, or all.
static uint64_t pour(size_t piece, struct image_layout *layout)
{
    struct device device;
    struct held held = {0};
    struct sink sink;
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || ftruncate(fd, DISK_BYTES) < 0 || device_open(&device, path, &err) < 0 ||
        held_init(&held, &err) < 0 || image_check_head(image, MIB, -1, &device, layout, &err) < 0) {
        bail("no disk: %s", err.message);
    }
    close(fd);
    sink_init(&sink, &device, &held);
    image_check_watch(layout, &sink);
    uint8_t *bytes = aligned_alloc(4096, piece);
    size_t at = 0;
    int result = 0;
    while (at < IMAGE_BYTES && result == 0) {
        memcpy(bytes, image + at, piece);
        result = sink_append(&sink, bytes, piece, &err);
        at += result == 0 ? piece : 0;
    }
    free(bytes);
    held_fini(&held);
    device_close(&device);
    return at;
}

static void test_stream(void)
{
    static const uint64_t starts[] = {2048, 4 * 2048 - 3, 5 * 2048 - 1}; // the last two across pieces
    for (size_t i = 0; i < 3; i++) {
        struct image_layout layout;
        uint64_t root = starts[i] * 512;
        make_image(LINUX, starts[i]);
        ok(pour(MIB, &layout) == IMAGE_BYTES, "ext4 at %llu goes through", (unsigned long long)root);
        ok(image_check_end(&layout, IMAGE_BYTES, &err) == 0 && image_check_end(&layout, IMAGE_BYTES / 2, &err) < 0,
           "and is held to its length");
        gpt_fini(&layout.gpt);
        put_le16(image + root + 1024 + 56, 0x1234);
        uint64_t end = pour(MIB, &layout);
        ok(end <= root + ROOT_HEAD_BYTES && end + MIB >= root + ROOT_HEAD_BYTES,
           "anything else ends the writing there: %llu, %s", (unsigned long long)end, err.message);
        gpt_fini(&layout.gpt);
    }
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0) {
        bail("no disk file");
    }
    close(fd);
    test_head();
    test_stream();
    unlink(path);
    return done();
}
