// SPDX-License-Identifier: Apache-2.0
// bootd: firmware asks here what to boot. Options and wiring, nothing else.

#include "bootd.h"

#include "base/log.h"
#include "service/options.h"

#include <stdlib.h>

enum { EXIT_BAD_CONFIG = 2 };

static int config_check(const char *path)
{
    struct bootd_config config;
    struct error err;
    if (bootd_config_load(path, &config, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    bootd_config_fini(&config);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = options_parse(argc, argv, "bootd", SYSCONFDIR "/bootyard/bootd.conf", &options);
    if (status >= 0) {
        return status;
    }
    if (options.help_config) {
        bootd_config_print_options();
        return EXIT_SUCCESS;
    }
    if (options.check_config) {
        return config_check(options.config);
    }
    struct bootd *daemon = NULL;
    struct error err;
    if (bootd_new(options.config, &daemon, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    status = bootd_run(daemon);
    bootd_free(daemon);
    return status;
}
