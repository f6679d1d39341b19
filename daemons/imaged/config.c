// SPDX-License-Identifier: Apache-2.0
// The table of imaged's settings. Called by main.c at start and by imaged.c on SIGHUP.

#include "config.h"

#include <stdlib.h>
#include <string.h>

// Call `add` for each word of `value`.
static int each_word(const char *value,
                     int (*add)(void *context, const char *word, struct error *err), void *context,
                     struct error *err)
{
    for (const char *at = value + strspn(value, " \t,"); *at;) {
        size_t length = strcspn(at, " \t,");
        char word[ALLOW_PATTERN_SIZE];
        if (length >= sizeof(word)) {
            return error_set(err, ERROR_UNPROCESSABLE, "a word is too long");
        }
        memcpy(word, at, length);
        word[length] = '\0';
        if (add(context, word, err) < 0) {
            return -1;
        }
        at += length;
        at += strspn(at, " \t,");
    }
    return 0;
}

static int add_registry(void *context, const char *word, struct error *err)
{
    return allow_add(context, word, err);
}

static int add_host(void *context, const char *word, struct error *err)
{
    return allow_rule_add_host(context, word, err);
}

static int parse_allowed(const char *instance, const char *value, void *field, struct error *err)
{
    struct allow_list *list = field;
    if (!*value) {
        allow_clear(list); // an empty list replaces as well: it allows nothing
    }
    return each_word(value, add_registry, list, err);
}

static int parse_rule_http(const char *instance, const char *value, void *field, struct error *err)
{
    struct registry_rule *rule = allow_rule(field, instance, err);
    return rule ? conf_parse_bool("", value, &rule->http, err) : -1;
}

static int parse_rule_private(const char *instance, const char *value, void *field,
                              struct error *err)
{
    struct registry_rule *rule = allow_rule(field, instance, err);
    return rule ? conf_parse_bool("", value, &rule->private_addresses, err) : -1;
}

static int parse_rule_ca(const char *instance, const char *value, void *field, struct error *err)
{
    struct registry_rule *rule = allow_rule(field, instance, err);
    return rule ? conf_parse_string("", value, &rule->ca_file, err) : -1;
}

static int parse_rule_hosts(const char *instance, const char *value, void *field, struct error *err)
{
    struct registry_rule *rule = allow_rule(field, instance, err);
    return rule ? each_word(value, add_host, rule, err) : -1;
}

#define FIELD(member) offsetof(struct imaged_config, member)

static const struct conf_option options[] = {
    DAEMON_OPTIONS(struct imaged_config, common, "8083", "0"),
    {"imaged", "images_dir", conf_parse_string, FIELD(images_dir), "/var/lib/bootyard/images",
     "the image cache"},
    {"imaged", "allowed_registries", parse_allowed, FIELD(allow), NULL,
     "words host[:port], \"*.domain\", port \"*\" for any; ghcr.io unless set"},
    {"imaged", "open", conf_parse_bool, FIELD(open), "no",
     "yes: everybody may pull everything that is allowed; no: only what a deployment wants"},
    {"imaged", "max_blob", conf_parse_bytes, FIELD(max_blob), "64G", "larger blobs are refused"},
    {"imaged", "keep_free", conf_parse_bytes, FIELD(keep_free), "256M",
     "space on the file system that stays free"},
    {"imaged", "max_fills", conf_parse_unsigned, FIELD(max_fills), "32",
     "blobs fetched at the same time"},
    {"imaged", "upstream_timeout", conf_parse_seconds, FIELD(stall_seconds), "30s",
     "a registry that sends nothing for so long is asked again"},
    {"registry ", "http", parse_rule_http, FIELD(allow), NULL,
     "yes: this registry is asked by plain HTTP"},
    {"registry ", "private", parse_rule_private, FIELD(allow), NULL,
     "yes: this registry may have a loopback, link-local or private address"},
    {"registry ", "ca_file", parse_rule_ca, FIELD(allow), NULL,
     "PEM file instead of the system's CA bundle"},
    {"registry ", "hosts", parse_rule_hosts, FIELD(allow), NULL,
     "words: hosts of its token server and storage, to which it may redirect"},
};

int imaged_config_load(const char *path, struct imaged_config *ret_config, struct error *err)
{
    struct imaged_config config = {.open = false};
    int result = allow_init(&config.allow, err);
    if (result == 0) {
        result =
            conf_load(path, false, options, sizeof(options) / sizeof(options[0]), &config, err);
    }
    if (result < 0) {
        imaged_config_fini(&config);
        return result;
    }
    if (config.max_fills == 0) {
        config.max_fills = 1;
    }
    *ret_config = config;
    return 0;
}

void imaged_config_fini(struct imaged_config *config)
{
    daemon_settings_fini(&config->common);
    free(config->images_dir);
    allow_fini(&config->allow);
    *config = (struct imaged_config){.open = false};
}

void imaged_config_print(FILE *out)
{
    conf_print_options(out, options, sizeof(options) / sizeof(options[0]));
}
