// SPDX-License-Identifier: Apache-2.0
// target.c and route.c: method and URL from the wire. Nothing that was taken contains a control character or "..".

#include "base/cleanup.h"
#include "web/route.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void no_handler(struct web_request *request, void *context)
{
}

static const struct web_route routes[] = {
    {"GET", "/", 0, 0, no_handler, ""},
    {"GET", "/v1/machines/{name}", 0, 0, no_handler, ""},
    {"PUT", "/v1/machines/{name}", 0, 0, no_handler, ""},
    {"GET", "/v1/{a}/{b}/timeline", 0, 0, no_handler, ""},
    {"HEAD", "/v1/{rest*}", 0, 0, no_handler, ""},
};

static void check_segment(const char *segment)
{
    for (const char *position = segment; *position; position++) {
        if ((unsigned char)*position < 0x20 || *position == 0x7f) {
            abort();
        }
    }
    if (*segment == '\0' || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *text = strndup((const char *)bytes, length);
    struct target target = {0};
    struct route_match match = {0};
    CLEANUP_FREE char *allow = NULL;
    const char *method = length % 2 ? "GET" : "HEAD";
    if (text && target_parse(text, &target, NULL) == 0) {
        for (size_t i = 0; i < target.segment_count; i++) {
            check_segment(target.segments[i]);
        }
        struct route_table *table = route_table_new(routes, sizeof(routes) / sizeof(routes[0]), NULL);
        if (table && route_find(table, method, &target, &match, &allow, NULL) == 0) {
            (void)route_match_arg(&match, "name");
        }
        (void)route_table_free(table);
    }
    route_match_fini(&match);
    target_fini(&target);
    return 0;
}
