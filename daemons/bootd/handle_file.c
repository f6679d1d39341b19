// SPDX-License-Identifier: Apache-2.0

#include "handle_file.h"

#include "bootd.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "service/service.h"
#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGNMENT = 4 };

// A padded copy of a file that was not a multiple of 4 long, kept as long as the file is the same.
struct bootfile {
    struct bootfile *next;
    struct stat of;
    int fd;
    uint64_t length;
};

// A request for a file whose copy is being made.
struct padding_wait {
    struct padding_wait *next;
    struct web_request *request;
};

// The making of one, on a pool thread; a thousand machines that ask meanwhile wait for the same.
struct padding {
    struct padding *next; // the daemon's
    struct bootd *daemon;
    struct padding_wait *waits;
    int source;
    struct bootfile *made;
    int result;
    struct error err;
};

void bootfiles_free(struct bootd *daemon)
{
    while (daemon->bootfiles) {
        struct bootfile *file = daemon->bootfiles;
        daemon->bootfiles = file->next;
        close(file->fd);
        free(file);
    }
}

static void reply_fd(struct web_request *request, int fd, uint64_t length)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        struct error err;
        (void)error_errno(&err, errno, "duplicating a file");
        web_reply_error(request, &err);
        return;
    }
    web_reply_file(request, 200, "application/octet-stream", copy, 0, length);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int copy_all(int from, int to, off_t length, struct error *err)
{
    off_t at = 0;
    while (at < length) {
        ssize_t n = sendfile(to, from, &at, (size_t)(length - at));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? error_errno(err, errno, "copying the initramfs")
                         : error_set(err, ERROR_IO, "the initramfs became shorter");
        }
    }
    return 0;
}

static int pad(int source, struct bootfile *file, struct error *err)
{
    // Beside the DB there may be no room and no right; memory it is: such a file is an exception.
    file->fd = memfd_create("initramfs", MFD_CLOEXEC);
    if (file->fd < 0) {
        return error_errno(err, errno, "a padded copy of the initramfs");
    }
    file->length = ((uint64_t)file->of.st_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (copy_all(source, file->fd, file->of.st_size, err) < 0) {
        return -1;
    }
    return ftruncate(file->fd, (off_t)file->length) < 0
               ? error_errno(err, errno, "padding the initramfs")
               : 0;
}

static void padding_run(void *context)
{
    struct padding *padding = context;
    padding->result = pad(padding->source, padding->made, &padding->err);
}

// Everybody who waits gets the file, or the error when there is none.
static void padding_reply(struct padding *padding)
{
    while (padding->waits) {
        struct padding_wait *wait = padding->waits;
        padding->waits = wait->next;
        if (padding->result < 0) {
            web_reply_error(wait->request, &padding->err);
        } else {
            reply_fd(wait->request, padding->made->fd, padding->made->length);
        }
        free(wait);
    }
}

static void padding_free(struct padding *padding)
{
    struct padding **link = &padding->daemon->paddings;
    while (*link && *link != padding) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = padding->next;
    }
    close(padding->source);
    if (padding->made && padding->made->fd >= 0) {
        close(padding->made->fd);
    }
    free(padding->made);
    free(padding);
}

// Copies of files that are no more go: one file an architecture is in use.
static void keep(struct bootd *daemon, struct bootfile *file)
{
    unsigned kept = 0;
    for (struct bootfile **at = &daemon->bootfiles; *at;) {
        struct bootfile *old = *at;
        if (++kept >= ARCH_COUNT) {
            *at = old->next;
            close(old->fd);
            free(old);
        } else {
            at = &old->next;
        }
    }
    file->next = daemon->bootfiles;
    daemon->bootfiles = file;
}

static void padding_done(void *context)
{
    struct padding *padding = context;
    if (padding->result < 0) {
        log_warning("%s", padding->err.message);
    }
    padding_reply(padding);
    if (padding->result == 0) {
        keep(padding->daemon, TAKE_PTR(padding->made));
    }
    padding_free(padding);
}

// The one that makes the copy of this file, begun if need be. Takes the descriptor.
static struct padding *padding_for(struct bootd *daemon, int fd, const struct stat *status,
                                   struct error *err)
{
    CLEANUP_CLOSE int source = fd;
    for (struct padding *padding = daemon->paddings; padding; padding = padding->next) {
        if (is_same(&padding->made->of, status)) {
            return padding;
        }
    }
    struct padding *padding = calloc(1, sizeof(*padding));
    struct bootfile *file = calloc(1, sizeof(*file));
    if (!padding || !file) {
        free(padding);
        free(file);
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    *file = (struct bootfile){.of = *status, .fd = -1};
    *padding = (struct padding){.daemon = daemon, .source = TAKE_FD(source), .made = file};
    if (service_work(daemon->service, padding_run, padding_done, padding, err) < 0) {
        padding_free(padding);
        return NULL;
    }
    padding->next = daemon->paddings;
    daemon->paddings = padding;
    return padding;
}

static void reply_padded(struct bootd *daemon, struct web_request *request, int fd,
                         const struct stat *status)
{
    for (struct bootfile *file = daemon->bootfiles; file; file = file->next) {
        if (is_same(&file->of, status)) {
            close(fd);
            reply_fd(request, file->fd, file->length);
            return;
        }
    }
    struct error err = {0};
    struct padding *padding = padding_for(daemon, fd, status, &err);
    struct padding_wait *wait = padding ? calloc(1, sizeof(*wait)) : NULL;
    if (!wait) {
        if (padding) {
            (void)error_set(&err, ERROR_IO, "out of memory");
        }
        web_reply_error(request, &err);
        return;
    }
    *wait = (struct padding_wait){.next = padding->waits, .request = request};
    padding->waits = wait;
}

static void reply_file(struct bootd *daemon, struct web_request *request, const char *path,
                       bool aligned)
{
    struct error err;
    struct stat status;
    CLEANUP_CLOSE int fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        log_warning("%s is asked for, but %s cannot be read", web_path(request),
                    path[0] ? path : "no such file is configured, and it");
        (void)error_set(&err, ERROR_NOT_FOUND, "this file is not there");
        web_reply_error(request, &err);
        return;
    }
    if (aligned && status.st_size % ALIGNMENT != 0) {
        reply_padded(daemon, request, TAKE_FD(fd), &status);
        return;
    }
    web_reply_file(request, 200, "application/octet-stream", TAKE_FD(fd), 0,
                   (uint64_t)status.st_size);
}

static const struct arch_config *find_arch(struct bootd *daemon, struct web_request *request)
{
    int arch = arch_parse(web_arg(request, "arch"));
    if (arch < 0) {
        struct error err;
        (void)error_set(&err, ERROR_NOT_FOUND, "an architecture is amd64 or arm64");
        web_reply_error(request, &err);
        return NULL;
    }
    return &daemon->config.arches[arch];
}

void handle_kernel(struct web_request *request, void *context)
{
    const struct arch_config *arch = find_arch(context, request);
    if (arch) {
        reply_file(context, request, arch->kernel, false);
    }
}

void handle_initramfs(struct web_request *request, void *context)
{
    const struct arch_config *arch = find_arch(context, request);
    if (arch) {
        reply_file(context, request, arch->initramfs, true);
    }
}

void handle_loader(struct web_request *request, void *context)
{
    const struct arch_config *arch = find_arch(context, request);
    if (arch) {
        reply_file(context, request, arch->loader, false);
    }
}
