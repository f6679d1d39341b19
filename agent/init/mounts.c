// SPDX-License-Identifier: Apache-2.0

#include "agent/init/mounts.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define EFIVARS "/sys/firmware/efi/efivars"

static void mount_one(const char *type, const char *target, unsigned long flags, const char *options)
{
    (void)mkdir(target, 0755);
    if (mount(type, target, type, flags, options) < 0 && errno != EBUSY) {
        log_err("mounting %s on %s: %s", type, target, strerror(errno));
    }
}

void mounts_begin(void)
{
    (void)umask(022);
    mount_one("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
    mount_one("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_one("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_one("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
    mount_one("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
}

void mounts_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (fd < 0) {
        fd = open("/dev/null", O_RDWR);
    }
    for (int i = 0; fd >= 0 && i < 3; i++) {
        (void)dup2(fd, i);
    }
    if (fd > 2) {
        (void)close(fd);
    }
}

void mounts_efivars(void)
{
    if (access(EFIVARS, F_OK) == 0) {
        mount_one("efivarfs", EFIVARS, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    }
}

void mounts_flush(unsigned limit_s)
{
    // sync(2) waits for ever for a disk that is gone: a child does it, and is left behind if it does not end.
    pid_t child = fork();
    if (child == 0) {
        sync();
        _exit(0);
    }
    int64_t until = clock_monotonic_ms() + (int64_t)limit_s * 1000;
    while (child > 0 && waitpid(child, NULL, WNOHANG) == 0) {
        if (clock_monotonic_ms() > until) {
            log_err("disks did not take all that was written within %u s", limit_s);
            break;
        }
        (void)usleep(20000);
    }
    (void)umount2(EFIVARS, MNT_DETACH);
}
