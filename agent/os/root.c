// SPDX-License-Identifier: Apache-2.0

// Finding, mounting and growing the root file system through system calls only.

#include "agent/os/root.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "agent/disk/partitions.h"
#include "agent/os/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define TYPE_LINUX "0fc63daf-8483-4772-8e79-3d69d8477de4"
#define TYPE_ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#if defined(__x86_64__)
#define TYPE_ROOT "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#elif defined(__aarch64__)
#define TYPE_ROOT "b921b045-1df0-41c3-af44-4c6f280d3fae"
#else
#error "add this architecture's root partition type"
#endif

// <linux/ext4.h> is not among the kernel's exported headers in Debian 12.
#define EXT4_RESIZE_FS _IOW('f', 16, uint64_t)

enum {
    EXT4_SUPERBLOCK = 1024,
    EXT4_MAGIC_AT = 56,
    EXT4_MAGIC = 0xEF53,
    EXT4_STATFS_MAGIC = 0xEF53
};

static uint32_t first_of_type(const struct gpt *gpt, const char *type_text, bool only, bool named)
{
    uint8_t type[GPT_GUID_BYTES];
    gpt_guid_parse(type_text, type);
    uint32_t found = 0;
    for (uint32_t number = 1; number <= gpt->entry_count; number++) {
        struct gpt_partition partition;
        if (!gpt_partition_get(gpt, number, &partition) ||
            memcmp(partition.type, type, sizeof(type)) != 0) {
            continue;
        }
        if (named && strcasecmp(partition.name, "root") != 0 && strcmp(partition.name, "/") != 0) {
            continue;
        }
        if (found != 0) {
            return only ? 0 : found;
        }
        found = number;
    }
    return found;
}

uint32_t root_by_table(const struct gpt *gpt)
{
    uint32_t number = first_of_type(gpt, TYPE_ROOT, false, false);
    if (number == 0) {
        number = first_of_type(gpt, TYPE_LINUX, false, true);
    }
    if (number == 0) {
        number = first_of_type(gpt, TYPE_LINUX, true, false);
    }
    return number;
}

uint32_t esp_by_table(const struct gpt *gpt)
{
    return first_of_type(gpt, TYPE_ESP, false, false);
}

uint32_t root_by_content(const struct device *device, const struct gpt *gpt,
                         const char *mount_point)
{
    uint8_t type[GPT_GUID_BYTES];
    gpt_guid_parse(TYPE_LINUX, type);
    for (uint32_t number = 1; number <= gpt->entry_count; number++) {
        struct gpt_partition partition;
        char path[PARTITION_PATH_SIZE];
        if (!gpt_partition_get(gpt, number, &partition) ||
            memcmp(partition.type, type, sizeof(type)) != 0 ||
            partition_path(device, number, true, path, NULL) < 0 ||
            root_mount(path, mount_point, false, NULL) < 0) {
            continue;
        }
        int root = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int file = root >= 0 ? tree_open(root, "etc/os-release", NULL) : -1;
        if (file >= 0) {
            close(file);
        }
        if (root >= 0) {
            close(root);
        }
        root_unmount(mount_point, true, NULL);
        if (file >= 0) {
            return number;
        }
    }
    return 0;
}

bool root_may_exist(const struct gpt *gpt)
{
    return root_by_table(gpt) != 0 || first_of_type(gpt, TYPE_LINUX, false, false) != 0;
}

int root_check_head(const uint8_t head[ROOT_HEAD_BYTES], struct error *err)
{
    static const struct {
        const char *magic;
        const char *name;
    } others[] = {{"XFSB", " (but XFS)"}, {"hsqs", " (but squashfs)"}, {"LUKS\xBA\xBE", " (but LUKS)"}};
    if (get_le16(head + EXT4_SUPERBLOCK + EXT4_MAGIC_AT) == EXT4_MAGIC) {
        return 0;
    }
    const char *found = "";
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (memcmp(head, others[i].magic, strlen(others[i].magic)) == 0) {
            found = others[i].name;
        }
    }
    return error_set(err, ERROR_UNPROCESSABLE, "holds no ext4 file system%s", found);
}

static int check_is_ext4(const char *partition, struct error *err)
{
    CLEANUP_CLOSE int fd = open(partition, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return error_errno(err, errno, "opening %s", partition);
    }
    uint8_t head[ROOT_HEAD_BYTES];
    if (pread(fd, head, sizeof(head), 0) != sizeof(head)) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s is too short for a file system", partition);
    }
    return root_check_head(head, err) < 0 ? error_wrap(err, "%s", partition) : 0;
}

int root_mount(const char *partition, const char *mount_point, bool writable, struct error *err)
{
    if (check_is_ext4(partition, err) < 0) {
        return -1;
    }
    if (mkdir(mount_point, 0700) < 0 && errno != EEXIST) {
        return error_errno(err, errno, "making %s", mount_point);
    }
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (writable ? 0 : MS_RDONLY);
    if (mount(partition, mount_point, "ext4", flags, writable ? NULL : "noload") < 0) {
        return error_errno(err, errno, "mounting %s", partition);
    }
    return 0;
}

int esp_has_file(const char *partition, const char *mount_point, const char *path)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    if ((mkdir(mount_point, 0700) < 0 && errno != EEXIST) ||
        mount(partition, mount_point, "vfat", flags, NULL) < 0) {
        return -1;
    }
    int root = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = root >= 0 ? tree_open(root, path, NULL) : -1;
    int found = root < 0 ? -1 : file >= 0;
    if (file >= 0) {
        close(file);
    }
    if (root >= 0) {
        close(root);
    }
    (void)root_unmount(mount_point, true, NULL);
    return found;
}

int root_unmount(const char *mount_point, bool force, struct error *err)
{
    if (umount2(mount_point, UMOUNT_NOFOLLOW) == 0) {
        return 0;
    }
    int number = errno;
    if (force) {
        umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    return error_errno(err, number, "unmounting %s", mount_point);
}

int root_grow(const char *partition, const char *mount_point, struct error *err)
{
    uint64_t bytes = 0;
    CLEANUP_CLOSE int device = open(partition, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (device < 0 || ioctl(device, BLKGETSIZE64, &bytes) < 0) {
        return error_errno(err, errno, "asking %s for its size", partition);
    }
    struct statfs status;
    CLEANUP_CLOSE int root = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fstatfs(root, &status) < 0 || status.f_type != EXT4_STATFS_MAGIC) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s holds no ext4 file system", partition);
    }
    uint64_t blocks = bytes / (uint64_t)status.f_bsize;
    if (ioctl(root, EXT4_RESIZE_FS, &blocks) < 0) {
        return error_errno(err, errno, "growing the file system on %s", partition);
    }
    return 0;
}
