// SPDX-License-Identifier: Apache-2.0
// libevent parses; this file decides what of it is good enough to be called.

#include "agent/url.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

CLEANUP_DEFINE(uri_cleanup, struct evhttp_uri *, evhttp_uri_free)

static int take_host(const char *host, struct url *url)
{
    size_t length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(url->host)) {
        return -1;
    }
    memcpy(url->host, host, length);
    url->host[length] = '\0';
    struct in6_addr address;
    url->host_is_address = inet_pton(AF_INET, url->host, &address) == 1 ||
                           inet_pton(AF_INET6, url->host, &address) == 1;
    return 0;
}

int url_parse(const char *text, struct url *ret_url, struct error *err)
{
    CLEANUP(uri_cleanup) struct evhttp_uri *uri = evhttp_uri_parse(text);
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
    const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
    struct url url = {0};
    url.is_https = scheme && strcasecmp(scheme, "https") == 0;
    if (!scheme || (!url.is_https && strcasecmp(scheme, "http") != 0) || !host ||
        take_host(host, &url) < 0) {
        return error_set(err, ERROR_BAD_REQUEST, "not an http or https URL with a host");
    }
    if (evhttp_uri_get_userinfo(uri)) {
        return error_set(err, ERROR_BAD_REQUEST, "a URL with user information is not called");
    }
    int port = evhttp_uri_get_port(uri);
    if (port == 0 || port > 65535) {
        return error_set(err, ERROR_BAD_REQUEST, "a URL's port is 1 to 65535");
    }
    url.port = port > 0 ? (uint16_t)port : url.is_https ? 443 : 80;
    const char *path = evhttp_uri_get_path(uri);
    const char *query = evhttp_uri_get_query(uri);
    int wanted = snprintf(url.target, sizeof(url.target), "%s%s%s", path && *path ? path : "/",
                          query ? "?" : "", query ? query : "");
    if (wanted < 0 || (size_t)wanted >= sizeof(url.target)) {
        return error_set(err, ERROR_TOO_LARGE, "a URL's path is longer than %d bytes",
                         URL_TARGET_SIZE);
    }
    *ret_url = url;
    return 0;
}

bool url_is_loopback(const struct url *url)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, url->host, &four) == 1) {
        return (ntohl(four.s_addr) >> 24) == 127;
    }
    if (inet_pton(AF_INET6, url->host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six);
    }
    return strcasecmp(url->host, "localhost") == 0;
}

bool url_may_carry_secret(const struct url *url, bool insecure_transport)
{
    return url->is_https || insecure_transport || url_is_loopback(url);
}

int url_append_ack(const char *text, char *ret_text, size_t size, struct error *err)
{
    size_t path_length = strcspn(text, "?#");
    const char *rest = text + path_length;
    while (path_length > 0 && text[path_length - 1] == '/') {
        path_length--;
    }
    int wanted = snprintf(ret_text, size, "%.*s/ack%s", (int)path_length, text, rest);
    if (wanted < 0 || (size_t)wanted >= size) {
        return error_set(err, ERROR_TOO_LARGE, "the commands URL is too long");
    }
    return 0;
}
