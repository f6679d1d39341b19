// SPDX-License-Identifier: Apache-2.0
// yardctl machine: the register of machines.

#include "api.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "yardctl.h"

#include <getopt.h>
#include <string.h>

static const char put_usage[] =
    "machine put NAME [--mac MAC]... [--uuid UUID] [--serial S] [--arch amd64|arm64] "
    "[--label KEY=VALUE]... [--power JSON] [--file FILE]";

// KEY=VALUE into the object member `name` of `document`.
static int add_pair(json_t *document, const char *name, const char *pair, struct error *err)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair) {
        return error_set(err, ERROR_BAD_REQUEST, "\"%s\" is not KEY=VALUE", pair);
    }
    json_t *object = json_object_get(document, name);
    if (!object) {
        object = json_object();
        (void)json_object_set_new(document, name, object);
    }
    CLEANUP_FREE char *key = strndup(pair, (size_t)(equals - pair));
    return json_object_set_new(object, key ? key : "", json_string(equals + 1)) < 0
               ? error_set(err, ERROR_BAD_REQUEST, "%s: not UTF-8", name)
               : 0;
}

static int add_mac(json_t *document, const char *mac)
{
    json_t *interfaces = json_object_get(document, "interfaces");
    if (!interfaces) {
        interfaces = json_array();
        (void)json_object_set_new(document, "interfaces", interfaces);
    }
    return json_array_append_new(interfaces, json_pack("{s:s}", "mac", mac));
}

static int add_json(json_t *document, const char *name, const char *text, struct error *err)
{
    json_error_t where;
    json_t *value = json_loads(text, 0, &where);
    if (!value) {
        return error_set(err, ERROR_BAD_REQUEST, "--%s: not JSON: %s", name, where.text);
    }
    return json_object_set_new(document, name, value);
}

// What `machine get` shows beside the members that PUT takes, and the nulls of those that are not
// set: so that its output can be edited and given back.
static void drop_shown_only(json_t *document)
{
    static const char *const names[] = {"name",    "enrolled", "deployment",
                                        "created", "updated",  "last_seen"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)json_object_del(document, names[i]);
    }
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(document, next, key, value)
    {
        if (json_is_null(value)) {
            (void)json_object_del(document, key);
        }
    }
}

static int load_file(json_t **document, const char *path, struct error *err)
{
    json_error_t where;
    json_t *loaded =
        strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &where) : json_load_file(path, 0, &where);
    if (!json_is_object(loaded)) {
        json_decref(loaded);
        return error_set(err, ERROR_BAD_REQUEST, "%s: not a JSON object: %s", path,
                         loaded ? "" : where.text);
    }
    drop_shown_only(loaded);
    json_decref(*document);
    *document = loaded;
    return 0;
}

static int put_option(json_t **document, int option, const char *value, struct error *err)
{
    switch (option) {
    case 'm':
        return add_mac(*document, value);
    case 'u':
        return json_object_set_new(*document, "uuid", json_string(value));
    case 's':
        return json_object_set_new(*document, "serial", json_string(value));
    case 'a':
        return json_object_set_new(*document, "arch", json_string(value));
    case 'l':
        return add_pair(*document, "labels", value, err);
    case 'p':
        return add_json(*document, "power", value, err);
    case 'f':
        return load_file(document, value, err);
    default:
        return usage_error(err, put_usage);
    }
}

int cmd_machine_put(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        {"mac", required_argument, NULL, 'm'},    {"uuid", required_argument, NULL, 'u'},
        {"serial", required_argument, NULL, 's'}, {"arch", required_argument, NULL, 'a'},
        {"label", required_argument, NULL, 'l'},  {"power", required_argument, NULL, 'p'},
        {"file", required_argument, NULL, 'f'},   {0},
    };
    CLEANUP_JSON json_t *document = json_object();
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int result = put_option(&document, option, optarg, err);
        if (result != 0) {
            return result > 0 ? result : EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        return usage_error(err, put_usage);
    }
    CLEANUP_FREE char *path = api_path("machines", argv[optind], "");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "PUT", path, document, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    if (ctl->json) {
        api_print(reply);
    } else {
        printf("machine %s is registered\n", api_text(reply, "name"));
    }
    return 0;
}

int cmd_machine_get(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "machine get NAME");
    }
    CLEANUP_FREE char *path = api_path("machines", argv[1], "");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "GET", path, NULL, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    api_print(reply);
    return 0;
}

static void print_machine(const json_t *machine)
{
    const json_t *interface = json_array_get(json_object_get(machine, "interfaces"), 0);
    const json_t *deployment = json_object_get(machine, "deployment");
    printf("%-24s %-6s %-18s %-12s %s\n", api_text(machine, "name"), api_text(machine, "arch"),
           api_text(interface, "mac"), api_text(deployment, "state"),
           api_text(machine, "last_seen"));
}

int cmd_machine_list(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 1) {
        return usage_error(err, "machine list");
    }
    CLEANUP_JSON json_t *all = json_array();
    CLEANUP_FREE char *after = strdup("");
    while (after) {
        // Names are made of characters that a query takes as they are.
        char path[160];
        (void)snprintf(path, sizeof(path), "/v1/machines?limit=500&after=%.63s", after);
        CLEANUP_JSON json_t *reply = NULL;
        if (api_call(ctl, "GET", path, NULL, &reply, err) < 0) {
            return EXIT_FAILED;
        }
        (void)json_array_extend(all, json_object_get(reply, "machines"));
        const char *next = json_string_value(json_object_get(reply, "next"));
        free(after);
        after = next ? strdup(next) : NULL;
    }
    if (ctl->json) {
        api_print(all);
        return 0;
    }
    printf("%-24s %-6s %-18s %-12s %s\n", "NAME", "ARCH", "MAC", "DEPLOYMENT", "LAST SEEN");
    for (size_t i = 0; i < json_array_size(all); i++) {
        print_machine(json_array_get(all, i));
    }
    return 0;
}

int cmd_machine_rm(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "machine rm NAME");
    }
    CLEANUP_FREE char *path = api_path("machines", argv[1], "");
    return !path || api_call(ctl, "DELETE", path, NULL, NULL, err) < 0 ? EXIT_FAILED : 0;
}
