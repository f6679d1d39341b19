// SPDX-License-Identifier: Apache-2.0
// One pass over the raw text, one over what came out decoded. The path is split before it is decoded, so that "%2F"
// never makes a segment boundary.

#include "web/target.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Length of the UTF-8 sequence at `bytes` (NUL-terminated text), 0 if it is none (RFC 3629: no surrogates, nothing overlong).
static size_t utf8_length(const unsigned char *bytes)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t minimum;
    } kinds[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t length = 1; length <= 4; length++) {
        if ((bytes[0] & kinds[length - 1].mask) != kinds[length - 1].lead) {
            continue;
        }
        uint32_t value = bytes[0] & (unsigned char)~kinds[length - 1].mask;
        for (size_t i = 1; i < length; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return 0;
            }
            value = value << 6 | (bytes[i] & 0x3f);
        }
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        return value >= kinds[length - 1].minimum && value <= 0x10ffff && !surrogate ? length : 0;
    }
    return 0;
}

static bool text_is_clean(const char *text)
{
    const unsigned char *position = (const unsigned char *)text;
    while (*position) {
        size_t length = utf8_length(position);
        if (length == 0 || *position < 0x20 || *position == 0x7f) {
            return false;
        }
        position += length;
    }
    return true;
}

// Decodes in place. A decoded NUL is refused here, since nobody could see it later.
static int decode(char *text, bool plus_is_space, struct error *err)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in == '+' && plus_is_space) {
            *out++ = ' ';
        } else if (*in != '%') {
            *out++ = *in;
        } else {
            int high = hex_value(in[1]);
            int low = high < 0 ? -1 : hex_value(in[2]);
            if (low < 0 || (high == 0 && low == 0)) {
                return error_set(err, ERROR_BAD_REQUEST, "bad percent-encoding in the URL");
            }
            *out++ = (char)(high << 4 | low);
            in += 2;
        }
    }
    *out = '\0';
    if (!text_is_clean(text)) {
        return error_set(err, ERROR_BAD_REQUEST, "control characters or bytes that are not UTF-8 in the URL");
    }
    return 0;
}

// True if one of the parts between slashes is "." or "..". A segment can contain a decoded slash.
static bool has_dots(const char *segment)
{
    while (true) {
        size_t length = strcspn(segment, "/");
        if ((length == 1 || length == 2) && strspn(segment, ".") >= length) {
            return true;
        }
        if (segment[length] == '\0') {
            return false;
        }
        segment += length + 1;
    }
}

static int split_path(char *path, struct target *target, struct error *err)
{
    char *segment = path + 1;
    while (*segment) {
        char *slash = strchrnul(segment, '/');
        bool last = *slash == '\0';
        if (slash == segment) {
            return error_set(err, ERROR_BAD_REQUEST, "empty segment in the URL's path");
        }
        if (target->segment_count >= TARGET_SEGMENTS_MAX) {
            return error_set(err, ERROR_BAD_REQUEST, "more than %d segments in the URL's path", TARGET_SEGMENTS_MAX);
        }
        *slash = '\0';
        int result = decode(segment, false, err);
        if (result < 0) {
            return result;
        }
        if (has_dots(segment)) {
            return error_set(err, ERROR_BAD_REQUEST, "\".\" or \"..\" in the URL's path");
        }
        target->segments[target->segment_count++] = segment;
        target->trailing_slash = !last && slash[1] == '\0';
        segment = last ? slash : slash + 1;
    }
    return 0;
}

static int split_query(char *query, struct target *target, struct error *err)
{
    for (char *next; query && *query; query = next) {
        next = strchr(query, '&');
        if (next) {
            *next++ = '\0';
        }
        if (*query == '\0') {
            continue;
        }
        if (target->query_count >= TARGET_QUERIES_MAX) {
            return error_set(err, ERROR_BAD_REQUEST, "more than %d parameters in the URL", TARGET_QUERIES_MAX);
        }
        char *value = strchrnul(query, '=');
        if (*value) {
            *value++ = '\0';
        }
        int result = decode(value, true, err);
        if (result == 0) {
            result = decode(query, true, err);
        }
        if (result < 0) {
            return result;
        }
        target->queries[target->query_count++] = (struct target_pair){.name = query, .value = value};
    }
    return 0;
}

// "http://host/path", as proxies ask: the host does not matter here.
static const char *skip_authority(const char *text)
{
    const char *authority = NULL;
    if (strncasecmp(text, "http://", 7) == 0) {
        authority = text + 7;
    } else if (strncasecmp(text, "https://", 8) == 0) {
        authority = text + 8;
    }
    return authority ? authority + strcspn(authority, "/?#") : text;
}

static void join_path(struct target *target, char *path)
{
    target->path = path;
    for (size_t i = 0; i < target->segment_count; i++) {
        *path++ = '/';
        path = stpcpy(path, target->segments[i]);
    }
    if (target->segment_count == 0 || target->trailing_slash) {
        *path++ = '/';
    }
    *path = '\0';
}

int target_parse(const char *text, struct target *ret_target, struct error *err)
{
    size_t length = strlen(text);
    if (length > TARGET_MAX) {
        return error_set(err, ERROR_BAD_REQUEST, "the URL has more than %d bytes", TARGET_MAX);
    }
    text = skip_authority(text);
    if (*text != '/') {
        return error_set(err, ERROR_BAD_REQUEST, "the URL's path must start with \"/\"");
    }
    length = strlen(text);
    // The raw text, decoded in place, and behind it the path for logs, which is never longer.
    CLEANUP_FREE char *memory = malloc(2 * (length + 2));
    if (!memory) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memcpy(memory, text, length + 1);
    struct target target = {.memory = memory};
    memory[strcspn(memory, "#")] = '\0';
    char *query = strchr(memory, '?');
    if (query) {
        *query++ = '\0';
    }
    int result = split_path(memory, &target, err);
    if (result == 0) {
        result = split_query(query, &target, err);
    }
    if (result < 0) {
        return result;
    }
    join_path(&target, memory + length + 2);
    *ret_target = target;
    ret_target->memory = TAKE_PTR(memory);
    return 0;
}

void target_fini(struct target *target)
{
    free(target->memory);
    *target = (struct target){0};
}
