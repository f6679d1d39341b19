// SPDX-License-Identifier: Apache-2.0
// The reference grammar and its edges: they decide which registry is contacted.

#include "../../../daemons/imaged/reference.h"
#include "../tap.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

struct good {
    const char *text, *host, *repository, *tag, *digest;
};

static const struct good goods[] = {
    {"ubuntu", "docker.io", "library/ubuntu", "", ""},
    {"ubuntu:22.04", "docker.io", "library/ubuntu", "22.04", ""},
    {"ghcr.io", "docker.io", "library/ghcr.io", "", ""},
    {"localhost", "docker.io", "library/localhost", "", ""},
    {"foo/bar", "docker.io", "foo/bar", "", ""},
    {"foo/bar/baz", "docker.io", "foo/bar/baz", "", ""},
    {"docker.io/redis", "docker.io", "library/redis", "", ""},
    {"docker.io/library/redis", "docker.io", "library/redis", "", ""},
    {"index.docker.io/foo/bar", "docker.io", "foo/bar", "", ""},
    {"registry-1.docker.io/redis", "docker.io", "library/redis", "", ""},
    {"INDEX.docker.io/foo/x", "docker.io", "foo/x", "", ""},
    {"Docker.io/foo/x", "docker.io", "foo/x", "", ""},
    {"Foo/bar", "foo", "bar", "", ""},
    {"5Oo/bar", "5oo", "bar", "", ""},
    {"localhost/x", "localhost", "x", "", ""},
    {"localhost:5000/x", "localhost:5000", "x", "", ""},
    {"127.0.0.1:5000/x", "127.0.0.1:5000", "x", "", ""},
    {"127.0.0.1:05000/x", "127.0.0.1:5000", "x", "", ""},
    {"[::1]:5000/x", "[::1]:5000", "x", "", ""},
    {"[FE80::1]/x", "[fe80::1]", "x", "", ""},
    {"ghcr.io:443/x", "ghcr.io:443", "x", "", ""},
    {"GHCR.io/org/x:v1", "ghcr.io", "org/x", "v1", ""},
    {"ghcr.io/org/x@" DIGEST, "ghcr.io", "org/x", "", DIGEST},
    {"ghcr.io/org/x:v1@" DIGEST, "ghcr.io", "org/x", "v1", DIGEST},
    {"ghcr.io/a.b_c__d-e--f/x", "ghcr.io", "a.b_c__d-e--f/x", "", ""},
    {"ghcr.io/x:_tag.with-all_9", "ghcr.io", "x", "_tag.with-all_9", ""},
    {"5000/x:5000", "docker.io", "5000/x", "5000", ""},
    {"ghcr.io/" HEX64, "ghcr.io", HEX64, "", ""},
};

static const char *const bads[] = {
    "",
    "/",
    "/x",
    "x/",
    "a//b",
    "ghcr.io/",
    "ghcr.io/x/",
    "ghcr.io/Foo/bar",
    "https://ghcr.io/x",
    "ghcr.io./x",
    ".ghcr.io/x",
    "-ghcr.io/x",
    "gh_cr.io/x",
    "a b/c",
    "ghcr.io/a b",
    "ghcr.io/../x",
    "ghcr.io/./x",
    "ghcr.io/.x",
    "ghcr.io/x.",
    "ghcr.io/a..b",
    "ghcr.io/a___b",
    "ghcr.io/a._b",
    "ghcr.io/x:",
    "ghcr.io/x:.a",
    "ghcr.io/x:-a",
    "ghcr.io/x:a/b:c d",
    "ghcr.io/x@",
    "ghcr.io/x@sha256:",
    "ghcr.io/x@sha256:abc",
    "ghcr.io/x@md5:" HEX64,
    "ghcr.io/x@sha512:" HEX64,
    "ghcr.io/x@SHA256:" HEX64,
    "ghcr.io/x@" DIGEST "0",
    "ghcr.io/x@" DIGEST "@" DIGEST,
    "ghcr.io/x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
    HEX64,
    HEX64 ":tag",
    "ghcr.io:0/x",
    "ghcr.io:65536/x",
    "ghcr.io:99999999999999999999/x",
    "ghcr.io:/x",
    "ghcr.io:80:80/x",
    ":5000/x",
    "[::1/x",
    "[]/x",
    "[::1%25eth0]/x",
    "[::1%eth0]/x",
    "::1/x",
    "user@ghcr.io/x",
    "user:pass@ghcr.io/x",
    "ghcr.io\\x/y",
    "ghcr.io/x?y",
    "ghcr.io/x#y",
    "ghcr.io/x%2fy",
    "ghcr.io/\xc3\xa9",
    "ghcr.io/x\n",
    "\tghcr.io/x",
};

static void check_good(const struct good *good)
{
    struct reference reference = {.host = ""};
    struct error err = {.message = ""};
    ok(reference_parse(good->text, &reference, &err) == 0, "%s is a reference %s", good->text,
       err.message);
    is_text(reference.host, good->host, "its registry");
    is_text(reference.repository, good->repository, "its repository");
    is_text(reference.tag, good->tag, "its tag");
    is_text(reference.digest, good->digest, "its digest");
    char text[REFERENCE_TEXT_SIZE];
    struct reference again = {.host = ""};
    reference_format(&reference, text);
    ok(reference_parse(text, &again, &err) == 0 && strcmp(again.host, reference.host) == 0 &&
           strcmp(again.repository, reference.repository) == 0,
       "%s means the same", text);
}

static void check_limits(void)
{
    char text[2000];
    struct reference reference;
    struct error err;
    char name[300];
    memset(name, 'a', sizeof(name));
    name[255] = '\0';
    snprintf(text, sizeof(text), "ghcr.io/%s", name);
    ok(reference_parse(text, &reference, &err) == 0, "a repository of 255 bytes");
    ok(reference_parse(name, &reference, &err) < 0, "but not with library/ before it");
    snprintf(text, sizeof(text), "ghcr.io/%sa", name);
    ok(reference_parse(text, &reference, &err) < 0, "not of 256");
    name[128] = '\0';
    snprintf(text, sizeof(text), "ghcr.io/x:%s", name);
    ok(reference_parse(text, &reference, &err) == 0, "a tag of 128 bytes");
    snprintf(text, sizeof(text), "ghcr.io/x:%sa", name);
    ok(reference_parse(text, &reference, &err) < 0, "not of 129");
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ok(reference_parse(text, &reference, &err) < 0, "a very long text");
}

static void check_path_names(void)
{
    struct reference reference;
    struct error err;
    ok(reference_parse_name("127.0.0.1_5000/debian", &reference, &err) == 0,
       "a port after an underscore");
    is_text(reference.host, "127.0.0.1:5000", "is a port");
    ok(reference_parse_name("127.0.0.1:5000/a/b", &reference, &err) == 0, "a port after a colon");
    is_text(reference.host, "127.0.0.1:5000", "is a port too");
    ok(reference_parse_name("localhost_5000/x", &reference, &err) == 0, "localhost with a port");
    is_text(reference.host, "localhost:5000", "likewise");
    ok(reference_parse_name("foo_5000/x", &reference, &err) == 0, "no host before the underscore");
    is_text(reference.host, "docker.io", "is a repository of the Hub");
    is_text(reference.repository, "foo_5000/x", "as it is written");
    ok(reference_parse_name("debian", &reference, &err) == 0, "a bare name");
    is_text(reference.repository, "library/debian", "is official");
    ok(reference_parse_name("ghcr.io/x:tag", &reference, &err) < 0, "no tag in a name");
    ok(reference_parse_name("ghcr.io/x@" DIGEST, &reference, &err) < 0, "no digest in a name");
    ok(reference_set_version(&reference, "12", &err) == 0, "a tag of a path");
    is_text(reference_version(&reference), "12", "is the version");
    ok(reference_set_version(&reference, DIGEST, &err) == 0, "a digest of a path");
    is_text(reference_version(&reference), DIGEST, "wins");
    ok(reference_set_version(&reference, "sha256:../../x", &err) < 0, "nonsense does not");
}

int main(void)
{
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        check_good(&goods[i]);
    }
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct reference reference = {.host = "untouched"};
        struct error err = {.code = ERROR_NONE};
        ok(reference_parse(bads[i], &reference, &err) < 0 && err.code == ERROR_UNPROCESSABLE,
           "\"%s\" is refused", bads[i]);
        is_text(reference.host, "untouched", "and leaves nothing");
    }
    check_limits();
    check_path_names();
    return done();
}
