// SPDX-License-Identifier: Apache-2.0

#include "handle_report.h"

#include "apid.h"
#include "base/json.h"
#include "machine_json.h"
#include "mask.h"
#include "query.h"
#include "store/log.h"
#include "store/machine.h"
#include "store/report.h"
#include "store/store.h"
#include "web/web.h"

#include <string.h>

// A line may have 64 KiB: a page of them stays in memory until it is sent.
enum { LOG_DEFAULT = 200, LOG_MAX = 1000, KIND_MAX = 64 };

struct page {
    json_t *lines;
    int64_t last;
};

static const char *level_name(char level)
{
    switch (level) {
    case 'D':
        return "debug";
    case 'W':
        return "warning";
    case 'E':
        return "error";
    default:
        return "info";
    }
}

static int add_line(void *context, const struct log_record *record, struct error *err)
{
    struct page *page = context;
    json_t *shown =
        json_pack("{s:I, s:o, s:s, s:o, s:I}", "seq", (json_int_t)record->seq, "time",
                  time_to_json(record->time_ms), "level", level_name(record->level), "text",
                  mask_text(record->text), "attempt", (json_int_t)record->attempt_id);
    page->last = record->seq;
    return json_array_append_new(page->lines, shown) < 0 ? error_set(err, ERROR_IO, "out of memory")
                                                         : 0;
}

void handle_log_get(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct machine machine;
    int64_t after = 0;
    int64_t limit = 0;
    if (query_number(request, "after", 0, INT64_MAX, 0, &after, &err) < 0 ||
        query_number(request, "limit", 1, LOG_MAX, LOG_DEFAULT, &limit, &err) < 0 ||
        query_machine(apid, request, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    CLEANUP_JSON json_t *lines = json_array();
    struct page page = {.lines = lines, .last = after};
    int result = log_list(store_logs_reader(apid->store), machine.id, after, (unsigned)limit,
                          add_line, &page, &err);
    machine_fini(&machine);
    if (result < 0) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200,
                   json_pack("{s:O, s:I}", "lines", lines, "next", (json_int_t)page.last));
}

static int find_report(struct apid *apid, struct web_request *request, json_t **ret_reply,
                       struct error *err)
{
    struct machine machine;
    int result = query_machine(apid, request, &machine, err);
    if (result < 0) {
        return result;
    }
    machine_fini(&machine);
    const char *kind = web_arg(request, "kind");
    size_t length = strlen(kind);
    if (length > KIND_MAX || strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != length) {
        return error_set(err, ERROR_NOT_FOUND, "there is no such kind of report");
    }
    CLEANUP_FREE char *text = NULL;
    int64_t time_ms = 0;
    result = report_latest(store_reader(apid->store), machine.id, kind, &text, &time_ms, err);
    if (result < 0) {
        return err->code == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "the machine has not reported its %s yet",
                               kind)
                   : result;
    }
    CLEANUP_JSON json_t *report = json_loads(text, JSON_DECODE_ANY, NULL);
    *ret_reply = json_pack("{s:s, s:o, s:O?}", "kind", kind, "time", time_to_json(time_ms),
                           "report", report);
    return 0;
}

void handle_report_get(struct web_request *request, void *context)
{
    struct error err = {0};
    json_t *reply = NULL;
    if (find_report(context, request, &reply, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200, reply);
}
