// SPDX-License-Identifier: Apache-2.0

#include "auth.h"

#include "redfishd.h"

#include "base/cleanup.h"
#include "store/store.h"
#include "store/token.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

static void free_secret(char **text)
{
    if (*text) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
    }
}

static int check(struct redfishd *daemon, const char *user, const char *token, struct api_token *ret_token,
                 struct error *err)
{
    int result = token ? api_token_check(store_reader(daemon->store), token, ret_token, err) : -1;
    if (!token || result < 0 || (user && !secret_equal(user, ret_token->name))) {
        // One text for every way to be wrong: it must not tell which part was right.
        return result < 0 && token && err->code != ERROR_UNAUTHORIZED
                   ? result
                   : error_set(err, ERROR_UNAUTHORIZED, "a known user and token are needed");
    }
    return 0;
}

int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err)
{
    struct redfishd *daemon = context;
    CLEANUP(free_secret) char *user = NULL;
    CLEANUP(free_secret) char *password = NULL;
    const char *token = web_bearer(request);
    if (!token) {
        token = web_header(request, "X-Auth-Token");
    }
    if (!token && web_basic(request, &user, &password) == 0) {
        token = password;
    }
    if (token && web_check_transport(request, err) < 0) {
        return -1;
    }
    struct api_token known;
    int result = check(daemon, user, token, &known, err);
    if (result < 0) {
        return result;
    }
    if ((unsigned)known.role < who) {
        return error_set(err, ERROR_FORBIDDEN, "the role \"%s\" may not do this", token_role_name(known.role));
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
