// SPDX-License-Identifier: Apache-2.0
// The families of tables: conflicts, limits, paging, what goes with a machine, and who may write
// what.

#include "tap.h"
#include "yard.h"

#include "base/cleanup.h"
#include "store/blob.h"
#include "store/log.h"
#include "store/machine.h"
#include "store/power.h"
#include "store/report.h"
#include "store/timeline.h"
#include "store/token.h"

#include <stdlib.h>

struct put {
    struct machine machine;
    bool created;
};

static int run_put(struct store_conn *conn, void *context, struct error *err)
{
    struct put *put = context;
    return machine_put(conn, &put->machine, &put->created, err);
}

static int put_machine(struct store *store, const char *name, const char *mac, const char *uuid,
                       struct error *err)
{
    struct put put = {.machine = {.arch = "amd64", .labels = NULL}};
    snprintf(put.machine.name, sizeof(put.machine.name), "%s", name);
    if (mac && mac_parse(mac, &put.machine.macs[put.machine.mac_count++], NULL) < 0) {
        bail("bad mac");
    }
    if (uuid) {
        put.machine.has_uuid = uuid_parse(uuid, &put.machine.uuid, NULL) == 0;
    }
    return store_write_now(store, run_put, &put, err);
}

static int collect_name(void *context, const struct machine *machine, struct error *err)
{
    char *names = context;
    size_t length = strlen(names);
    snprintf(names + length, 400 - length, "%s ", machine->name);
    return 0;
}

static void test_machines(struct store *store)
{
    struct error err = {0};
    ok(put_machine(store, "w1", "52:54:00:00:00:01", "11111111-1111-4111-8111-111111111111",
                   &err) == 0,
       "a machine is registered: %s", err.message);
    ok(put_machine(store, "w2", "52:54:00:00:00:02", NULL, &err) == 0, "and another");
    ok(put_machine(store, "w2", "52:54:00:00:00:01", NULL, &err) < 0 &&
           err.code == ERROR_CONFLICT && strstr(err.message, "w1"),
       "the MAC of another is a conflict that names it: %s", err.message);
    ok(put_machine(store, "w3", "52:54:00:00:00:03", "11111111-1111-4111-8111-111111111111", &err) <
               0 &&
           err.code == ERROR_CONFLICT,
       "the UUID of another is a conflict");
    ok(put_machine(store, "W3", NULL, NULL, &err) < 0 && err.code == ERROR_UNPROCESSABLE,
       "names are lower case");
    ok(put_machine(store, "a/b", NULL, NULL, &err) < 0, "a name is no path");

    struct machine machine;
    struct mac mac;
    mac_parse("52:54:00:00:00:02", &mac, NULL);
    ok(machine_by_mac(store_reader(store), &mac, &machine, &err) == 0, "found by MAC");
    is_text(machine.name, "w2", "the refused change left the machine as it was");
    int64_t id = machine.id;
    int64_t created = machine.created_ms;
    machine_fini(&machine);
    ok(put_machine(store, "w2", "52:54:00:00:00:22", NULL, &err) == 0, "a put replaces");
    ok(machine_by_name(store_reader(store), "w2", &machine, &err) == 0 && machine.id == id &&
           machine.created_ms == created && machine.mac_count == 1 &&
           machine.macs[0].bytes[5] == 0x22,
       "the same machine with its new MAC");
    machine_fini(&machine);
    ok(machine_by_mac(store_reader(store), &mac, &machine, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "the old is free");

    char names[400] = "";
    put_machine(store, "w10", NULL, NULL, &err);
    ok(machine_list(store_reader(store), "", 2, collect_name, names, &err) == 0, "list");
    is_text(names, "w1 w10 ", "two in name order");
    names[0] = '\0';
    machine_list(store_reader(store), "w10", 1000, collect_name, names, &err);
    is_text(names, "w2 ", "the rest after the last name");
}

struct enrol {
    struct mac mac;
    struct machine machine;
};

static int run_enrol(struct store_conn *conn, void *context, struct error *err)
{
    struct enrol *enrol = context;
    return machine_enrol(conn, &enrol->mac, NULL, 2, 3, &enrol->machine, err);
}

static void test_enrolment(struct store *store)
{
    struct error err = {0};
    struct enrol enrol = {.mac = {{2, 0, 0, 0, 0, 1}}};
    ok(store_write_now(store, run_enrol, &enrol, &err) == 0, "enrolled: %s", err.message);
    is_text(enrol.machine.name, "discovered-020000000001", "named by its MAC");
    enrol.mac.bytes[5] = 2;
    ok(store_write_now(store, run_enrol, &enrol, &err) == 0, "and a second");
    enrol.mac.bytes[5] = 3;
    ok(store_write_now(store, run_enrol, &enrol, &err) < 0 && err.code == ERROR_TOO_MANY,
       "two an hour: %s", err.message);
}

struct events {
    int64_t machine_id;
    unsigned count;
    int64_t first, last;
    bool ordered;
};

static int run_events(struct store_conn *conn, void *context, struct error *err)
{
    struct events *events = context;
    for (unsigned i = 0; i < events->count; i++) {
        if (timeline_addf(conn, events->machine_id, NULL, "test", "test.event", err, "event %u",
                          i) < 0) {
            return -1;
        }
    }
    return 0;
}

static int see_event(void *context, const struct timeline_event *event, struct error *err)
{
    struct events *events = context;
    events->first = events->count == 0 ? event->seq : events->first;
    events->ordered = events->ordered && event->seq > events->last;
    events->last = event->seq;
    events->count++;
    return 0;
}

static void test_timeline(struct store *store, int64_t machine_id)
{
    struct error err = {0};
    struct events add = {.machine_id = machine_id, .count = 10200};
    ok(store_write_now(store, run_events, &add, &err) == 0, "10,200 events: %s", err.message);
    struct events all = {.ordered = true};
    unsigned pages = 0;
    unsigned before;
    do {
        before = all.count;
        timeline_list(store_reader(store), machine_id, all.last, 1000, see_event, &all, &err);
    } while (all.count > before && ++pages < 100);
    ok(all.ordered, "in order over pages");
    ok(all.count >= 10000 && all.count <= 10100, "about 10,000 are kept: %u", all.count);
    struct events page = {.ordered = true};
    timeline_list(store_reader(store), machine_id, 0, 5000, see_event, &page, &err);
    ok(page.count == 1000, "a page is 1,000 at most");
}

struct report {
    int64_t machine_id;
    unsigned from, count;
};

static int run_reports(struct store_conn *conn, void *context, struct error *err)
{
    struct report *report = context;
    for (unsigned i = 0; i < report->count; i++) {
        char json[40];
        int length = snprintf(json, sizeof(json), "{\"n\":%u}", report->from + i);
        if (report_put(conn, report->machine_id, "inventory", json, (size_t)length, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void test_reports(struct store *store, int64_t machine_id)
{
    struct error err = {0};
    struct report report = {.machine_id = machine_id, .count = 25};
    ok(store_write_now(store, run_reports, &report, &err) == 0, "25 reports");
    CLEANUP_FREE char *json = NULL;
    int64_t time_ms = 0;
    ok(report_latest(store_reader(store), machine_id, "inventory", &json, &time_ms, &err) == 0,
       "the latest");
    is_text(json, "{\"n\":24}", "is the last");
    ok(yard_count("SELECT count(*) FROM reports") == 10, "ten are kept");
    ok(report_latest(store_reader(store), machine_id, "health", &json, &time_ms, &err) < 0 &&
           err.code == ERROR_NOT_FOUND,
       "another kind is not found");
}

struct commands {
    int64_t machine_id;
    const char *type;
    struct command taken[8];
    unsigned count;
    const char *id;
};

static int run_queue(struct store_conn *conn, void *context, struct error *err)
{
    struct commands *commands = context;
    return command_queue(conn, commands->machine_id, commands->type, err);
}

static int run_take(struct store_conn *conn, void *context, struct error *err)
{
    struct commands *commands = context;
    return command_take(conn, commands->machine_id, commands->taken, 8, &commands->count, err);
}

static int run_ack(struct store_conn *conn, void *context, struct error *err)
{
    struct commands *commands = context;
    return command_ack(conn, commands->machine_id, commands->id, true, "healthy", err);
}

static void test_commands(struct store *store, int64_t machine_id)
{
    struct error err = {0};
    struct commands commands = {.machine_id = machine_id};
    const char *const types[] = {"reboot", "health-check", "provision"};
    for (size_t i = 0; i < 3; i++) {
        commands.type = types[i];
        ok(store_write_now(store, run_queue, &commands, &err) == 0, "queue %s", types[i]);
    }
    commands.type = "format-everything";
    ok(store_write_now(store, run_queue, &commands, &err) < 0 && err.code == ERROR_UNPROCESSABLE,
       "unknown type");
    bool has = false;
    ok(command_has(store_reader(store), machine_id, &has, &err) == 0 && has,
       "there is something to take");
    ok(store_write_now(store, run_take, &commands, &err) == 0 && commands.count == 2,
       "two are delivered: %s", err.message);
    is_text(commands.taken[0].type, "health-check", "the harmless one first");
    is_text(commands.taken[1].type, "reboot", "one terminal command, last");
    char health[UUID_TEXT_SIZE];
    memcpy(health, commands.taken[0].id, sizeof(health));
    ok(store_write_now(store, run_take, &commands, &err) == 0 && commands.count == 2, "again");
    is_text(commands.taken[0].id, health, "the unacknowledged one under the same id");
    is_text(commands.taken[1].type, "provision", "the reboot not again");
    commands.id = health;
    ok(store_write_now(store, run_ack, &commands, &err) == 0, "acknowledged");
    ok(store_write_now(store, run_ack, &commands, &err) == 0, "twice does no harm");
    ok(store_write_now(store, run_take, &commands, &err) == 0 && commands.count == 0,
       "nothing is left");
    commands.machine_id++;
    ok(store_write_now(store, run_ack, &commands, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "another machine's command is not found");
}

struct token_work {
    struct api_token token;
    char text[TOKEN_TEXT_SIZE];
};

static int run_token(struct store_conn *conn, void *context, struct error *err)
{
    struct token_work *work = context;
    return api_token_create(conn, &work->token, work->text, err);
}

static int run_revoke(struct store_conn *conn, void *context, struct error *err)
{
    return api_token_revoke(conn, context, err);
}

static void test_tokens(struct store *store)
{
    struct error err = {0};
    struct token_work admin = {.token = {.name = "ops", .role = TOKEN_ROLE_ADMIN}};
    struct token_work old = {.token = {.name = "old", .role = TOKEN_ROLE_READ, .expires_ms = 1}};
    ok(store_write_now(store, run_token, &admin, &err) == 0, "token: %s", err.message);
    ok(store_write_now(store, run_token, &old, &err) == 0, "expired token");
    char text[TOKEN_TEXT_SIZE];
    memcpy(text, admin.text, sizeof(text));
    ok(store_write_now(store, run_token, &admin, &err) < 0 && err.code == ERROR_CONFLICT,
       "the name is taken");
    struct api_token found;
    ok(api_token_check(store_reader(store), text, &found, &err) == 0 &&
           found.role == TOKEN_ROLE_ADMIN,
       "it is known");
    ok(api_token_check(store_reader(store), old.text, &found, &err) < 0 &&
           err.code == ERROR_UNAUTHORIZED,
       "expired");
    ok(api_token_check(store_reader(store), "x", &found, &err) < 0 &&
           err.code == ERROR_UNAUTHORIZED,
       "unknown");
    char query[200];
    snprintf(query, sizeof(query),
             "SELECT count(*) FROM api_tokens WHERE hash = CAST('%s' AS BLOB) OR name = '%s'", text,
             text);
    ok(yard_count(query) == 0, "the token itself is not stored");
    ok(store_write_now(store, run_revoke, (char[]){"ops"}, &err) == 0, "revoked");
    ok(api_token_check(store_reader(store), text, &found, &err) < 0, "no longer known");
}

static int run_power(struct store_conn *conn, void *context, struct error *err)
{
    struct power_state state = {
        .on = true, .changed_ms = 5, .boot_target = "Pxe", .boot_enabled = "Once"};
    return power_state_put(conn, *(int64_t *)context, &state, err);
}

static int run_blob(struct store_conn *conn, void *context, struct error *err)
{
    struct blob blob = {.size = 7, .created_ms = 1, .used_ms = 2};
    snprintf(blob.digest, sizeof(blob.digest), "%s", (const char *)context);
    return blob_put(conn, &blob, err) < 0 ? -1 : blob_origin_put(conn, context, "ghcr.io/a/b", err);
}

static int run_delete(struct store_conn *conn, void *context, struct error *err)
{
    return machine_delete(conn, context, err);
}

static void test_rest(struct store *store, int64_t machine_id)
{
    struct error err = {0};
    struct power_state state;
    ok(power_state_get(store_reader(store), machine_id, &state, &err) == 0 && !state.on,
       "no power row: defaults");
    is_text(state.boot_target, "None", "no override");
    ok(store_write_now(store, run_power, &machine_id, &err) == 0, "power row");
    ok(power_state_get(store_reader(store), machine_id, &state, &err) == 0 && state.on &&
           state.changed_ms == 5,
       "read");
    char digest[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    ok(store_write_now(store, run_blob, digest, &err) == 0 &&
           store_write_now(store, run_blob, digest, &err) == 0,
       "a blob, twice: %s", err.message);
    bool has = false;
    ok(blob_has_origin(store_reader(store), digest, "ghcr.io/a/b", &has, &err) == 0 && has,
       "its origin");
    ok(blob_has_origin(store_reader(store), digest, "ghcr.io/a/c", &has, &err) == 0 && !has,
       "not another's");

    ok(store_write_now(store, run_delete, (char[]){"w2"}, &err) == 0, "delete: %s", err.message);
    ok(store_write_now(store, run_delete, (char[]){"w2"}, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "it is gone");
    ok(yard_count("SELECT (SELECT count(*) FROM reports) + (SELECT count(*) FROM commands) + "
                  "(SELECT count(*) FROM "
                  "power_states)") == 0,
       "what hung on it went with it");
}

static int run_lie(struct store_conn *conn, void *context, struct error *err)
{
    return timeline_addf(conn, *(int64_t *)context, NULL, "test", "test.text", err,
                         "bad \xff\xc3 bytes \xe2\x82\xac");
}

static int see_text(void *context, const struct timeline_event *event, struct error *err)
{
    snprintf(context, 100, "%s", event->text);
    return 0;
}

static void test_text(struct store *store, int64_t machine_id)
{
    struct error err = {0};
    char text[100] = "";
    ok(store_write_now(store, run_lie, &machine_id, &err) == 0, "a text that is not UTF-8");
    timeline_list(store_reader(store), machine_id, 0, 1000, see_text, text, &err);
    is_text(text, "bad \xef\xbf\xbd\xef\xbf\xbd bytes \xe2\x82\xac", "is made so");
}

// statusd may say that it saw a machine and what it reported, and nothing else of machines.
static void test_roles(int64_t machine_id)
{
    struct error err = {0};
    struct store *statusd = yard_open(STORE_ROLE_STATUSD);
    ok(put_machine(statusd, "evil", NULL, NULL, &err) < 0 && err.code == ERROR_FORBIDDEN,
       "statusd registers nobody: %s", err.message);
    struct token_work token = {.token = {.name = "evil", .role = TOKEN_ROLE_ADMIN}};
    ok(store_write_now(statusd, run_token, &token, &err) < 0 && err.code == ERROR_FORBIDDEN,
       "and makes no token");
    struct report report = {.machine_id = machine_id, .count = 1};
    ok(store_write_now(statusd, run_reports, &report, &err) == 0, "but writes reports: %s",
       err.message);
    ok(machine_delete(store_reader(statusd), "w1", &err) < 0, "a reader writes nothing: %s",
       err.message);
    store_close(statusd);
    struct store *apid = yard_open(STORE_ROLE_APID);
    ok(store_write_now(apid, run_delete, (char[]){"w1"}, &err) == 0,
       "apid deletes a machine and all of it: %s", err.message);
    char digest[] = "sha256:1";
    ok(store_write_now(apid, run_blob, digest, &err) < 0 && err.code == ERROR_FORBIDDEN,
       "but no blobs");
    store_close(apid);
}

int main(void)
{
    yard_make();
    struct store *store = yard_open(STORE_ROLE_TOOL);
    struct error err = {0};
    test_machines(store);
    test_enrolment(store);
    struct machine machine;
    if (machine_by_name(store_reader(store), "w2", &machine, &err) < 0) {
        bail("%s", err.message);
    }
    int64_t w2 = machine.id;
    machine_fini(&machine);
    test_timeline(store, w2);
    test_reports(store, w2);
    test_commands(store, w2);
    test_tokens(store);
    test_rest(store, w2);
    machine_by_name(store_reader(store), "w1", &machine, &err);
    int64_t w1 = machine.id;
    machine_fini(&machine);
    test_text(store, w1);
    store_close(store);
    test_roles(w1);
    yard_remove();
    return done();
}
