// SPDX-License-Identifier: Apache-2.0
// The partition table of an image that sgdisk made, laid out for a bigger disk and judged by sgdisk
// again; and tables that must be refused. sgdisk knows only 512-byte sectors on files, so 4096 is
// checked by reading back.

#include "agent/disk/gpt.h"
#include "base/bytes.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, IMAGE_MIB = 64, DISK_MIB = 101 };

#define TYPE_ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#define TYPE_ROOT "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"

// Exit status of sgdisk; its output goes to a file.
static int sgdisk(const char *to, const char *const argv[])
{
    pid_t child = fork();
    if (child == 0) {
        int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execv("/usr/sbin/sgdisk", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool file_contains(const char *path, const char *text)
{
    static char content[65536];
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(content, 1, sizeof(content) - 1, file) : 0;
    content[n] = '\0';
    if (file) {
        fclose(file);
    }
    return strstr(content, text) != NULL;
}

static char image[] = "gpt-image.XXXXXX";
static char output[] = "gpt-output.XXXXXX";
static uint8_t head[MIB];
static uint8_t tail[MIB];

static void make_image(void)
{
    int fd = mkstemp(image);
    close(mkstemp(output));
    if (fd < 0 || ftruncate(fd, (off_t)IMAGE_MIB * MIB) < 0) {
        bail("no image file");
    }
    const char *const argv[] = {"sgdisk",  "-a", "1",          "-n",  "14:34:2047",  "-t",
                                "14:ef02", "-a", "2048",       "-n",  "15:2048:+8M", "-t",
                                "15:ef00", "-c", "15:EFI",     "-n",  "1:0:0",       "-t",
                                "1:8304",  "-c", "1:Wurzel ä", image, NULL};
    int status = sgdisk(output, argv);
    if (status != 0) {
        bail("sgdisk (package gdisk) made no image: %d", status);
    }
    if (pread(fd, head, MIB, 0) != MIB) {
        bail("cannot read the image");
    }
    close(fd);
}

static void test_parse_and_grow(void)
{
    struct gpt gpt;
    struct error err = {0};
    ok(gpt_parse(head, MIB, 512, &gpt, &err) == 0, "a table by sgdisk is parsed: %s", err.message);
    ok(gpt_is_protected(head, MIB), "and protected");
    struct gpt_partition root;
    uint8_t type[16];
    char text[GPT_GUID_TEXT_SIZE];
    gpt_guid_parse(TYPE_ROOT, type);
    ok(gpt_partition_get(&gpt, 1, &root), "partition 1 is there");
    ok(memcmp(root.type, type, 16) == 0, "its type is x86-64 root");
    gpt_guid_format(root.type, text);
    is_text(text, TYPE_ROOT, "and prints as such");
    is_text(root.name, "Wurzel ä", "its name comes back");
    ok(!gpt_partition_get(&gpt, 2, &root) && !gpt_partition_get(&gpt, 0, &root) &&
           !gpt_partition_get(&gpt, 4000, &root),
       "others are not");
    gpt_partition_get(&gpt, 1, &root);

    ok(gpt_fit(&gpt, (uint64_t)IMAGE_MIB * MIB / 512 - 8, &err) < 0 && err.code == ERROR_TOO_LARGE,
       "a smaller disk is refused: %s", err.message);
    // 12,345 sectors more than whole MiB: disks are not round.
    uint64_t sectors = (uint64_t)DISK_MIB * MIB / 512 + 12345;
    ok(gpt_fit(&gpt, sectors, &err) == 0, "a bigger one fits");
    ok(!gpt_partition_grow(&gpt, 15), "the ESP has its neighbour behind it and cannot grow");
    ok(!gpt_partition_grow(&gpt, 3), "nor can a partition that is not there");
    ok(gpt_partition_grow(&gpt, 1), "the root grows");
    ok(!gpt_partition_grow(&gpt, 1), "once");
    struct gpt_partition grown;
    gpt_partition_get(&gpt, 1, &grown);
    ok(grown.first == root.first && (grown.last + 1) % 2048 == 0 &&
           grown.last > sectors - 2048 - 2048 - 34 && grown.last <= gpt.last_usable,
       "to the last whole MiB: %llu of %llu", (unsigned long long)grown.last,
       (unsigned long long)sectors);

    ok(gpt_write_primary(&gpt, head, MIB, &err) == 0 &&
           gpt_write_backup(&gpt, tail, MIB, &err) == 0,
       "both tables are written");
    int fd = open(image, O_RDWR);
    off_t size = (off_t)(sectors * 512);
    ok(ftruncate(fd, size) == 0 && pwrite(fd, head, MIB, 0) == MIB &&
           pwrite(fd, tail, MIB, size - MIB) == MIB,
       "onto a disk");
    close(fd);
    const char *const verify[] = {"sgdisk", "-v", image, NULL};
    ok(sgdisk(output, verify) == 0 && file_contains(output, "No problems found"),
       "sgdisk -v has no objection");
    const char *const show[] = {"sgdisk", "-p", image, NULL};
    ok(sgdisk(output, show) == 0 && file_contains(output, "Wurzel"), "sgdisk -p shows the root");
    gpt_fini(&gpt);
}

static void refuse(const char *what, size_t at, uint8_t value)
{
    struct gpt gpt;
    struct error err = {0};
    uint8_t *copy = malloc(MIB);
    memcpy(copy, head, MIB);
    copy[at] ^= value;
    ok(gpt_parse(copy, MIB, 512, &gpt, &err) < 0 && err.code == ERROR_UNPROCESSABLE, "%s: %s", what,
       err.message);
    free(copy);
}

// Change a field of the header and make its checksum right again.
static void refuse_field(const char *what, size_t at, uint64_t value, size_t bytes)
{
    struct gpt gpt;
    struct error err = {0};
    uint8_t *copy = malloc(MIB);
    memcpy(copy, head, MIB);
    for (size_t i = 0; i < bytes; i++) {
        copy[512 + at + i] = (uint8_t)(value >> 8 * i);
    }
    put_le32(copy + 512 + 16, 0);
    put_le32(copy + 512 + 16, gpt_crc32(copy + 512, 92));
    ok(gpt_parse(copy, MIB, 512, &gpt, &err) < 0 && err.code == ERROR_UNPROCESSABLE, "%s: %s", what,
       err.message);
    free(copy);
}

static void test_refusals(void)
{
    struct gpt gpt;
    struct error err = {0};
    refuse("no signature", 512, 1);
    refuse("a flipped bit in the header", 512 + 60, 4);
    refuse("a flipped bit in the entries", 1024 + 33, 4);
    refuse_field("a million entries", 80, 1000000, 4);
    refuse_field("entries of 100 bytes", 84, 100, 4);
    refuse_field("entries beyond what was read", 72, 4096, 8);
    refuse_field("entries at 2^63", 72, UINT64_C(1) << 63, 8);
    refuse_field("last usable behind the backup", 48, UINT64_C(1) << 40, 8);
    refuse_field("a partition outside the usable range", 48, 4000, 8);
    refuse_field("a header of 600 bytes", 12, 600, 4);
    ok(gpt_parse(head, 700, 512, &gpt, &err) < 0, "a cut head: %s", err.message);
    ok(gpt_parse(head, MIB, 4096, &gpt, &err) < 0 && strstr(err.message, "4096"),
       "the wrong sector size: %s", err.message);
    uint8_t zero[512] = {0};
    ok(!gpt_is_protected(zero, sizeof(zero)), "a cleared first block protects nothing");
}

// The same table for sectors of 4096 bytes, made by our own writer from an empty one.
static void test_4096(void)
{
    struct gpt gpt = {
        .sector_size = 4096,
        .first_usable = 6,
        .last_usable = 16378,
        .backup_lba = 16383,
        .entries_lba = 2,
        .entry_count = 128,
        .entry_size = 128,
        .entries = calloc(128, 128),
    };
    gpt_guid_parse(TYPE_ROOT, gpt.disk_guid);
    gpt_guid_parse(TYPE_ROOT, gpt.entries);
    put_le64(gpt.entries + 32, 256);
    put_le64(gpt.entries + 40, 16127);
    struct error err = {0};
    memset(head, 0, MIB);
    ok(gpt_write_primary(&gpt, head, MIB, &err) == 0, "4096: written");
    struct gpt back;
    ok(gpt_parse(head, MIB, 4096, &back, &err) == 0, "4096: read back: %s", err.message);
    ok(gpt_fit(&back, 65536, &err) == 0 && gpt_partition_grow(&back, 1), "4096: grown");
    struct gpt_partition root;
    gpt_partition_get(&back, 1, &root);
    ok(root.last == 65536 - 256 - 1, "4096: ends on a whole MiB, %llu",
       (unsigned long long)root.last);
    ok(gpt_backup_bytes(&back) == 5 * 4096, "4096: the backup takes five sectors");
    ok(gpt_write_backup(&back, tail, MIB, &err) == 0 &&
           memcmp(tail + MIB - 4096, "EFI PART", 8) == 0 &&
           get_le64(tail + MIB - 4096 + 72) == 65536 - 5,
       "4096: the backup header is last, its entries before it");
    memset(gpt.entries, 0, 128);
    ok(gpt_fit(&gpt, 6 + 5, &err) < 0, "an empty table needs room for one sector: %s", err.message);
    ok(gpt_fit(&gpt, 6 + 5 + 1, &err) == 0 && gpt.first_usable == gpt.last_usable, "and no more");
    gpt_fini(&gpt);
    gpt_fini(&back);
}

int main(void)
{
    make_image();
    test_refusals();
    test_parse_and_grow();
    test_4096();
    unlink(image);
    unlink(output);
    return done();
}
