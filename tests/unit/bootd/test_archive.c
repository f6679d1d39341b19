// SPDX-License-Identifier: Apache-2.0
// The deploy archive: variables, and the newc format by a reader of our own.

#include "daemons/bootd/archive.h"

#include "store/deployment.h"
#include "store/machine.h"

#include "tap.h"

#include <stdint.h>

#define DIGEST "1111111111111111111111111111111111111111111111111111111111111111"

static struct machine machine = {.name = "w1", .arch = "amd64"};

static struct archive_settings settings_for(const struct deployment *deployment)
{
    return (struct archive_settings){.machine = &machine,
                                     .deployment = deployment,
                                     .statusd_url = "https://yard:8444",
                                     .token = "the-token",
                                     .phone_home_token = "the-other-token",
                                     .ca = "PEM\n",
                                     .ca_length = 4,
                                     .now_ms = 1700000000999};
}

static void test_vars(void)
{
    struct error err = {0};
    CLEANUP_VARS struct vars vars;
    char operators[] = "{\"TOKEN\": \"stolen\", \"INIT_URL\": \"http://evil\", \"MODE\": \"x\", "
                       "\"IMAGE\": \"x\", \"REGION\": \"eu\","
                       " \"BAD KEY\": \"x\", \"LINES\": \"a\\nexport TOKEN=b\", \"NUMBER\": 5, "
                       "\"DISK_DEVICE\": \"/dev/sda\"}";
    struct deployment deployment = {.id = "5d1cafe0-1111-2222-3333-444455556666",
                                    .mode = "provision",
                                    .image_url = "oci://r/i:1",
                                    .fetch_url = "http://yard:8083/v2/r/i/blobs/sha256:" DIGEST,
                                    .layer_digest = "sha256:" DIGEST,
                                    .raw_digest = "sha256:" DIGEST,
                                    .media_type = "application/vnd.disk+zstd",
                                    .hostname = "host-1",
                                    .vars = operators,
                                    .phone_home_wanted = true};
    struct archive_settings settings = settings_for(&deployment);
    vars_init(&vars);
    ok(archive_vars(&settings, &vars, &err) == 0, "variables of a deployment: %s", err.message);
    static const char *const expected[][2] = {
        {"MODE", "provision"},
        {"HOSTNAME", "host-1"},
        {"TOKEN", "the-token"},
        {"IMAGE", "http://yard:8083/v2/r/i/blobs/sha256:" DIGEST},
        {"IMAGE_DIGEST", "sha256:" DIGEST},
        {"IMAGE_FORMAT", "zstd"},
        {"IMAGE_CHECKSUM", DIGEST},
        {"IMAGE_CHECKSUM_TYPE", "sha256"},
        {"DEPLOYMENT_ID", "5d1cafe0-1111-2222-3333-444455556666"},
        {"INIT_URL", "https://yard:8444/status/init"},
        {"SUCCESS_URL", "https://yard:8444/status/success"},
        {"ERROR_URL", "https://yard:8444/status/error"},
        {"HEARTBEAT_URL", "https://yard:8444/status/heartbeat"},
        {"LOG_URL", "https://yard:8444/log"},
        {"DEBUG_URL", "https://yard:8444/debug"},
        {"COMMANDS_URL", "https://yard:8444/commands"},
        {"INVENTORY_URL", "https://yard:8444/inventory"},
        {"PHONE_HOME_URL", "https://yard:8444/phone-home"},
        {"PHONE_HOME_TOKEN", "the-other-token"},
        {"REGION", "eu"},
        {"DISK_DEVICE", "/dev/sda"},
        {"LINES", NULL},
        {"NUMBER", NULL},
        {"BAD KEY", NULL},
        {"INSECURE_TRANSPORT", NULL},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        is_text(vars_get(&vars, expected[i][0]), expected[i][1], "%s", expected[i][0]);
    }

    deployment.phone_home_wanted = false;
    deployment.media_type[0] = deployment.raw_digest[0] = deployment.hostname[0] = '\0';
    deployment.vars = NULL;
    CLEANUP_VARS struct vars fewer;
    vars_init(&fewer);
    ok(archive_vars(&settings, &fewer, &err) == 0, "fewer variables");
    is_text(vars_get(&fewer, "PHONE_HOME_TOKEN"), NULL, "no phone-home that nobody wants");
    is_text(vars_get(&fewer, "IMAGE_FORMAT"), NULL, "an unknown format is not guessed");
    is_text(vars_get(&fewer, "IMAGE_CHECKSUM_TYPE"), NULL, "no checksum that nobody gave");
    is_text(vars_get(&fewer, "HOSTNAME"), "w1", "the machine's name in place of a host name");

    settings.deployment = NULL;
    CLEANUP_VARS struct vars standby;
    vars_init(&standby);
    ok(archive_vars(&settings, &standby, &err) == 0, "standby");
    is_text(vars_get(&standby, "MODE"), "standby", "mode");
    is_text(vars_get(&standby, "IMAGE"), NULL, "no image");
}

// ---- a reader of newc

struct entry {
    char name[64];
    unsigned mode, inode;
    const char *data;
    size_t size;
};

static unsigned field(const char *header, unsigned index)
{
    char digits[9] = {0};
    memcpy(digits, header + 6 + 8 * index, 8);
    return (unsigned)strtoul(digits, NULL, 16);
}

static unsigned read_archive(const struct strbuf *archive, struct entry *entries, unsigned max)
{
    size_t at = 0;
    unsigned count = 0;
    while (at + 110 <= archive->length && count < max) {
        const char *header = archive->data + at;
        if (memcmp(header, "070701", 6) != 0) {
            bail("no header at %zu", at);
        }
        struct entry *entry = &entries[count];
        size_t name_size = field(header, 11);
        snprintf(entry->name, sizeof(entry->name), "%s", header + 110);
        entry->inode = field(header, 0);
        entry->mode = field(header, 1);
        entry->size = field(header, 6);
        at = (at + 110 + name_size + 3) / 4 * 4;
        entry->data = archive->data + at;
        at = (at + entry->size + 3) / 4 * 4;
        if (strcmp(entry->name, "TRAILER!!!") == 0) {
            break;
        }
        count++;
    }
    return count;
}

static void test_build(void)
{
    static const struct {
        const char *name;
        unsigned mode;
    } expected[] = {{"deploy", 040700},
                    {"deploy/vars", 0100600},
                    {"deploy/time", 0100644},
                    {"etc", 040755},
                    {"etc/ssl", 040755},
                    {"etc/ssl/certs", 040755},
                    {"etc/ssl/certs/ca-certificates.crt", 0100644}};
    struct error err = {0};
    struct entry entries[16];
    struct deployment deployment = {.mode = "provision", .hostname = "h"};
    struct archive_settings settings = settings_for(&deployment);
    CLEANUP_STRBUF struct strbuf archive;
    strbuf_init(&archive, ARCHIVE_MAX);
    ok(archive_build(&settings, &archive, &err) == 0, "built: %s", err.message);
    ok(archive.length % 512 == 0, "padded to blocks");
    unsigned count = read_archive(&archive, entries, 16);
    ok(count == sizeof(expected) / sizeof(*expected), "%u entries", count);
    for (unsigned i = 0; i < count; i++) {
        is_text(entries[i].name, expected[i].name, "entry %u", i);
        ok(entries[i].mode == expected[i].mode && entries[i].inode == i + 1,
           "its mode %o, an inode of its own", entries[i].mode);
    }
    ok(entries[2].size == 11 && memcmp(entries[2].data, "1700000000\n", 11) == 0,
       "the time in seconds");
    ok(entries[6].size == 4 && memcmp(entries[6].data, "PEM\n", 4) == 0, "the CA");
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    ok(vars_parse(entries[1].data, entries[1].size, &vars, &err) == 0, "the variables can be read");
    is_text(vars_get(&vars, "TOKEN"), "the-token", "and hold the token");
}

int main(void)
{
    test_vars();
    test_build();
    return done();
}
