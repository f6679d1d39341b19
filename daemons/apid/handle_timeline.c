// SPDX-License-Identifier: Apache-2.0

#include "handle_timeline.h"

#include "apid.h"
#include "base/json.h"
#include "machine_json.h"
#include "mask.h"
#include "query.h"
#include "store/machine.h"
#include "store/store.h"
#include "store/timeline.h"
#include "waiters.h"
#include "web/web.h"

enum { LIST_DEFAULT = 100, LIST_MAX = 1000, WAIT_MAX_S = 30 };

struct page {
    json_t *events;
    int64_t last;
};

static int add_event(void *context, const struct timeline_event *event, struct error *err)
{
    struct page *page = context;
    json_t *data = event->data ? json_loads(event->data, 0, NULL) : NULL;
    json_t *shown = json_pack("{s:I, s:o, s:s, s:s, s:o, s:s?, s:o}", "seq", (json_int_t)event->seq,
                              "time", time_to_json(event->time_ms), "source", event->source, "kind",
                              event->kind, "text", mask_text(event->text ? event->text : ""),
                              "deployment", event->deployment, "data", data ? data : json_null());
    page->last = event->seq;
    return json_array_append_new(page->events, shown) < 0
               ? error_set(err, ERROR_IO, "out of memory")
               : 0;
}

json_t *timeline_page(struct apid *apid, int64_t machine_id, int64_t after, unsigned limit,
                      size_t *ret_count, struct error *err)
{
    CLEANUP_JSON json_t *events = json_array();
    struct page page = {.events = events, .last = after};
    if (timeline_list(store_reader(apid->store), machine_id, after, limit, add_event, &page, err) <
        0) {
        return NULL;
    }
    *ret_count = json_array_size(events);
    return json_pack("{s:O, s:I}", "events", events, "next", (json_int_t)page.last);
}

void handle_timeline_get(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct machine machine;
    int64_t after = 0;
    int64_t limit = 0;
    int64_t wait_s = 0;
    if (query_number(request, "after", 0, INT64_MAX, 0, &after, &err) < 0 ||
        query_number(request, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit, &err) < 0 ||
        query_number(request, "wait", 0, WAIT_MAX_S, 0, &wait_s, &err) < 0 ||
        query_machine(apid, request, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    int64_t machine_id = machine.id;
    machine_fini(&machine);
    size_t count = 0;
    json_t *page = timeline_page(apid, machine_id, after, (unsigned)limit, &count, &err);
    if (!page) {
        web_reply_error(request, &err);
        return;
    }
    if (count == 0 && wait_s > 0 && !web_is_head(request) &&
        waiters_add(apid->waiters, request, machine_id, after, (unsigned)limit, wait_s * 1000)) {
        json_decref(page);
        return;
    }
    web_reply_json(request, 200, page);
}
