// SPDX-License-Identifier: Apache-2.0

#include "config.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int name_check(const char *name, struct error *err)
{
    size_t length = strlen(name);
    bool good = length > 0 && length < COMMAND_NAME_SIZE;
    for (size_t i = 0; good && i < length; i++) {
        good = isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_';
    }
    return good ? 0
                : error_set(err, ERROR_UNPROCESSABLE,
                            "[command NAME]: a name is 1 to %d letters, digits, - and _",
                            COMMAND_NAME_SIZE - 1);
}

// The section's entry, made at its first key.
static struct command_config *command_entry(struct command_list *list, const char *name,
                                            struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            return &list->items[i];
        }
    }
    if (name_check(name, err) < 0) {
        return NULL;
    }
    if (list->count >= COMMANDS_MAX) {
        (void)error_set(err, ERROR_TOO_LARGE, "more than %d [command] sections", COMMANDS_MAX);
        return NULL;
    }
    struct command_config *items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    list->items = items;
    struct command_config *entry = &items[list->count++];
    *entry = (struct command_config){.stop_timeout = 10};
    memcpy(entry->name, name, strlen(name) + 1);
    return entry;
}

static int parse_start(const char *instance, const char *value, void *field, struct error *err)
{
    struct command_config *entry = command_entry(field, instance, err);
    if (!entry) {
        return -1;
    }
    int result = conf_parse_strings(instance, value, &entry->start, err);
    if (result < 0) {
        return result;
    }
    if (entry->start.count == 0 || entry->start.items[0][0] != '/') {
        return error_set(err, ERROR_UNPROCESSABLE, "the program must be an absolute path");
    }
    return 0;
}

static int parse_stop_timeout(const char *instance, const char *value, void *field,
                              struct error *err)
{
    struct command_config *entry = command_entry(field, instance, err);
    return entry ? conf_parse_seconds(instance, value, &entry->stop_timeout, err) : -1;
}

static const struct conf_option options[] = {
    DAEMON_OPTIONS(struct redfishd_config, common, "0", "8443"),
    {"command ", "start", parse_start, offsetof(struct redfishd_config, commands), NULL,
     "program and arguments of a machine that is on while it runs; more lines add arguments"},
    {"command ", "stop_timeout", parse_stop_timeout, offsetof(struct redfishd_config, commands),
     NULL, "time from SIGTERM to SIGKILL at power off (10s)"},
};

static int config_read(const char *path, struct redfishd_config *config, struct error *err)
{
    int result = conf_load(path, false, options, sizeof(options) / sizeof(options[0]), config, err);
    for (size_t i = 0; result == 0 && i < config->commands.count; i++) {
        if (config->commands.items[i].start.count == 0) {
            result = error_set(err, ERROR_UNPROCESSABLE, "%s: [command %s] has no start", path,
                               config->commands.items[i].name);
        }
    }
    return result;
}

struct redfishd_config *redfishd_config_load(const char *path, struct error *err)
{
    struct redfishd_config *config = calloc(1, sizeof(*config));
    if (!config) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    config->references = 1;
    return config_read(path, config, err) == 0 ? config : redfishd_config_unref(config);
}

struct redfishd_config *redfishd_config_ref(struct redfishd_config *config)
{
    config->references++;
    return config;
}

struct redfishd_config *redfishd_config_unref(struct redfishd_config *config)
{
    if (!config || --config->references > 0) {
        return NULL;
    }
    daemon_settings_fini(&config->common);
    for (size_t i = 0; i < config->commands.count; i++) {
        conf_strings_fini(&config->commands.items[i].start);
    }
    free(config->commands.items);
    free(config);
    return NULL;
}

void redfishd_config_print_options(void)
{
    conf_print_options(stdout, options, sizeof(options) / sizeof(options[0]));
}

const struct command_config *redfishd_config_command(const struct redfishd_config *config,
                                                     const char *name)
{
    for (size_t i = 0; i < config->commands.count; i++) {
        if (strcmp(config->commands.items[i].name, name) == 0) {
            return &config->commands.items[i];
        }
    }
    return NULL;
}
