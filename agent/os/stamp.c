// SPDX-License-Identifier: Apache-2.0

// The stamp's text. Written by configure.c, read by find.c.

#include "agent/os/stamp.h"

#include "base/vars.h"

#include <stdio.h>
#include <string.h>

int stamp_format(const struct stamp *stamp, struct strbuf *out, struct error *err)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    if (vars_set(&vars, "DEPLOYMENT_ID", stamp->deployment, err) < 0 ||
        vars_set(&vars, "IMAGE_DIGEST", stamp->image, err) < 0 ||
        vars_set(&vars, "INSTALLED_AT", stamp->time, err) < 0) {
        return -1;
    }
    return vars_write(&vars, out, err);
}

static int value_copy(const struct vars *vars, const char *key, char *text, size_t size,
                      struct error *err)
{
    const char *value = vars_get(vars, key);
    if (!value || !*value || strlen(value) >= size) {
        return error_set(err, ERROR_UNPROCESSABLE, "the stamp's %s is missing or too long", key);
    }
    memcpy(text, value, strlen(value) + 1);
    return 0;
}

int stamp_parse(const char *text, size_t length, struct stamp *ret_stamp, struct error *err)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    struct stamp stamp = {0};
    if (length > STAMP_TEXT_MAX || memchr(text, '\0', length)) {
        return error_set(err, ERROR_UNPROCESSABLE, "the stamp is no text");
    }
    if (vars_parse(text, length, &vars, err) < 0 ||
        value_copy(&vars, "DEPLOYMENT_ID", stamp.deployment, sizeof(stamp.deployment), err) < 0 ||
        value_copy(&vars, "IMAGE_DIGEST", stamp.image, sizeof(stamp.image), err) < 0 ||
        value_copy(&vars, "INSTALLED_AT", stamp.time, sizeof(stamp.time), err) < 0) {
        return -1;
    }
    *ret_stamp = stamp;
    return 0;
}

bool stamp_matches(const struct stamp *a, const struct stamp *b)
{
    return strcmp(a->deployment, b->deployment) == 0 && strcmp(a->image, b->image) == 0;
}
