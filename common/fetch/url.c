// SPDX-License-Identifier: Apache-2.0
// URLs of outbound requests over libcurl's URL interface. Called by transfer.c and by whoever
// judges a URL in an allow_url callback.

#include "fetch/url.h"

#include "base/cleanup.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void cleanup_curl_url(CURLU **handle)
{
    curl_url_cleanup(*handle);
}

static inline void cleanup_curl_text(char **text)
{
    curl_free(*text);
}

#define CLEANUP_CURL_TEXT CLEANUP(cleanup_curl_text)

static bool has_part(CURLU *handle, CURLUPart part)
{
    CLEANUP_CURL_TEXT char *text = NULL;
    return curl_url_get(handle, part, &text, 0) == CURLUE_OK;
}

static int copy_part(CURLU *handle, CURLUPart part, char *text, size_t size, struct error *err)
{
    CLEANUP_CURL_TEXT char *value = NULL;
    CURLUcode code = curl_url_get(handle, part, &value, CURLU_DEFAULT_PORT);
    if (code != CURLUE_OK) {
        return error_set(err, ERROR_BAD_REQUEST, "URL: %s", curl_url_strerror(code));
    }
    size_t length = strlen(value);
    if (length >= size) {
        return error_set(err, ERROR_BAD_REQUEST, "URL: a part of it is too long");
    }
    for (size_t i = 0; i <= length; i++) {
        text[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] + ('a' - 'A')) : value[i];
    }
    return 0;
}

static bool has_control_characters(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c <= ' ' || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

int url_parse(const char *url, struct url_origin *ret_origin, char **ret_normal, struct error *err)
{
    if (strlen(url) > 8192 || has_control_characters(url)) {
        return error_set(err, ERROR_BAD_REQUEST,
                         "URL: too long, or it has spaces or control characters");
    }
    CLEANUP(cleanup_curl_url) CURLU *handle = curl_url();
    if (!handle) {
        return error_set(err, ERROR_IO, "no memory");
    }
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, 0);
    if (code != CURLUE_OK) {
        return error_set(err, ERROR_BAD_REQUEST, "URL: %s", curl_url_strerror(code));
    }
    if (has_part(handle, CURLUPART_USER) || has_part(handle, CURLUPART_PASSWORD)) {
        return error_set(err, ERROR_BAD_REQUEST, "URL: no user or password in it, please");
    }
    curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);

    struct url_origin origin = {.port = 0};
    char port[8];
    if (copy_part(handle, CURLUPART_SCHEME, origin.scheme, sizeof(origin.scheme), err) < 0 ||
        copy_part(handle, CURLUPART_HOST, origin.host, sizeof(origin.host), err) < 0 ||
        copy_part(handle, CURLUPART_PORT, port, sizeof(port), err) < 0) {
        return -1;
    }
    if (strcmp(origin.scheme, "http") != 0 && strcmp(origin.scheme, "https") != 0) {
        return error_set(err, ERROR_BAD_REQUEST, "URL: only http and https");
    }
    origin.port = (unsigned)strtoul(port, NULL, 10);

    if (ret_normal) {
        CLEANUP_CURL_TEXT char *normal = NULL;
        if (curl_url_get(handle, CURLUPART_URL, &normal, 0) != CURLUE_OK) {
            return error_set(err, ERROR_IO, "no memory");
        }
        *ret_normal = strdup(normal);
        if (!*ret_normal) {
            return error_set(err, ERROR_IO, "no memory");
        }
    }
    *ret_origin = origin;
    return 0;
}

bool url_same_origin(const struct url_origin *a, const struct url_origin *b)
{
    return a->port == b->port && strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0;
}

void url_for_log(const char *url, char *text)
{
    size_t length = strcspn(url, "?#");
    bool cut = length >= URL_LOG_SIZE;
    snprintf(text, URL_LOG_SIZE, "%.*s", (int)(cut ? URL_LOG_SIZE - 1 : length), url);
}
