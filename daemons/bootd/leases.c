// SPDX-License-Identifier: Apache-2.0

#include "leases.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/leases.h"
#include "base/log.h"
#include "store/attempt.h"

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

// What the file holds about one question. A lease that ran out speaks for its machine, which may be
// about to renew it, but against nobody.
struct search {
    const char *address;
    const struct mac *macs;
    unsigned mac_count;
    int64_t now_s;
    bool is_own, is_others, has_another;
};

static bool look(void *context, const struct lease *lease)
{
    struct search *search = context;
    bool holds = strcmp(lease->address, search->address) == 0;
    bool is_machine = false;
    for (unsigned i = 0; i < search->mac_count && !is_machine; i++) {
        is_machine = memcmp(&search->macs[i], &lease->mac, sizeof(lease->mac)) == 0;
    }
    bool runs = lease->expires_s == 0 || lease->expires_s >= search->now_s;
    if (holds) { // the last line counts
        search->is_own = is_machine;
        search->is_others = !is_machine && runs;
    } else if (is_machine && runs) {
        search->has_another = true;
    }
    return true;
}

static void tell_missing(struct lease_reader *reader, const char *path, bool is_missing)
{
    if (is_missing && !reader->is_missing) {
        log_warning("[boot] lease_file: %s cannot be read: until it can, the first address that asks "
                    "for a machine is taken for the machine's",
                    path);
    }
    reader->is_missing = is_missing;
}

int lease_reader_ask(struct lease_reader *reader, const char *path, const char *address,
                     const struct mac *macs, unsigned mac_count)
{
    if (path[0] == '\0' || mac_count == 0) {
        return CLAIM_UNKNOWN;
    }
    bool is_read = reader_refresh(reader, path);
    tell_missing(reader, path, !is_read);
    if (!is_read) {
        return CLAIM_UNKNOWN;
    }
    struct search search = {.address = address,
                            .macs = macs,
                            .mac_count = mac_count,
                            .now_s = clock_now_ms() / 1000};
    leases_parse(reader->text, reader->length, look, &search);
    if (search.is_own) {
        return CLAIM_OWN;
    }
    // The file names IPv4 addresses only.
    bool elsewhere = search.has_another && !strchr(address, ':');
    return search.is_others || elsewhere ? CLAIM_FOREIGN : CLAIM_UNLEASED;
}
