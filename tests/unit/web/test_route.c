// SPDX-License-Identifier: Apache-2.0
// target.c and route.c: URLs taken apart, and the route that takes them.

#include "tests/unit/tap.h"
#include "web/route.h"

static void check_target(const char *text, const char *path, size_t segments)
{
    struct target target = {0};
    struct error err = {0};
    bool good = target_parse(text, &target, &err) == 0;
    ok(good == (path != NULL), "%s is %s", text, path ? "taken" : "refused");
    if (good) {
        is_text(target.path, path, "its path");
        ok(target.segment_count == segments, "%s has %zu segments", text, segments);
    } else {
        ok(err.code == ERROR_BAD_REQUEST, "as a bad request: %s", err.message);
    }
    target_fini(&target);
}

static void test_targets(void)
{
    check_target("/", "/", 0);
    check_target("/?", "/", 0);
    check_target("/a/b", "/a/b", 2);
    check_target("/a/b/", "/a/b/", 2);
    check_target("/a%2Fb/c", "/a/b/c", 2);
    check_target("/a%20b", "/a b", 1);
    check_target("/a+b", "/a+b", 1);
    check_target("/%C3%A4", "/\xc3\xa4", 1);
    check_target("/a#b/c", "/a", 1);
    check_target("/...", "/...", 1);
    check_target("/%252e", "/%2e", 1);
    check_target("http://host:1/a?b", "/a", 1);
    check_target("HTTPS://[::1]/", "/", 0);
    static const char *const bad[] = {
        "", "*", "a", "host:80", "http://host", "//", "/a//b", "/a//", "/.", "/..", "/a/../b", "/%2e%2e/b", "/a%2F..", "/..%2Fa",
        "/a/./b", "/%00", "/a%0a", "/a\tb", "/%7f", "/%1", "/%", "/%zz", "/%ff", "/%c0%af", "/%ed%a0%80", "/%f4%90%80%80", "/a?%00=1", "/a?b=%zz",
        "/\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_target(bad[i], NULL, 0);
    }
    char text[9000];
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[8999] = '\0';
    check_target(text, NULL, 0);
    for (size_t i = 0; i < 200; i++) {
        text[i] = i % 2 ? 'a' : '/';
    }
    text[200] = '\0';
    check_target(text, NULL, 0); // 100 segments
}

static void test_queries(void)
{
    struct target target = {0};
    ok(target_parse("/x?a=1&b=%26+%2B&&c&d==&a=2", &target, NULL) == 0 && target.query_count == 5, "five pairs");
    is_text(target.queries[1].value, "& +", "decoded, plus is a space");
    is_text(target.queries[2].value, "", "no equals sign: an empty value");
    is_text(target.queries[3].value, "=", "the first equals sign splits");
    is_text(target.queries[4].name, "a", "duplicates stay");
    target_fini(&target);
}

static void no_handler(struct web_request *request, void *context)
{
}

static const struct web_route routes[] = {
    {"GET", "/", 0, 0, no_handler, "root"},
    {"GET", "/m/{name}", 0, 0, no_handler, "get"},
    {"PUT", "/m/{name}", 0, 0, no_handler, "put"},
    {"GET", "/m/search", 0, 0, no_handler, "search"},
    {"GET", "/m/{name}/log/{id}", 0, 0, no_handler, "log"},
    {"POST", "/m/{name}/log/{id}", 0, 0, no_handler, "post"},
    {"HEAD", "/m/{name}/log/{id}", 0, 0, no_handler, "head"},
    {"GET", "/m/{rest*}", 0, 0, no_handler, "rest"},
};

static void check_route(const struct route_table *table, const char *method, const char *text, const char *label, const char *arg)
{
    struct target target = {0};
    struct route_match match = {0};
    char *allow = NULL;
    if (target_parse(text, &target, NULL) < 0) {
        bail("%s", text);
    }
    bool found = route_find(table, method, &target, &match, &allow, NULL) == 0;
    is_text(found ? match.route->label : allow, label, "%s %s", method, text);
    if (found && arg) {
        const char *value = route_match_arg(&match, "name");
        is_text(value ? value : route_match_arg(&match, "rest"), arg, "its argument");
    }
    free(allow);
    route_match_fini(&match);
    target_fini(&target);
}

static void test_routes(void)
{
    struct route_table *table = route_table_new(routes, sizeof(routes) / sizeof(routes[0]), NULL);
    check_route(table, "GET", "/", "root", NULL);
    check_route(table, "GET", "/m/w1", "get", "w1");
    check_route(table, "GET", "/m/w1/", "get", "w1");
    check_route(table, "GET", "/m/a%2Fb", "get", "a/b");
    check_route(table, "PUT", "/m/w1", "put", "w1");
    check_route(table, "GET", "/m/search", "search", NULL);
    check_route(table, "PUT", "/m/search", "put", "search");
    check_route(table, "HEAD", "/m/w1", "get", "w1");
    check_route(table, "HEAD", "/m/w1/log/3", "head", "w1");
    check_route(table, "GET", "/m/w1/log/3", "log", "w1");
    check_route(table, "GET", "/m/w1/x/y/", "rest", "w1/x/y/");
    check_route(table, "DELETE", "/m/w1", "GET, HEAD, PUT", NULL);
    check_route(table, "get", "/m/w1", "GET, HEAD, PUT", NULL);
    check_route(table, "GET", "/n", NULL, NULL);
    check_route(table, "GET", "/m", NULL, NULL);
    check_route(table, "GET", "/M/w1", NULL, NULL);
    (void)route_table_free(table);
}

static void test_bad_patterns(void)
{
    static const char *const bad[] = {"", "a", "//", "/a//b", "/{rest*}/b", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct web_route route = {"GET", bad[i], 0, 0, no_handler, "x"};
        struct route_table *table = route_table_new(&route, 1, NULL);
        ok(!table, "pattern \"%s\" is refused", bad[i]);
        (void)route_table_free(table);
    }
}

int main(void)
{
    test_targets();
    test_queries();
    test_routes();
    test_bad_patterns();
    return done();
}
