// SPDX-License-Identifier: Apache-2.0
// Which of its lives the binary leads is told by who starts it: the kernel as PID 1, the kernel as its
// modprobe, or the installed system (phone-home).

#include "agent/init/init.h"
#include "agent/init/modules.h"
#include "agent/phone_home.h"

#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (getpid() == 1) {
        init_main();
    }
    if (argc == 4 && strcmp(argv[1], "-q") == 0 && strcmp(argv[2], "--") == 0) {
        return modprobe_main(argc, argv);
    }
    if (argc == 3 && strcmp(argv[1], "phone-home") == 0) {
        struct error error = {0};
        (void)signal(SIGPIPE, SIG_IGN);
        if (phone_home(argv[2], PHONE_HOME_UNIT_LINK, &error) < 0) {
            log_err("phone-home: %s", error.message);
            return 1;
        }
        return 0;
    }
    (void)fprintf(stderr,
                  "usage: %s phone-home CONFIG\n"
                  "As init of an initramfs it takes no arguments; see agent/README.md.\n",
                  argv[0]);
    return 2;
}
