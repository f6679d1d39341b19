// SPDX-License-Identifier: Apache-2.0
// The bell: after a commit a daemon tells the others by one datagram "family id" that rows of a family
// changed. Whoever misses one finds out by its slow poll, so every failure here is silent.

#include "service/internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BELL_TEXT_MAX = 96, BELL_ROUND_MAX = 64 };

struct bell {
    int fd;
    char *path;
    struct service_io *io;
    void (*rung)(void *context, const char *family, int64_t id);
    void *context;
};

static int bell_address(const char *run_dir, const char *name, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/%s.bell", run_dir, name);
    return length > 0 && (size_t)length < sizeof(ret_address->sun_path) ? 0 : -1;
}

// "family id" and nothing else.
static int parse_ring(char *text, const char **ret_family, int64_t *ret_id)
{
    char *space = strchr(text, ' ');
    if (!space || space == text) {
        return -1;
    }
    *space = '\0';
    char *end = NULL;
    errno = 0;
    long long id = strtoll(space + 1, &end, 10);
    if (errno != 0 || end == space + 1 || *end != '\0') {
        return -1;
    }
    *ret_family = text;
    *ret_id = id;
    return 0;
}

static void on_bell(void *context, unsigned what)
{
    struct bell *bell = context;
    for (int i = 0; i < BELL_ROUND_MAX; i++) {
        char text[BELL_TEXT_MAX + 1];
        ssize_t length = recv(bell->fd, text, BELL_TEXT_MAX, MSG_DONTWAIT);
        if (length < 0) {
            return;
        }
        text[length] = '\0';
        const char *family;
        int64_t id;
        if (parse_ring(text, &family, &id) == 0) {
            bell->rung(bell->context, family, id);
        }
    }
}

struct bell *bell_free(struct bell *bell)
{
    if (!bell) {
        return NULL;
    }
    bell->io = service_io_free(bell->io);
    if (bell->fd >= 0) {
        close(bell->fd);
    }
    if (bell->path) {
        (void)unlink(bell->path);
    }
    free(bell->path);
    free(bell);
    return NULL;
}

static int bell_open(struct bell *bell, const struct sockaddr_un *address, struct error *err)
{
    bell->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bell->fd < 0) {
        return error_errno(err, errno, "bell socket");
    }
    (void)unlink(address->sun_path); // of a former life
    if (bind(bell->fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        return error_errno(err, errno, "%s", address->sun_path);
    }
    bell->path = strdup(address->sun_path);
    // The daemons are different users of one group.
    if (!bell->path || chmod(bell->path, 0660) < 0) {
        return error_errno(err, errno, "%s", address->sun_path);
    }
    return 0;
}

int service_bell_listen(struct service *service, const char *run_dir,
                        void (*rung)(void *context, const char *family, int64_t id), void *context, struct error *err)
{
    struct sockaddr_un address;
    if (service->bell) {
        return error_set(err, ERROR_INTERNAL, "the bell is there already");
    }
    if (bell_address(run_dir, service->name, &address) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "run directory's name is too long: %s", run_dir);
    }
    struct bell *bell = calloc(1, sizeof(*bell));
    if (!bell) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    bell->fd = -1;
    bell->rung = rung;
    bell->context = context;
    int result = bell_open(bell, &address, err);
    if (result == 0) {
        bell->io = service_io_new(service, bell->fd, SERVICE_READ, on_bell, bell);
        result = bell->io ? 0 : error_set(err, ERROR_IO, "out of memory");
    }
    if (result < 0) {
        (void)bell_free(bell);
        return result;
    }
    service->bell = bell;
    return 0;
}

void service_bell_ring(struct service *service, const char *run_dir, const char *const *daemons, const char *family, int64_t id)
{
    char text[BELL_TEXT_MAX];
    int length = snprintf(text, sizeof(text), "%s %" PRId64, family, id);
    if (length < 0 || (size_t)length >= sizeof(text)) {
        return;
    }
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    for (; *daemons; daemons++) {
        struct sockaddr_un address;
        if (strcmp(*daemons, service->name) != 0 && bell_address(run_dir, *daemons, &address) == 0) {
            (void)sendto(fd, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
                         (const struct sockaddr *)&address, sizeof(address));
        }
    }
}
