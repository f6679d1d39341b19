// SPDX-License-Identifier: Apache-2.0
// Deployments in and out. What a client may not set is as important here as what it may: variables
// that bootyard itself gives to the agent (URLs, tokens, the image) are refused by name.

#include "deployment_json.h"

#include "base/json.h"
#include "base/vars.h"
#include "machine_json.h"
#include "mask.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "wire.h"

#include <ctype.h>
#include <string.h>

enum { DEPLOYMENT_VARS_COUNT_MAX = 256 };

// Written by bootd for every attempt; a client that wants another image or host name has members
// for them.
static const char *const reserved_vars[] = {
    "MODE",
    "DRY_RUN",
    "IMAGE",
    "IMAGE_CHECKSUM",
    "IMAGE_CHECKSUM_TYPE",
    "IMAGE_DIGEST",
    "IMAGE_FORMAT",
    "HOSTNAME",
    "TOKEN",
    "TOKEN_URL",
    "INIT_URL",
    "TOKEN_ALGORITHM",
    "SUCCESS_URL",
    "ERROR_URL",
    "LOG_URL",
    "DEBUG_URL",
    "HEARTBEAT_URL",
    "COMMANDS_URL",
    "INVENTORY_URL",
    "INVENTORY_ENABLED",
    "FIRMWARE_URL",
    "HEALTH_CHECK_URL",
    "TELEMETRY_URL",
    "METRICS_URL",
    "EVENT_URL",
    "DEPLOYMENT_ID",
    "PHONE_HOME_URL",
    "PHONE_HOME_TOKEN",
};

// Variables that agents read as whole numbers: an agent that meets another text there gives up at
// start.
static const char *const number_vars[] = {"NUM_VFS", "MIN_DISK_SIZE_GB", "HEALTH_MIN_MEMORY_GB",
                                          "HEALTH_MIN_CPUS"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

int deployment_var_check(const char *key, const json_t *value, struct error *err)
{
    if (is_among(key, reserved_vars, sizeof(reserved_vars) / sizeof(reserved_vars[0]))) {
        return error_set(err, ERROR_UNPROCESSABLE, "is set by bootyard and cannot be given");
    }
    if (json_is_number(value)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "must be a string, not a number: put it in quotes");
    }
    if (!json_is_string(value)) {
        return error_set(err, ERROR_UNPROCESSABLE, "must be a string, not %s",
                         wire_type_name(value));
    }
    const char *text = json_string_value(value);
    if (is_among(key, number_vars, sizeof(number_vars) / sizeof(number_vars[0])) &&
        (!*text || strlen(text) > 9 || strspn(text, "0123456789") != strlen(text))) {
        return error_set(err, ERROR_UNPROCESSABLE, "must be a whole number in decimal digits");
    }
    if (mask_name_is_secret(key) && strcmp(text, MASK_TEXT) == 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "is the mask that replies show in place of secrets");
    }
    return vars_check(key, text, err);
}

static int digest_check(const char *text, struct error *err)
{
    if (!digest_is_valid(text)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "not a digest: sha256: and 64 lower-case hex digits are wanted");
    }
    return 0;
}

static int mode_check(const char *text, struct error *err)
{
    static const char *const later[] = {"deprovision", "soft-deprovision", "standby", "dry-run"};
    if (is_among(text, later, sizeof(later) / sizeof(later[0]))) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s is not built yet, only provision is", text);
    }
    if (strcmp(text, "provision") != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "unknown, must be provision");
    }
    return 0;
}

// RFC 1123 section 2.1: labels of letters, digits and inner dashes, 63 each, 253 in all.
static int hostname_check(const char *text, struct error *err)
{
    size_t label = 0;
    for (const char *c = text;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > 63 || c[-1] == '-') {
                break;
            }
            if (*c == '\0') {
                return 0;
            }
            label = 0;
            continue;
        }
        if (!isalnum((unsigned char)*c) && (*c != '-' || label == 0)) {
            break;
        }
        label++;
    }
    return error_set(
        err, ERROR_UNPROCESSABLE,
        "not a host name (RFC 1123): labels of letters, digits and inner dashes, joined by dots");
}

static const struct wire_field image_fields[] = {
    {.name = "url",
     .kind = WIRE_STRING,
     .required = true,
     .min = 1,
     .max = DEPLOYMENT_URL_SIZE - 1},
    {.name = "digest", .kind = WIRE_STRING, .min = 1, .max = 200, .check = digest_check},
    {.name = "raw_digest", .kind = WIRE_STRING, .min = 1, .max = 200, .check = digest_check},
};

static const struct wire_field deployment_fields[] = {
    {.name = "mode", .kind = WIRE_STRING, .min = 1, .max = 23, .check = mode_check},
    {.name = "image",
     .kind = WIRE_OBJECT,
     .required = true,
     .fields = image_fields,
     .field_count = 3},
    {.name = "hostname",
     .kind = WIRE_STRING,
     .min = 1,
     .max = DEPLOYMENT_HOSTNAME_SIZE - 1,
     .check = hostname_check},
    {.name = "vars",
     .kind = WIRE_OBJECT,
     .max = DEPLOYMENT_VARS_COUNT_MAX,
     .check_member = deployment_var_check},
    {.name = "phone_home", .kind = WIRE_BOOL},
};

static void copy_text(char *target, const char *text)
{
    memcpy(target, text, strlen(text) + 1); // the tables hold the lengths
}

static int take_image(const json_t *image, struct deployment *deployment,
                      struct image_name *ret_image, struct error *err)
{
    const char *url = wire_text(image, "url", "");
    struct error inner = {0};
    if (image_name_parse(url, ret_image, &inner) < 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "image.url: %s", inner.message);
    }
    copy_text(deployment->image_url, url);
    copy_text(deployment->digest, wire_text(image, "digest", ""));
    copy_text(deployment->raw_digest, wire_text(image, "raw_digest", ""));
    if (ret_image->digest[0] && deployment->digest[0] &&
        strcmp(ret_image->digest, deployment->digest) != 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "image.digest: is another than the one in image.url");
    }
    if (ret_image->digest[0]) {
        copy_text(deployment->digest, ret_image->digest);
    }
    if (ret_image->is_plain_http && !deployment->digest[0]) {
        return error_set(
            err, ERROR_UNPROCESSABLE,
            "image.digest: is missing, and an image over plain http is only taken with one");
    }
    if (!ret_image->is_oci) {
        copy_text(deployment->fetch_url, url);
        copy_text(deployment->layer_digest, deployment->digest);
    }
    return 0;
}

static int take_vars(const json_t *vars, struct deployment *deployment, struct error *err)
{
    if (!vars) {
        return 0;
    }
    deployment->vars = json_dumps(vars, JSON_COMPACT);
    if (!deployment->vars) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    if (strlen(deployment->vars) > DEPLOYMENT_VARS_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "vars: longer than %d bytes in all",
                         DEPLOYMENT_VARS_MAX);
    }
    return 0;
}

int deployment_from_json(const struct machine *machine, const json_t *document,
                         struct deployment *ret_deployment, struct image_name *ret_image,
                         struct error *err)
{
    int result = wire_check(document, deployment_fields,
                            sizeof(deployment_fields) / sizeof(deployment_fields[0]), err);
    if (result < 0) {
        return result;
    }
    const json_t *phone_home = json_object_get(document, "phone_home");
    struct deployment deployment = {
        .machine_id = machine->id,
        .phone_home_wanted = !phone_home || json_is_true(phone_home),
    };
    copy_text(deployment.mode, wire_text(document, "mode", "provision"));
    copy_text(deployment.hostname, wire_text(document, "hostname", machine->name));
    result = take_image(json_object_get(document, "image"), &deployment, ret_image, err);
    if (result == 0) {
        result = take_vars(json_object_get(document, "vars"), &deployment, err);
    }
    if (result < 0) {
        deployment_fini(&deployment);
        return result;
    }
    *ret_deployment = deployment;
    return 0;
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static json_t *vars_to_json(const char *text)
{
    CLEANUP_JSON json_t *vars = text ? json_loads(text, 0, NULL) : NULL;
    return vars ? mask_json(vars) : json_object();
}

json_t *deployment_to_json(const struct deployment *deployment, const char *machine_name,
                           const json_t *warnings)
{
    CLEANUP_FREE char *url = mask_url(deployment->image_url);
    json_t *image = json_pack("{s:s?, s:s?, s:s?, s:s?}", "url", url, "digest",
                              text_or_null(deployment->digest), "raw_digest",
                              text_or_null(deployment->raw_digest), "layer_digest",
                              text_or_null(deployment->layer_digest));
    json_t *progress = json_pack("{s:I, s:I}", "bytes", (json_int_t)deployment->progress_bytes,
                                 "total", (json_int_t)deployment->progress_total);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:b, s:i, s:s?, s:o, s:b, s:b, s:o, s:o, s:o, "
        "s:o}",
        "id", deployment->id, "machine", machine_name, "mode", deployment->mode, "state",
        deployment_state_name(deployment->state), "reason",
        mask_text(text_or_null(deployment->reason)), "image", image, "hostname",
        deployment->hostname, "vars", vars_to_json(deployment->vars), "phone_home",
        (int)deployment->phone_home_wanted, "attempts", (int)deployment->attempts, "step",
        text_or_null(deployment->step), "progress", progress, "touched", (int)deployment->touched,
        "cancel_requested", (int)deployment->cancel_requested, "created",
        time_to_json(deployment->created_ms), "updated", time_to_json(deployment->updated_ms),
        "installed", time_to_json(deployment->installed_ms), "warnings",
        warnings ? json_deep_copy(warnings) : json_array());
}
