// SPDX-License-Identifier: Apache-2.0
// Bodies that apid takes: what passes fits the store's structs, and what is shown of it holds no
// secret.

#include "fuzz.h"

#include "../../daemons/apid/deployment_json.h"
#include "../../daemons/apid/machine_json.h"
#include "../../daemons/apid/mask.h"
#include "base/json.h"
#include "store/deployment.h"
#include "store/machine.h"

static void check_machine(const json_t *document)
{
    struct machine machine;
    if (machine_from_json("w1", document, &machine, NULL) < 0) {
        return;
    }
    fuzz_check(machine.mac_count <= MACHINE_INTERFACES_MAX);
    fuzz_check(strlen(machine.serial) < MACHINE_SERIAL_SIZE);
    CLEANUP_JSON json_t *shown = machine_to_json(&machine, NULL);
    fuzz_check(shown != NULL);
    machine_fini(&machine);
}

static void check_deployment(const json_t *document)
{
    const struct machine machine = {.id = 1, .name = "w1", .arch = "amd64"};
    struct deployment deployment;
    struct image_name image;
    if (deployment_from_json(&machine, document, &deployment, &image, NULL) < 0) {
        return;
    }
    fuzz_check(strlen(deployment.image_url) < DEPLOYMENT_URL_SIZE);
    fuzz_check(!strpbrk(deployment.image_url, " ,\r\n\t\""));
    fuzz_check(!deployment.digest[0] || digest_is_valid(deployment.digest));
    fuzz_check(!image.is_plain_http || deployment.digest[0]);
    fuzz_check(deployment.hostname[0] && !strpbrk(deployment.hostname, " _/\r\n\""));
    CLEANUP_JSON json_t *shown = deployment_to_json(&deployment, "w1", NULL);
    fuzz_check(shown != NULL);
    const char *url = json_string_value(json_object_get(json_object_get(shown, "image"), "url"));
    CLEANUP_FREE char *again = mask_url(url);
    fuzz_check(again && strcmp(again, url) == 0);
    deployment_fini(&deployment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_JSON json_t *document =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(document)) {
        check_machine(document);
        check_deployment(document);
    }
    return 0;
}
