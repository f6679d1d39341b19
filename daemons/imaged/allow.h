// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which registries may be contacted, and what an operator said about each. Deny by default. Both
// lists hold host[:port] patterns: an exact host, "*.domain" for the names under it, and ":*" for
// any port. The comparison is on the spelling that reference.c yields, so Docker Hub's three names
// are one and a default port may be written or not. Threads: the loop's; immutable between reloads.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct url_origin;

enum { ALLOW_PATTERN_SIZE = 280, ALLOW_MAX = 256, ALLOW_HOSTS_MAX = 32 };

// One [registry HOST[:PORT]] section.
struct registry_rule {
    char pattern[ALLOW_PATTERN_SIZE];
    bool http;                         // plain HTTP; else https
    bool private_addresses;            // the registry may have a private address
    char *ca_file;                     // PEM; NULL: the system's
    char (*hosts)[ALLOW_PATTERN_SIZE]; // where else it may send us: token server, storage
    size_t host_count;
};

struct allow_list {
    char (*registries)[ALLOW_PATTERN_SIZE];
    size_t registry_count;
    bool builtin; // still the built-in list
    struct registry_rule *rules;
    size_t rule_count;
};

// With the built-in content: ghcr.io is allowed, and where ghcr.io and Docker Hub keep tokens and
// blobs is known.
int allow_init(struct allow_list *list, struct error *err);
void allow_fini(struct allow_list *list);

// Empty the list: nothing is allowed.
void allow_clear(struct allow_list *list);
// Add an item; the first one empties the built-in list. ERROR_UNPROCESSABLE for what could never
// match.
int allow_add(struct allow_list *list, const char *item, struct error *err);
// The rule of a section, made if it is new. Valid until the next call.
struct registry_rule *allow_rule(struct allow_list *list, const char *pattern, struct error *err);
int allow_rule_add_host(struct registry_rule *rule, const char *host, struct error *err);

// May `host` (of a struct reference) be contacted? ERROR_FORBIDDEN says which would be.
int allow_check(const struct allow_list *list, const char *host, struct error *err);
// What is known about it; a default rule (https, public, nothing else) if there is no section.
const struct registry_rule *allow_rule_for(const struct allow_list *list, const char *host);

// May a request that belongs to the registry `host` go to this origin? 0, FETCH_ALLOW_PRIVATE (1),
// or ERROR_FORBIDDEN.
int allow_origin(const struct allow_list *list, const char *host, const struct url_origin *origin,
                 struct error *err);

// The URL prefix of a registry, "https://host:port"; Docker Hub's differs from its name.
void allow_base_url(const struct allow_list *list, const char *host, char *text, size_t size);
