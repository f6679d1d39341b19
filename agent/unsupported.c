// SPDX-License-Identifier: Apache-2.0
// One table; what is built leaves it.

#include "agent/unsupported.h"

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdlib.h>

enum kind { KIND_TEXT, KIND_BOOL, KIND_NUMBER }; // set means: not empty; true; not zero

static const struct {
    const char *key;
    enum kind kind;
    bool is_refused;
} table[] = {
    {"PARTITION_LAYOUT", KIND_TEXT, true},
    {"NVME_NAMESPACES", KIND_TEXT, true},
    {"SECURE_ERASE", KIND_BOOL, true},
    {"IMAGE_SIGNATURE_URL", KIND_TEXT, true},
    {"IMAGE_GPG_PUBKEY", KIND_TEXT, true},
    {"BOND_INTERFACES", KIND_TEXT, true},
    {"VLANS", KIND_TEXT, true},
    {"NETWORK_MODE", KIND_TEXT, true},
    {"underlay_subnet", KIND_TEXT, true},
    {"underlay_ip", KIND_TEXT, true},
    {"overlay_subnet", KIND_TEXT, true},
    {"asn_server", KIND_NUMBER, true},
    {"provision_vni", KIND_NUMBER, true},
    {"provision_ip", KIND_TEXT, true},
    {"provision_gateway", KIND_TEXT, true},
    {"dcgw_ips", KIND_TEXT, true},
    {"overlay_aggregate", KIND_TEXT, true},
    {"vpn_rt", KIND_TEXT, true},
    {"BGP_NEIGHBORS", KIND_TEXT, true},
    {"EVPN_L2_ENABLED", KIND_BOOL, true},
    {"MACHINE_EXTRA_KERNEL_PARAMS", KIND_TEXT, false},
    {"POST_PROVISION_CMDS", KIND_TEXT, false},
    {"CLOUDINIT_ENABLED", KIND_BOOL, false},
    {"PROVIDER_ID", KIND_TEXT, false},
    {"FAILURE_DOMAIN", KIND_TEXT, false},
    {"REGION", KIND_TEXT, false},
    {"dns_resolver", KIND_TEXT, false},
    {"NUM_VFS", KIND_NUMBER, false},
    {"FIRMWARE_REPORT", KIND_BOOL, false},
    {"HEALTH_CHECKS_ENABLED", KIND_BOOL, false},
    {"SECUREBOOT_REENABLE", KIND_BOOL, false},
    {"MOK_CERT_PATH", KIND_TEXT, false},
};

static bool is_set(const struct vars *vars, size_t i)
{
    const char *value = vars_get(vars, table[i].key);
    if (!value || !*value) {
        return false;
    }
    switch (table[i].kind) {
    case KIND_BOOL:
        return vars_get_bool(vars, table[i].key);
    case KIND_NUMBER:
        return strtoll(value, NULL, 10) != 0; // its form was checked with the file
    default:
        return true;
    }
}

int unsupported_check(const struct vars *vars, void (*notice)(void *context, const char *key),
                      void *context, struct error *err)
{
    CLEANUP_STRBUF struct strbuf refused;
    strbuf_init(&refused, 1000);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (!is_set(vars, i)) {
            continue;
        }
        if (table[i].is_refused) {
            strbuf_printf(&refused, "%s%s", refused.length > 0 ? ", " : "", table[i].key);
        } else {
            notice(context, table[i].key);
        }
    }
    return refused.length == 0
               ? 0
               : error_set(err, ERROR_UNPROCESSABLE, "this agent cannot do yet what these ask for: %s",
                           strbuf_text(&refused));
}
