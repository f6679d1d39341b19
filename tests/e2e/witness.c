// SPDX-License-Identifier: Apache-2.0

// An init that says which of the archives' files are there, and switches the machine off: the witness of
// two-archives.scenario.sh.

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *has(const char *path)
{
    return access(path, R_OK) == 0 ? "yes" : "no";
}

int main(void)
{
    (void)mkdir("/dev", 0755);
    (void)mount("dev", "/dev", "devtmpfs", 0, NULL);
    // By name: the last console= of the command line may be a screen.
    int console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY);
    if (console >= 0) {
        dprintf(console, "\nWITNESS vars=%s ca=%s\n", has("/deploy/vars"), has("/etc/ssl/certs/ca-certificates.crt"));
        (void)fsync(console);
    }
    (void)sleep(2);
    (void)reboot(RB_POWER_OFF);
    return 1;
}
