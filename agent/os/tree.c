// SPDX-License-Identifier: Apache-2.0

// The only way in which the agent writes into a target's file system (configure.c, stamp.c).

#include "agent/os/tree.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { PATH_SIZE = 256, COPY_BYTES = 64 * 1024 };

static const char temporary_name[] = ".bootyard-new";

static int open_inside(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int tree_open(int root, const char *path, struct error *err)
{
    // Not blocking: a name in an image can be a pipe.
    int fd = open_inside(root, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return error_set(err, ERROR_NOT_FOUND, "the target has no /%s", path);
    }
    return fd < 0 ? error_errno(err, errno, "opening /%s of the target", path) : fd;
}

int tree_read(int root, const char *path, struct strbuf *out, struct error *err)
{
    CLEANUP_CLOSE int fd = tree_open(root, path, err);
    if (fd < 0) {
        return -1;
    }
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_UNPROCESSABLE, "/%s of the target is no file", path);
    }
    char bytes[4096];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_errno(err, errno, "reading /%s of the target", path);
        }
        if (n == 0) {
            break;
        }
        strbuf_append(out, bytes, (size_t)n);
    }
    return strbuf_failed(out)
               ? error_set(err, ERROR_TOO_LARGE, "/%s of the target is too long", path)
               : 0;
}

// Descriptor of the folder that holds `path`, made if it is missing; `ret_name` points at the last
// component.
static int folder_open(int root, const char *path, mode_t folder_mode, const char **ret_name,
                       struct error *err)
{
    char folder[PATH_SIZE];
    size_t length = strlen(path);
    if (length >= sizeof(folder) || length == 0 || path[0] == '/' || path[length - 1] == '/') {
        return error_set(err, ERROR_INTERNAL, "bad path in the target: %s", path);
    }
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    int fd = open_inside(root, ".", O_PATH | O_DIRECTORY);
    for (const char *end = slash ? strchr(path, '/') : NULL; fd >= 0 && end;
         end = end < slash ? strchr(end + 1, '/') : NULL) {
        memcpy(folder, path, (size_t)(end - path));
        folder[end - path] = '\0';
        int next = open_inside(root, folder, O_PATH | O_DIRECTORY);
        if (next < 0 && errno == ENOENT) {
            const char *name = strrchr(folder, '/');
            if (mkdirat(fd, name ? name + 1 : folder, end == slash ? folder_mode : 0755) == 0) {
                next = open_inside(root, folder, O_PATH | O_DIRECTORY);
            }
        }
        int number = errno;
        close(fd);
        fd = next;
        errno = number;
    }
    return fd < 0 ? error_errno(err, errno, "opening the folder of /%s in the target", path) : fd;
}

static int write_all(int fd, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int copy_all(int from, int to)
{
    uint8_t bytes[COPY_BYTES];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return (int)n;
        }
        if (write_all(to, bytes, (size_t)n) < 0) {
            return -1;
        }
    }
}

// `source` >= 0: its content, else `data`.
static int file_replace(int root, const char *path, const void *data, size_t length, int source,
                        mode_t mode, mode_t folder_mode, struct error *err)
{
    const char *name = NULL;
    CLEANUP_CLOSE int folder = folder_open(root, path, folder_mode, &name, err);
    if (folder < 0) {
        return -1;
    }
    unlinkat(folder, temporary_name, 0); // of a run that was cut
    CLEANUP_CLOSE int fd =
        openat(folder, temporary_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && (source >= 0 ? copy_all(source, fd) : write_all(fd, data, length)) == 0 &&
              fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
              renameat(folder, temporary_name, folder, name) == 0;
    if (!ok) {
        int number = errno;
        unlinkat(folder, temporary_name, 0);
        return error_errno(err, number, "writing /%s in the target", path);
    }
    return 0;
}

int tree_write(int root, const char *path, const void *data, size_t length, mode_t mode,
               mode_t folder_mode, struct error *err)
{
    return file_replace(root, path, data, length, -1, mode, folder_mode, err);
}

int tree_copy(int root, const char *path, int source, mode_t mode, mode_t folder_mode,
              struct error *err)
{
    return file_replace(root, path, NULL, 0, source, mode, folder_mode, err);
}

int tree_link(int root, const char *path, const char *target, struct error *err)
{
    const char *name = NULL;
    CLEANUP_CLOSE int folder = folder_open(root, path, 0755, &name, err);
    if (folder < 0) {
        return -1;
    }
    unlinkat(folder, temporary_name, 0);
    if (symlinkat(target, folder, temporary_name) < 0 ||
        renameat(folder, temporary_name, folder, name) < 0) {
        return error_errno(err, errno, "making the link /%s in the target", path);
    }
    return 0;
}
