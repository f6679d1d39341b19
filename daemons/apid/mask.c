// SPDX-License-Identifier: Apache-2.0
// What a reply hides. Used by the writers of machines (power settings) and deployments (image URL,
// variables).

#include "mask.h"

#include "base/json.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { MASK_URL_MAX = 128 * 1024 };

bool mask_name_is_secret(const char *name)
{
    static const char *const words[] = {"token",      "password",    "passwd",    "secret",
                                        "passphrase", "private_key", "privatekey"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(name, words[i])) {
            return true;
        }
    }
    return false;
}

static bool query_name_is_secret(const char *name, size_t length)
{
    static const char *const words[] = {"sig", "signature", "credential", "key", "apikey", "auth"};
    char copy[64];
    if (length >= sizeof(copy)) {
        return true;
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    if (mask_name_is_secret(copy) || strcasestr(copy, "signature") ||
        strcasestr(copy, "credential")) {
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(copy, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

// Each "name=value" of a query of `length` bytes, the secret values masked.
static void mask_query(const char *query, size_t length, struct strbuf *out)
{
    size_t done = 0;
    while (done < length && query[done] != '#') {
        const char *part = query + done;
        size_t part_length = strcspn(part, "&;#");
        part_length = part_length < length - done ? part_length : length - done;
        const char *equals = memchr(part, '=', part_length);
        if (equals && query_name_is_secret(part, (size_t)(equals - part))) {
            strbuf_append(out, part, (size_t)(equals - part) + 1);
            strbuf_puts(out, MASK_TEXT);
        } else {
            strbuf_append(out, part, part_length);
        }
        done += part_length;
        if (done < length && query[done] != '#') {
            strbuf_append(out, query + done, 1);
            done++;
        }
    }
    strbuf_append(out, query + done, length - done);
}

// What follows "://" up to the URL's end; returns its length.
static size_t mask_after_scheme(const char *rest, struct strbuf *out)
{
    size_t length = strcspn(rest, " \t\r\n\"'<>");
    size_t authority = strcspn(rest, "/?# \t\r\n\"'<>");
    const char *at = memrchr(rest, '@', authority);
    const char *shown = rest;
    if (at) {
        strbuf_puts(out, MASK_TEXT);
        shown = at;
    }
    size_t left = length - (size_t)(shown - rest);
    const char *mark = memchr(shown, '?', left);
    size_t before = mark ? (size_t)(mark - shown) + 1 : left;
    strbuf_append(out, shown, before);
    if (mark) {
        mask_query(mark + 1, left - before, out);
    }
    return length;
}

char *mask_url(const char *text)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out, MASK_URL_MAX);
    const char *rest = text;
    for (const char *mark = strstr(rest, "://"); mark; mark = strstr(rest, "://")) {
        strbuf_append(&out, rest, (size_t)(mark - rest) + 3);
        rest = mark + 3;
        rest += mask_after_scheme(rest, &out);
    }
    strbuf_puts(&out, rest);
    return strbuf_failed(&out) ? NULL : strbuf_take(&out);
}

json_t *mask_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    CLEANUP_FREE char *masked = mask_url(text);
    json_t *shown = masked ? json_string(masked) : NULL;
    return shown ? shown : json_string("(a text that cannot be shown)");
}

static json_t *mask_string(const json_t *value)
{
    CLEANUP_FREE char *masked = mask_url(json_string_value(value));
    return masked ? json_string(masked) : NULL;
}

json_t *mask_json(const json_t *value)
{
    if (json_is_string(value)) {
        return mask_string(value);
    }
    if (json_is_array(value)) {
        CLEANUP_JSON json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (json_array_append_new(copy, mask_json(json_array_get(value, i))) < 0) {
                return NULL;
            }
        }
        return TAKE_PTR(copy);
    }
    if (!json_is_object(value)) {
        return json_deep_copy(value);
    }
    CLEANUP_JSON json_t *copy = json_object();
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        json_t *shown = mask_name_is_secret(key) ? json_string(MASK_TEXT) : mask_json(member);
        if (json_object_set_new(copy, key, shown) < 0) {
            return NULL;
        }
    }
    return TAKE_PTR(copy);
}

bool mask_is_in(const json_t *value)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (mask_is_in(json_array_get(value, i))) {
                return true;
            }
        }
        return false;
    }
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        const char *text = json_string_value(member);
        if ((text && mask_name_is_secret(key) && strcmp(text, MASK_TEXT) == 0) ||
            mask_is_in(member)) {
            return true;
        }
    }
    return false;
}
