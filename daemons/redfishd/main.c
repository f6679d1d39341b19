// SPDX-License-Identifier: Apache-2.0
// redfishd: the BMC of machines that have none. Options and wiring, nothing else.

#include "config.h"
#include "redfishd.h"

#include "base/log.h"
#include "service/options.h"

#include <stdlib.h>

enum { EXIT_BAD_CONFIG = 2 };

static int config_check(const char *path)
{
    struct error err;
    struct redfishd_config *config = redfishd_config_load(path, &err);
    if (!config) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    redfishd_config_unref(config);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = options_parse(argc, argv, "redfishd", SYSCONFDIR "/bootyard/redfishd.conf", &options);
    if (status >= 0) {
        return status;
    }
    if (options.help_config) {
        redfishd_config_print_options();
        return EXIT_SUCCESS;
    }
    if (options.check_config) {
        return config_check(options.config);
    }
    struct redfishd *daemon = NULL;
    struct error err;
    if (redfishd_new(options.config, &daemon, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    status = redfishd_run(daemon);
    redfishd_free(daemon);
    return status;
}
