// SPDX-License-Identifier: Apache-2.0
// The one command line of all daemons. Everything else is in the conf file.

#include "config.h"

#include "service/options.h"

#include <getopt.h>
#include <stdio.h>

enum { OPTION_CONFIG = 1000, OPTION_CHECK, OPTION_HELP_CONFIG, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static void print_usage(FILE *out, const char *name, const char *default_config)
{
    (void)fprintf(out,
                  "Usage: %s [--config FILE] [--check-config | --help-config]\n"
                  "\n"
                  "  --config FILE   read FILE and FILE.d/*.conf instead of %s\n"
                  "  --check-config  read the configuration, say what is wrong with it, and end\n"
                  "  --help-config   print every setting with its default\n"
                  "  --version       print the version\n"
                  "  --help          print this\n",
                  name, default_config);
}

static int usage_error(const char *name, const char *default_config)
{
    print_usage(stderr, name, default_config);
    return 2;
}

int options_parse(int argc, char **argv, const char *name, const char *default_config, struct options *ret_options)
{
    struct options options = {.config = default_config};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case OPTION_CONFIG:
            options.config = optarg;
            break;
        case OPTION_CHECK:
            options.check_config = true;
            break;
        case OPTION_HELP_CONFIG:
            options.help_config = true;
            break;
        case OPTION_VERSION:
            (void)printf("%s (bootyard) %s\n", name, PACKAGE_VERSION);
            return 0;
        case OPTION_HELP:
            print_usage(stdout, name, default_config);
            return 0;
        default:
            return usage_error(name, default_config);
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "%s: unexpected argument: %s\n", name, argv[optind]);
        return usage_error(name, default_config);
    }
    *ret_options = options;
    return -1;
}
