// SPDX-License-Identifier: Apache-2.0

#include "config.h"

#include "script.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

static int parse_policy(const char *instance, const char *value, void *field, struct error *err)
{
    return policy_parse(value, field, err);
}

static int parse_args(const char *instance, const char *value, void *field, struct error *err)
{
    CLEANUP_STRBUF struct strbuf scratch;
    strbuf_init(&scratch, SCRIPT_MAX);
    return script_words(&scratch, value, err) < 0 ? -1
                                                  : conf_parse_string(instance, value, field, err);
}

// Without the slash at its end that people write.
static int parse_url(const char *instance, const char *value, void *field, struct error *err)
{
    if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "a URL begins with http:// or https://");
    }
    CLEANUP_STRBUF struct strbuf scratch;
    strbuf_init(&scratch, SCRIPT_MAX);
    if (script_word(&scratch, value, err) < 0 ||
        conf_parse_string(instance, value, field, err) < 0) {
        return -1;
    }
    char *url = *(char **)field;
    for (size_t length = strlen(url); length > 0 && url[length - 1] == '/'; length--) {
        url[length - 1] = '\0';
    }
    return 0;
}

#define FIELD(name) offsetof(struct bootd_config, name)
#define ARCH_OPTIONS(arch, index, console)                                                         \
    {"boot",                                                                                       \
     "kernel_" arch,                                                                               \
     conf_parse_string,                                                                            \
     FIELD(arches[index].kernel),                                                                  \
     "/var/lib/bootyard/boot/" arch "/vmlinuz",                                                    \
     "the agent's kernel, a file"},                                                                \
        {"boot",                                                                                   \
         "initramfs_" arch,                                                                        \
         conf_parse_string,                                                                        \
         FIELD(arches[index].initramfs),                                                           \
         "/var/lib/bootyard/boot/" arch "/initramfs",                                              \
         "the agent's initramfs, a file"},                                                         \
        {"boot",                                                                                   \
         "loader_" arch,                                                                           \
         conf_parse_string,                                                                        \
         FIELD(arches[index].loader),                                                              \
         "",                                                                                       \
         "an EFI program that starts the disk's own loader, a file; empty: the firmware tries "    \
         "its next entry"},                                                                        \
    {                                                                                              \
        "boot", "args_" arch, parse_args, FIELD(arches[index].args),                               \
            "console=tty0 console=" console " panic=30", "kernel arguments of the agent"           \
    }

static const struct conf_option options[] = {
    DAEMON_OPTIONS(struct bootd_config, common, "8082", "0"),
    ARCH_OPTIONS("amd64", ARCH_AMD64, "ttyS0,115200n8"),
    ARCH_OPTIONS("arm64", ARCH_ARM64, "ttyAMA0,115200n8"),
    {"boot", "lease_file", conf_parse_string, FIELD(lease_file), "",
     "dnsmasq's leases: only addresses that it gives to a machine count as the machine's; empty: "
     "none"},
    {"policy", "unknown", parse_policy, FIELD(unknown), "ignore",
     "for machines that nobody registered: discover, ignore or local"},
    {"policy", "idle", parse_policy, FIELD(idle), "local",
     "for machines without a deployment: discover, ignore or local"},
    {"policy", "enrol_per_hour", conf_parse_unsigned, FIELD(enrol_per_hour), "20",
     "unknown machines that discover takes in an hour"},
    {"policy", "enrol_max", conf_parse_unsigned, FIELD(enrol_max), "200",
     "and in all, until they are registered"},
    {"attempts", "serves_max", conf_parse_unsigned, FIELD(serves_max), "10",
     "scripts without an agent's call, before a deployment fails"},
    {"attempts", "attempts_max", conf_parse_unsigned, FIELD(attempts_max), "5",
     "boots that reached an agent, before a deployment fails"},
    {"attempts", "live", conf_parse_seconds, FIELD(live), "60s",
     "an agent that reported so recently is alive"},
    {"statusd", "url", parse_url, FIELD(statusd_url), NULL,
     "where machines report, https://host:8444"},
    {"imaged", "url", parse_url, FIELD(imaged_url), "http://127.0.0.1:8083",
     "where names of images are resolved"},
};

static int config_check(const char *path, const struct bootd_config *config, struct error *err)
{
    if (!config->statusd_url || config->statusd_url[0] == '\0') {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "%s: [statusd] url is not set: machines could not report", path);
    }
    char url[BASE_URL_SIZE];
    CLEANUP_STRBUF struct strbuf scratch;
    strbuf_init(&scratch, SCRIPT_MAX);
    bootd_config_base_url(config, url);
    if (script_word(&scratch, url, err) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "%s: [daemon] public_url cannot stand in a script", path);
    }
    return 0;
}

int bootd_config_load(const char *path, struct bootd_config *ret_config, struct error *err)
{
    *ret_config = (struct bootd_config){0};
    int result =
        conf_load(path, false, options, sizeof(options) / sizeof(options[0]), ret_config, err);
    result = result < 0 ? result : config_check(path, ret_config, err);
    if (result < 0) {
        bootd_config_fini(ret_config);
    }
    return result;
}

void bootd_config_fini(struct bootd_config *config)
{
    daemon_settings_fini(&config->common);
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        free(config->arches[i].kernel);
        free(config->arches[i].initramfs);
        free(config->arches[i].loader);
        free(config->arches[i].args);
    }
    free(config->lease_file);
    free(config->statusd_url);
    free(config->imaged_url);
    *config = (struct bootd_config){0};
}

void bootd_config_print_options(void)
{
    conf_print_options(stdout, options, sizeof(options) / sizeof(options[0]));
}

static const char *const arch_names[ARCH_COUNT] = {"amd64", "arm64"};

int arch_parse(const char *name)
{
    for (int i = 0; i < ARCH_COUNT; i++) {
        if (strcmp(name, arch_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

const char *arch_name(enum arch arch)
{
    return arch_names[arch];
}

int policy_parse(const char *name, enum policy *ret_policy, struct error *err)
{
    static const char *const names[] = {"local", "ignore", "discover"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret_policy = (enum policy)i;
            return 0;
        }
    }
    return error_set(err, ERROR_UNPROCESSABLE, "a policy is discover, ignore or local");
}

void bootd_config_base_url(const struct bootd_config *config, char url[BASE_URL_SIZE])
{
    const struct daemon_settings *common = &config->common;
    size_t length = strlen(common->public_url);
    while (length > 0 && common->public_url[length - 1] == '/') {
        length--;
    }
    if (length > 0) {
        snprintf(url, BASE_URL_SIZE, "%.*s", (int)length, common->public_url);
    } else if (strchr(common->address, ':')) {
        snprintf(url, BASE_URL_SIZE, "http://[%s]:%u", common->address, common->http_port);
    } else {
        snprintf(url, BASE_URL_SIZE, "http://%s:%u", common->address, common->http_port);
    }
}
