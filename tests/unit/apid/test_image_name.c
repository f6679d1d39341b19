// SPDX-License-Identifier: Apache-2.0
// Which image names are taken, and what is read from them.

#include "../../../daemons/apid/image_name.h"
#include "../tap.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const good[] = {
    "oci://registry.example/debian",
    "oci://registry.example:5000/debian:12",
    "oci://127.0.0.1:5000/a/b_c/d-e.f:v1.0_x-y",
    "oci://[::1]:5000/a--b/c__d:latest",
    "oci://host/a@sha256:" HEX64,
    "oci://host/a:tag@sha256:" HEX64,
    "https://host/path/image.raw.zst?x=y",
    "http://user:word@host:8080/image",
    "https://[2001:db8::1]/i",
};

static const char *const bad[] = {
    "",
    "debian",
    "oci://",
    "oci://host",
    "oci://host/",
    "oci:///a",
    "oci://host:/a",
    "oci://host:123456/a",
    "oci://host/A",
    "oci://host/a/",
    "oci://host/a//b",
    "oci://host/-a",
    "oci://host/a-",
    "oci://host/a..b",
    "oci://host/a___b",
    "oci://host/a:",
    "oci://host/a:.x",
    "oci://host/a:b:c",
    "oci://host/a@",
    "oci://host/a@sha256:12",
    "oci://host/a@md5:" HEX64,
    "oci://user@host/a",
    "oci://host/a?b",
    "ftp://host/a",
    "file:///etc/passwd",
    "https://",
    "https:///x",
    "https://host/a b",
    "https://host/a,b",
    "https://host/a\"b",
    "https://host/a#b",
    "https://ho\xc3\xa4st/",
    "https://host/a\nb",
    "oci://host/../a",
    "https://[::1/a",
};

int main(void)
{
    struct image_name name;
    struct error err;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(image_name_parse(good[i], &name, &err) == 0, "%s is taken", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(image_name_parse(bad[i], &name, &err) < 0, "case %zu is refused", i);
    }
    ok(image_name_parse("oci://host/a:tag@sha256:" HEX64, &name, &err) == 0 && name.is_oci,
       "it is an OCI name");
    is_text(name.digest, "sha256:" HEX64, "its digest is read");
    ok(image_name_parse("http://host/a", &name, &err) == 0 && name.is_plain_http && !name.is_oci,
       "plain http is told");
    return done();
}
