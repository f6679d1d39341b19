// SPDX-License-Identifier: Apache-2.0
// One table of forms; base/vars knows the grammar only.

#include "agent/settings.h"
#include "agent/url.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const char *const mode_names[] = {
    [MODE_PROVISION] = "provision",
    [MODE_STANDBY] = "standby",
    [MODE_DEPROVISION] = "deprovision",
    [MODE_SOFT_DEPROVISION] = "soft-deprovision",
    [MODE_DRY_RUN] = "dry-run",
};

enum form { FORM_INT, FORM_UINT32, FORM_CHOICE, FORM_CHOICE_ANY_CASE, FORM_LAYOUT };

static const struct {
    const char *key;
    enum form form;
    const char *choices; // with a comma around each
} forms[] = {
    {"MODE", FORM_CHOICE, ",provision,deprovision,soft-deprovision,standby,dry-run,"},
    {"MIN_DISK_SIZE_GB", FORM_INT, NULL},
    {"NUM_VFS", FORM_INT, NULL},
    {"RESCUE_TIMEOUT", FORM_INT, NULL},
    {"HEALTH_MIN_MEMORY_GB", FORM_INT, NULL},
    {"HEALTH_MIN_CPUS", FORM_INT, NULL},
    {"asn_server", FORM_UINT32, NULL},
    {"provision_vni", FORM_UINT32, NULL},
    {"leaf_asn", FORM_UINT32, NULL},
    {"local_asn", FORM_UINT32, NULL},
    {"vrf_table_id", FORM_UINT32, NULL},
    {"bgp_keepalive", FORM_UINT32, NULL},
    {"bgp_hold", FORM_UINT32, NULL},
    {"bfd_transmit_ms", FORM_UINT32, NULL},
    {"bfd_receive_ms", FORM_UINT32, NULL},
    {"bgp_remote_asn", FORM_UINT32, NULL},
    {"NETWORK_MODE", FORM_CHOICE_ANY_CASE, ",gobgp,"},
    {"BGP_PEER_MODE", FORM_CHOICE_ANY_CASE, ",unnumbered,dual,numbered,"},
    {"BGP_UNDERLAY_AF", FORM_CHOICE_ANY_CASE, ",ipv4,ipv6,dual-stack,"},
    {"BGP_OVERLAY_TYPE", FORM_CHOICE_ANY_CASE, ",evpn-vxlan,l3vpn,none,"},
    {"RESCUE_MODE", FORM_CHOICE_ANY_CASE, ",reboot,retry,shell,wait,"},
    {"TOKEN_ALGORITHM", FORM_CHOICE_ANY_CASE, ",RS256,ES256,"},
    {"IMAGE_CHECKSUM_TYPE", FORM_CHOICE_ANY_CASE, ",sha256,sha512,"},
    {"IMAGE_MODE", FORM_CHOICE, ",whole-disk,partition,"},
    {"CLOUDINIT_DATASOURCE", FORM_CHOICE_ANY_CASE, ",nocloud,configdrive,"},
    {"PARTITION_LAYOUT", FORM_LAYOUT, NULL},
};

static bool is_number(const char *value, bool may_have_sign, int64_t maximum)
{
    const char *digits = value;
    if (may_have_sign && (*value == '+' || *value == '-')) {
        digits++;
    }
    if (!isdigit((unsigned char)*digits)) {
        return false;
    }
    char *end;
    errno = 0;
    intmax_t number = strtoimax(value, &end, 10);
    return *end == '\0' && errno == 0 && number <= maximum && number >= -maximum - 1;
}

static bool is_choice(const char *value, const char *choices, bool any_case)
{
    size_t length = strlen(value);
    if (length == 0) {
        return true;
    }
    for (const char *at = choices + 1; *at; at = strchr(at, ',') + 1) {
        size_t choice = strcspn(at, ",");
        if (choice == length && (any_case ? strncasecmp(at, value, length) == 0
                                          : strncmp(at, value, length) == 0)) {
            return true;
        }
    }
    return false;
}

static bool has_only(const json_t *object, const char *members)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (!is_choice(key, members, false) || !*key) {
            return false;
        }
    }
    return json_is_object(object);
}

static bool is_layout(const char *value)
{
    CLEANUP_JSON json_t *layout = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
    if (!has_only(layout, ",table,device,partitions,lvm,")) {
        return false;
    }
    const json_t *table = json_object_get(layout, "table");
    const json_t *partitions = json_object_get(layout, "partitions");
    if (table && (!json_is_string(table) || !is_choice(json_string_value(table), ",gpt,", false))) {
        return false;
    }
    size_t count = json_array_size(partitions);
    for (size_t i = 0; i < count; i++) {
        const json_t *partition = json_array_get(partitions, i);
        const char *label = json_string_value(json_object_get(partition, "label"));
        if (!has_only(partition, ",label,sizeMB,typeGUID,filesystem,mountpoint,") || !label || !*label) {
            return false;
        }
    }
    return count >= 1 && count <= 128;
}

static int check_one(size_t i, const char *value, struct error *err)
{
    bool good = true;
    const char *expected = "";
    switch (forms[i].form) {
    case FORM_INT:
        good = is_number(value, true, INT64_MAX);
        expected = "a whole number";
        break;
    case FORM_UINT32:
        good = is_number(value, false, UINT32_MAX);
        expected = "a number from 0 to 4294967295";
        break;
    case FORM_CHOICE:
    case FORM_CHOICE_ANY_CASE:
        good = is_choice(value, forms[i].choices, forms[i].form == FORM_CHOICE_ANY_CASE);
        expected = forms[i].choices;
        break;
    case FORM_LAYOUT:
        good = is_layout(value);
        expected = "a layout object";
        break;
    }
    return good ? 0 : error_set(err, ERROR_UNPROCESSABLE, "%s is not %s%s", forms[i].key,
                                *expected == ',' ? "one of " : "", expected);
}

int settings_check(const struct vars *vars, struct error *err)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *value = vars_get(vars, forms[i].key);
        if (value && check_one(i, value, err) < 0) {
            return error_wrap(err, "vars");
        }
    }
    const char *peers = vars_get(vars, "BGP_PEER_MODE");
    const char *neighbours = vars_get(vars, "BGP_NEIGHBORS");
    if (peers && *peers && strcasecmp(peers, "unnumbered") != 0 && (!neighbours || !*neighbours)) {
        return error_set(err, ERROR_UNPROCESSABLE, "vars: BGP_PEER_MODE %s needs BGP_NEIGHBORS", peers);
    }
    const char *token_url = vars_get(vars, "TOKEN_URL");
    const char *hostname = vars_get(vars, "HOSTNAME");
    if (token_url && *token_url && (!hostname || !hostname[strspn(hostname, " \t")])) {
        return error_set(err, ERROR_UNPROCESSABLE, "vars: TOKEN_URL needs HOSTNAME");
    }
    return 0;
}

int settings_read(const char *path, struct vars *ret_vars, struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP_FREE char *text = malloc(VARS_FILE_MAX + 1);
    if (fd < 0 || !text) {
        return error_errno(err, errno, "%s", path);
    }
    size_t used = 0;
    ssize_t got;
    while ((got = read(fd, text + used, VARS_FILE_MAX + 1 - used)) > 0) {
        used += (size_t)got;
    }
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    int result = got < 0 ? error_errno(err, errno, "reading") : vars_parse(text, used, &vars, err);
    explicit_bzero(text, used);
    if (result == 0) {
        result = settings_check(&vars, err);
    }
    if (result < 0) {
        return error_wrap(err, "%s", path);
    }
    *ret_vars = vars;
    vars_init(&vars);
    return 0;
}

int settings_check_transport(const struct vars *vars, struct error *err)
{
    static const char *const keys[] = {"INIT_URL",      "SUCCESS_URL",  "ERROR_URL",    "LOG_URL",
                                       "HEARTBEAT_URL", "COMMANDS_URL", "INVENTORY_URL"};
    const char *token = vars_get(vars, "TOKEN");
    bool insecure = vars_get_bool(vars, "INSECURE_TRANSPORT");
    for (size_t i = 0; token && *token && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = vars_get(vars, keys[i]);
        struct url url;
        if (!text || !*text) {
            continue;
        }
        if (url_parse(text, &url, err) < 0) {
            return error_wrap(err, "%s", keys[i]);
        }
        if (!url_may_carry_secret(&url, insecure)) {
            return error_set(err, ERROR_FORBIDDEN,
                             "%s is plain http to another host and TOKEN is a secret: use https, or say "
                             "INSECURE_TRANSPORT=\"true\"",
                             keys[i]);
        }
    }
    return 0;
}

enum agent_mode settings_mode(const struct vars *vars)
{
    const char *mode = vars_get(vars, "MODE");
    if (vars_get_bool(vars, "DRY_RUN")) {
        return MODE_DRY_RUN;
    }
    for (int i = 0; mode && i <= MODE_DRY_RUN; i++) {
        if (strcmp(mode, mode_names[i]) == 0) {
            return (enum agent_mode)i;
        }
    }
    return MODE_PROVISION;
}

const char *settings_mode_name(enum agent_mode mode)
{
    return mode_names[mode];
}
