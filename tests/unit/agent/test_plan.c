// SPDX-License-Identifier: Apache-2.0
// What the vars of a provision run are taken to ask for, and what is refused before a disk is
// touched.

#include "agent/plan.h"
#include "tests/unit/tap.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"
#define GOOD "IMAGE=\"http://10.0.0.1:8083/v2/x\"\nIMAGE_DIGEST=\"" DIGEST "\"\n"

static struct vars vars;

static int read_plan(struct plan *plan, const char *text, struct error *err)
{
    vars_fini(&vars);
    if (vars_parse(text, strlen(text), &vars, err) < 0) {
        bail("bad vars: %s", err->message);
    }
    return plan_read(plan, &vars, err);
}

static void refuse(const char *text, const char *variable)
{
    struct plan plan;
    struct error err = {0};
    ok(read_plan(&plan, text, &err) < 0 && strstr(err.message, variable), "%s: %s", variable,
       err.message);
    plan_fini(&plan);
}

int main(void)
{
    struct plan plan;
    struct error err = {0};
    ok(read_plan(&plan, GOOD, &err) == 0 && plan.url_count == 1 && !plan.hostname &&
           !plan.deployment,
       "the least: %s", err.message);
    is_text(plan.image_identity, DIGEST, "the stamp will name the digest");
    plan_fini(&plan);

    ok(read_plan(&plan,
                 GOOD
                 "IMAGE=\"http://a/x, https://10.0.0.9:8444/y  http://b/z\"\nTOKEN=\"secret\"\n"
                 "INIT_URL=\"https://10.0.0.9:8444/status/"
                 "init\"\nMIN_DISK_SIZE_GB=\"5\"\nHOSTNAME=\"w1\"\n"
                 "DEPLOYMENT_ID=\"d1\"\nIMAGE_FORMAT=\"zstd\"\n",
                 &err) == 0,
       "more: %s", err.message);
    ok(plan.url_count == 3, "three mirrors");
    is_text(plan.urls[2], "http://b/z", "in their order");
    ok(!plan.bearers[0] && !plan.bearers[2], "strangers do not get the token");
    is_text(plan.bearers[1], "secret", "the controller does");
    ok(plan.disk_bytes_min == UINT64_C(5) << 30 && plan.expect.format == IMAGE_FORMAT_ZSTD,
       "size and format");
    plan_fini(&plan);

    ok(read_plan(&plan,
                 "IMAGE=\"http://a/\"\nIMAGE_CHECKSUM=\"" HEX64
                 "\"\nIMAGE_CHECKSUM_TYPE=\"SHA256\"\n",
                 &err) == 0,
       "a checksum alone: %s", err.message);
    is_text(plan.image_identity, DIGEST, "is the identity, in lower case");
    ok(!plan.expect.served_digest[0], "the served bytes may be any");
    plan_fini(&plan);

    refuse("IMAGE_DIGEST=\"" DIGEST "\"\n", "IMAGE");
    refuse(GOOD "IMAGE=\" , \"\n", "IMAGE");
    refuse(GOOD "IMAGE=\"oci://registry/x\"\n", "IMAGE");
    refuse("IMAGE=\"http://a/\"\n", "IMAGE_DIGEST");
    refuse(GOOD "IMAGE_DIGEST=\"sha256:12\"\n", "IMAGE_DIGEST");
    refuse(GOOD "IMAGE_CHECKSUM=\"12\"\n", "IMAGE_CHECKSUM");
    refuse(GOOD "IMAGE_CHECKSUM=\"" HEX64 "\"\nIMAGE_CHECKSUM_TYPE=\"md5\"\n",
           "IMAGE_CHECKSUM_TYPE");
    refuse(GOOD "IMAGE_FORMAT=\"qcow2\"\n", "qcow2");
    refuse(GOOD "IMAGE_MODE=\"partition\"\n", "IMAGE_MODE");
    refuse(GOOD "HOSTNAME=\"../etc\"\n", "HOSTNAME");
    refuse(GOOD "MIN_DISK_SIZE_GB=\"many\"\n", "MIN_DISK_SIZE_GB");
    refuse(GOOD "PHONE_HOME_URL=\"file:///etc\"\n", "PHONE_HOME_URL");
    vars_fini(&vars);
    return done();
}
