// SPDX-License-Identifier: Apache-2.0
// apid: controllers and people ask here. Options and wiring, nothing else.

#include "apid.h"
#include "base/log.h"
#include "routes.h"
#include "service/options.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD_CONFIG = 2 };

static int config_check(const char *path)
{
    struct apid_config config;
    struct error err;
    if (apid_config_load(path, &config, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    apid_config_fini(&config);
    return EXIT_SUCCESS;
}

// For the test that holds docs/openapi.yaml against the table.
static int dump_routes(void)
{
    for (size_t i = 0; i < apid_route_count; i++) {
        printf("%s %s\n", apid_routes[i].method, apid_routes[i].pattern);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--dump-routes") == 0) {
        return dump_routes();
    }
    struct options options;
    int status = options_parse(argc, argv, "apid", SYSCONFDIR "/bootyard/apid.conf", &options);
    if (status >= 0) {
        return status;
    }
    if (options.help_config) {
        apid_config_print_options();
        return EXIT_SUCCESS;
    }
    if (options.check_config) {
        return config_check(options.config);
    }
    struct apid *apid = NULL;
    struct error err;
    if (apid_new(options.config, &apid, &err) < 0) {
        log_err("%s", err.message);
        return EXIT_BAD_CONFIG;
    }
    status = apid_run(apid);
    apid_free(apid);
    return status;
}
