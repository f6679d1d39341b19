// SPDX-License-Identifier: Apache-2.0
// statusd: machines report here. Options and wiring, nothing else.

#include "config.h"
#include "statusd.h"

#include "base/log.h"
#include "service/options.h"

#include <stdlib.h>

enum { EXIT_BAD_CONFIG = 2 };

static int config_check(const char *path)
{
    struct statusd_config config;
    struct error err;
    if (statusd_config_load(path, &config, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    statusd_config_fini(&config);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    int status =
        options_parse(argc, argv, "statusd", SYSCONFDIR "/bootyard/statusd.conf", &options);
    if (status >= 0) {
        return status;
    }
    if (options.help_config) {
        statusd_config_print_options();
        return EXIT_SUCCESS;
    }
    if (options.check_config) {
        return config_check(options.config);
    }
    struct statusd *daemon = NULL;
    struct error err;
    if (statusd_new(options.config, &daemon, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    status = statusd_run(daemon);
    statusd_free(daemon);
    return status;
}
