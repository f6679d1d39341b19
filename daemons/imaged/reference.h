// SPDX-License-Identifier: Apache-2.0
#pragma once

// Image references as people and other tools write them: [host[:port]/]repository[:tag][@digest].
// The parse decides which registry is contacted, so there is one parser, and what it yields is
// already in the one spelling that the allow list compares and the registry client connects to.
// Threads: any; plain data.
//
// The first segment is a host if it has a '.', a ':' or an upper-case letter, or is "localhost",
// and something follows it; else the registry is Docker Hub, whose one-segment repositories lie
// under "library/". Host names are lower-cased. docker.io, index.docker.io and registry-1.docker.io
// are one registry, "docker.io".

#include "base/bytes.h"
#include "base/error.h"

enum {
    REFERENCE_HOST_SIZE = 272, // 255, ":" and a port, NUL
    REFERENCE_REPOSITORY_SIZE = 256,
    REFERENCE_TAG_SIZE = 129,
    REFERENCE_TEXT_SIZE = 768,
};

struct reference {
    char host[REFERENCE_HOST_SIZE];             // as compared and contacted, "host" or "host:port"
    char repository[REFERENCE_REPOSITORY_SIZE]; // without the host
    char tag[REFERENCE_TAG_SIZE];               // "" if none was given
    char digest[DIGEST_TEXT_SIZE];              // "" if none was given; wins over the tag
};

// Errors are ERROR_UNPROCESSABLE with what is wrong.
int reference_parse(const char *text, struct reference *ret_reference, struct error *err);

// The name part of a /v2/ path, host first. There a port may be written "_5000" as well, because
// clients such as skopeo take no ':' within a path. No tag, no digest.
int reference_parse_name(const char *name, struct reference *ret_reference, struct error *err);

// Tag or digest of a /v2/…/manifests/ path.
int reference_set_version(struct reference *reference, const char *version, struct error *err);

// What is asked of the registry: the digest, else the tag, else "latest".
const char *reference_version(const struct reference *reference);

// host/repository, and with :tag and @digest. `text` has REFERENCE_TEXT_SIZE bytes.
void reference_format_name(const struct reference *reference, char *text);
void reference_format(const struct reference *reference, char *text);
