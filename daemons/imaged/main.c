// SPDX-License-Identifier: Apache-2.0
// imaged: images come through here. Options and wiring, nothing else.

#include "config.h"
#include "imaged.h"

#include "base/log.h"
#include "service/options.h"

#include <stdlib.h>

enum { EXIT_BAD_CONFIG = 2 };

static int config_check(const char *path)
{
    struct imaged_config config;
    struct error err;
    if (imaged_config_load(path, &config, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    imaged_config_fini(&config);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = options_parse(argc, argv, "imaged", SYSCONFDIR "/bootyard/imaged.conf", &options);
    if (status >= 0) {
        return status;
    }
    if (options.help_config) {
        imaged_config_print(stdout);
        return EXIT_SUCCESS;
    }
    if (options.check_config) {
        return config_check(options.config);
    }
    struct imaged *daemon = NULL;
    struct error err;
    if (imaged_new(options.config, &daemon, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    status = imaged_run(daemon);
    imaged_free(daemon);
    return status;
}
