// SPDX-License-Identifier: Apache-2.0
// The body of a request: collected up to the route's limit, and read as JSON.

#include "web/internal.h"

#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

enum { JSON_DEPTH_MAX = 25 };

int body_take(struct web_request *request, const char *bytes, size_t length, struct error *err)
{
    size_t maximum = request->match.route->max_body;
    if (length > maximum - request->body_length) {
        return error_set(err, ERROR_TOO_LARGE, "the body may have %zu bytes at most", maximum);
    }
    size_t needed = request->body_length + length + 1;
    if (needed > request->body_allocated) {
        size_t size = request->body_allocated ? request->body_allocated : 1024;
        while (size < needed) {
            size *= 2;
        }
        size = size > maximum + 1 ? maximum + 1 : size;
        char *body = realloc(request->body, size);
        if (!body) {
            return error_set(err, ERROR_UNAVAILABLE, "out of memory");
        }
        request->body = body;
        request->body_allocated = size;
    }
    memcpy(request->body + request->body_length, bytes, length);
    request->body_length += length;
    request->body[request->body_length] = '\0';
    return 0;
}

const void *web_body(const struct web_request *request, size_t *ret_length)
{
    if (ret_length) {
        *ret_length = request->body_length;
    }
    return request->body ? request->body : "";
}

// jansson allows a depth of 2,048; brackets in strings do not count.
static bool json_is_too_deep(const char *text, size_t length)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            in_string = text[i] != '"';
            i += text[i] == '\\';
            continue;
        }
        in_string = text[i] == '"';
        if ((text[i] == '{' || text[i] == '[') && ++depth > JSON_DEPTH_MAX) {
            return true;
        }
        depth -= (text[i] == '}' || text[i] == ']') && depth > 0;
    }
    return false;
}

static bool type_is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t length = sizeof(json) - 1;
    return !type || (strncasecmp(type, json, length) == 0 && strchr("; \t", type[length]));
}

json_t *web_body_json_any(const struct web_request *request, struct error *err)
{
    if (!type_is_json(web_header(request, "Content-Type"))) {
        (void)error_set(err, ERROR_MEDIA_TYPE, "the body must be application/json");
        return NULL;
    }
    size_t length;
    const char *text = web_body(request, &length);
    if (length == 0) {
        (void)error_set(err, ERROR_BAD_REQUEST, "the body is empty, expected JSON");
        return NULL;
    }
    if (json_is_too_deep(text, length)) {
        (void)error_set(err, ERROR_BAD_REQUEST, "JSON deeper than %d levels", JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t json_error;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_error);
    if (!json) {
        (void)error_set(err, ERROR_BAD_REQUEST, "bad JSON in line %d, column %d: %s", json_error.line,
                        json_error.column, json_error.text);
        return NULL;
    }
    return json;
}

json_t *web_body_json(const struct web_request *request, struct error *err)
{
    json_t *json = web_body_json_any(request, err);
    if (json && !json_is_object(json)) {
        json_decref(json);
        (void)error_set(err, ERROR_BAD_REQUEST, "expected a JSON object");
        return NULL;
    }
    return json;
}
