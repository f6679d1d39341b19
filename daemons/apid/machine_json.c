// SPDX-License-Identifier: Apache-2.0
// Machines in and out. The table says what PUT takes; docs/openapi.yaml says the same to its users.

#include "machine_json.h"

#include "base/clock.h"
#include "base/json.h"
#include "mask.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "wire.h"

#include <ctype.h>
#include <string.h>

enum { LABELS_MAX = 64, LABEL_KEY_MAX = 128, LABEL_VALUE_MAX = 256, POWER_MEMBERS_MAX = 32 };

static int uuid_check(const char *text, struct error *err)
{
    struct uuid uuid;
    int result = uuid_parse(text, &uuid, err);
    if (result < 0) {
        return result;
    }
    static const struct uuid ones = {
        .bytes = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
    if (uuid_is_zero(&uuid) || uuid_equal(&uuid, &ones)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "firmware without a UUID says so; leave the member out");
    }
    return 0;
}

static int mac_check(const char *text, struct error *err)
{
    struct mac mac;
    int result = mac_parse(text, &mac, err);
    if (result < 0) {
        return result;
    }
    static const uint8_t zero[MAC_BYTES];
    if ((mac.bytes[0] & 1) || memcmp(mac.bytes, zero, sizeof(zero)) == 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "not the MAC address of one interface");
    }
    return 0;
}

static int arch_check(const char *text, struct error *err)
{
    if (strcmp(text, "amd64") != 0 && strcmp(text, "arm64") != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "must be amd64 or arm64");
    }
    return 0;
}

static int label_check(const char *key, const json_t *value, struct error *err)
{
    size_t length = strlen(key);
    bool good = length >= 1 && length <= LABEL_KEY_MAX;
    for (size_t i = 0; i < length; i++) {
        good = good && (isalnum((unsigned char)key[i]) || strchr("._-/", key[i]));
    }
    if (!good) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "a label's name is 1 to %d letters, digits, '.', '_', '-', '/'",
                         LABEL_KEY_MAX);
    }
    if (!json_is_string(value)) {
        return error_set(err, ERROR_UNPROCESSABLE, "must be a string, not %s",
                         wire_type_name(value));
    }
    if (json_string_length(value) > LABEL_VALUE_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "longer than %d bytes", LABEL_VALUE_MAX);
    }
    return 0;
}

// The rest of a driver's settings is redfishd's to judge: here only that there is a driver's name.
static int power_check(const char *key, const json_t *value, struct error *err)
{
    if (strcmp(key, "driver") != 0) {
        return 0;
    }
    const char *text = json_string_value(value);
    size_t length = text ? strlen(text) : 0;
    if (length < 1 || length > 32 ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "must be a driver's name: 1 to 32 of a-z, 0-9 and -");
    }
    return 0;
}

static const struct wire_field interface_fields[] = {
    {.name = "mac", .kind = WIRE_STRING, .required = true, .min = 1, .max = 32, .check = mac_check},
};

static const struct wire_field machine_fields[] = {
    {.name = "uuid", .kind = WIRE_STRING, .min = 1, .max = 64, .check = uuid_check},
    {.name = "serial", .kind = WIRE_STRING, .min = 1, .max = MACHINE_SERIAL_SIZE - 1},
    {.name = "arch", .kind = WIRE_STRING, .min = 1, .max = 15, .check = arch_check},
    {.name = "interfaces",
     .kind = WIRE_ARRAY,
     .max = MACHINE_INTERFACES_MAX,
     .fields = interface_fields,
     .field_count = 1},
    {.name = "labels", .kind = WIRE_OBJECT, .max = LABELS_MAX, .check_member = label_check},
    {.name = "power",
     .kind = WIRE_OBJECT,
     .min = 1,
     .max = POWER_MEMBERS_MAX,
     .check_member = power_check},
};

static int take_interfaces(const json_t *document, struct machine *machine, struct error *err)
{
    const json_t *interfaces = json_object_get(document, "interfaces");
    for (size_t i = 0; i < json_array_size(interfaces); i++) {
        const char *text = wire_text(json_array_get(interfaces, i), "mac", "");
        int result = mac_parse(text, &machine->macs[i], err);
        if (result < 0) {
            return result;
        }
        for (size_t j = 0; j < i; j++) {
            if (memcmp(&machine->macs[i], &machine->macs[j], sizeof(struct mac)) == 0) {
                return error_set(err, ERROR_UNPROCESSABLE,
                                 "interfaces[%zu].mac: the same as interfaces[%zu].mac", i, j);
            }
        }
        machine->mac_count = (unsigned)i + 1;
    }
    return 0;
}

// A member that is stored as text, in its shortest spelling.
static int take_object(const json_t *document, const char *name, char **ret_text, struct error *err)
{
    const json_t *object = json_object_get(document, name);
    if (!object) {
        return 0;
    }
    *ret_text = json_dumps(object, JSON_COMPACT);
    if (!*ret_text) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    if (strlen(*ret_text) > MACHINE_JSON_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s: longer than %d bytes", name,
                         MACHINE_JSON_MAX);
    }
    return 0;
}

static int check_power(const json_t *power, struct error *err)
{
    if (power && !json_object_get(power, "driver")) {
        return error_set(err, ERROR_UNPROCESSABLE, "power.driver: is missing");
    }
    if (power && mask_is_in(power)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "power: holds \"" MASK_TEXT
                         "\" where a secret belongs: replies hide secrets, send it again");
    }
    return 0;
}

static int take_members(const char *name, const json_t *document, struct machine *machine,
                        struct error *err)
{
    memcpy(machine->name, name, strlen(name) + 1);
    const char *uuid = wire_text(document, "uuid", NULL);
    if (uuid) {
        machine->has_uuid = true;
        (void)uuid_parse(uuid, &machine->uuid, err);
    }
    const char *serial = wire_text(document, "serial", "");
    memcpy(machine->serial, serial, strlen(serial) + 1);
    const char *arch = wire_text(document, "arch", "amd64");
    memcpy(machine->arch, arch, strlen(arch) + 1);
    int result = take_interfaces(document, machine, err);
    if (result == 0) {
        result = take_object(document, "labels", &machine->labels, err);
    }
    if (result == 0) {
        result = take_object(document, "power", &machine->power, err);
    }
    return result;
}

int machine_from_json(const char *name, const json_t *document, struct machine *ret_machine,
                      struct error *err)
{
    struct error inner = {0};
    if (machine_name_check(name, &inner) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "name: %s", inner.message);
    }
    int result = wire_check(document, machine_fields,
                            sizeof(machine_fields) / sizeof(machine_fields[0]), err);
    if (result == 0) {
        result = check_power(json_object_get(document, "power"), err);
    }
    if (result < 0) {
        return result;
    }
    struct machine machine = {0};
    result = take_members(name, document, &machine, err);
    if (result < 0) {
        machine_fini(&machine);
        return result;
    }
    *ret_machine = machine;
    return 0;
}

json_t *time_to_json(int64_t time_ms)
{
    if (time_ms == 0) {
        return json_null();
    }
    char text[CLOCK_TEXT_SIZE];
    clock_format(time_ms, text);
    return json_string(text);
}

static json_t *interfaces_to_json(const struct machine *machine)
{
    json_t *interfaces = json_array();
    for (unsigned i = 0; i < machine->mac_count; i++) {
        char mac[MAC_TEXT_SIZE];
        mac_format(&machine->macs[i], mac);
        (void)json_array_append_new(interfaces, json_pack("{s:s}", "mac", mac));
    }
    return interfaces;
}

static json_t *power_to_json(const char *text)
{
    CLEANUP_JSON json_t *power = text ? json_loads(text, 0, NULL) : NULL;
    return power ? mask_json(power) : json_null();
}

json_t *machine_to_json(const struct machine *machine, const struct deployment *current)
{
    char uuid[UUID_TEXT_SIZE] = "";
    if (machine->has_uuid) {
        uuid_format(&machine->uuid, uuid);
    }
    json_t *labels = machine->labels ? json_loads(machine->labels, 0, NULL) : NULL;
    json_t *deployment = current ? json_pack("{s:s, s:s}", "id", current->id, "state",
                                             deployment_state_name(current->state))
                                 : json_null();
    return json_pack(
        "{s:s, s:s?, s:s?, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "name", machine->name,
        "uuid", machine->has_uuid ? uuid : NULL, "serial",
        machine->serial[0] ? machine->serial : NULL, "arch", machine->arch, "interfaces",
        interfaces_to_json(machine), "labels", labels ? labels : json_object(), "power",
        power_to_json(machine->power), "enrolled", (int)machine->enrolled, "deployment", deployment,
        "created", time_to_json(machine->created_ms), "updated", time_to_json(machine->updated_ms),
        "last_seen", time_to_json(machine->last_seen_ms));
}
