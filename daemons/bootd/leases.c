// SPDX-License-Identifier: Apache-2.0

#include "leases.h"

#include "base/cleanup.h"
#include "base/leases.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lease_reader_fini(struct lease_reader *reader)
{
    free(reader->text);
    *reader = (struct lease_reader){0};
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool read_whole(int fd, char *buffer, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = pread(fd, buffer + done, length - done, (off_t)done);
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static bool reader_refresh(struct lease_reader *reader, const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
        status.st_size > LEASES_FILE_MAX) {
        return false;
    }
    if (reader->text && is_same_file(&status, &reader->read)) {
        return true;
    }
    CLEANUP_FREE char *text = malloc((size_t)status.st_size + 1);
    if (!text || !read_whole(fd, text, (size_t)status.st_size)) {
        return false;
    }
    lease_reader_fini(reader);
    *reader = (struct lease_reader){
        .text = TAKE_PTR(text), .length = (size_t)status.st_size, .read = status};
    return true;
}

int lease_reader_ask(struct lease_reader *reader, const char *path, const char *address,
                     const struct mac *macs, unsigned mac_count)
{
    struct mac holder;
    if (path[0] == '\0' || mac_count == 0 || !reader_refresh(reader, path)) {
        return -1;
    }
    if (!leases_find(reader->text, reader->length, address, &holder)) {
        return 0;
    }
    for (unsigned i = 0; i < mac_count; i++) {
        if (memcmp(&macs[i], &holder, sizeof(holder)) == 0) {
            return 1;
        }
    }
    return 0;
}
