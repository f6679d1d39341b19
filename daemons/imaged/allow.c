// SPDX-License-Identifier: Apache-2.0
// The allow list and the registries' rules. Filled by config.c, asked by the handlers before
// anything else, and by registry.c for every URL on the way.

#include "allow.h"

#include "base/cleanup.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "reference.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known_registry {
    const char *pattern;
    const char *hosts[6];
};

// Where the two big public registries send their clients. An operator's own section adds to it.
static const struct known_registry known[] = {
    {"ghcr.io", {"pkg-containers.githubusercontent.com"}},
    {"docker.io",
     {"auth.docker.io", "production.cloudflare.docker.com", "*.cloudflarestorage.com"}},
};

static const struct registry_rule default_rule = {.pattern = ""};

static bool host_part_is_valid(const char *text, size_t length)
{
    if (length > 2 && text[0] == '*' && text[1] == '.') {
        text += 2;
        length -= 2;
    }
    if (length == 0 || length > 255) {
        return false;
    }
    bool bracketed = text[0] == '[' && text[length - 1] == ']';
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool fits = bracketed ? strchr("[]:", c) || isxdigit((unsigned char)c)
                              : isalnum((unsigned char)c) || c == '-' || c == '.';
        if (!c || !fits) {
            return false;
        }
    }
    return bracketed || (text[0] != '.' && text[length - 1] != '.');
}

static bool port_part_is_valid(const char *text)
{
    if (strcmp(text, "*") == 0) {
        return true;
    }
    size_t length = strspn(text, "0123456789");
    return length > 0 && length <= 5 && text[length] == '\0' && strtoul(text, NULL, 10) - 1 < 65535;
}

// Where the host ends and ":port" may begin; a colon within brackets is part of the host.
static size_t host_length(const char *text)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(bracket ? bracket : text, ':');
    return colon ? (size_t)(colon - text) : strlen(text);
}

static int pattern_make(const char *item, char pattern[ALLOW_PATTERN_SIZE], struct error *err)
{
    size_t length = strlen(item);
    size_t host = host_length(item);
    if (length >= ALLOW_PATTERN_SIZE || !host_part_is_valid(item, host) ||
        (item[host] && !port_part_is_valid(item + host + 1))) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "\"%.100s\" is not host[:port] (no scheme, no path; a port may be \"*\")",
                         item);
    }
    for (size_t i = 0; i <= length; i++) {
        pattern[i] = (char)tolower((unsigned char)item[i]);
    }
    if (strcmp(pattern, "index.docker.io") == 0 || strcmp(pattern, "registry-1.docker.io") == 0) {
        memcpy(pattern, "docker.io", sizeof("docker.io"));
    }
    return 0;
}

static unsigned port_of(const char *text, size_t host, unsigned default_port)
{
    return text[host] ? (unsigned)strtoul(text + host + 1, NULL, 10) : default_port;
}

static bool names_match(const char *pattern, size_t pattern_length, const char *host, size_t length)
{
    if (pattern[0] == '*') {
        pattern++; // ".domain" has to be the end of it
        pattern_length--;
        return length > pattern_length &&
               memcmp(host + length - pattern_length, pattern, pattern_length) == 0;
    }
    return length == pattern_length && memcmp(host, pattern, length) == 0;
}

static bool pattern_matches(const char *pattern, const char *host, unsigned default_port)
{
    size_t pattern_host = host_length(pattern);
    size_t length = host_length(host);
    if (!names_match(pattern, pattern_host, host, length)) {
        return false;
    }
    if (strcmp(pattern + pattern_host, ":*") == 0) {
        return true;
    }
    return port_of(pattern, pattern_host, default_port) == port_of(host, length, default_port);
}

int allow_init(struct allow_list *list, struct error *err)
{
    *list = (struct allow_list){.registries = NULL};
    if (allow_add(list, "ghcr.io", err) < 0) {
        return -1;
    }
    list->builtin = true;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct registry_rule *rule = allow_rule(list, known[i].pattern, err);
        for (size_t j = 0; rule && known[i].hosts[j]; j++) {
            if (allow_rule_add_host(rule, known[i].hosts[j], err) < 0) {
                return -1;
            }
        }
        if (!rule) {
            return -1;
        }
    }
    return 0;
}

void allow_fini(struct allow_list *list)
{
    for (size_t i = 0; i < list->rule_count; i++) {
        free(list->rules[i].ca_file);
        free(list->rules[i].hosts);
    }
    free(list->rules);
    free(list->registries);
    *list = (struct allow_list){.registries = NULL};
}

static int append_pattern(char (**list)[ALLOW_PATTERN_SIZE], size_t *count, size_t max,
                          const char *item, struct error *err)
{
    char pattern[ALLOW_PATTERN_SIZE];
    if (pattern_make(item, pattern, err) < 0) {
        return -1;
    }
    if (*count >= max) {
        return error_set(err, ERROR_TOO_LARGE, "more than %zu hosts in a list", max);
    }
    void *longer = realloc(*list, (*count + 1) * sizeof(**list));
    if (!longer) {
        return error_set(err, ERROR_IO, "no memory");
    }
    *list = longer;
    memcpy((*list)[*count], pattern, sizeof(pattern));
    (*count)++;
    return 0;
}

void allow_clear(struct allow_list *list)
{
    list->registry_count = 0;
    list->builtin = false;
}

int allow_add(struct allow_list *list, const char *item, struct error *err)
{
    if (list->builtin) {
        allow_clear(list);
    }
    return append_pattern(&list->registries, &list->registry_count, ALLOW_MAX, item, err);
}

struct registry_rule *allow_rule(struct allow_list *list, const char *pattern, struct error *err)
{
    char normal[ALLOW_PATTERN_SIZE];
    if (pattern_make(pattern, normal, err) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < list->rule_count; i++) {
        if (strcmp(list->rules[i].pattern, normal) == 0) {
            return &list->rules[i];
        }
    }
    struct registry_rule *longer =
        list->rule_count < ALLOW_MAX
            ? realloc(list->rules, (list->rule_count + 1) * sizeof(*longer))
            : NULL;
    if (!longer) {
        error_set(err, ERROR_TOO_LARGE, "too many registry sections");
        return NULL;
    }
    list->rules = longer;
    struct registry_rule *rule = &list->rules[list->rule_count++];
    *rule = (struct registry_rule){.http = false};
    memcpy(rule->pattern, normal, sizeof(normal));
    return rule;
}

int allow_rule_add_host(struct registry_rule *rule, const char *host, struct error *err)
{
    return append_pattern(&rule->hosts, &rule->host_count, ALLOW_HOSTS_MAX, host, err);
}

int allow_check(const struct allow_list *list, const char *host, struct error *err)
{
    unsigned default_port = allow_rule_for(list, host)->http ? 80 : 443;
    for (size_t i = 0; i < list->registry_count; i++) {
        if (pattern_matches(list->registries[i], host, default_port)) {
            return 0;
        }
    }
    return error_set(err, ERROR_FORBIDDEN, "registry %s is not allowed%s", host,
                     list->builtin ? " (only ghcr.io is, unless allowed_registries says otherwise)"
                                   : "");
}

const struct registry_rule *allow_rule_for(const struct allow_list *list, const char *host)
{
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct registry_rule *rule = &list->rules[i];
        if (pattern_matches(rule->pattern, host, rule->http ? 80 : 443)) {
            return rule;
        }
    }
    return &default_rule;
}

// Docker Hub is called docker.io and answers on another name.
static const char *contact_host(const char *host)
{
    return strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;
}

int allow_origin(const struct allow_list *list, const char *host, const struct url_origin *origin,
                 struct error *err)
{
    const struct registry_rule *rule = allow_rule_for(list, host);
    unsigned scheme_port = strcmp(origin->scheme, "http") == 0 ? 80 : 443;
    char text[ALLOW_PATTERN_SIZE];
    snprintf(text, sizeof(text), "%s:%u", origin->host, origin->port);
    bool found = pattern_matches(contact_host(host), text, rule->http ? 80 : 443);
    for (size_t i = 0; !found && i < rule->host_count; i++) {
        found = pattern_matches(rule->hosts[i], text, scheme_port);
    }
    if (!found) {
        return error_set(err, ERROR_FORBIDDEN,
                         "registry %s sends us to %s, which its section does not name in \"hosts\"",
                         host, text);
    }
    if (scheme_port == 80 && !rule->http) {
        return error_set(err, ERROR_FORBIDDEN, "registry %s sends us to plain http", host);
    }
    return rule->private_addresses ? FETCH_ALLOW_PRIVATE : 0;
}

void allow_base_url(const struct allow_list *list, const char *host, char *text, size_t size)
{
    snprintf(text, size, "%s://%s", allow_rule_for(list, host)->http ? "http" : "https",
             contact_host(host));
}
