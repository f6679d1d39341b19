// SPDX-License-Identifier: Apache-2.0
// Machines in and out of documents.

#include "../../../daemons/apid/machine_json.h"
#include "../tap.h"
#include "base/json.h"
#include "store/machine.h"

static const struct {
    const char *name, *document, *message;
} bad[] = {
    {"w1", "{\"uuid\": \"x\"}", "uuid: not a UUID"},
    {"w1", "{\"uuid\": \"00000000-0000-0000-0000-000000000000\"}", "uuid: firmware"},
    {"w1", "{\"interfaces\": [{\"mac\": \"52:54:00:12:34:56\"}, {\"mac\": \"zz\"}]}",
     "interfaces[1].mac: not a MAC"},
    {"w1", "{\"interfaces\": [{\"mac\": \"01:00:5e:00:00:01\"}]}",
     "interfaces[0].mac: not the MAC address of one"},
    {"w1", "{\"interfaces\": [{\"mac\": \"52:54:00:12:34:56\"}, {\"mac\": \"52-54-00-12-34-56\"}]}",
     "interfaces[1].mac: the same as interfaces[0].mac"},
    {"w1", "{\"interfaces\": [{\"mac\": \"52:54:00:12:34:56\", \"speed\": 1}]}",
     "interfaces[0].speed: unknown member"},
    {"w1", "{\"arch\": \"x86_64\"}", "arch: must be amd64 or arm64"},
    {"w1", "{\"labels\": {\"a\": 1}}", "labels.a: must be a string, not a number"},
    {"w1", "{\"labels\": {\"a b\": \"\"}}", "labels.a b: a label's name"},
    {"w1", "{\"power\": {\"name\": \"x\"}}", "power.driver: is missing"},
    {"w1", "{\"power\": {\"driver\": \"../x\"}}", "power.driver: must be a driver's name"},
    {"w1", "{\"power\": {\"driver\": \"x\", \"password\": \"***\"}}", "power: holds"},
    {"w1", "{\"id\": 1}", "id: unknown member"},
    {"W1", "{}", "name: a machine's name"},
    {"-w", "{}", "name: a machine's name"},
};

static void test_round_trip(void)
{
    CLEANUP_JSON json_t *document = json_loads(
        "{\"uuid\": \"6F2C1F0E-8a3b-4a51-9d5e-0d6a3a3a0001\", \"serial\": \"S1\", \"arch\": "
        "\"arm64\","
        "\"interfaces\": [{\"mac\": \"52-54-00-AB-34-56\"}], \"labels\": {\"a/b\": \"c\"},"
        "\"power\": {\"driver\": \"ipmi\", \"password\": \"word\"}}",
        0, NULL);
    struct machine machine;
    struct error err = {0};
    if (!ok(machine_from_json("w1", document, &machine, &err) == 0, "a whole machine is taken: %s",
            err.message)) {
        return;
    }
    ok(machine.mac_count == 1 && machine.has_uuid && strstr(machine.power, "word"),
       "its members are where they belong");
    CLEANUP_JSON json_t *shown = machine_to_json(&machine, NULL);
    CLEANUP_FREE char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
    ok(strstr(text, "\"uuid\":\"6f2c1f0e-8a3b-4a51-9d5e-0d6a3a3a0001\""),
       "the UUID is shown in lower case");
    ok(strstr(text, "\"interfaces\":[{\"mac\":\"52:54:00:ab:34:56\"}]"),
       "the MAC is shown with colons");
    ok(strstr(text, "\"password\":\"***\"") && !strstr(text, "word\":\"word"),
       "the power driver's password is not");
    ok(strstr(text, "\"deployment\":null"), "no deployment");
    machine_fini(&machine);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP_JSON json_t *document = json_loads(bad[i].document, 0, NULL);
        struct machine machine;
        struct error err = {0};
        ok(machine_from_json(bad[i].name, document, &machine, &err) < 0 &&
               strncmp(err.message, bad[i].message, strlen(bad[i].message)) == 0,
           "%s: %s", bad[i].document, err.message);
        ok(err.code == ERROR_UNPROCESSABLE, "as an unacceptable value");
    }
    struct machine machine;
    struct error err = {0};
    CLEANUP_JSON json_t *empty = json_object();
    ok(machine_from_json("a.b-1", empty, &machine, &err) == 0 && strcmp(machine.arch, "amd64") == 0,
       "all but the name is optional");
    machine_fini(&machine);
    test_round_trip();
    return done();
}
