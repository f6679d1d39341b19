// SPDX-License-Identifier: Apache-2.0

#include "handle_v2.h"

#include "access.h"
#include "allow.h"
#include "handle_blob.h"
#include "handle_manifest.h"
#include "imaged.h"
#include "reference.h"

#include "web/web.h"

#include <string.h>

enum kind { KIND_MANIFEST, KIND_BLOB };

void handle_v2_version(struct web_request *request, void *context)
{
    web_add_header(request, "Docker-Distribution-API-Version", "registry/2.0");
    web_reply_json(request, 200, json_object());
}

// "host/repository/manifests/12" into its three parts; `last` is borrowed from `rest`.
static int split(const char *rest, char name[REFERENCE_TEXT_SIZE], enum kind *ret_kind,
                 const char **ret_last, struct error *err)
{
    const char *last = strrchr(rest, '/');
    size_t length = last ? (size_t)(last - rest) : 0;
    static const char manifests[] = "/manifests";
    static const char blobs[] = "/blobs";
    size_t word = 0;
    if (length > sizeof(manifests) &&
        memcmp(last - sizeof(manifests) + 1, manifests, sizeof(manifests) - 1) == 0) {
        *ret_kind = KIND_MANIFEST;
        word = sizeof(manifests) - 1;
    } else if (length > sizeof(blobs) &&
               memcmp(last - sizeof(blobs) + 1, blobs, sizeof(blobs) - 1) == 0) {
        *ret_kind = KIND_BLOB;
        word = sizeof(blobs) - 1;
    }
    if (word == 0 || !last[1] || length - word >= REFERENCE_TEXT_SIZE) {
        return error_set(err, ERROR_NOT_FOUND,
                         "there are {name}/manifests/{reference} and {name}/blobs/{digest}");
    }
    memcpy(name, rest, length - word);
    name[length - word] = '\0';
    *ret_last = last + 1;
    return 0;
}

static int read_path(struct imaged *daemon, struct web_request *request,
                     struct reference *reference, enum kind *ret_kind, struct error *err)
{
    char name[REFERENCE_TEXT_SIZE];
    const char *last = NULL;
    if (split(web_arg(request, "rest"), name, ret_kind, &last, err) < 0 ||
        reference_parse_name(name, reference, err) < 0 ||
        reference_set_version(reference, last, err) < 0) {
        return -1;
    }
    if (*ret_kind == KIND_BLOB && !reference->digest[0]) {
        return error_set(err, ERROR_UNPROCESSABLE, "a blob is named by its digest");
    }
    if (allow_check(&daemon->config.allow, reference->host, err) < 0) {
        return -1;
    }
    return access_check_content(daemon, reference, err);
}

void handle_v2(struct web_request *request, void *context)
{
    struct imaged *daemon = context;
    struct reference reference;
    enum kind kind = KIND_BLOB;
    struct error err;
    web_add_header(request, "Docker-Distribution-API-Version", "registry/2.0");
    if (read_path(daemon, request, &reference, &kind, &err) < 0) {
        web_reply_error(request, &err);
    } else if (kind == KIND_BLOB) {
        handle_blob(daemon, request, &reference);
    } else {
        handle_manifest(daemon, request, &reference);
    }
}
