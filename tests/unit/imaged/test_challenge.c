// SPDX-License-Identifier: Apache-2.0
// WWW-Authenticate fields as registries send them, and as nobody should.

#include "../../../daemons/imaged/challenge.h"
#include "../tap.h"

struct good {
    const char *header, *realm, *service;
};

static const struct good goods[] = {
    {"Bearer realm=\"https://a.example/token\",service=\"r.example\",scope=\"repository:x:pull\"",
     "https://a.example/token", "r.example"},
    {"bearer realm=\"https://a.example/token\"", "https://a.example/token", ""},
    {"Bearer service=s , realm = \"https://a.example/t\\\"x\"", "https://a.example/t\"x", "s"},
    {"Basic realm=\"b\", Bearer realm=\"https://a.example/\"", "https://a.example/", ""},
    {"Negotiate abc==, Bearer realm=\"https://a.example/\"", "https://a.example/", ""},
    {"Bearer realm=\"https://a.example/\", Basic realm=\"b\"", "https://a.example/", ""},
};

static const char *const bads[] = {
    "",
    "Bearer",
    "Basic realm=\"x\"",
    "Bearer realm=\"\"",
    "Bearer realm=\"x",
    "Bearer service=\"x\"",
    "Bearer realm",
    "====",
    ",,,",
    "\"\"",
};

int main(void)
{
    struct challenge challenge = {.realm = ""};
    struct error err;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        ok(challenge_parse_bearer(goods[i].header, &challenge, &err) == 0, "%s", goods[i].header);
        is_text(challenge.realm, goods[i].realm, "its realm");
        is_text(challenge.service, goods[i].service, "its service");
    }
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        ok(challenge_parse_bearer(bads[i], &challenge, &err) < 0 && err.code == ERROR_UPSTREAM,
           "\"%s\" is of no use", bads[i]);
    }
    char url[200];
    challenge = (struct challenge){.realm = "https://a.example/t?x=1", .service = "a b&c"};
    ok(challenge_token_url(&challenge, "org/x", url, sizeof(url), &err) == 0, "a URL");
    is_text(url, "https://a.example/t?x=1&service=a%20b%26c&scope=repository%3Aorg%2Fx%3Apull",
            "with all in its place");
    ok(challenge_token_url(&challenge, "org/x", url, 60, &err) < 0, "not when it does not fit");
    return done();
}
