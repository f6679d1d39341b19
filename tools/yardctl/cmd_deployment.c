// SPDX-License-Identifier: Apache-2.0
// yardctl deployment: bring images onto machines and see what became of it.

#include "api.h"
#include "base/json.h"
#include "follow.h"
#include "yardctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char create_usage[] = "deployment create MACHINE --image URL [--digest SHA256] "
                                   "[--raw-digest SHA256] [--hostname NAME] "
                                   "[--var KEY=VALUE]... [--no-phone-home]";
static const char wait_usage[] = "deployment wait ID [--timeout SECONDS]";

static int add_var(json_t *document, const char *pair, struct error *err)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair) {
        (void)error_set(err, ERROR_BAD_REQUEST, "\"%s\" is not KEY=VALUE", pair);
        return EXIT_USAGE;
    }
    CLEANUP_FREE char *key = strndup(pair, (size_t)(equals - pair));
    json_t *vars = json_object_get(document, "vars");
    if (!key || json_object_set_new(vars, key, json_string(equals + 1)) < 0) {
        (void)error_set(err, ERROR_BAD_REQUEST, "a variable is not UTF-8");
        return EXIT_USAGE;
    }
    return 0;
}

static int create_option(json_t *document, int option, const char *value, struct error *err)
{
    json_t *image = json_object_get(document, "image");
    switch (option) {
    case 'i':
        return json_object_set_new(image, "url", json_string(value)) < 0 ? EXIT_USAGE : 0;
    case 'd':
        return json_object_set_new(image, "digest", json_string(value)) < 0 ? EXIT_USAGE : 0;
    case 'r':
        return json_object_set_new(image, "raw_digest", json_string(value)) < 0 ? EXIT_USAGE : 0;
    case 'n':
        return json_object_set_new(document, "hostname", json_string(value)) < 0 ? EXIT_USAGE : 0;
    case 'p':
        return json_object_set_new(document, "phone_home", json_false()) < 0 ? EXIT_USAGE : 0;
    case 'v':
        return add_var(document, value, err);
    default:
        return usage_error(err, create_usage);
    }
}

static void print_created(const struct yardctl *ctl, const json_t *deployment)
{
    if (ctl->json) {
        api_print(deployment);
        return;
    }
    // The id alone on standard output: scripts take it from there.
    printf("%s\n", api_text(deployment, "id"));
    const json_t *warnings = json_object_get(deployment, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        fprintf(stderr, "yardctl: warning: %s\n", json_string_value(json_array_get(warnings, i)));
    }
}

int cmd_deployment_create(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        {"image", required_argument, NULL, 'i'},
        {"digest", required_argument, NULL, 'd'},
        {"raw-digest", required_argument, NULL, 'r'},
        {"hostname", required_argument, NULL, 'n'},
        {"var", required_argument, NULL, 'v'},
        {"no-phone-home", no_argument, NULL, 'p'},
        {0},
    };
    CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:{}, s:{}}", "mode", "provision", "image", "vars");
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int status = create_option(document, option, optarg, err);
        if (status != 0) {
            return status;
        }
    }
    if (optind + 1 != argc || !json_object_get(json_object_get(document, "image"), "url")) {
        return usage_error(err, create_usage);
    }
    CLEANUP_FREE char *path = api_path("machines", argv[optind], "/deployments");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "POST", path, document, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    print_created(ctl, reply);
    return 0;
}

int cmd_deployment_get(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "deployment get ID");
    }
    CLEANUP_FREE char *path = api_path("deployments", argv[1], "");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "GET", path, NULL, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    api_print(reply);
    return 0;
}

int cmd_deployment_list(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "deployment list MACHINE");
    }
    CLEANUP_FREE char *path = api_path("machines", argv[1], "/deployments?limit=500");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "GET", path, NULL, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    const json_t *deployments = json_object_get(reply, "deployments");
    if (ctl->json) {
        api_print(deployments);
        return 0;
    }
    printf("%-36s  %-10s  %-24s  %s\n", "ID", "STATE", "CREATED", "IMAGE");
    for (size_t i = 0; i < json_array_size(deployments); i++) {
        const json_t *deployment = json_array_get(deployments, i);
        printf("%-36s  %-10s  %-24s  %s\n", api_text(deployment, "id"),
               api_text(deployment, "state"), api_text(deployment, "created"),
               api_text(json_object_get(deployment, "image"), "url"));
    }
    return 0;
}

int cmd_deployment_cancel(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "deployment cancel ID");
    }
    CLEANUP_FREE char *path = api_path("deployments", argv[1], "");
    CLEANUP_JSON json_t *reply = NULL;
    if (!path || api_call(ctl, "DELETE", path, NULL, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    if (ctl->json) {
        api_print(reply);
    } else {
        bool over = strcmp(api_text(reply, "state"), "cancelled") == 0;
        printf("deployment %s: %s\n", argv[1], over ? "cancelled" : "waits for the agent to stop");
    }
    return 0;
}

int cmd_deployment_wait(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    struct follow follow = {.quiet = true};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 't') {
            return usage_error(err, wait_usage);
        }
        follow.timeout_ms = strtoll(optarg, NULL, 10) * 1000;
    }
    if (optind + 1 != argc || follow.timeout_ms < 0) {
        return usage_error(err, wait_usage);
    }
    follow.deployment = argv[optind];
    CLEANUP_FREE char *path = api_path("deployments", follow.deployment, "");
    CLEANUP_JSON json_t *deployment = NULL;
    if (!path || api_call(ctl, "GET", path, NULL, &deployment, err) < 0) {
        return EXIT_FAILED;
    }
    follow.machine = api_text(deployment, "machine");
    int status = follow_run(ctl, &follow, err);
    if (status == 0 || status == EXIT_NOT_SUCCEEDED) {
        CLEANUP_JSON json_t *last = NULL;
        if (api_call(ctl, "GET", path, NULL, &last, err) == 0) {
            ctl->json ? api_print(last) : (void)printf("%s\n", api_text(last, "state"));
        }
    }
    return status;
}
