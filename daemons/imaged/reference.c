// SPDX-License-Identifier: Apache-2.0
// The reference parser. Called by the handlers with text from the wire; nothing here allocates or
// does I/O.

#include "reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// One label of a host name: letters, digits, inner dashes. Returns its length, 0 if there is none.
static size_t label_length(const char *text, size_t max)
{
    size_t length = 0;
    while (length < max && (is_alnum(text[length]) || text[length] == '-')) {
        length++;
    }
    return length > 0 && text[0] != '-' && text[length - 1] != '-' ? length : 0;
}

static bool name_is_valid(const char *text, size_t length)
{
    size_t at = 0;
    for (;;) {
        size_t label = label_length(text + at, length - at);
        if (label == 0) {
            return false;
        }
        at += label;
        if (at == length) {
            return true;
        }
        if (text[at] != '.') {
            return false;
        }
        at++;
    }
}

// "[::1]" without a zone; the connection's own parser has the last word on it.
static bool bracketed_is_valid(const char *text, size_t length)
{
    if (length < 4 || text[0] != '[' || text[length - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < length; i++) {
        if (!isxdigit((unsigned char)text[i]) && text[i] != ':') {
            return false;
        }
    }
    return true;
}

// Copy host and port, the host in lower case.
static int take_host(const char *text, size_t length, struct reference *reference,
                     struct error *err)
{
    size_t host = length;
    size_t digits = 0;
    while (digits < length && is_digit(text[length - 1 - digits])) {
        digits++;
    }
    bool has_port = digits < length && text[length - 1 - digits] == ':';
    if (has_port) {
        host = length - 1 - digits;
    }
    unsigned port = 0;
    for (size_t i = host + 1; has_port && i < length && port <= 65535; i++) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (has_port && (digits == 0 || digits > 5 || port == 0 || port > 65535)) {
        return error_set(err, ERROR_UNPROCESSABLE, "reference: the registry's port is not a port");
    }
    if (host == 0 || host > 255 || length >= sizeof(reference->host) ||
        !(name_is_valid(text, host) || bracketed_is_valid(text, host))) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "reference: the registry's name is not a host name");
    }
    for (size_t i = 0; i < host; i++) {
        reference->host[i] = (char)tolower((unsigned char)text[i]);
    }
    reference->host[host] = '\0';
    if (has_port) { // "05000" is 5000, so that one registry has one spelling
        snprintf(reference->host + host, sizeof(reference->host) - host, ":%u", port);
    }
    return 0;
}

// Letters and digits joined by ".", "_", "__" or dashes.
static bool component_is_valid(const char *text, size_t length)
{
    if (length == 0 || !is_lower_alnum(text[0]) || !is_lower_alnum(text[length - 1])) {
        return false;
    }
    for (size_t i = 0; i < length;) {
        if (is_lower_alnum(text[i])) {
            i++;
            continue;
        }
        size_t run = 1;
        while (i + run < length && text[i + run] == text[i]) {
            run++;
        }
        bool joined =
            text[i] == '-' || (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2);
        if (!joined || !is_lower_alnum(text[i + run])) {
            return false;
        }
        i += run;
    }
    return true;
}

static int take_repository(const char *text, size_t length, struct reference *reference,
                           struct error *err)
{
    if (length == 0 || length >= sizeof(reference->repository)) {
        return error_set(err, ERROR_UNPROCESSABLE, "reference: the repository is %s",
                         length ? "longer than 255 bytes" : "missing");
    }
    for (size_t start = 0; start <= length;) {
        const char *slash = memchr(text + start, '/', length - start);
        size_t component = slash ? (size_t)(slash - text) - start : length - start;
        if (!component_is_valid(text + start, component)) {
            return error_set(
                err, ERROR_UNPROCESSABLE,
                "reference: the repository has a part that is empty or has characters other than "
                "lower-case letters, digits and inner '.', '_', '-'");
        }
        start += component + 1;
    }
    memcpy(reference->repository, text, length);
    reference->repository[length] = '\0';
    return 0;
}

static int take_tag(const char *text, size_t length, struct reference *reference, struct error *err)
{
    bool valid = length > 0 && length < sizeof(reference->tag) && text[0] != '.' && text[0] != '-';
    for (size_t i = 0; valid && i < length; i++) {
        valid = is_alnum(text[i]) || text[i] == '_' || text[i] == '.' || text[i] == '-';
    }
    if (!valid) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "reference: a tag is 1 to 128 letters, digits, '_', '.', '-', and starts "
                         "with neither '.' nor '-'");
    }
    memcpy(reference->tag, text, length);
    reference->tag[length] = '\0';
    return 0;
}

static int take_digest(const char *text, struct reference *reference, struct error *err)
{
    if (!digest_is_valid(text)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "reference: a digest is \"sha256:\" and 64 lower-case hexadecimal digits");
    }
    memcpy(reference->digest, text, strlen(text) + 1);
    return 0;
}

static bool is_hub_alias(const char *host)
{
    return strcmp(host, "docker.io") == 0 || strcmp(host, "index.docker.io") == 0 ||
           strcmp(host, "registry-1.docker.io") == 0;
}

static bool segment_is_host(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' || text[i] == ':' || text[i] == '[' ||
            (text[i] >= 'A' && text[i] <= 'Z')) {
            return true;
        }
    }
    return length == 9 && memcmp(text, "localhost", 9) == 0;
}

// A bare image id is 64 hexadecimal digits: too easily meant as a digest to be taken for a name.
static bool looks_like_id(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return length == 64;
}

static int take_name(const char *text, size_t length, struct reference *reference,
                     struct error *err)
{
    if (looks_like_id(text, length)) {
        return error_set(err, ERROR_UNPROCESSABLE, "reference: this is an image id, not a name");
    }
    const char *slash = memchr(text, '/', length);
    size_t first = slash ? (size_t)(slash - text) : 0;
    if (!slash || !segment_is_host(text, first)) {
        memcpy(reference->host, "docker.io", sizeof("docker.io"));
        first = 0;
    } else {
        if (take_host(text, first, reference, err) < 0) {
            return -1;
        }
        first++;
    }
    if (take_repository(text + first, length - first, reference, err) < 0) {
        return -1;
    }
    if (!is_hub_alias(reference->host)) {
        return 0;
    }
    memcpy(reference->host, "docker.io", sizeof("docker.io"));
    if (!strchr(reference->repository, '/')) {
        char official[REFERENCE_REPOSITORY_SIZE];
        int written = snprintf(official, sizeof(official), "library/%.*s",
                               (int)(sizeof(official) - 9), reference->repository);
        if ((size_t)written != strlen(reference->repository) + 8) {
            return error_set(err, ERROR_UNPROCESSABLE,
                             "reference: the repository is longer than 255 bytes");
        }
        memcpy(reference->repository, official, sizeof(official));
    }
    return 0;
}

int reference_parse(const char *text, struct reference *ret_reference, struct error *err)
{
    struct reference reference = {.host = ""};
    size_t length = strlen(text);
    if (length == 0 || length >= REFERENCE_TEXT_SIZE) {
        return error_set(err, ERROR_UNPROCESSABLE, "reference: it is %s",
                         length ? "too long" : "empty");
    }
    const char *at = strchr(text, '@');
    if (at) {
        if (take_digest(at + 1, &reference, err) < 0) {
            return -1;
        }
        length = (size_t)(at - text);
    }
    size_t name = length; // a ':' after the last slash begins a tag
    for (size_t i = length; i > 0 && text[i - 1] != '/'; i--) {
        if (text[i - 1] == ':') {
            name = i - 1;
        }
    }
    if (name < length && take_tag(text + name + 1, length - name - 1, &reference, err) < 0) {
        return -1;
    }
    if (take_name(text, name, &reference, err) < 0) {
        return -1;
    }
    *ret_reference = reference;
    return 0;
}

int reference_parse_name(const char *name, struct reference *ret_reference, struct error *err)
{
    char copy[REFERENCE_TEXT_SIZE];
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof(copy)) {
        return error_set(err, ERROR_UNPROCESSABLE, "reference: the name is %s",
                         length ? "too long" : "empty");
    }
    memcpy(copy, name, length + 1);
    size_t first = strcspn(copy, "/");
    size_t digits = 0;
    while (digits < first && is_digit(copy[first - 1 - digits])) {
        digits++;
    }
    // No host name has an underscore, so one before a port in a segment that is a host anyhow is
    // unmistakable.
    if (digits > 0 && digits < first && copy[first - 1 - digits] == '_' &&
        segment_is_host(copy, first - 1 - digits)) {
        copy[first - 1 - digits] = ':';
    }
    struct reference reference = {.host = ""};
    if (take_name(copy, length, &reference, err) < 0) {
        return -1;
    }
    *ret_reference = reference;
    return 0;
}

int reference_set_version(struct reference *reference, const char *version, struct error *err)
{
    if (strchr(version, ':')) {
        return take_digest(version, reference, err);
    }
    return take_tag(version, strlen(version), reference, err);
}

const char *reference_version(const struct reference *reference)
{
    if (reference->digest[0]) {
        return reference->digest;
    }
    return reference->tag[0] ? reference->tag : "latest";
}

// A host that only its capitals told from a part of a repository needs one again.
static void format_host(const struct reference *reference, char text[REFERENCE_HOST_SIZE])
{
    memcpy(text, reference->host, sizeof(reference->host));
    if (!segment_is_host(text, strlen(text))) {
        size_t letter = strcspn(text, "abcdefghijklmnopqrstuvwxyz");
        text[letter] = (char)toupper((unsigned char)text[letter]);
    }
}

void reference_format_name(const struct reference *reference, char *text)
{
    char host[REFERENCE_HOST_SIZE];
    format_host(reference, host);
    snprintf(text, REFERENCE_TEXT_SIZE, "%s/%s", host, reference->repository);
}

void reference_format(const struct reference *reference, char *text)
{
    char host[REFERENCE_HOST_SIZE];
    format_host(reference, host);
    snprintf(text, REFERENCE_TEXT_SIZE, "%s/%s%s%s%s%s", host, reference->repository,
             reference->tag[0] ? ":" : "", reference->tag, reference->digest[0] ? "@" : "",
             reference->digest);
}
