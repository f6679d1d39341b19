// SPDX-License-Identifier: Apache-2.0

// Reading the vars of a provision run. Bad values end the run while the old system is still whole.

#include "agent/plan.h"

#include "agent/os/configure.h"
#include "agent/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *value_or_null(const struct vars *vars, const char *key)
{
    const char *value = vars_get(vars, key);
    return value && *value ? value : NULL;
}

static bool same_origin(const struct url *a, const struct url *b)
{
    return a->is_https == b->is_https && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

// The token belongs to the controller: an image server elsewhere never sees it.
static const char *bearer_for(const struct vars *vars, const struct url *url)
{
    const char *token = value_or_null(vars, "TOKEN");
    const char *controller = value_or_null(vars, "INIT_URL");
    struct url origin;
    if (!token || !controller || url_parse(controller, &origin, NULL) < 0 ||
        !same_origin(url, &origin)) {
        return NULL;
    }
    return token;
}

static int urls_read(struct plan *plan, const struct vars *vars, struct error *err)
{
    const char *text = value_or_null(vars, "IMAGE");
    plan->url_text = text ? strdup(text) : NULL;
    if (!plan->url_text) {
        return error_set(err, ERROR_UNPROCESSABLE, "IMAGE is missing");
    }
    // BOOTy's list: commas and white space both part.
    static const char separators[] = ", \t";
    char *url = plan->url_text + strspn(plan->url_text, separators);
    while (*url) {
        struct url parsed;
        char *end = url + strcspn(url, separators);
        char *next = end + strspn(end, separators);
        *end = '\0';
        if (plan->url_count == IMAGE_URL_MAX) {
            return error_set(err, ERROR_UNPROCESSABLE, "IMAGE names more than %d URLs",
                             IMAGE_URL_MAX);
        }
        if (url_parse(url, &parsed, err) < 0) {
            return error_wrap(err, "IMAGE");
        }
        plan->bearers[plan->url_count] = bearer_for(vars, &parsed);
        plan->urls[plan->url_count++] = url;
        url = next;
    }
    return plan->url_count > 0 ? 0 : error_set(err, ERROR_UNPROCESSABLE, "IMAGE is empty");
}

static int checksum_read(struct plan *plan, const char *type, const char *hex, struct error *err)
{
    type = type ? type : "sha256";
    size_t digits = strcasecmp(type, "sha512") == 0 ? 128 : 64;
    if (strcasecmp(type, "sha256") != 0 && strcasecmp(type, "sha512") != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "IMAGE_CHECKSUM_TYPE must be sha256 or sha512");
    }
    if (strlen(hex) != digits || strspn(hex, "0123456789abcdefABCDEF") != digits) {
        return error_set(err, ERROR_UNPROCESSABLE, "IMAGE_CHECKSUM is not %zu hexadecimal digits",
                         digits);
    }
    struct image_expectation *expect = &plan->expect;
    memcpy(expect->raw_algorithm, digits == 128 ? "sha512" : "sha256", 7);
    for (size_t i = 0; i <= digits; i++) {
        expect->raw_hex[i] = (char)tolower((unsigned char)hex[i]);
    }
    return 0;
}

static int digests_read(struct plan *plan, const struct vars *vars, struct error *err)
{
    const char *digest = value_or_null(vars, "IMAGE_DIGEST");
    const char *checksum = value_or_null(vars, "IMAGE_CHECKSUM");
    if (!digest && !checksum) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "neither IMAGE_DIGEST nor IMAGE_CHECKSUM says what the image must be");
    }
    if (digest && !digest_is_valid(digest)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "IMAGE_DIGEST is not sha256: and 64 lower-case digits");
    }
    if (digest) {
        memcpy(plan->expect.served_digest, digest, strlen(digest) + 1);
    }
    if (checksum &&
        checksum_read(plan, value_or_null(vars, "IMAGE_CHECKSUM_TYPE"), checksum, err) < 0) {
        return -1;
    }
    snprintf(plan->image_identity, sizeof(plan->image_identity), "%s%s%s",
             digest ? digest : plan->expect.raw_algorithm, digest ? "" : ":",
             digest ? "" : plan->expect.raw_hex);
    return image_format_parse(vars_get(vars, "IMAGE_FORMAT"), &plan->expect.format, err);
}

static int size_read(struct plan *plan, const char *text, struct error *err)
{
    if (!text) {
        return 0;
    }
    char *end = NULL;
    long long gib = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || gib > 1024 * 1024) {
        return error_set(err, ERROR_UNPROCESSABLE, "MIN_DISK_SIZE_GB is no number of GiB");
    }
    plan->disk_bytes_min = gib > 0 ? (uint64_t)gib << 30 : 0;
    return 0;
}

int plan_read(struct plan *plan, const struct vars *vars, struct error *err)
{
    *plan = (struct plan){
        .deployment = value_or_null(vars, "DEPLOYMENT_ID"),
        .hostname = value_or_null(vars, "HOSTNAME"),
        .disk_device = value_or_null(vars, "DISK_DEVICE"),
        .phone_home_url = value_or_null(vars, "PHONE_HOME_URL"),
        .phone_home_token = value_or_null(vars, "PHONE_HOME_TOKEN"),
        .insecure_transport = vars_get_bool(vars, "INSECURE_TRANSPORT"),
    };
    if (urls_read(plan, vars, err) < 0 || digests_read(plan, vars, err) < 0 ||
        size_read(plan, value_or_null(vars, "MIN_DISK_SIZE_GB"), err) < 0) {
        return -1;
    }
    if (plan->hostname && !hostname_is_valid(plan->hostname)) {
        return error_set(err, ERROR_UNPROCESSABLE, "HOSTNAME is no host name");
    }
    struct url url;
    if (plan->phone_home_url && url_parse(plan->phone_home_url, &url, err) < 0) {
        return error_wrap(err, "PHONE_HOME_URL");
    }
    const char *mode = value_or_null(vars, "IMAGE_MODE");
    if (mode && strcmp(mode, "whole-disk") != 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "IMAGE_MODE \"%.20s\" is not supported", mode);
    }
    if (plan->deployment && strlen(plan->deployment) >= sizeof(((struct stamp *)0)->deployment)) {
        return error_set(err, ERROR_UNPROCESSABLE, "DEPLOYMENT_ID is too long");
    }
    return 0;
}

void plan_fini(struct plan *plan)
{
    free(plan->url_text);
    *plan = (struct plan){0};
}
