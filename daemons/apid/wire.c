// SPDX-License-Identifier: Apache-2.0
// The walk along the tables of wire.h. The path of what is being looked at is kept in a fixed
// buffer: tables are at most a few levels deep and their names are ours, only map keys come from
// outside and are cut.

#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WIRE_PATH_SIZE = 160 };

static int check_fields(const json_t *object, const char *path, const struct wire_field *fields,
                        size_t field_count, struct error *err);

const char *wire_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

const char *wire_text(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : otherwise;
}

static int wrong_type(const char *path, const char *wanted, const json_t *value, struct error *err)
{
    return error_set(err, ERROR_UNPROCESSABLE, "%s: must be %s, not %s", path, wanted,
                     wire_type_name(value));
}

static int check_string(const json_t *value, const char *path, const struct wire_field *field,
                        struct error *err)
{
    if (!json_is_string(value)) {
        return wrong_type(path, "a string", value, err);
    }
    const char *text = json_string_value(value);
    int64_t length = (int64_t)json_string_length(value);
    if (length < field->min) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         length == 0 ? "%s: must not be empty" : "%s: too short", path);
    }
    if (length > field->max) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s: longer than %" PRId64 " bytes", path,
                         field->max);
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return error_set(err, ERROR_UNPROCESSABLE, "%s: must not contain control characters",
                             path);
        }
    }
    struct error inner = {0};
    if (field->check && field->check(text, &inner) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s: %s", path, inner.message);
    }
    return 0;
}

static int check_integer(const json_t *value, const char *path, const struct wire_field *field,
                         struct error *err)
{
    if (!json_is_integer(value)) {
        return json_is_real(value)
                   ? error_set(err, ERROR_UNPROCESSABLE, "%s: must be a whole number", path)
                   : wrong_type(path, "a number", value, err);
    }
    int64_t number = json_integer_value(value);
    if (number < field->min || number > field->max) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s: must be %" PRId64 " to %" PRId64, path,
                         field->min, field->max);
    }
    return 0;
}

static int check_count(size_t count, const char *path, const struct wire_field *field,
                       const char *what, struct error *err)
{
    if ((int64_t)count < field->min || (int64_t)count > field->max) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "%s: must have %" PRId64 " to %" PRId64 " %s, not %zu", path, field->min,
                         field->max, what, count);
    }
    return 0;
}

static int check_members(json_t *value, const char *path, const struct wire_field *field,
                         struct error *err)
{
    int result = check_count(json_object_size(value), path, field, "members", err);
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member)
    {
        if (result < 0) {
            break;
        }
        struct error inner = {0};
        if (field->check_member && field->check_member(key, member, &inner) < 0) {
            result = error_set(err, ERROR_UNPROCESSABLE, "%s.%.64s: %s", path, key, inner.message);
        }
    }
    return result;
}

static int check_array(const json_t *value, const char *path, const struct wire_field *field,
                       struct error *err)
{
    if (!json_is_array(value)) {
        return wrong_type(path, "an array", value, err);
    }
    int result = check_count(json_array_size(value), path, field, "elements", err);
    for (size_t i = 0; i < json_array_size(value) && result >= 0; i++) {
        const json_t *element = json_array_get(value, i);
        char element_path[WIRE_PATH_SIZE];
        (void)snprintf(element_path, sizeof(element_path), "%.120s[%zu]", path, i);
        result = json_is_object(element)
                     ? check_fields(element, element_path, field->fields, field->field_count, err)
                     : wrong_type(element_path, "an object", element, err);
    }
    return result;
}

static int check_value(const json_t *value, const char *path, const struct wire_field *field,
                       struct error *err)
{
    switch (field->kind) {
    case WIRE_STRING:
        return check_string(value, path, field, err);
    case WIRE_INTEGER:
        return check_integer(value, path, field, err);
    case WIRE_BOOL:
        return json_is_boolean(value) ? 0 : wrong_type(path, "true or false", value, err);
    case WIRE_ARRAY:
        return check_array(value, path, field, err);
    case WIRE_OBJECT:
        break;
    }
    if (!json_is_object(value)) {
        return wrong_type(path, "an object", value, err);
    }
    return field->fields ? check_fields(value, path, field->fields, field->field_count, err)
                         : check_members((json_t *)value, path, field, err);
}

static const struct wire_field *field_by_name(const struct wire_field *fields, size_t field_count,
                                              const char *name)
{
    for (size_t i = 0; i < field_count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static int check_fields(const json_t *object, const char *path, const struct wire_field *fields,
                        size_t field_count, struct error *err)
{
    const char *dot = path[0] ? "." : "";
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        const struct wire_field *field = field_by_name(fields, field_count, key);
        if (!field) {
            return error_set(err, ERROR_UNPROCESSABLE, "%s%s%.64s: unknown member", path, dot, key);
        }
        char member_path[WIRE_PATH_SIZE];
        (void)snprintf(member_path, sizeof(member_path), "%s%s%s", path, dot, key);
        int result = check_value(member, member_path, field, err);
        if (result < 0) {
            return result;
        }
    }
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].required && !json_object_get(object, fields[i].name)) {
            return error_set(err, ERROR_UNPROCESSABLE, "%s%s%s: is missing", path, dot,
                             fields[i].name);
        }
    }
    return 0;
}

int wire_check(const json_t *document, const struct wire_field *fields, size_t field_count,
               struct error *err)
{
    if (!json_is_object(document)) {
        return wrong_type("body", "an object", document, err);
    }
    return check_fields(document, "", fields, field_count, err);
}
