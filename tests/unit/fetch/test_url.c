// SPDX-License-Identifier: Apache-2.0
// URLs taken apart: what is judged is what is asked for.

#include "../tap.h"

#include "base/cleanup.h"
#include "fetch/url.h"

struct good {
    const char *url, *scheme, *host;
    unsigned port;
};

static const struct good goods[] = {
    {"http://example.net/a?b=c", "http", "example.net", 80},
    {"HTTPS://Example.NET:8443/", "https", "example.net", 8443},
    {"https://example.net:443/x", "https", "example.net", 443},
    {"http://[::1]:5000/v2/", "http", "[::1]", 5000},
    {"http://0x7f.1/", "http", "127.0.0.1", 80},
    {"http://2130706433/", "http", "127.0.0.1", 80},
};

static const char *const bads[] = {
    "",
    "ftp://example.net/",
    "file:///etc/passwd",
    "gopher://example.net/",
    "http://user@example.net/",
    "http://user:secret@example.net/",
    "http://ghcr.io@127.0.0.1/",
    "http://exa mple.net/",
    "http://example.net/\r\nHost: x",
    "//example.net/",
    "http://",
    "http://example.net:99999/",
};

static void test_same_origin(void)
{
    struct url_origin a;
    struct url_origin b;
    url_parse("https://example.net/a", &a, NULL, NULL);
    url_parse("https://EXAMPLE.net:443/b", &b, NULL, NULL);
    ok(url_same_origin(&a, &b), "the default port may be written");
    url_parse("https://example.net:444/b", &b, NULL, NULL);
    ok(!url_same_origin(&a, &b), "another port is another origin");
    url_parse("http://example.net:443/b", &b, NULL, NULL);
    ok(!url_same_origin(&a, &b), "another scheme is another origin");
}

int main(void)
{
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct url_origin origin = {.port = 0};
        struct error err;
        CLEANUP_FREE char *normal = NULL;
        ok(url_parse(goods[i].url, &origin, &normal, &err) == 0, "%s is a URL", goods[i].url);
        is_text(origin.scheme, goods[i].scheme, "its scheme");
        is_text(origin.host, goods[i].host, "its host");
        ok(origin.port == goods[i].port, "its port");
        struct url_origin again = {.port = 0};
        ok(normal && url_parse(normal, &again, NULL, &err) == 0 && url_same_origin(&origin, &again),
           "its normal form means the same");
    }
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct url_origin origin;
        struct error err = {.code = ERROR_NONE};
        ok(url_parse(bads[i], &origin, NULL, &err) < 0 && err.code == ERROR_BAD_REQUEST,
           "\"%s\" is refused", bads[i]);
    }
    test_same_origin();
    char text[URL_LOG_SIZE];
    url_for_log("https://example.net/blob?signature=secret", text);
    is_text(text, "https://example.net/blob", "a query is not for logs");
    return done();
}
