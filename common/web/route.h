// SPDX-License-Identifier: Apache-2.0
#pragma once

// The route table, prepared for matching. A literal segment goes before an argument, an argument before
// "{rest*}"; a single slash at the end of a path does not matter. Threads: plain data.

#include "web/target.h"
#include "web/web.h"

enum { ROUTE_ARGS_MAX = 8 };

struct route_table;

struct route_match {
    const struct web_route *route; // NULL: none
    size_t index;                  // of the route in the table
    struct {
        const char *name;
        size_t name_length;
        const char *value;
    } args[ROUTE_ARGS_MAX];
    size_t arg_count;
    char *rest; // owned: what {rest*} took
};

// Refuses a pattern that does not start with "/", is too long, or has a "{rest*}" before its end. Borrows `routes`.
struct route_table *route_table_new(const struct web_route *routes, size_t count, struct error *err);
struct route_table *route_table_free(struct route_table *table);

// 0, or ERROR_NOT_FOUND, or ERROR_METHOD: then `ret_allow` is a list for the Allow header that the caller frees.
int route_find(const struct route_table *table, const char *method, const struct target *target,
               struct route_match *ret_match, char **ret_allow, struct error *err);
const char *route_match_arg(const struct route_match *match, const char *name);
void route_match_fini(struct route_match *match);
