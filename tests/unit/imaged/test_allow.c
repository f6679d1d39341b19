// SPDX-License-Identifier: Apache-2.0
// The allow list: deny by default, and one registry has one spelling.

#include "../../../daemons/imaged/allow.h"
#include "../../../daemons/imaged/reference.h"
#include "../tap.h"

#include "fetch/fetch.h"
#include "fetch/url.h"

static bool allows(const struct allow_list *list, const char *text)
{
    struct reference reference;
    struct error err = {.message = ""};
    if (reference_parse(text, &reference, &err) < 0) {
        bail("%s: %s", text, err.message);
    }
    int result = allow_check(list, reference.host, &err);
    ok(result == 0 || err.code == ERROR_FORBIDDEN, "the answer for %s is one of two", text);
    return result == 0;
}

static int may_go(const struct allow_list *list, const char *host, const char *url)
{
    struct url_origin origin;
    struct error err;
    if (url_parse(url, &origin, NULL, &err) < 0) {
        bail("%s: %s", url, err.message);
    }
    return allow_origin(list, host, &origin, &err);
}

static void test_default(void)
{
    struct allow_list list;
    struct error err;
    ok(allow_init(&list, &err) == 0, "a list");
    ok(allows(&list, "ghcr.io/a/b"), "ghcr.io by default");
    ok(allows(&list, "GHCR.IO:443/a/b"), "in another spelling");
    ok(!allows(&list, "ghcr.io:8443/a/b"), "not at another port");
    ok(!allows(&list, "ubuntu"), "not the Hub");
    ok(!allows(&list, "ghcr.io.example.net/x"), "not what only begins like it");
    ok(!allows(&list, "xghcr.io/x"), "nor ends like it");
    ok(!allows(&list, "127.0.0.1:5000/x"), "not this host");
    allow_fini(&list);
}

static void test_replaced(void)
{
    struct allow_list list;
    struct error err;
    allow_init(&list, &err);
    ok(allow_add(&list, "Index.Docker.io", &err) == 0 &&
           allow_add(&list, "*.example.net", &err) == 0 &&
           allow_add(&list, "127.0.0.1:*", &err) == 0 && allow_add(&list, "[::1]:5000", &err) == 0,
       "a list of four");
    ok(!allows(&list, "ghcr.io/a/b"), "replaces the default");
    ok(allows(&list, "ubuntu") && allows(&list, "registry-1.docker.io/x") &&
           allows(&list, "docker.io/a/b"),
       "the Hub by any name");
    ok(allows(&list, "r.example.net/x") && allows(&list, "a.b.example.net/x"),
       "names under a domain");
    ok(!allows(&list, "example.net/x") && !allows(&list, "badexample.net/x"), "only under it");
    ok(allows(&list, "127.0.0.1:1/x") && allows(&list, "127.0.0.1/x"), "any port");
    ok(!allows(&list, "127.0.0.2:1/x"), "of that host");
    ok(allows(&list, "[::1]:5000/x") && !allows(&list, "[::1]:5001/x"), "an IPv6 address");
    allow_clear(&list);
    ok(!allows(&list, "ubuntu"), "an empty list allows nothing");
    static const char *const bad[] = {
        "https://ghcr.io", "ghcr.io/",      "ghcr.io/x", "",   "a b", "ghcr.io:", "ghcr.io:x",
        "ghcr.io:0",       "ghcr.io:65536", "*",         "*.", ".x",  "x."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(allow_add(&list, bad[i], &err) < 0, "\"%s\" could never match", bad[i]);
    }
    allow_fini(&list);
}

static void test_origins(void)
{
    struct allow_list list;
    struct error err;
    allow_init(&list, &err);
    struct registry_rule *rule = allow_rule(&list, "127.0.0.1:*", &err);
    rule->http = true;
    rule->private_addresses = true;
    ok(may_go(&list, "ghcr.io", "https://ghcr.io/v2/x") == 0, "a registry itself");
    ok(may_go(&list, "ghcr.io", "https://pkg-containers.githubusercontent.com/x") == 0,
       "its storage");
    ok(may_go(&list, "ghcr.io", "https://example.net/x") < 0, "not elsewhere");
    ok(may_go(&list, "ghcr.io", "http://ghcr.io/v2/x") < 0, "not by http");
    ok(may_go(&list, "ghcr.io", "https://ghcr.io:444/v2/x") < 0, "not at another port");
    ok(may_go(&list, "ghcr.io", "https://169.254.169.254/") < 0, "not to metadata");
    ok(may_go(&list, "docker.io", "https://registry-1.docker.io/v2/") == 0,
       "the Hub answers elsewhere");
    ok(may_go(&list, "docker.io", "https://auth.docker.io/token") == 0, "and has a token server");
    ok(may_go(&list, "127.0.0.1:5000", "http://127.0.0.1:5000/v2/") == FETCH_ALLOW_PRIVATE,
       "a private registry");
    ok(may_go(&list, "127.0.0.1:5000", "http://127.0.0.1:5001/v2/") < 0, "only itself");
    char text[300];
    allow_base_url(&list, "127.0.0.1:5000", text, sizeof(text));
    is_text(text, "http://127.0.0.1:5000", "by http as its section says");
    allow_base_url(&list, "docker.io", text, sizeof(text));
    is_text(text, "https://registry-1.docker.io", "the Hub's URL");
    allow_fini(&list);
}

int main(void)
{
    test_default();
    test_replaced();
    test_origins();
    return done();
}
