// SPDX-License-Identifier: Apache-2.0

#include "handle_manifest.h"

#include "imaged.h"
#include "manifest_fetch.h"

#include "web/web.h"

#include <stdio.h>

static void on_manifest(void *context, const struct manifest_body *body, const struct error *err)
{
    struct web_request *request = context;
    if (!body) {
        web_reply_error(request, err);
        return;
    }
    char etag[DIGEST_TEXT_SIZE + 2];
    snprintf(etag, sizeof(etag), "\"%s\"", body->digest);
    web_add_header(request, "Docker-Content-Digest", body->digest);
    web_add_header(request, "ETag", etag);
    web_reply_bytes(request, 200, body->media_type, body->bytes, body->length);
}

void handle_manifest(struct imaged *daemon, struct web_request *request,
                     const struct reference *reference)
{
    struct error err;
    if (manifest_fetch(daemon->manifests, reference, on_manifest, request, &err) < 0) {
        web_reply_error(request, &err);
    }
}
