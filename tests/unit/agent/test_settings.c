// SPDX-License-Identifier: Apache-2.0
// Values of the vars that have a form: vectors V17 to V19 and V22 to V29 of the CAPRF facts, the rule for tokens over plain
// http, URLs, and the commands of standby.

#include "agent/settings.h"
#include "agent/standby.h"
#include "agent/url.h"

#include "tests/unit/tap.h"

static int check(const char *text)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    struct error error = {0};
    int result = vars_parse(text, strlen(text), &vars, &error);
    return result < 0 ? result : settings_check(&vars, &error);
}

static void test_forms(void)
{
    ok(check("MIN_DISK_SIZE_GB=\"\"") < 0 && check("MIN_DISK_SIZE_GB=abc") < 0 &&
           check("MIN_DISK_SIZE_GB=\" 5\"") < 0 && check("MIN_DISK_SIZE_GB=5x") < 0 &&
           check("MIN_DISK_SIZE_GB=99999999999999999999") < 0,
       "V17: what is no number is fatal");
    ok(check("MIN_DISK_SIZE_GB=+5") == 0 && check("MIN_DISK_SIZE_GB=-5") == 0, "V18: signs are fine");
    ok(check("asn_server=\"\"") < 0 && check("asn_server=+5") < 0 && check("asn_server=4294967296") < 0 &&
           check("asn_server=4294967295") == 0,
       "V19: 32 bits without sign");
    ok(check("MODE=Provision") < 0 && check("MODE=\"provision \"") < 0 && check("MODE=soft") < 0 &&
           check("MODE=provision,standby") < 0 && check("MODE=,") < 0,
       "V24: a mode is spelt exactly");
    ok(check("MODE=") == 0 && check("MODE=soft-deprovision") == 0 && check("MODE=dry-run") == 0,
       "the modes, and none");
    ok(check("NETWORK_MODE=GoBGP") == 0 && check("NETWORK_MODE=dhcp") < 0, "V25");
    ok(check("BGP_PEER_MODE=dual") < 0 && check("BGP_PEER_MODE=dual\nBGP_NEIGHBORS=10.0.0.1") == 0, "V26");
    ok(check("TOKEN_URL=https://h/t") < 0 && check("TOKEN_URL=https://h/t\nHOSTNAME=' '") < 0 &&
           check("TOKEN_URL=https://h/t\nHOSTNAME=w1") == 0,
       "who gets a token is named");
    static const char *const choices[] = {
        "RESCUE_MODE=Retry",         "RESCUE_MODE=never",       "TOKEN_ALGORITHM=es256",   "TOKEN_ALGORITHM=none",
        "IMAGE_CHECKSUM_TYPE=SHA512", "IMAGE_CHECKSUM_TYPE=md5", "IMAGE_MODE=partition",    "IMAGE_MODE=Partition",
        "BGP_UNDERLAY_AF=IPv6",      "BGP_UNDERLAY_AF=ip",      "BGP_OVERLAY_TYPE=none",   "BGP_OVERLAY_TYPE=vxlan",
        "CLOUDINIT_DATASOURCE=ConfigDrive", "CLOUDINIT_DATASOURCE=ec2"};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i += 2) {
        ok(check(choices[i]) == 0 && check(choices[i + 1]) < 0, "%s, but not %s", choices[i], choices[i + 1]);
    }
    static const char *const numbers[] = {"NUM_VFS",       "RESCUE_TIMEOUT", "HEALTH_MIN_MEMORY_GB", "HEALTH_MIN_CPUS",
                                          "provision_vni", "leaf_asn",       "local_asn",            "vrf_table_id",
                                          "bgp_keepalive", "bgp_hold",       "bfd_transmit_ms",      "bfd_receive_ms",
                                          "bgp_remote_asn"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char good[60];
        char bad[60];
        (void)snprintf(good, sizeof(good), "%s=7", numbers[i]);
        (void)snprintf(bad, sizeof(bad), "%s=7s", numbers[i]);
        ok(check(good) == 0 && check(bad) < 0, "%s is a number", numbers[i]);
    }
    ok(check("BGP_KEEPALIVE=abc") == 0, "V27: an unknown key has no form");
    ok(check("PARTITION_LAYOUT='{\"partitions\":[{\"label\":\"root\",\"filesystem\":\"ext4\",\"mountpoint\":\"/\"}]}'") ==
           0,
       "V28");
    ok(check("PARTITION_LAYOUT=\"\"") < 0 &&
           check("PARTITION_LAYOUT='{\"partitions\":[{\"label\":\"root\"}],\"more\":1}'") < 0 &&
           check("PARTITION_LAYOUT='[]'") < 0,
       "V29");
}

static void test_mode(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    ok(settings_mode(&vars) == MODE_PROVISION, "no mode is provision");
    (void)vars_set(&vars, "MODE", "standby", NULL);
    ok(settings_mode(&vars) == MODE_STANDBY, "standby");
    (void)vars_set(&vars, "DRY_RUN", "yes", NULL);
    ok(settings_mode(&vars) == MODE_DRY_RUN, "DRY_RUN wins");
}

static int transport(const char *url, const char *token, const char *insecure)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    struct error error = {0};
    (void)vars_set(&vars, "LOG_URL", url, NULL);
    (void)vars_set(&vars, "TOKEN", token, NULL);
    (void)vars_set(&vars, "INSECURE_TRANSPORT", insecure, NULL);
    return settings_check_transport(&vars, &error);
}

static void test_transport(void)
{
    ok(transport("http://10.0.0.1/log", "t", "") < 0, "A-09: a token over http to another host is refused");
    ok(transport("http://10.0.0.1/log", "t", "true") == 0, "A-10: unless it was declared");
    ok(transport("http://10.0.0.1/log", "", "") == 0, "A-11: without token there is no secret");
    ok(transport("https://10.0.0.1/log", "t", "") == 0, "https is fine");
    ok(transport("http://127.0.0.1:8080/log", "t", "") == 0 && transport("http://[::1]/log", "t", "") == 0 &&
           transport("http://localhost/log", "t", "") == 0 && transport("http://127.9.9.9/", "t", "") == 0,
       "so is loopback");
    ok(transport("http://127.0.0.1.example.org/log", "t", "") < 0 &&
           transport("http://localhost.example.org/log", "t", "") < 0 &&
           transport("http://127.0.0.1@10.0.0.1/log", "t", "") < 0 && transport("http://127.1/", "t", "") < 0,
       "A-34: what only looks like loopback is not");
    ok(transport("ftp://10.0.0.1/", "t", "") < 0 && transport("nonsense", "t", "") < 0,
       "what cannot be called is named before the network is up");
}

static void test_url(void)
{
    struct url url;
    struct error error = {0};
    ok(url_parse("https://[fd00::1]/a?b=c", &url, &error) == 0 && url.is_https && url.port == 443 &&
           url.host_is_address,
       "an IPv6 URL");
    is_text(url.host, "fd00::1", "host without brackets");
    is_text(url.target, "/a?b=c", "path and query");
    ok(url_parse("http://yard.example:81", &url, &error) == 0 && url.port == 81 && !url.host_is_address,
       "a name and a port");
    is_text(url.target, "/", "no path is the root");
    ok(url_parse("http:///x", &url, &error) < 0 && url_parse("http://h:0/", &url, &error) < 0 &&
           url_parse("http://h:70000/", &url, &error) < 0 && url_parse("", &url, &error) < 0,
       "what has no host or port to call is refused");

    char ack[100];
    (void)url_append_ack("https://h/m/7/commands?x=1", ack, sizeof(ack), &error);
    is_text(ack, "https://h/m/7/commands/ack?x=1", "A-25: ack goes before the query");
    (void)url_append_ack("https://h/commands/", ack, sizeof(ack), &error);
    is_text(ack, "https://h/commands/ack", "a slash is not doubled");
    ok(url_append_ack("https://h/commands", ack, 10, &error) < 0, "what does not fit is an error");
}

static int commands(const char *text, struct command list[COMMANDS_MAX], size_t *count)
{
    struct error error = {0};
    return commands_parse(text, strlen(text), list, count, &error);
}

static void test_commands(void)
{
    struct command list[COMMANDS_MAX];
    size_t count = 9;
    ok(commands("[{\"ID\":\"a\",\"Type\":\"reboot\",\"Payload\":null},{\"id\":\"b\",\"type\":\"x\",\"more\":1}]", list,
                &count) == 0 &&
           count == 2,
       "A-20: members in any case, unknown ones ignored");
    is_text(list[1].id, "b", "the second one's ID");
    is_text(list[0].type, "reboot", "the first one's type");
    ok(commands("[]", list, &count) == 0 && count == 0, "an empty list");
    ok(commands("null", list, &count) == 0 && count == 0, "null");
    ok(commands("", list, &count) < 0 && commands("<html>", list, &count) < 0 &&
           commands("{\"ID\":\"a\"}", list, &count) < 0 && commands("[{\"ID\":5}]", list, &count) < 0 &&
           commands("[3]", list, &count) < 0,
       "A-19: anything else is ignored as a whole");
    ok(commands("[{\"ID\":\"a\"}]", list, &count) == 0 && count == 1 && !*list[0].type,
       "a command without type is one of unknown type");
}

int main(void)
{
    test_forms();
    test_mode();
    test_transport();
    test_url();
    test_commands();
    return done();
}
