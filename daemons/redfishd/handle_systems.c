// SPDX-License-Identifier: Apache-2.0

#include "handle_systems.h"

#include "message.h"
#include "power.h"
#include "redfishd.h"

#include "base/json.h"
#include "service/service.h"
#include "store/machine.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>

// Redfish collections are whole here: a yard has at most some thousand machines.
enum { SYSTEMS_PAGE = 1000 };

struct member_list {
    json_t *members;
    char last[MACHINE_NAME_SIZE];
    unsigned in_page;
};

static int member_add(void *context, const struct machine *machine, struct error *err)
{
    struct member_list *list = context;
    char path[128];
    (void)snprintf(path, sizeof(path), "/redfish/v1/Systems/%s", machine->name);
    (void)snprintf(list->last, sizeof(list->last), "%s", machine->name);
    list->in_page++;
    if (json_array_append_new(list->members, json_pack("{s:s}", "@odata.id", path)) < 0) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    return 0;
}

void handle_systems(struct web_request *request, void *context)
{
    struct redfishd *daemon = context;
    CLEANUP_JSON json_t *members = json_array();
    struct member_list list = {.members = members};
    struct error err;
    do {
        list.in_page = 0;
        if (machine_list(store_reader(daemon->store), list.last, SYSTEMS_PAGE, member_add, &list, &err) < 0) {
            message_reply_error(request, &err);
            return;
        }
    } while (list.in_page == SYSTEMS_PAGE);
    message_reply_resource(
        request, json_pack("{s:s,s:s,s:s,s:I,s:O}", "@odata.type",
                           "#ComputerSystemCollection.ComputerSystemCollection", "@odata.id",
                           "/redfish/v1/Systems", "Name", "Systems", "Members@odata.count",
                           (json_int_t)json_array_size(members), "Members", members));
}

// Asking a driver may block: the machine's row is copied here and the driver asked on a pool thread.
struct system_query {
    struct redfishd_config *config; // a reference
    struct web_request *request;
    struct machine machine;
    json_t *power;
    bool power_known, on;
};

static void query_free(struct system_query *query)
{
    redfishd_config_unref(query->config);
    machine_fini(&query->machine);
    json_decref(query->power);
    free(query);
}

static void query_run(void *context)
{
    struct system_query *query = context;
    struct power_target target = {.config = query->config,
                                  .run_dir = query->config->common.run_dir,
                                  .settings = query->power};
    const struct power_driver *driver = power_driver_find(&target, NULL);
    query->power_known = driver && driver->is_on(&target, &query->on, NULL) == 0;
}

static json_t *boot_object(void)
{
    return json_pack("{s:s,s:s,s:s}", "BootSourceOverrideEnabled", "Disabled", "BootSourceOverrideTarget",
                     "None", "BootSourceOverrideMode", "UEFI");
}

static json_t *reset_action(const char *path)
{
    char target[256];
    (void)snprintf(target, sizeof(target), "%s/Actions/ComputerSystem.Reset", path);
    return json_pack("{s:{s:s,s:[ssssss]}}", "#ComputerSystem.Reset", "target", target,
                     "ResetType@Redfish.AllowableValues", "On", "ForceOff", "GracefulShutdown", "ForceRestart",
                     "GracefulRestart", "PowerCycle");
}

static void query_done(void *context)
{
    struct system_query *query = context;
    const struct machine *machine = &query->machine;
    char path[128];
    (void)snprintf(path, sizeof(path), "/redfish/v1/Systems/%s", machine->name);
    json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:o,s:o}", "@odata.type",
                             "#ComputerSystem.v1_20_0.ComputerSystem", "@odata.id", path, "Id", machine->name,
                             "Name", machine->name, "SystemType", "Physical", "Status", "State", "Enabled",
                             "Boot", boot_object(), "Actions", reset_action(path));
    if (machine->has_uuid) {
        char uuid[UUID_TEXT_SIZE];
        uuid_format(&machine->uuid, uuid);
        (void)json_object_set_new(body, "UUID", json_string(uuid));
    }
    if (machine->serial[0] != '\0') {
        (void)json_object_set_new(body, "SerialNumber", json_string(machine->serial));
    }
    (void)json_object_set_new(body, "PowerState",
                              query->power_known ? json_string(query->on ? "On" : "Off") : json_null());
    message_reply_resource(query->request, body);
    query_free(query);
}

void handle_system(struct web_request *request, void *context)
{
    struct redfishd *daemon = context;
    struct system_query *query = calloc(1, sizeof(*query));
    struct error err;
    if (!query) {
        (void)error_set(&err, ERROR_IO, "out of memory");
        message_reply_error(request, &err);
        return;
    }
    query->config = redfishd_config_ref(daemon->config);
    query->request = request;
    int result = machine_by_name(store_reader(daemon->store), web_arg(request, "system"), &query->machine, &err);
    if (result == 0) {
        query->power = json_loads(query->machine.power ? query->machine.power : "{}", 0, NULL);
        result = service_work(daemon->service, query_run, query_done, query, &err);
    }
    if (result < 0) {
        message_reply_error(request, &err);
        query_free(query);
    }
}
