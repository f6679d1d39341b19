// SPDX-License-Identifier: Apache-2.0
// Deployments in and out of documents.

#include "../../../daemons/apid/deployment_json.h"
#include "../tap.h"
#include "base/json.h"
#include "store/deployment.h"
#include "store/machine.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER64 "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OCI "\"image\": {\"url\": \"oci://host/a:b\"}"

static const struct machine machine = {.id = 7, .name = "w1", .arch = "amd64"};

static const struct {
    const char *document, *message;
} bad[] = {
    {"{}", "image: is missing"},
    {"{\"image\": {}}", "image.url: is missing"},
    {"{\"image\": \"oci://host/a\"}", "image: must be an object, not a string"},
    {"{\"image\": {\"url\": \"nothing\"}}", "image.url: must begin with"},
    {"{\"image\": {\"url\": \"http://host/i\"}}", "image.digest: is missing"},
    {"{\"image\": {\"url\": \"oci://host/a\", \"digest\": \"sha256:12\"}}",
     "image.digest: not a digest"},
    {"{\"image\": {\"url\": \"oci://host/a\", \"raw_digest\": \"" HEX64 "\"}}",
     "image.raw_digest: not a digest"},
    {"{\"image\": {\"url\": \"oci://host/a@sha256:" HEX64 "\", \"digest\": \"sha256:" OTHER64
     "\"}}",
     "image.digest: is another"},
    {"{\"image\": {\"url\": \"oci://host/a\", \"size\": 1}}", "image.size: unknown member"},
    {"{" OCI ", \"mode\": \"deprovision\"}", "mode: deprovision is not built yet"},
    {"{" OCI ", \"mode\": \"Provision\"}", "mode: unknown"},
    {"{" OCI ", \"hostname\": \"-a\"}", "hostname: not a host name"},
    {"{" OCI ", \"hostname\": \"a..b\"}", "hostname: not a host name"},
    {"{" OCI ", \"hostname\": \"a-.b\"}", "hostname: not a host name"},
    {"{" OCI ", \"hostname\": \"a_b\"}", "hostname: not a host name"},
    {"{" OCI ", \"hostname\": \"a.\"}", "hostname: not a host name"},
    {"{" OCI ", \"vars\": {\"NUM_VFS\": 4}}", "vars.NUM_VFS: must be a string, not a number"},
    {"{" OCI ", \"vars\": {\"NUM_VFS\": \"\"}}", "vars.NUM_VFS: must be a whole number"},
    {"{" OCI ", \"vars\": {\"TOKEN\": \"x\"}}", "vars.TOKEN: is set by bootyard"},
    {"{" OCI ", \"vars\": {\"INIT_URL\": \"x\"}}", "vars.INIT_URL: is set by bootyard"},
    {"{" OCI ", \"vars\": {\"A B\": \"x\"}}", "vars.A B: a variable's name"},
    {"{" OCI ", \"vars\": {\"LUKS_X\": \"x\"}}", "vars.LUKS_X: LUKS_X is not supported"},
    {"{" OCI ", \"vars\": {\"A\": \"x\\ny\"}}", "vars.A: the value of A must be one line"},
    {"{" OCI ", \"vars\": {\"A\": true}}", "vars.A: must be a string, not a boolean"},
    {"{" OCI ", \"vars\": {\"A_TOKEN\": \"***\"}}", "vars.A_TOKEN: is the mask"},
    {"{" OCI ", \"phone_home\": 0}", "phone_home: must be true or false"},
    {"{" OCI ", \"image_url\": \"x\"}", "image_url: unknown member"},
};

static int parse(const char *text, struct deployment *deployment, struct image_name *name,
                 struct error *err)
{
    CLEANUP_JSON json_t *document = json_loads(text, 0, NULL);
    return document ? deployment_from_json(&machine, document, deployment, name, err) : -2;
}

static void test_good(void)
{
    struct deployment deployment;
    struct image_name name;
    struct error err = {0};
    ok(parse("{" OCI "}", &deployment, &name, &err) == 0, "an image is enough");
    is_text(deployment.hostname, "w1", "the host name is the machine's");
    is_text(deployment.mode, "provision", "the mode is provision");
    ok(deployment.phone_home_wanted && deployment.machine_id == 7 &&
           deployment.fetch_url[0] == '\0',
       "phone-home is wanted, the name is still to be resolved");
    deployment_fini(&deployment);
    ok(parse("{\"image\": {\"url\": \"oci://host/a@sha256:" HEX64 "\"}}", &deployment, &name,
             &err) == 0,
       "digest in the name");
    is_text(deployment.digest, "sha256:" HEX64, "it is the deployment's");
    deployment_fini(&deployment);
    ok(parse("{\"image\": {\"url\": \"http://host/i\", \"digest\": \"sha256:" HEX64
             "\"}, \"phone_home\": false}",
             &deployment, &name, &err) == 0,
       "plain http with a digest");
    is_text(deployment.fetch_url, "http://host/i", "needs no resolving");
    is_text(deployment.layer_digest, "sha256:" HEX64, "its digest is that of the bytes");
    ok(!deployment.phone_home_wanted, "without phone-home");
    deployment_fini(&deployment);
}

static void test_shown(void)
{
    struct deployment deployment;
    struct image_name name;
    struct error err = {0};
    ok(parse("{\"image\": {\"url\": \"https://me:word@host/i\"}, \"hostname\": \"a.b-c\","
             "\"vars\": {\"REGION\": \"north\", \"JOIN_TOKEN\": \"geheim\", \"REPO\": "
             "\"https://u:geheim@h/\"}}",
             &deployment, &name, &err) == 0,
       "taken: %s", err.message);
    CLEANUP_JSON json_t *shown = deployment_to_json(&deployment, "w1", NULL);
    CLEANUP_FREE char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
    ok(text && strstr(text, "\"REGION\":\"north\"") && strstr(text, "\"hostname\":\"a.b-c\""),
       "plain members are shown");
    ok(text && !strstr(text, "geheim") && !strstr(text, "word"), "secrets are not");
    ok(text && strstr(text, "\"digest\":null") && strstr(text, "\"warnings\":[]"),
       "what is absent is null or empty");
    deployment_fini(&deployment);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct deployment deployment;
        struct image_name name;
        struct error err = {0};
        ok(parse(bad[i].document, &deployment, &name, &err) < 0 &&
               strncmp(err.message, bad[i].message, strlen(bad[i].message)) == 0,
           "%s: %s", bad[i].document, err.message);
    }
    test_good();
    test_shown();
    return done();
}
