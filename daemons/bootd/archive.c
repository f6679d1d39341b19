// SPDX-License-Identifier: Apache-2.0

#include "archive.h"

#include "cpio.h"

#include "base/json.h"
#include "base/log.h"
#include "store/deployment.h"
#include "store/machine.h"

#include <stdio.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

const char *archive_image_format(const char *media_type)
{
    if (ends_with(media_type, "+zstd") || ends_with(media_type, "/zstd")) {
        return "zstd";
    }
    if (ends_with(media_type, "+gzip") || ends_with(media_type, "/gzip")) {
        return "gzip";
    }
    return ends_with(media_type, "+raw") || ends_with(media_type, ".raw") ||
                   ends_with(media_type, "/raw")
               ? "raw"
               : NULL;
}

// apid let in what fits; what got in some other way does not stop a machine from booting.
static void vars_of_operator(struct vars *vars, const char *json)
{
    CLEANUP_JSON json_t *object = json ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        struct error err = {0};
        const char *text = json_string_value(value);
        if (vars_is_reserved(key)) {
            continue;
        }
        if (!text || vars_check(key, text, &err) < 0 || vars_set(vars, key, text, &err) < 0) {
            log_warning("a deployment's variable is left out: %s",
                        text ? err.message : "it is no string");
        }
    }
}

struct setting {
    const char *key, *value; // value NULL or "": left out
};

static int set_all(struct vars *vars, const struct setting *settings, size_t count,
                   struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = settings[i].value;
        if (value && value[0] != '\0' &&
            (vars_check(settings[i].key, value, err) < 0 ||
             vars_set(vars, settings[i].key, value, err) < 0)) {
            return error_wrap(err, "variable %s", settings[i].key);
        }
    }
    return 0;
}

static int vars_of_image(struct vars *vars, const struct deployment *deployment, struct error *err)
{
    static const char sha256[] = "sha256:";
    const char *raw = deployment->raw_digest;
    const char *checksum =
        strncmp(raw, sha256, sizeof(sha256) - 1) == 0 ? raw + sizeof(sha256) - 1 : NULL;
    const struct setting settings[] = {
        {"IMAGE", deployment->fetch_url[0] ? deployment->fetch_url : deployment->image_url},
        {"IMAGE_DIGEST", deployment->layer_digest},
        {"IMAGE_FORMAT", archive_image_format(deployment->media_type)},
        {"IMAGE_CHECKSUM", checksum},
        {"IMAGE_CHECKSUM_TYPE", checksum ? "sha256" : NULL},
        {"DEPLOYMENT_ID", deployment->id},
    };
    return set_all(vars, settings, sizeof(settings) / sizeof(*settings), err);
}

static int vars_of_statusd(struct vars *vars, const char *url, struct error *err)
{
    static const char *const paths[][2] = {
        {"INIT_URL", "/status/init"},
        {"SUCCESS_URL", "/status/success"},
        {"ERROR_URL", "/status/error"},
        {"HEARTBEAT_URL", "/status/heartbeat"},
        {"LOG_URL", "/log"},
        {"DEBUG_URL", "/debug"},
        {"COMMANDS_URL", "/commands"},
        {"INVENTORY_URL", "/inventory"},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        char whole[1024];
        snprintf(whole, sizeof(whole), "%s%s", url, paths[i][1]);
        if (vars_set(vars, paths[i][0], whole, err) < 0) {
            return -1;
        }
    }
    return vars_set(vars, "INVENTORY_ENABLED", "true", err);
}

int archive_vars(const struct archive_settings *settings, struct vars *vars, struct error *err)
{
    const struct deployment *deployment = settings->deployment;
    const char *hostname =
        deployment && deployment->hostname[0] ? deployment->hostname : settings->machine->name;
    if (deployment) {
        vars_of_operator(vars, deployment->vars);
    }
    const struct setting common[] = {
        {"MODE", deployment ? deployment->mode : "standby"},
        {"HOSTNAME", hostname},
        {"TOKEN", settings->token},
        // Agents refuse to send a token in the clear unless they are told to.
        {"INSECURE_TRANSPORT", strncmp(settings->statusd_url, "http://", 7) == 0 ? "true" : NULL},
    };
    if (set_all(vars, common, sizeof(common) / sizeof(*common), err) < 0 ||
        vars_of_statusd(vars, settings->statusd_url, err) < 0) {
        return -1;
    }
    if (!deployment) {
        return 0;
    }
    char url[1024];
    snprintf(url, sizeof(url), "%s/phone-home", settings->statusd_url);
    const struct setting phone_home[] = {{"PHONE_HOME_URL", url},
                                         {"PHONE_HOME_TOKEN", settings->phone_home_token}};
    if (deployment->phone_home_wanted && set_all(vars, phone_home, 2, err) < 0) {
        return -1;
    }
    return vars_of_image(vars, deployment, err);
}

int archive_build(const struct archive_settings *settings, struct strbuf *out, struct error *err)
{
    CLEANUP_VARS struct vars vars;
    CLEANUP_STRBUF struct strbuf text;
    vars_init(&vars);
    strbuf_init(&text, VARS_FILE_MAX);
    if (archive_vars(settings, &vars, err) < 0 || vars_write(&vars, &text, err) < 0) {
        return -1;
    }
    char time[32];
    snprintf(time, sizeof(time), "%lld\n", (long long)(settings->now_ms / 1000));
    struct cpio cpio;
    cpio_begin(&cpio, out, settings->now_ms);
    cpio_add_folder(&cpio, "deploy", 0700);
    cpio_add_file(&cpio, "deploy/vars", 0600, text.data, text.length);
    cpio_add_file(&cpio, "deploy/time", 0644, time, strlen(time));
    if (settings->ca_length > 0) {
        cpio_add_folder(&cpio, "etc", 0755);
        cpio_add_folder(&cpio, "etc/ssl", 0755);
        cpio_add_folder(&cpio, "etc/ssl/certs", 0755);
        cpio_add_file(&cpio, "etc/ssl/certs/ca-certificates.crt", 0644, settings->ca,
                      settings->ca_length);
    }
    cpio_end(&cpio);
    explicit_bzero(text.data, text.length);
    return strbuf_failed(out) ? error_set(err, ERROR_TOO_LARGE, "the deploy archive is too large")
                              : 0;
}
