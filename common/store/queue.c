// SPDX-License-Identifier: Apache-2.0
// The ordered queue of the writers of all processes. SQLite's own waiting polls with growing
// pauses, so a busy group writer starves the others. Here a writer takes `next`, then `hold`, then
// lets `next` go: while one writes exactly one other waits at the door, and whoever has just
// written stands behind those who wait for `next`. The kernel frees both locks of a process that
// dies.

#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_MODE = 0660, LOCK_PATH_MAX = 4096 };

static int lock_open(const char *path, const char *suffix, struct error *err)
{
    char full[LOCK_PATH_MAX];
    int length = snprintf(full, sizeof(full), "%s.%s", path, suffix);
    if (length < 0 || (size_t)length >= sizeof(full)) {
        return error_set(err, ERROR_IO, "%s: the path is too long", path);
    }
    int fd = open(full, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (fd >= 0) {
        (void)fchmod(fd, LOCK_MODE); // whatever the umask was
        return fd;
    }
    fd = open(full, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : error_errno(err, errno, "%s", full);
}

int queue_open(struct queue *queue, const char *path, struct error *err)
{
    *queue = (struct queue){.next_fd = -1, .hold_fd = -1};
    queue->next_fd = lock_open(path, "next", err);
    queue->hold_fd = queue->next_fd < 0 ? -1 : lock_open(path, "hold", err);
    if (queue->hold_fd < 0) {
        queue_close(queue);
        return -1;
    }
    return 0;
}

void queue_close(struct queue *queue)
{
    if (queue->next_fd >= 0) {
        close(queue->next_fd);
    }
    if (queue->hold_fd >= 0) {
        close(queue->hold_fd);
    }
    *queue = (struct queue){.next_fd = -1, .hold_fd = -1};
}

static int lock_take(int fd, struct error *err)
{
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return error_errno(err, errno, "waiting in the writers' queue");
        }
    }
    return 0;
}

int queue_enter(struct queue *queue, struct error *err)
{
    if (lock_take(queue->next_fd, err) < 0) {
        return -1;
    }
    int result = lock_take(queue->hold_fd, err);
    (void)flock(queue->next_fd, LOCK_UN);
    return result;
}

void queue_leave(struct queue *queue)
{
    (void)flock(queue->hold_fd, LOCK_UN);
}
