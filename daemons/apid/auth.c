// SPDX-License-Identifier: Apache-2.0

#include "auth.h"

#include "apid.h"
#include "base/clock.h"
#include "base/log.h"
#include "limiter.h"
#include "store/store.h"
#include "store/token.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

static int refuse_wrong(struct apid *apid, struct web_request *request, struct error *err)
{
    if (!limiter_failure(apid->limiter, web_peer(request), clock_monotonic_ms())) {
        web_add_header(request, "Retry-After", "60");
        return error_set(err, ERROR_TOO_MANY,
                         "too many wrong tokens from your address, try again in a minute");
    }
    log_notice("wrong API token from %s", web_peer_text(request));
    return error_set(err, ERROR_UNAUTHORIZED, "the bearer token is not known or has expired");
}

int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err)
{
    struct apid *apid = context;
    const char *token = web_bearer(request);
    if (!token) {
        return error_set(err, ERROR_UNAUTHORIZED,
                         "an API token is needed: Authorization: Bearer ...");
    }
    if (web_check_transport(request, err) < 0) {
        return -1;
    }
    struct api_token known;
    int result = api_token_check(store_reader(apid->store), token, &known, err);
    if (result < 0) {
        return err->code == ERROR_UNAUTHORIZED ? refuse_wrong(apid, request, err) : result;
    }
    if ((unsigned)known.role < who) {
        return error_set(err, ERROR_FORBIDDEN, "the token \"%s\" has the role %s, this needs %s",
                         known.name, token_role_name(known.role),
                         token_role_name((enum token_role)who));
    }
    char *name = strdup(known.name);
    if (!name) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    web_set_identity(request, name, free);
    return 0;
}

const char *auth_name(const struct web_request *request)
{
    const char *name = web_identity(request);
    return name ? name : "";
}
