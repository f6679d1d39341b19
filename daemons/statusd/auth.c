// SPDX-License-Identifier: Apache-2.0

#include "auth.h"

#include "counters.h"
#include "statusd.h"

#include "store/store.h"
#include "store/token.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

static void visitor_free(void *pointer)
{
    struct visitor *visitor = pointer;
    explicit_bzero(visitor, sizeof(*visitor));
    free(visitor);
}

static const char *token_of(const struct web_request *request)
{
    const char *token = web_bearer(request);
    return token ? token : web_query(request, "t");
}

static int check_scraper(struct statusd *daemon, const struct web_request *request,
                         const char *token, struct error *err)
{
    if (web_is_local(request)) {
        return 0;
    }
    struct api_token known;
    if (!token) {
        return error_set(err, ERROR_UNAUTHORIZED, "a token is needed");
    }
    return api_token_check(store_reader(daemon->store), token, &known, err);
}

static int identify(struct statusd *daemon, struct web_request *request, unsigned who,
                    const char *token, struct error *err)
{
    if (strlen(token) >= TOKEN_TEXT_SIZE) {
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not known");
    }
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    if (!visitor) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memcpy(visitor->token, token, strlen(token) + 1);
    if (who == WHO_AGENT) {
        int result = attempt_by_token(store_reader(daemon->store), token, &visitor->attempt, err);
        if (result < 0) {
            visitor_free(visitor);
            return result;
        }
    }
    web_set_identity(request, visitor, visitor_free);
    return 0;
}

int auth_authorize(struct web_request *request, unsigned who, void *context, struct error *err)
{
    struct statusd *daemon = context;
    const char *token = token_of(request);
    if (token && !daemon->config.plain_tokens && web_check_transport(request, err) < 0) {
        counters_refused(&daemon->counters, REFUSED_PLAIN);
        return -1;
    }
    if (who == WHO_SCRAPER) {
        return check_scraper(daemon, request, token, err);
    }
    int result = token ? identify(daemon, request, who, token, err)
                       : error_set(err, ERROR_UNAUTHORIZED, "a token is needed");
    if (result < 0 && err->code == ERROR_UNAUTHORIZED) {
        counters_refused(&daemon->counters, REFUSED_TOKEN);
    }
    return result;
}

const struct visitor *auth_visitor(const struct web_request *request)
{
    return web_identity(request);
}
