// SPDX-License-Identifier: Apache-2.0

// The search for our own stamp. A disk that cannot be read or understood simply has none: the
// pipeline will meet the trouble again where it matters.

#include "agent/os/find.h"

#include "agent/disk/commit.h"
#include "agent/disk/partitions.h"
#include "agent/os/configure.h"
#include "agent/os/root.h"
#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

// The committed table of a disk; -1 if it has none.
static int committed_table(const char *name, struct gpt *ret_gpt)
{
    char path[DISK_NAME_SIZE + 8];
    snprintf(path, sizeof(path), "/dev/%s", name);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP_FREE uint8_t *head = malloc(HELD_BYTES);
    int sector_size = 0;
    uint64_t size = 0;
    if (fd < 0 || !head || ioctl(fd, BLKSSZGET, &sector_size) < 0 ||
        ioctl(fd, BLKGETSIZE64, &size) < 0) {
        return -1;
    }
    if (pread(fd, head, HELD_BYTES, 0) != HELD_BYTES || !gpt_is_protected(head, HELD_BYTES)) {
        return -1;
    }
    return gpt_parse(head, HELD_BYTES, (uint32_t)sector_size, ret_gpt, NULL);
}

static int stamp_read(const char *partition, const char *mount_point, struct stamp *ret_stamp)
{
    if (root_mount(partition, mount_point, false, NULL) < 0) {
        return -1;
    }
    int root = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = root >= 0 ? configure_read_stamp(root, ret_stamp, NULL) : -1;
    if (root >= 0) {
        close(root);
    }
    root_unmount(mount_point, true, NULL);
    return result;
}

static bool disk_is_stamped(const char *name, const struct gpt *gpt, const struct stamp *wanted,
                            const char *mount_point)
{
    struct device device = {.fd = -1, .direct_fd = -1}; // only its name is needed
    snprintf(device.name, sizeof(device.name), "%s", name);
    uint32_t number = root_by_table(gpt);
    if (number == 0) {
        number = root_by_content(&device, gpt, mount_point);
    }
    char partition[PARTITION_PATH_SIZE];
    struct stamp stamp;
    return number != 0 && partition_path(&device, number, true, partition, NULL) == 0 &&
           stamp_read(partition, mount_point, &stamp) == 0 && stamp_matches(&stamp, wanted);
}

int find_stamped(const struct disk_list *list, const struct stamp *wanted, const char *mount_point,
                 struct found *ret_found)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct disk *disk = &list->disks[i];
        CLEANUP_GPT struct gpt gpt = {0};
        if (disk->refusal[0] != '\0' || committed_table(disk->name, &gpt) < 0 ||
            !disk_is_stamped(disk->name, &gpt, wanted, mount_point)) {
            continue;
        }
        memcpy(ret_found->disk, disk->name, sizeof(ret_found->disk));
        ret_found->gpt = gpt;
        gpt.entries = NULL;
        return 1;
    }
    return 0;
}
