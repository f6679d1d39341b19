// SPDX-License-Identifier: Apache-2.0
// It is never disarmed: a restart that hangs is what it is for as well.

#include "agent/init/watchdog.h"

#include "base/log.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>

enum { TIMEOUT_S = 60 };

void watchdog_pet(struct watchdog *watchdog)
{
    if (watchdog->fd < 0) {
        watchdog->fd = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
        if (watchdog->fd < 0) {
            return;
        }
        int timeout = TIMEOUT_S;
        (void)ioctl(watchdog->fd, WDIOC_SETTIMEOUT, &timeout);
        log_info("hardware watchdog armed timeout=%ds", timeout);
    }
    (void)ioctl(watchdog->fd, WDIOC_KEEPALIVE, 0);
}
