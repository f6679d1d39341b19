// SPDX-License-Identifier: Apache-2.0
// Form of image names: the reference grammar of the OCI distribution spec for oci://, and for
// http(s) just what keeps a URL one word in a vars file (agents split IMAGE at commas and white
// space).

#include "image_name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { OCI_NAME_MAX = 255, OCI_TAG_MAX = 128 };

static bool char_is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int authority_check(const char *text, size_t length, struct error *err)
{
    bool good = length > 0 && length <= 255;
    size_t host = 0;
    if (good && text[0] == '[') {
        const char *end = memchr(text, ']', length);
        host = end ? (size_t)(end - text) + 1 : 0;
        good = end && strspn(text + 1, "0123456789abcdefABCDEF:.") == host - 2;
    } else {
        while (host < length && (isalnum((unsigned char)text[host]) || strchr(".-_", text[host]))) {
            host++;
        }
        good = good && host > 0;
    }
    if (good && host < length) {
        size_t digits = strspn(text + host + 1, "0123456789");
        good = text[host] == ':' && digits >= 1 && digits <= 5 && host + 1 + digits == length;
    }
    return good ? 0
                : error_set(err, ERROR_UNPROCESSABLE,
                            "not a host name with or without a port: \"%.*s\"",
                            (int)(length < 80 ? length : 80), text);
}

// Components of lower-case letters and digits, with single separators (., _, __, dashes) inside.
static bool repository_is_good(const char *text, size_t length)
{
    bool after_word = false;
    for (size_t i = 0; i < length; i++) {
        if (char_is_lower_alnum(text[i])) {
            after_word = true;
            continue;
        }
        if (!strchr("/._-", text[i]) || !after_word) {
            return false;
        }
        size_t run = 1;
        while (text[i] != '/' && i + run < length && text[i + run] == text[i]) {
            run++;
        }
        if ((text[i] == '.' && run > 1) || (text[i] == '_' && run > 2)) {
            return false;
        }
        i += run - 1;
        after_word = false;
    }
    return after_word && length <= OCI_NAME_MAX;
}

static bool tag_is_good(const char *text, size_t length)
{
    if (length == 0 || length > OCI_TAG_MAX || text[0] == '.' || text[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i])) {
            return false;
        }
    }
    return true;
}

static int oci_parse(const char *rest, struct image_name *name, struct error *err)
{
    size_t authority = strcspn(rest, "/");
    int result = authority_check(rest, authority, err);
    if (result < 0) {
        return result;
    }
    if (rest[authority] != '/') {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "names no repository: oci://host/repository:tag is wanted");
    }
    const char *path = rest + authority + 1;
    const char *at = strchr(path, '@');
    if (at) {
        if (!digest_is_valid(at + 1)) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "what follows the @ is not sha256: and 64 lower-case hex digits");
        }
        memcpy(name->digest, at + 1, sizeof(name->digest));
    }
    size_t length = at ? (size_t)(at - path) : strlen(path);
    const char *colon = memchr(path, ':', length);
    size_t repository = colon ? (size_t)(colon - path) : length;
    if (!repository_is_good(path, repository)) {
        return error_set(err, ERROR_UNPROCESSABLE, "not a repository's name: \"%.*s\"",
                         (int)(repository < 80 ? repository : 80), path);
    }
    if (colon && !tag_is_good(colon + 1, length - repository - 1)) {
        return error_set(err, ERROR_UNPROCESSABLE, "not a tag: \"%.*s\"",
                         (int)(length - repository - 1), colon + 1);
    }
    return 0;
}

static int http_check(const char *rest, struct error *err)
{
    size_t authority = strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', authority);
    const char *host = at ? at + 1 : rest;
    int result = authority_check(host, authority - (size_t)(host - rest), err);
    if (result < 0) {
        return result;
    }
    if (strchr(rest, '#')) {
        return error_set(err, ERROR_UNPROCESSABLE, "must not have a fragment");
    }
    return 0;
}

int image_name_parse(const char *url, struct image_name *ret_name, struct error *err)
{
    struct image_name name = {0};
    for (const char *c = url; *c; c++) {
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || strchr(",\"'<>\\^`{|}", *c)) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "must not contain white space, commas, quotes or other "
                             "characters that a URL has only in escaped form");
        }
    }
    int result = 0;
    if (strncasecmp(url, "oci://", 6) == 0) {
        name.is_oci = true;
        result = oci_parse(url + 6, &name, err);
    } else if (strncasecmp(url, "https://", 8) == 0) {
        result = http_check(url + 8, err);
    } else if (strncasecmp(url, "http://", 7) == 0) {
        name.is_plain_http = true;
        result = http_check(url + 7, err);
    } else {
        return error_set(err, ERROR_UNPROCESSABLE, "must begin with oci://, https:// or http://");
    }
    if (result == 0) {
        *ret_name = name;
    }
    return result;
}
