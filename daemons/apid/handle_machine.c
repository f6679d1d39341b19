// SPDX-License-Identifier: Apache-2.0

#include "handle_machine.h"

#include "apid.h"
#include "base/json.h"
#include "change.h"
#include "machine_json.h"
#include "query.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 500 };

struct machine_change {
    struct change change; // first
    struct machine machine;
    bool created;
};

// The machine with its newest deployment; NULL only when something is broken.
static json_t *show_machine(struct apid *apid, const struct machine *machine, struct error *err)
{
    struct deployment current;
    int result = deployment_current(store_reader(apid->store), machine->id, &current, err);
    if (result < 0) {
        return err->code == ERROR_NOT_FOUND ? machine_to_json(machine, NULL) : NULL;
    }
    json_t *shown = machine_to_json(machine, &current);
    deployment_fini(&current);
    return shown;
}

struct listing {
    struct machine machines[LIST_MAX + 1];
    size_t count;
};

static int collect(void *context, const struct machine *machine, struct error *err)
{
    struct listing *listing = context;
    if (listing->count > LIST_MAX) {
        return 0;
    }
    // The texts are borrowed for the call only.
    struct machine copy = *machine;
    copy.labels = machine->labels ? strdup(machine->labels) : NULL;
    copy.power = machine->power ? strdup(machine->power) : NULL;
    listing->machines[listing->count++] = copy;
    if ((machine->labels && !copy.labels) || (machine->power && !copy.power)) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    return 0;
}

static void listing_free(struct listing **listing)
{
    for (size_t i = 0; *listing && i < (*listing)->count; i++) {
        machine_fini(&(*listing)->machines[i]);
    }
    free(*listing);
}

static json_t *show_listing(struct apid *apid, const struct listing *listing, size_t limit,
                            struct error *err)
{
    CLEANUP_JSON json_t *machines = json_array();
    size_t shown = listing->count < limit ? listing->count : limit;
    for (size_t i = 0; i < shown; i++) {
        if (json_array_append_new(machines, show_machine(apid, &listing->machines[i], err)) < 0) {
            return NULL;
        }
    }
    const char *next = listing->count > shown ? listing->machines[shown - 1].name : NULL;
    return json_pack("{s:O, s:s?}", "machines", machines, "next", next);
}

void handle_machine_list(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    int64_t limit = 0;
    const char *after = web_query(request, "after");
    if (query_number(request, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    CLEANUP(listing_free) struct listing *listing = calloc(1, sizeof(*listing));
    int result = listing ? machine_list(store_reader(apid->store), after ? after : "",
                                        (unsigned)limit + 1, collect, listing, &err)
                         : error_set(&err, ERROR_IO, "out of memory");
    json_t *reply = result == 0 ? show_listing(apid, listing, (size_t)limit, &err) : NULL;
    if (!reply) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200, reply);
}

void handle_machine_get(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct machine machine;
    if (query_machine(apid, request, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    json_t *reply = show_machine(apid, &machine, &err);
    machine_fini(&machine);
    web_reply_json(request, 200, reply);
}

static void machine_change_free(struct change *change)
{
    struct machine_change *put = (struct machine_change *)change;
    machine_fini(&put->machine);
    free(put);
}

static int put_run(struct store_conn *conn, struct change *change, struct error *err)
{
    struct machine_change *put = (struct machine_change *)change;
    return machine_put(conn, &put->machine, &put->created, err);
}

static void put_reply(struct change *change)
{
    struct machine_change *put = (struct machine_change *)change;
    struct error err = {0};
    struct machine stored;
    // As the DB has it now: with its id, times and what was kept.
    if (machine_by_name(store_reader(change->apid->store), put->machine.name, &stored, &err) < 0) {
        web_reply_error(change->request, &err);
        return;
    }
    json_t *reply = show_machine(change->apid, &stored, &err);
    machine_fini(&stored);
    web_reply_json(change->request, put->created ? 201 : 200, reply);
}

void handle_machine_put(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    CLEANUP_JSON json_t *document = web_body_json(request, &err);
    const char *name = web_arg(request, "name");
    struct machine machine;
    if (!document || machine_from_json(name, document, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    struct machine_change *put = calloc(1, sizeof(*put));
    if (!put) {
        machine_fini(&machine);
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    put->machine = machine;
    change_init(&put->change, apid, request, "machine.put", name);
    put->change.run = put_run;
    put->change.reply = put_reply;
    put->change.free = machine_change_free;
    change_start(&put->change);
}

static int delete_run(struct store_conn *conn, struct change *change, struct error *err)
{
    return machine_delete(conn, change->object, err);
}

static void delete_reply(struct change *change)
{
    web_reply_empty(change->request, 204);
}

void handle_machine_delete(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct machine machine;
    if (query_machine(apid, request, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    struct machine_change *removal = calloc(1, sizeof(*removal));
    if (!removal) {
        machine_fini(&machine);
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    removal->machine = machine;
    change_init(&removal->change, apid, request, "machine.delete", machine.name);
    removal->change.run = delete_run;
    removal->change.reply = delete_reply;
    removal->change.free = machine_change_free;
    change_start(&removal->change);
}
