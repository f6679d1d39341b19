// SPDX-License-Identifier: Apache-2.0
// Finds the route of a request. Tables have some dozens of rows, so every row is looked at; the answer
// does not depend on their order.

#include "web/route.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

#include <string.h>

enum { PATTERN_SEGMENTS_MAX = 16, ALLOW_MAX = 200 };

// The higher, the more specific.
enum segment_kind { SEGMENT_REST = 1, SEGMENT_ARG = 2, SEGMENT_LITERAL = 3 };

struct pattern_segment {
    enum segment_kind kind;
    const char *text; // the literal, or the argument's name; in the pattern
    size_t length;
};

struct pattern {
    struct pattern_segment segments[PATTERN_SEGMENTS_MAX];
    size_t count;
};

struct route_table {
    const struct web_route *routes;
    struct pattern *patterns;
    size_t count;
};

static void parse_segment(const char *text, size_t length, struct pattern_segment *ret_segment)
{
    if (length < 3 || text[0] != '{' || text[length - 1] != '}') {
        *ret_segment = (struct pattern_segment){SEGMENT_LITERAL, text, length};
    } else if (text[length - 2] == '*') {
        *ret_segment = (struct pattern_segment){SEGMENT_REST, text + 1, length - 3};
    } else {
        *ret_segment = (struct pattern_segment){SEGMENT_ARG, text + 1, length - 2};
    }
}

static int parse_pattern(const char *text, struct pattern *ret_pattern, struct error *err)
{
    size_t args = 0;
    if (text[0] != '/') {
        return error_set(err, ERROR_INTERNAL, "pattern must start with \"/\": %s", text);
    }
    for (const char *position = text + 1; *position;) {
        size_t length = strcspn(position, "/");
        bool after_rest = ret_pattern->count > 0 &&
                          ret_pattern->segments[ret_pattern->count - 1].kind == SEGMENT_REST;
        if (length == 0 || ret_pattern->count >= PATTERN_SEGMENTS_MAX || after_rest) {
            return error_set(err, ERROR_INTERNAL, "bad pattern: %s", text);
        }
        struct pattern_segment *segment = &ret_pattern->segments[ret_pattern->count++];
        parse_segment(position, length, segment);
        args += segment->kind != SEGMENT_LITERAL;
        position += length;
        position += *position == '/';
    }
    return args <= ROUTE_ARGS_MAX ? 0 : error_set(err, ERROR_INTERNAL, "too many arguments: %s", text);
}

struct route_table *route_table_new(const struct web_route *routes, size_t count, struct error *err)
{
    struct route_table *table = calloc(1, sizeof(*table));
    struct pattern *patterns = calloc(count ? count : 1, sizeof(*patterns));
    if (!table || !patterns) {
        free(table);
        free(patterns);
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    *table = (struct route_table){.routes = routes, .patterns = patterns, .count = count};
    for (size_t i = 0; i < count; i++) {
        if (parse_pattern(routes[i].pattern, &patterns[i], err) < 0) {
            return route_table_free(table);
        }
    }
    return table;
}

struct route_table *route_table_free(struct route_table *table)
{
    if (table) {
        free(table->patterns);
        free(table);
    }
    return NULL;
}

static bool pattern_matches(const struct pattern *pattern, const struct target *target)
{
    for (size_t i = 0; i < pattern->count; i++) {
        const struct pattern_segment *segment = &pattern->segments[i];
        if (i >= target->segment_count) {
            return false;
        }
        if (segment->kind == SEGMENT_REST) {
            return true;
        }
        const char *text = target->segments[i];
        if (segment->kind == SEGMENT_LITERAL &&
            (strncmp(text, segment->text, segment->length) != 0 || text[segment->length] != '\0')) {
            return false;
        }
    }
    return pattern->count == target->segment_count;
}

// Positive if `a` is more specific than `b`; both match the same path.
static int pattern_compare(const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (a->segments[i].kind != b->segments[i].kind) {
            return (int)a->segments[i].kind - (int)b->segments[i].kind;
        }
    }
    return 0;
}

// Index of the best row for a method, or the table's count.
static size_t find_best(const struct route_table *table, const char *method, const struct target *target)
{
    size_t best = table->count;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->routes[i].method, method) != 0 || !pattern_matches(&table->patterns[i], target)) {
            continue;
        }
        if (best == table->count || pattern_compare(&table->patterns[i], &table->patterns[best]) > 0) {
            best = i;
        }
    }
    return best;
}

static bool allow_has(const char *list, const char *method)
{
    size_t length = strlen(method);
    for (const char *position = list; (position = strstr(position, method)); position += length) {
        bool starts = position == list || position[-1] == ' ';
        if (starts && (position[length] == '\0' || position[length] == ',')) {
            return true;
        }
    }
    return false;
}

static void allow_add(struct strbuf *list, const char *method)
{
    if (!allow_has(strbuf_text(list), method)) {
        strbuf_printf(list, "%s%s", list->length > 0 ? ", " : "", method);
    }
}

static char *allow_list(const struct route_table *table, const struct target *target)
{
    struct strbuf list;
    strbuf_init(&list, ALLOW_MAX);
    for (size_t i = 0; i < table->count; i++) {
        if (!pattern_matches(&table->patterns[i], target)) {
            continue;
        }
        allow_add(&list, table->routes[i].method);
        if (strcmp(table->routes[i].method, "GET") == 0) {
            allow_add(&list, "HEAD");
        }
    }
    char *text = list.length > 0 ? strbuf_take(&list) : NULL;
    strbuf_fini(&list);
    return text;
}

// The segments from `first` on, with slashes between them again.
static char *join_rest(const struct target *target, size_t first)
{
    struct strbuf rest;
    strbuf_init(&rest, TARGET_MAX);
    for (size_t i = first; i < target->segment_count; i++) {
        strbuf_printf(&rest, "%s%s", i > first ? "/" : "", target->segments[i]);
    }
    if (target->trailing_slash) {
        strbuf_puts(&rest, "/");
    }
    char *text = strbuf_take(&rest);
    strbuf_fini(&rest);
    return text;
}

static int fill_match(const struct route_table *table, size_t index, const struct target *target,
                      struct route_match *ret_match, struct error *err)
{
    const struct pattern *pattern = &table->patterns[index];
    struct route_match match = {.route = &table->routes[index], .index = index};
    for (size_t i = 0; i < pattern->count; i++) {
        const struct pattern_segment *segment = &pattern->segments[i];
        if (segment->kind == SEGMENT_LITERAL) {
            continue;
        }
        const char *value = target->segments[i];
        if (segment->kind == SEGMENT_REST) {
            match.rest = join_rest(target, i);
            if (!match.rest) {
                return error_set(err, ERROR_IO, "out of memory");
            }
            value = match.rest;
        }
        match.args[match.arg_count].name = segment->text;
        match.args[match.arg_count].name_length = segment->length;
        match.args[match.arg_count++].value = value;
    }
    *ret_match = match;
    return 0;
}

int route_find(const struct route_table *table, const char *method, const struct target *target,
               struct route_match *ret_match, char **ret_allow, struct error *err)
{
    size_t index = find_best(table, method, target);
    if (index == table->count && strcmp(method, "HEAD") == 0) {
        index = find_best(table, "GET", target);
    }
    if (index < table->count) {
        return fill_match(table, index, target, ret_match, err);
    }
    CLEANUP_FREE char *allow = allow_list(table, target);
    if (!allow) {
        return error_set(err, ERROR_NOT_FOUND, "there is nothing at this path");
    }
    int result = error_set(err, ERROR_METHOD, "this path takes %s", allow);
    *ret_allow = TAKE_PTR(allow);
    return result;
}

const char *route_match_arg(const struct route_match *match, const char *name)
{
    for (size_t i = 0; i < match->arg_count; i++) {
        if (strlen(name) == match->args[i].name_length &&
            memcmp(name, match->args[i].name, match->args[i].name_length) == 0) {
            return match->args[i].value;
        }
    }
    return NULL;
}

void route_match_fini(struct route_match *match)
{
    free(match->rest);
    *match = (struct route_match){0};
}
