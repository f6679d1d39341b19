// SPDX-License-Identifier: Apache-2.0
// The cache's files. Called by fill.c (partial files, publishing), manifest_fetch.c (small
// contents) and handle_blob.c (hits).

#include "cache.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { HEX_SIZE = 65, USED_MEMORY = 64, USED_EVERY_MS = 60000, PARTIAL_AGE_S = 86400 };

struct used {
    char digest[DIGEST_TEXT_SIZE];
    int64_t at_ms;
};

struct cache {
    struct store *store;
    int root_fd, blobs_fd, partial_fd;
    struct used
        used[USED_MEMORY]; // so that a thousand clients of one image are not a thousand writes
    size_t next_used;
};

static int hex_of(const char *digest, char hex[HEX_SIZE], struct error *err)
{
    if (!digest_is_valid(digest)) {
        return error_set(err, ERROR_UNPROCESSABLE, "not a sha256 digest");
    }
    memcpy(hex, digest + strlen("sha256:"), HEX_SIZE);
    return 0;
}

static int open_folder(int parent, const char *name, int *ret_fd, struct error *err)
{
    if (mkdirat(parent, name, 0750) < 0 && errno != EEXIST) {
        return error_errno(err, errno, "cannot make the folder %s", name);
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(err, errno, "cannot open the folder %s", name);
    }
    *ret_fd = fd;
    return 0;
}

// When this host was started, by today's clock.
static time_t boot_time(void)
{
    struct timespec up = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_BOOTTIME, &up);
    return time(NULL) - up.tv_sec;
}

static void forget_stale_partials(struct cache *cache)
{
    DIR *folder = fdopendir(dup(cache->partial_fd));
    if (!folder) {
        return;
    }
    rewinddir(folder);
    time_t booted = boot_time();
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat status;
        if (entry->d_name[0] == '.' ||
            fstatat(cache->partial_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        bool temporary = strlen(entry->d_name) != HEX_SIZE - 1; // cache_write's
        if (temporary || status.st_mtime <= booted ||
            status.st_mtime < time(NULL) - PARTIAL_AGE_S) {
            (void)unlinkat(cache->partial_fd, entry->d_name, 0);
        }
    }
    closedir(folder);
}

struct cache *cache_new(const char *images_dir, struct store *store, struct error *err)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    if (!cache) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    cache->store = store;
    cache->root_fd = cache->blobs_fd = cache->partial_fd = -1;
    CLEANUP_CLOSE int blobs = -1;
    if (open_folder(AT_FDCWD, images_dir, &cache->root_fd, err) < 0 ||
        open_folder(cache->root_fd, "blobs", &blobs, err) < 0 ||
        open_folder(blobs, "sha256", &cache->blobs_fd, err) < 0 ||
        open_folder(cache->root_fd, "partial", &cache->partial_fd, err) < 0) {
        error_wrap(err, "%s", images_dir);
        return cache_free(cache);
    }
    forget_stale_partials(cache);
    return cache;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

struct cache *cache_free(struct cache *cache)
{
    if (cache) {
        close_fd(cache->root_fd);
        close_fd(cache->blobs_fd);
        close_fd(cache->partial_fd);
        free(cache);
    }
    return NULL;
}

// What a write to the index needs; freed when it is done.
struct note {
    struct blob blob;
    char repository[600];
    bool is_new;
};

static int note_run(struct store_conn *conn, void *context, struct error *err)
{
    struct note *note = context;
    if (!note->is_new) {
        return blob_used(conn, note->blob.digest, note->blob.used_ms, err);
    }
    if (blob_put(conn, &note->blob, err) < 0) {
        return -1;
    }
    return blob_origin_put(conn, note->blob.digest, note->repository, err);
}

static void note_done(void *context, int result, const struct error *err)
{
    if (result < 0) {
        log_warning("the cache's index: %s", err->message);
    }
    free(context);
}

static struct note *note_new(const char *digest)
{
    struct note *note = calloc(1, sizeof(*note));
    if (note) {
        snprintf(note->blob.digest, sizeof(note->blob.digest), "%s", digest);
        note->blob.created_ms = note->blob.used_ms = clock_now_ms();
    }
    return note;
}

void cache_note(struct cache *cache, const char *digest, uint64_t size, const char *repository)
{
    struct note *note = note_new(digest);
    if (note) {
        note->is_new = true;
        note->blob.size = (int64_t)size;
        snprintf(note->repository, sizeof(note->repository), "%s", repository);
        store_write(cache->store, note_run, note_done, note);
    }
}

static void note_used(struct cache *cache, const char *digest)
{
    int64_t now = clock_monotonic_ms();
    struct used *used = NULL;
    for (size_t i = 0; i < USED_MEMORY && !used; i++) {
        if (strcmp(cache->used[i].digest, digest) == 0) {
            used = &cache->used[i];
        }
    }
    if (used && now - used->at_ms < USED_EVERY_MS) {
        return;
    }
    if (!used) {
        used = &cache->used[cache->next_used];
        cache->next_used = (cache->next_used + 1) % USED_MEMORY;
        snprintf(used->digest, sizeof(used->digest), "%s", digest);
    }
    used->at_ms = now;
    struct note *note = note_new(digest);
    if (note) {
        store_write(cache->store, note_run, note_done, note);
    }
}

int cache_open(struct cache *cache, const char *digest, int *ret_fd, uint64_t *ret_size,
               struct error *err)
{
    char hex[HEX_SIZE];
    if (hex_of(digest, hex, err) < 0) {
        return -1;
    }
    CLEANUP_CLOSE int fd = openat(cache->blobs_fd, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "%s is not in the cache", digest)
                               : error_errno(err, errno, "cannot open %s in the cache", digest);
    }
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_IO, "%s in the cache is not a file", digest);
    }
    note_used(cache, digest);
    *ret_size = (uint64_t)status.st_size;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int cache_open_partial(struct cache *cache, const char *digest, int *ret_fd, uint64_t *ret_size,
                       struct error *err)
{
    char hex[HEX_SIZE];
    if (hex_of(digest, hex, err) < 0) {
        return -1;
    }
    CLEANUP_CLOSE int fd =
        openat(cache->partial_fd, hex, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        return error_errno(err, errno, "cannot write to the cache");
    }
    *ret_size = (uint64_t)status.st_size;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

void cache_drop_partial(struct cache *cache, const char *digest)
{
    char hex[HEX_SIZE];
    if (hex_of(digest, hex, NULL) == 0) {
        (void)unlinkat(cache->partial_fd, hex, 0);
    }
}

static int move_into_place(const struct cache *cache, const char *from, const char *hex, int fd,
                           struct error *err)
{
    if (fdatasync(fd) < 0) {
        return error_errno(err, errno, "cannot flush a file of the cache");
    }
    if (renameat(cache->partial_fd, from, cache->blobs_fd, hex) < 0) {
        return error_errno(err, errno, "cannot move a file of the cache into place");
    }
    if (fsync(cache->blobs_fd) < 0) {
        return error_errno(err, errno, "cannot flush the cache's folder");
    }
    return 0;
}

int cache_publish(const struct cache *cache, const char *digest, int fd, struct error *err)
{
    char hex[HEX_SIZE];
    if (hex_of(digest, hex, err) < 0) {
        return -1;
    }
    return move_into_place(cache, hex, hex, fd, err);
}

static int write_all(int fd, const char *bytes, size_t length, struct error *err)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR) {
            return error_errno(err, errno, "cannot write to the cache");
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

int cache_write(const struct cache *cache, const char *digest, const void *bytes, size_t length,
                struct error *err)
{
    char hex[HEX_SIZE];
    char random[2 * 8 + 1];
    uint8_t seed[8];
    if (hex_of(digest, hex, err) < 0) {
        return -1;
    }
    random_fill(seed, sizeof(seed));
    hex_encode(seed, sizeof(seed), random);
    CLEANUP_CLOSE int fd =
        openat(cache->partial_fd, random, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return error_errno(err, errno, "cannot write to the cache");
    }
    if (write_all(fd, bytes, length, err) < 0 || move_into_place(cache, random, hex, fd, err) < 0) {
        (void)unlinkat(cache->partial_fd, random, 0);
        return -1;
    }
    return 0;
}

int cache_check_room(const struct cache *cache, uint64_t bytes, uint64_t keep_free,
                     struct error *err)
{
    struct statvfs status;
    if (fstatvfs(cache->partial_fd, &status) < 0) {
        return error_errno(err, errno, "cannot ask for the room of the cache");
    }
    uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    if (free_bytes < keep_free || free_bytes - keep_free < bytes) {
        return error_set(err, ERROR_UNAVAILABLE,
                         "no room in the image cache: %llu bytes are wanted, %llu are free, of "
                         "which %llu are kept free",
                         (unsigned long long)bytes, (unsigned long long)free_bytes,
                         (unsigned long long)keep_free);
    }
    return 0;
}
