// SPDX-License-Identifier: Apache-2.0
// The option table of apid.conf; etc/apid.conf shows the same with comments.

#include "config.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_option options[] = {
    DAEMON_OPTIONS(struct apid_config, common, "0", "8090"),
    {"imaged", "url", conf_parse_string, offsetof(struct apid_config, imaged_url),
     "http://127.0.0.1:8083", "where imaged resolves image names; empty: nowhere"},
    {"imaged", "timeout", conf_parse_seconds, offsetof(struct apid_config, resolve_timeout_s),
     "10s", "how long a new deployment waits for its image's name to be resolved"},
    {"limits", "auth_failures", conf_parse_unsigned,
     offsetof(struct apid_config, auth_failures_per_min), "60",
     "wrong tokens that one address may show in a minute"},
    {"limits", "waiters", conf_parse_unsigned, offsetof(struct apid_config, max_waiters), "256",
     "requests that may wait for timeline events at a time"},
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

int apid_config_load(const char *path, struct apid_config *ret_config, struct error *err)
{
    struct apid_config config = {0};
    int result = conf_load(path, false, options, OPTION_COUNT, &config, err);
    if (result < 0) {
        apid_config_fini(&config);
        return result;
    }
    size_t length = strlen(config.imaged_url);
    while (length > 0 && config.imaged_url[length - 1] == '/') {
        config.imaged_url[--length] = '\0';
    }
    *ret_config = config;
    return 0;
}

void apid_config_fini(struct apid_config *config)
{
    daemon_settings_fini(&config->common);
    free(config->imaged_url);
    config->imaged_url = NULL;
}

void apid_config_print_options(void)
{
    conf_print_options(stdout, options, OPTION_COUNT);
}
