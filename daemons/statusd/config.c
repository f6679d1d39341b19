// SPDX-License-Identifier: Apache-2.0

#include "config.h"

static const struct conf_option options[] = {
    DAEMON_OPTIONS(struct statusd_config, common, "8080", "8444"),
    {"transport", "plain_tokens", conf_parse_bool, offsetof(struct statusd_config, plain_tokens),
     "no",
     "take a token that travelled over plain HTTP from another host (agents that cannot do TLS)"},
    {"timeouts", "phone_home", conf_parse_seconds,
     offsetof(struct statusd_config, phone_home_timeout), "30min",
     "an installed machine that has not phoned home by then has failed"},
    {"timeouts", "failing", conf_parse_seconds, offsetof(struct statusd_config, failing_timeout),
     "5min", "an agent that reported an error may start again for so long"},
    {"timeouts", "silent", conf_parse_seconds, offsetof(struct statusd_config, silent_timeout),
     "60s", "contact is lost after so long without a report"},
    {"timeouts", "lost", conf_parse_seconds, offsetof(struct statusd_config, lost_timeout), "30min",
     "a running deployment has failed after so long without a report"},
};

int statusd_config_load(const char *path, struct statusd_config *ret_config, struct error *err)
{
    *ret_config = (struct statusd_config){0};
    int result =
        conf_load(path, false, options, sizeof(options) / sizeof(options[0]), ret_config, err);
    if (result < 0) {
        statusd_config_fini(ret_config);
    }
    return result;
}

void statusd_config_fini(struct statusd_config *config)
{
    daemon_settings_fini(&config->common);
    *config = (struct statusd_config){0};
}

void statusd_config_print_options(void)
{
    conf_print_options(stdout, options, sizeof(options) / sizeof(options[0]));
}
