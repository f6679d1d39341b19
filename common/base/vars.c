// SPDX-License-Identifier: Apache-2.0

#include "base/vars.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void vars_init(struct vars *vars)
{
    *vars = (struct vars){0};
}

void vars_fini(struct vars *vars)
{
    for (size_t i = 0; i < vars->count; i++) {
        free(vars->entries[i].key);
        // Values can be tokens.
        explicit_bzero(vars->entries[i].value, strlen(vars->entries[i].value));
        free(vars->entries[i].value);
    }
    free(vars->entries);
    *vars = (struct vars){0};
}

const char *vars_get(const struct vars *vars, const char *key)
{
    for (size_t i = 0; i < vars->count; i++) {
        if (strcmp(vars->entries[i].key, key) == 0) {
            return vars->entries[i].value;
        }
    }
    return NULL;
}

bool vars_get_bool(const struct vars *vars, const char *key)
{
    const char *value = vars_get(vars, key);
    if (!value) {
        return false;
    }
    while (isspace((unsigned char)*value)) {
        value++;
    }
    size_t length = strlen(value);
    while (length > 0 && isspace((unsigned char)value[length - 1])) {
        length--;
    }
    return (length == 4 && strncasecmp(value, "true", 4) == 0) || (length == 1 && *value == '1') ||
           (length == 3 && strncasecmp(value, "yes", 3) == 0);
}

// Takes `key` and `value` by length; the last one set wins.
static int vars_put(struct vars *vars, const char *key, size_t key_length, const char *value,
                    size_t value_length, struct error *err)
{
    CLEANUP_FREE char *new_key = strndup(key, key_length);
    CLEANUP_FREE char *new_value = strndup(value, value_length);
    if (!new_key || !new_value) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    for (size_t i = 0; i < vars->count; i++) {
        if (strcmp(vars->entries[i].key, new_key) == 0) {
            free(vars->entries[i].value);
            vars->entries[i].value = TAKE_PTR(new_value);
            return 0;
        }
    }
    if (vars->count >= VARS_COUNT_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "more than %d variables", VARS_COUNT_MAX);
    }
    struct vars_entry *entries =
        realloc(vars->entries, (vars->count + 1) * sizeof(*vars->entries));
    if (!entries) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    vars->entries = entries;
    entries[vars->count].key = TAKE_PTR(new_key);
    entries[vars->count].value = TAKE_PTR(new_value);
    vars->count++;
    return 0;
}

int vars_set(struct vars *vars, const char *key, const char *value, struct error *err)
{
    int result = vars_check(key, value, err);
    if (result < 0) {
        return result;
    }
    return vars_put(vars, key, strlen(key), value, strlen(value), err);
}

static int parse_line(const char *line, size_t length, struct vars *vars, struct error *err)
{
    while (length > 0 && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)line[length - 1])) {
        length--;
    }
    if (length == 0 || *line == '#') {
        return 0;
    }
    if (length >= 7 && memcmp(line, "export ", 7) == 0) {
        line += 7;
        length -= 7;
    }
    const char *equals = memchr(line, '=', length);
    if (!equals) {
        return 0;
    }
    size_t key_length = (size_t)(equals - line);
    const char *value = equals + 1;
    size_t value_length = length - key_length - 1;
    if (value_length >= 2 && (value[0] == '"' || value[0] == '\'') &&
        value[value_length - 1] == value[0]) {
        value++;
        value_length -= 2;
    }
    if (key_length >= 5 && memcmp(line, "LUKS_", 5) == 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "%.*s is not supported yet",
                         (int)(key_length < 64 ? key_length : 64), line);
    }
    return vars_put(vars, line, key_length, value, value_length, err);
}

int vars_parse(const char *text, size_t length, struct vars *ret_vars, struct error *err)
{
    if (length > VARS_FILE_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "vars file over %d bytes", VARS_FILE_MAX);
    }
    if (memchr(text, '\0', length)) {
        return error_set(err, ERROR_BAD_REQUEST, "vars file contains a NUL byte");
    }
    CLEANUP_VARS struct vars vars = {0};
    const char *end = text + length;
    for (int number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_length = (size_t)((newline ? newline : end) - text);
        if (line_length > VARS_LINE_MAX) {
            return error_set(err, ERROR_TOO_LARGE, "vars line %d: token too long", number);
        }
        int result = parse_line(text, line_length, &vars, err);
        if (result < 0) {
            return error_wrap(err, "vars line %d", number);
        }
        text += line_length + 1;
    }
    *ret_vars = vars;
    vars_init(&vars);
    return 0;
}

int vars_check(const char *key, const char *value, struct error *err)
{
    size_t length = strlen(key);
    bool key_good = length > 0 && length <= 64 && !isdigit((unsigned char)key[0]);
    for (size_t i = 0; i < length; i++) {
        key_good = key_good && (isalnum((unsigned char)key[i]) || key[i] == '_');
    }
    if (!key_good) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "a variable's name is 1 to 64 letters, digits and _, no digit first");
    }
    if (strncmp(key, "LUKS_", 5) == 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s is not supported yet", key);
    }
    if (strpbrk(value, "\r\n") || length + strlen(value) + 10 > VARS_LINE_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the value of %s must be one line of less than 65,536 bytes", key);
    }
    return 0;
}

int vars_write(const struct vars *vars, struct strbuf *out, struct error *err)
{
    for (size_t i = 0; i < vars->count; i++) {
        int result = vars_check(vars->entries[i].key, vars->entries[i].value, err);
        if (result < 0) {
            return result;
        }
        strbuf_printf(out, "export %s=\"%s\"\n", vars->entries[i].key, vars->entries[i].value);
    }
    return strbuf_failed(out) ? error_set(err, ERROR_TOO_LARGE, "vars file too large") : 0;
}

bool vars_is_reserved(const char *key)
{
    static const char *const names[] = {
        "MODE",          "DRY_RUN",           "IMAGE",         "IMAGE_CHECKSUM", "IMAGE_CHECKSUM_TYPE",
        "IMAGE_DIGEST",  "IMAGE_FORMAT",      "HOSTNAME",      "TOKEN",          "TOKEN_URL",
        "INIT_URL",      "TOKEN_ALGORITHM",   "SUCCESS_URL",   "ERROR_URL",      "LOG_URL",
        "DEBUG_URL",     "HEARTBEAT_URL",     "COMMANDS_URL",  "INVENTORY_URL",  "INVENTORY_ENABLED",
        "FIRMWARE_URL",  "HEALTH_CHECK_URL",  "TELEMETRY_URL", "METRICS_URL",    "EVENT_URL",
        "DEPLOYMENT_ID", "PHONE_HOME_URL",    "PHONE_HOME_TOKEN",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(key, names[i]) == 0) {
            return true;
        }
    }
    return false;
}
