// SPDX-License-Identifier: Apache-2.0
// The address guard's rule, at both edges of its blocks.

#include "../tap.h"

#include "fetch/fetch.h"

#include <arpa/inet.h>

static const char *const refused[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fdff::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:2::1",
    "2001:1ff::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff::1",
    "100::1",
    "4000::1",
    "5f00::1",
};

static const char *const allowed[] = {
    "1.0.0.1",        "9.255.255.255",   "11.0.0.0",
    "100.63.255.255", "100.128.0.0",     "126.255.255.255",
    "128.0.0.0",      "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0",      "192.0.1.0",
    "192.0.3.0",      "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0",      "223.255.255.255",
    "8.8.8.8",        "2001:200::1",     "2001:4860:4860::8888",
    "2600::1",        "2002:808:808::1", "64:ff9b::808:808",
    "::ffff:8.8.8.8", "3ffe::1",         "3fff:1000::1",
};

static bool is_private(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return fetch_address_is_private((const struct sockaddr *)&in);
    }
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1) {
        bail("not an address: %s", text);
    }
    return fetch_address_is_private((const struct sockaddr *)&in6);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        ok(is_private(refused[i]), "%s is refused", refused[i]);
    }
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        ok(!is_private(allowed[i]), "%s is allowed", allowed[i]);
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    ok(fetch_address_is_private(&local), "another family is refused");
    return done();
}
