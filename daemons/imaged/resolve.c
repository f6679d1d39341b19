// SPDX-License-Identifier: Apache-2.0
// The way from a reference to a layer. Called by handle_resolve.c.

#include "resolve.h"

#include "manifest_fetch.h"

#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 3 };

struct resolve {
    struct manifests *manifests;
    struct resolve_wish wish; // its reference is that of the manifest being fetched
    unsigned nesting;
    struct resolved resolved;
    void (*done)(void *context, const struct resolved *resolved, const struct error *err);
    void *context;
};

static int step(struct resolve *resolve, const struct manifest_body *body, bool *ret_over,
                struct error *err);

static void on_manifest(void *context, const struct manifest_body *body, const struct error *err)
{
    struct resolve *resolve = context;
    struct error own = {.code = ERROR_NONE};
    bool over = false;
    if (!body) {
        own = *err;
    } else if (step(resolve, body, &over, &own) == 0 && !over) {
        return;
    }
    bool good = own.code == ERROR_NONE;
    resolve->done(resolve->context, good ? &resolve->resolved : NULL, good ? NULL : &own);
    free(resolve);
}

static int step(struct resolve *resolve, const struct manifest_body *body, bool *ret_over,
                struct error *err)
{
    if (!resolve->resolved.digest[0]) {
        memcpy(resolve->resolved.digest, body->digest, DIGEST_TEXT_SIZE);
    }
    if (body->kind == MANIFEST_IMAGE) {
        memcpy(resolve->resolved.manifest_digest, body->digest, DIGEST_TEXT_SIZE);
        *ret_over = true;
        return manifest_choose_layer(body->bytes, body->length, resolve->wish.media_type,
                                     &resolve->resolved.layer, err);
    }
    if (++resolve->nesting > NESTING_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "indexes within indexes within indexes");
    }
    char digest[DIGEST_TEXT_SIZE];
    if (manifest_choose_platform(body->bytes, body->length, resolve->wish.arch, digest, err) < 0) {
        return -1;
    }
    memcpy(resolve->wish.reference.digest, digest, sizeof(digest));
    return manifest_fetch(resolve->manifests, &resolve->wish.reference, on_manifest, resolve, err);
}

int resolve_start(struct manifests *manifests, const struct resolve_wish *wish,
                  void (*done)(void *context, const struct resolved *resolved,
                               const struct error *err),
                  void *context, struct error *err)
{
    struct resolve *resolve = calloc(1, sizeof(*resolve));
    if (!resolve) {
        return error_set(err, ERROR_IO, "no memory");
    }
    resolve->manifests = manifests;
    resolve->wish = *wish;
    resolve->done = done;
    resolve->context = context;
    if (manifest_fetch(manifests, &resolve->wish.reference, on_manifest, resolve, err) < 0) {
        free(resolve);
        return -1;
    }
    return 0;
}
