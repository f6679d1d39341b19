// SPDX-License-Identifier: Apache-2.0

#include "handle_resolve.h"

#include "imaged.h"
#include "resolve.h"

#include "allow.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

struct ask {
    struct imaged *daemon;
    struct web_request *request;
    struct reference reference;
};

static int copy_word(const char *name, const char *value, char *text, size_t size,
                     struct error *err)
{
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~') {
            return error_set(err, ERROR_UNPROCESSABLE, "%s has characters that it cannot have",
                             name);
        }
    }
    if (length >= size) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s is too long", name);
    }
    memcpy(text, value, length + 1);
    return 0;
}

static int read_wish(struct web_request *request, struct resolve_wish *wish, struct error *err)
{
    const char *reference = web_query(request, "ref");
    const char *arch = web_query(request, "arch");
    const char *media_type = web_query(request, "media_type");
    if (!reference || strncmp(reference, "oci://", 6) != 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "ref has to be oci://host[:port]/repository[:tag][@digest]");
    }
    if (copy_word("arch", arch && *arch ? arch : "amd64", wish->arch, sizeof(wish->arch), err) <
            0 ||
        copy_word("media_type", media_type ? media_type : "", wish->media_type,
                  sizeof(wish->media_type), err) < 0) {
        return -1;
    }
    return reference_parse(reference + 6, &wish->reference, err);
}

// public_url/v2/host/repository/blobs/digest; the brackets of an IPv6 address cannot stand in a
// path.
static void format_blob_url(const struct imaged *daemon, const struct reference *reference,
                            const char *digest, struct strbuf *url)
{
    const struct daemon_settings *common = &daemon->config.common;
    if (*common->public_url) {
        strbuf_puts(url, common->public_url);
    } else {
        const char *brackets = strchr(common->address, ':') ? "[]" : "";
        strbuf_printf(url, "http://%.1s%s%s:%u", brackets, common->address,
                      *brackets ? brackets + 1 : "", common->http_port);
    }
    strbuf_puts(url, "/v2/");
    for (const char *c = reference->host; *c; c++) {
        strbuf_printf(url, *c == '[' || *c == ']' ? "%%%02X" : "%c", (unsigned char)*c);
    }
    strbuf_printf(url, "/%s/blobs/%s", reference->repository, digest);
}

static void on_resolved(void *context, const struct resolved *resolved, const struct error *err)
{
    struct ask *ask = context;
    char name[REFERENCE_TEXT_SIZE];
    reference_format(&ask->reference, name);
    if (!resolved) {
        log_info("resolve %s: %s", name, err->message);
        web_reply_error(ask->request, err);
        free(ask);
        return;
    }
    CLEANUP_STRBUF struct strbuf url;
    strbuf_init(&url, 2048);
    format_blob_url(ask->daemon, &ask->reference, resolved->layer.digest, &url);
    log_info("resolve %s: %s, layer %s, %lld bytes", name, resolved->digest, resolved->layer.digest,
             (long long)resolved->layer.size);
    web_reply_json(ask->request, 200,
                   json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s}", "reference", name, "digest",
                             resolved->digest, "manifest_digest", resolved->manifest_digest,
                             "layer_digest", resolved->layer.digest, "layer_size",
                             (json_int_t)resolved->layer.size, "media_type",
                             resolved->layer.media_type, "blob_url", strbuf_text(&url)));
    free(ask);
}

void handle_resolve(struct web_request *request, void *context)
{
    struct imaged *daemon = context;
    struct resolve_wish wish = {.arch = ""};
    struct error err;
    if (read_wish(request, &wish, &err) < 0 ||
        allow_check(&daemon->config.allow, wish.reference.host, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask) {
        error_set(&err, ERROR_IO, "no memory");
        web_reply_error(request, &err);
        return;
    }
    *ask = (struct ask){.daemon = daemon, .request = request, .reference = wish.reference};
    if (resolve_start(daemon->manifests, &wish, on_resolved, ask, &err) < 0) {
        free(ask);
        web_reply_error(request, &err);
    }
}
