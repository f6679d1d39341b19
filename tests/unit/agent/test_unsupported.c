// SPDX-License-Identifier: Apache-2.0
// What is asked for and not built: refused where it would make another system than was wished, else named in the log.

#include "agent/unsupported.h"
#include "tests/unit/tap.h"

static int noticed;
static char last_notice[64];

static void notice(void *context, const char *key)
{
    (void)context;
    noticed++;
    (void)snprintf(last_notice, sizeof(last_notice), "%s", key);
}

static int check(const char *text, struct error *err)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    *err = (struct error){0};
    noticed = 0;
    if (vars_parse(text, strlen(text), &vars, err) < 0) {
        bail("%s: %s", text, err->message);
    }
    return unsupported_check(&vars, notice, NULL, err);
}

static void refused(const char *key, const char *value)
{
    char text[200];
    struct error err;
    (void)snprintf(text, sizeof(text), "%s='%s'\n", key, value);
    ok(check(text, &err) < 0 && err.code == ERROR_UNPROCESSABLE && strstr(err.message, key) && noticed == 0,
       "%s=%s is refused: %s", key, value, err.message);
}

static void no_effect(const char *key, const char *value)
{
    char text[200];
    struct error err;
    (void)snprintf(text, sizeof(text), "%s='%s'\n", key, value);
    ok(check(text, &err) == 0 && noticed == 1 && strcmp(last_notice, key) == 0,
       "%s=%s only has no effect", key, value);
}

static void accepted(const char *text)
{
    struct error err;
    ok(check(text, &err) == 0 && noticed == 0, "%s: %s", text, err.message);
}

int main(void)
{
    refused("PARTITION_LAYOUT", "{\"partitions\":[{\"label\":\"root\"}]}");
    refused("NVME_NAMESPACES", "[]");
    refused("SECURE_ERASE", "true");
    refused("SECURE_ERASE", " YES ");
    refused("IMAGE_SIGNATURE_URL", "https://h/sig");
    refused("IMAGE_GPG_PUBKEY", "/deploy/key");
    refused("BOND_INTERFACES", "eth0,eth1");
    refused("VLANS", "5:eth0");
    refused("NETWORK_MODE", "gobgp");
    refused("underlay_subnet", "10.0.0.0/24");
    refused("underlay_ip", "10.0.0.1");
    refused("overlay_subnet", "10.1.0.0/24");
    refused("asn_server", "65001");
    refused("provision_vni", "10");
    refused("provision_ip", "10.2.0.1/24");
    refused("provision_gateway", "10.2.0.254");
    refused("dcgw_ips", "10.3.0.1");
    refused("overlay_aggregate", "10.0.0.0/8");
    refused("vpn_rt", "1:1");
    refused("BGP_NEIGHBORS", "10.0.0.1");
    refused("EVPN_L2_ENABLED", "1");

    no_effect("MACHINE_EXTRA_KERNEL_PARAMS", "quiet");
    no_effect("POST_PROVISION_CMDS", "true");
    no_effect("CLOUDINIT_ENABLED", "true");
    no_effect("PROVIDER_ID", "x://1");
    no_effect("FAILURE_DOMAIN", "a");
    no_effect("REGION", "b");
    no_effect("dns_resolver", "10.0.0.53");
    no_effect("NUM_VFS", "8");
    no_effect("FIRMWARE_REPORT", "true");
    no_effect("HEALTH_CHECKS_ENABLED", "true");
    no_effect("SECUREBOOT_REENABLE", "true");
    no_effect("MOK_CERT_PATH", "/deploy/mok");

    accepted("MODE=provision\nIMAGE=http://h/x\nHOSTNAME=w1\nSTATIC_IP=10.0.0.2/24\n");
    accepted("SECURE_ERASE=false\nEVPN_L2_ENABLED=\nVLANS=\nNETWORK_MODE=\nasn_server=0\nNUM_VFS=0\n");
    accepted("FIRMWARE_REPORT=no\nCLOUDINIT_ENABLED=0\nBGP_PEER_MODE=unnumbered\nleaf_asn=65002\n");
    struct error err;
    ok(check("VLANS=5:eth0\nSECURE_ERASE=1\nREGION=b\n", &err) < 0 && strstr(err.message, "SECURE_ERASE, VLANS") &&
           noticed == 1,
       "all are named at once: %s", err.message);
    return done();
}
