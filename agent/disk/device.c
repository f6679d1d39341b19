// SPDX-License-Identifier: Apache-2.0

// Reading and writing a whole disk. The image's writer and the commit are its only callers that
// write.

#include "agent/disk/device.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum { DIRECT_ALIGNMENT = 4096, ZERO_BLOCK = 1024 * 1024 };

static int open_fds(struct device *device, struct error *err)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (device->is_block ? O_EXCL : 0);
    CLEANUP_CLOSE int fd = open(device->path, flags);
    if (fd < 0 && errno == EBUSY) {
        return error_set(err, ERROR_CONFLICT, "%s is in use", device->path);
    }
    if (fd < 0) {
        return error_errno(err, errno, "opening %s", device->path);
    }
    // The claim belongs to `fd`; a second exclusive open by the same process would be refused.
    device->direct_fd = open(device->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_DIRECT);
    device->fd = TAKE_FD(fd);
    return 0;
}

static int geometry_read(struct device *device, struct error *err)
{
    struct stat status;
    if (fstat(device->fd, &status) < 0) {
        return error_errno(err, errno, "looking at %s", device->path);
    }
    device->sector_size = 512;
    device->size = (uint64_t)status.st_size;
    if (device->is_block) {
        int sector_size = 0;
        if (ioctl(device->fd, BLKSSZGET, &sector_size) < 0 ||
            ioctl(device->fd, BLKGETSIZE64, &device->size) < 0) {
            return error_errno(err, errno, "asking %s for its size", device->path);
        }
        device->sector_size = (uint32_t)sector_size;
    }
    if (device->sector_size < 512 || device->sector_size > 4096) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s has sectors of %" PRIu32 " bytes",
                         device->path, device->sector_size);
    }
    device->size -= device->size % device->sector_size;
    return 0;
}

int device_open(struct device *device, const char *path, struct error *err)
{
    *device =
        (struct device){.fd = -1, .direct_fd = -1, .punch_works = true, .zeroout_works = true};
    struct stat status;
    if (lstat(path, &status) < 0) {
        return error_errno(err, errno, "looking at %s", path);
    }
    if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s is no disk", path);
    }
    const char *slash = strrchr(path, '/');
    int path_length = snprintf(device->path, sizeof(device->path), "%s", path);
    snprintf(device->name, sizeof(device->name), "%s", slash ? slash + 1 : path);
    if (path_length < 0 || (size_t)path_length >= sizeof(device->path)) {
        return error_set(err, ERROR_UNPROCESSABLE, "the name of the disk is too long");
    }
    device->is_block = S_ISBLK(status.st_mode);
    if (open_fds(device, err) < 0) {
        return -1;
    }
    if (geometry_read(device, err) < 0) {
        device_close(device);
        return -1;
    }
    return 0;
}

void device_release(struct device *device)
{
    if (device->fd >= 0) {
        close(device->fd);
        device->fd = -1;
    }
    if (device->direct_fd >= 0) {
        close(device->direct_fd);
        device->direct_fd = -1;
    }
}

int device_claim(struct device *device, struct error *err)
{
    if (device->fd >= 0) {
        return 0;
    }
    uint64_t size = device->size;
    uint32_t sector_size = device->sector_size;
    if (open_fds(device, err) < 0) {
        return -1;
    }
    if (geometry_read(device, err) < 0) {
        return -1;
    }
    if (device->size != size || device->sector_size != sector_size) {
        return error_set(err, ERROR_IO, "%s is another disk than it was", device->path);
    }
    return 0;
}

void device_close(struct device *device)
{
    device_release(device);
    *device = (struct device){.fd = -1, .direct_fd = -1};
}

static int write_check(const struct device *device, struct error *err)
{
    if (device->is_stopped && device->is_stopped(device->context)) {
        return error_set(err, ERROR_CONFLICT, "stopped before a write to %s", device->path);
    }
    return 0;
}

static int range_check(const struct device *device, uint64_t offset, uint64_t length,
                       struct error *err)
{
    if (device->fd < 0) {
        return error_set(err, ERROR_INTERNAL, "%s is not open", device->path);
    }
    if (offset > device->size || length > device->size - offset) {
        return error_set(err, ERROR_TOO_LARGE, "%s ends at byte %" PRIu64 ", before %" PRIu64,
                         device->path, device->size, offset + length);
    }
    return 0;
}

int device_read(const struct device *device, uint64_t offset, void *data, size_t length,
                struct error *err)
{
    if (range_check(device, offset, length, err) < 0) {
        return -1;
    }
    uint8_t *bytes = data;
    while (length > 0) {
        ssize_t n = pread(device->fd, bytes, length, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return error_errno(err, n < 0 ? errno : EIO, "reading %s at byte %" PRIu64,
                               device->path, offset);
        }
        bytes += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

// What direct I/O takes: memory, offset and length all aligned. 512 would do for some disks, but
// not all.
static bool can_write_direct(const struct device *device, uint64_t offset, const uint8_t *bytes,
                             size_t length)
{
    return device->direct_fd >= 0 && (uintptr_t)bytes % DIRECT_ALIGNMENT == 0 &&
           offset % device->sector_size == 0 && length % device->sector_size == 0;
}

int device_write(struct device *device, uint64_t offset, const void *data, size_t length,
                 struct error *err)
{
    if (range_check(device, offset, length, err) < 0 || write_check(device, err) < 0) {
        return -1;
    }
    const uint8_t *bytes = data;
    while (length > 0) {
        bool direct = can_write_direct(device, offset, bytes, length);
        ssize_t n = pwrite(direct ? device->direct_fd : device->fd, bytes, length, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EINVAL && direct) {
            close(device->direct_fd); // said yes to the open and no to the write: some do
            device->direct_fd = -1;
            continue;
        }
        if (n <= 0) {
            return error_errno(err, n < 0 ? errno : EIO, "writing %s at byte %" PRIu64,
                               device->path, offset);
        }
        bytes += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

static int zero_by_writing(struct device *device, uint64_t offset, uint64_t length,
                           struct error *err)
{
    CLEANUP_FREE uint8_t *zeros = aligned_alloc(DIRECT_ALIGNMENT, ZERO_BLOCK);
    if (!zeros) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memset(zeros, 0, ZERO_BLOCK);
    while (length > 0) {
        size_t part = length < ZERO_BLOCK ? (size_t)length : ZERO_BLOCK;
        if (device_write(device, offset, zeros, part, err) < 0) {
            return -1;
        }
        offset += part;
        length -= part;
    }
    return 0;
}

int device_zero(struct device *device, uint64_t offset, uint64_t length, struct error *err)
{
    if (range_check(device, offset, length, err) < 0 || write_check(device, err) < 0) {
        return -1;
    }
    if (length == 0) {
        return 0;
    }
    // Both promise that the range reads as zero; a discard would not.
    if (device->punch_works) {
        if (fallocate(device->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                      (off_t)length) == 0) {
            return 0;
        }
        device->punch_works = false;
    }
    if (device->is_block && device->zeroout_works) {
        uint64_t range[2] = {offset, length};
        if (ioctl(device->fd, BLKZEROOUT, range) == 0) {
            return 0;
        }
        device->zeroout_works = false;
    }
    return zero_by_writing(device, offset, length, err);
}

int device_flush(struct device *device, struct error *err)
{
    if (fsync(device->fd) < 0) {
        return error_errno(err, errno, "flushing %s", device->path);
    }
    // What is read from now on comes from the disk, not from what was left in memory.
    if (device->is_block && ioctl(device->fd, BLKFLSBUF, 0) < 0) {
        return error_errno(err, errno, "flushing %s", device->path);
    }
    return 0;
}
