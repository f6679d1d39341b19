// SPDX-License-Identifier: Apache-2.0

// BLKPG and BLKRRPART: no program such as partprobe is needed.

#include "agent/disk/partitions.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

enum { NODE_WAIT_STEPS = 100, NODE_WAIT_STEP_MS = 50 };

int partition_path(const struct device *device, uint32_t number, bool wait,
                   char path[PARTITION_PATH_SIZE], struct error *err)
{
    size_t length = strlen(device->name);
    bool digit = length > 0 && isdigit((unsigned char)device->name[length - 1]);
    snprintf(path, PARTITION_PATH_SIZE, "/dev/%s%s%" PRIu32, device->name, digit ? "p" : "",
             number);
    for (int i = 0; wait; i++) {
        struct stat status;
        if (stat(path, &status) == 0 && S_ISBLK(status.st_mode)) {
            break;
        }
        if (i == NODE_WAIT_STEPS) {
            return error_set(err, ERROR_TIMEOUT, "%s did not appear", path);
        }
        nanosleep(&(struct timespec){.tv_nsec = NODE_WAIT_STEP_MS * 1000000L}, NULL);
    }
    return 0;
}

static int blkpg(const struct device *device, int op, struct blkpg_partition *partition)
{
    struct blkpg_ioctl_arg argument = {.op = op, .datalen = sizeof(*partition), .data = partition};
    return ioctl(device->fd, BLKPG, &argument);
}

int partitions_forget(const struct device *device, struct error *err)
{
    char path[128];
    snprintf(path, sizeof(path), "/sys/block/%s", device->name);
    DIR *dir = opendir(path);
    if (!dir) {
        return error_errno(err, errno, "reading %s", path);
    }
    int result = 0;
    for (struct dirent *entry = readdir(dir); entry && result == 0; entry = readdir(dir)) {
        char attribute[64 + sizeof(entry->d_name)];
        snprintf(attribute, sizeof(attribute), "%s/partition", entry->d_name);
        CLEANUP_CLOSE int fd = openat(dirfd(dir), attribute, O_RDONLY | O_CLOEXEC);
        char text[16] = "";
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
            continue; // no partition
        }
        struct blkpg_partition partition = {.pno = (int)strtol(text, NULL, 10)};
        if (blkpg(device, BLKPG_DEL_PARTITION, &partition) < 0 && errno != ENXIO) {
            result = errno == EBUSY ? error_set(err, ERROR_CONFLICT, "%s is in use", entry->d_name)
                                    : error_errno(err, errno, "removing %s", entry->d_name);
        }
    }
    closedir(dir);
    return result;
}

int partitions_show(const struct device *device, const struct gpt *gpt, struct error *err)
{
    if (partitions_forget(device, err) < 0) {
        return -1;
    }
    for (uint32_t number = 1; number <= gpt->entry_count; number++) {
        struct gpt_partition partition;
        if (!gpt_partition_get(gpt, number, &partition)) {
            continue;
        }
        struct blkpg_partition shown = {
            .start = (long long)(partition.first * gpt->sector_size),
            .length = (long long)((partition.last - partition.first + 1) * gpt->sector_size),
            .pno = (int)number,
        };
        if (blkpg(device, BLKPG_ADD_PARTITION, &shown) < 0) {
            return error_errno(err, errno, "showing partition %" PRIu32 " to the kernel", number);
        }
    }
    return 0;
}

int partitions_reread(const struct device *device, struct error *err)
{
    if (ioctl(device->fd, BLKRRPART, 0) < 0) {
        return error_errno(err, errno, "reading the partition table of %s again", device->path);
    }
    return 0;
}
