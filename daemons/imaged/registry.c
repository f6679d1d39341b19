// SPDX-License-Identifier: Apache-2.0
// One conversation with a registry: ask; on 401 fetch a token and ask once more. Called by
// manifest_fetch.c and fill.c.

#include "registry.h"

#include "allow.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "challenge.h"
#include "config.h"
#include "fetch/url.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOKENS_MAX = 64,
    TOKEN_BODY_MAX = 65536,
    TOKEN_TIMEOUT_MS = 30000,
    TOKEN_LIFE_DEFAULT_S = 60,
    TOKEN_LIFE_MAX_S = 3600,
};

struct token {
    char name[REFERENCE_TEXT_SIZE]; // host/repository
    char *authorization;            // "Bearer …"
    int64_t ends_ms;                // monotonic
};

struct registry {
    struct fetcher *fetcher;
    const struct imaged_config *config;
    struct token tokens[TOKENS_MAX];
    size_t next_token; // the one to give up next
};

struct registry_call {
    struct registry *registry;
    struct registry_ask ask;
    struct reference reference;
    char path[256];
    char accept[512];
    struct fetch *fetch;
    bool has_tried_token;
    bool wants_token; // the answer that is coming in is a 401
    struct challenge challenge;
    struct strbuf token_body;
};

struct registry *registry_new(struct fetcher *fetcher, const struct imaged_config *config,
                              struct error *err)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    if (!registry) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    registry->fetcher = fetcher;
    registry->config = config;
    return registry;
}

static void token_drop(struct token *token)
{
    if (token->authorization) {
        explicit_bzero(token->authorization, strlen(token->authorization));
        free(token->authorization);
    }
    *token = (struct token){.authorization = NULL};
}

struct registry *registry_free(struct registry *registry)
{
    if (registry) {
        for (size_t i = 0; i < TOKENS_MAX; i++) {
            token_drop(&registry->tokens[i]);
        }
        free(registry);
    }
    return NULL;
}

static struct token *token_find(struct registry *registry, const struct reference *reference)
{
    char name[REFERENCE_TEXT_SIZE];
    reference_format_name(reference, name);
    for (size_t i = 0; i < TOKENS_MAX; i++) {
        struct token *token = &registry->tokens[i];
        if (token->authorization && strcmp(token->name, name) == 0) {
            if (token->ends_ms > clock_monotonic_ms()) {
                return token;
            }
            token_drop(token);
        }
    }
    return NULL;
}

static int token_keep(struct registry *registry, const struct reference *reference,
                      const char *text, int64_t life_s, struct error *err)
{
    struct token *token = token_find(registry, reference);
    if (!token) {
        token = &registry->tokens[registry->next_token];
        registry->next_token = (registry->next_token + 1) % TOKENS_MAX;
    }
    token_drop(token);
    if (asprintf(&token->authorization, "Bearer %s", text) < 0) {
        token->authorization = NULL;
        return error_set(err, ERROR_IO, "no memory");
    }
    reference_format_name(reference, token->name);
    token->ends_ms = clock_monotonic_ms() + life_s * 1000;
    return 0;
}

static struct registry_call *call_free(struct registry_call *call)
{
    if (call->token_body.data) {
        explicit_bzero(call->token_body.data, call->token_body.allocated);
    }
    strbuf_fini(&call->token_body);
    free(call);
    return NULL;
}

static void call_end(struct registry_call *call, int result, int status, const struct error *err)
{
    call->ask.on_done(call->ask.context, result, status, err);
    call_free(call);
}

static int judge_url(void *context, const char *url, struct error *err)
{
    struct registry_call *call = context;
    struct url_origin origin;
    if (url_parse(url, &origin, NULL, err) < 0) {
        return -1;
    }
    return allow_origin(&call->registry->config->allow, call->reference.host, &origin, err);
}

static struct fetch_request request_of(struct registry_call *call)
{
    const struct imaged_config *config = call->registry->config;
    return (struct fetch_request){
        .ca_file = allow_rule_for(&config->allow, call->reference.host)->ca_file,
        .stall_timeout_ms = config->stall_seconds * 1000,
        .allow_url = judge_url,
        .context = call,
    };
}

static int token_data(void *context, const void *data, size_t length, struct error *err)
{
    struct registry_call *call = context;
    strbuf_append(&call->token_body, data, length);
    return strbuf_failed(&call->token_body)
               ? error_set(err, ERROR_UPSTREAM, "the token is too long")
               : 0;
}

static bool token_text_is_clean(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    return text[0] && strlen(text) <= 32768;
}

// {"token" or "access_token", "expires_in" in seconds}
static int token_parse(struct registry_call *call, struct error *err)
{
    CLEANUP_JSON json_t *body =
        json_loadb(strbuf_text(&call->token_body), call->token_body.length, 0, NULL);
    const char *text = json_string_value(json_object_get(body, "token"));
    if (!text || !*text) {
        text = json_string_value(json_object_get(body, "access_token"));
    }
    if (!text || !token_text_is_clean(text)) {
        return error_set(err, ERROR_UPSTREAM, "the token server of %s sent no token",
                         call->reference.host);
    }
    json_int_t life_s = json_integer_value(json_object_get(body, "expires_in"));
    if (life_s <= 0) {
        life_s = TOKEN_LIFE_DEFAULT_S;
    }
    life_s = life_s > TOKEN_LIFE_MAX_S ? TOKEN_LIFE_MAX_S : life_s;
    life_s = life_s > 20 ? life_s - 10 : life_s / 2; // end before the server thinks so
    return token_keep(call->registry, &call->reference, text, life_s, err);
}

static int ask_registry(struct registry_call *call, struct error *err);

static void token_done(void *context, int result, int status, const struct error *err)
{
    struct registry_call *call = context;
    call->fetch = NULL;
    struct error own = {.code = ERROR_NONE};
    if (result < 0) {
        own = *err;
        error_wrap(&own, "token");
    } else if (status != 200) {
        error_set(&own, ERROR_UPSTREAM, "the token server of %s answered %d", call->reference.host,
                  status);
    } else if (token_parse(call, &own) == 0 && ask_registry(call, &own) == 0) {
        return;
    }
    call_end(call, -1, 0, &own);
}

static int ask_token_server(struct registry_call *call, struct error *err)
{
    char url[4096];
    if (challenge_token_url(&call->challenge, call->reference.repository, url, sizeof(url), err) <
        0) {
        return -1;
    }
    struct fetch_request request = request_of(call);
    request.method = "GET";
    request.url = url;
    request.max_bytes = TOKEN_BODY_MAX;
    request.total_timeout_ms = TOKEN_TIMEOUT_MS;
    request.on_data = token_data;
    request.on_done = token_done;
    strbuf_reset(&call->token_body);
    call->fetch = fetch_start(call->registry->fetcher, &request, err);
    return call->fetch ? 0 : error_wrap(err, "token");
}

static int answer_head(void *context, const struct fetch_head *head, struct error *err)
{
    struct registry_call *call = context;
    if (head->status == 401 && !call->has_tried_token) {
        call->has_tried_token = true;
        call->wants_token = true;
        return challenge_parse_bearer(head->www_authenticate, &call->challenge, err);
    }
    return call->ask.on_head ? call->ask.on_head(call->ask.context, head, err) : 0;
}

static int answer_data(void *context, const void *data, size_t length, struct error *err)
{
    struct registry_call *call = context;
    if (call->wants_token || !call->ask.on_data) {
        return 0; // the text of a refusal; its size is limited by max_bytes
    }
    return call->ask.on_data(call->ask.context, data, length, err);
}

static void answer_done(void *context, int result, int status, const struct error *err)
{
    struct registry_call *call = context;
    call->fetch = NULL;
    struct error own = {.code = ERROR_NONE};
    if (result == 0 && call->wants_token) {
        call->wants_token = false;
        if (ask_token_server(call, &own) == 0) {
            return;
        }
        call_end(call, -1, 0, &own);
        return;
    }
    call_end(call, result, status, err);
}

static int ask_registry(struct registry_call *call, struct error *err)
{
    char base[REFERENCE_HOST_SIZE + 16];
    allow_base_url(&call->registry->config->allow, call->reference.host, base, sizeof(base));
    CLEANUP_FREE char *url = NULL;
    if (asprintf(&url, "%s/v2/%s/%s", base, call->reference.repository, call->path) < 0) {
        url = NULL;
        return error_set(err, ERROR_IO, "no memory");
    }
    struct token *token = token_find(call->registry, &call->reference);
    const char *headers[2] = {call->accept[0] ? call->accept : NULL, NULL};
    struct fetch_request request = request_of(call);
    request.method = call->ask.method;
    request.url = url;
    request.headers = headers;
    request.authorization = token ? token->authorization : NULL;
    request.range_start = call->ask.range_start;
    request.max_bytes = call->ask.max_bytes;
    request.total_timeout_ms = call->ask.total_timeout_ms;
    request.lowest_rate = call->ask.lowest_rate;
    request.on_head = answer_head;
    request.on_data = answer_data;
    request.on_done = answer_done;
    call->fetch = fetch_start(call->registry->fetcher, &request, err);
    return call->fetch ? 0 : -1;
}

struct registry_call *registry_start(struct registry *registry, const struct registry_ask *ask,
                                     struct error *err)
{
    if (allow_check(&registry->config->allow, ask->reference->host, err) < 0) {
        return NULL;
    }
    struct registry_call *call = calloc(1, sizeof(*call));
    if (!call) {
        error_set(err, ERROR_IO, "no memory");
        return NULL;
    }
    call->registry = registry;
    call->ask = *ask;
    call->reference = *ask->reference;
    call->ask.reference = &call->reference;
    strbuf_init(&call->token_body, TOKEN_BODY_MAX);
    snprintf(call->path, sizeof(call->path), "%s", ask->path);
    if (ask->accept) {
        snprintf(call->accept, sizeof(call->accept), "Accept: %s", ask->accept);
    }
    if (ask_registry(call, err) < 0) {
        return call_free(call);
    }
    return call;
}

void registry_resume(struct registry_call *call)
{
    if (call->fetch) {
        fetch_resume(call->fetch);
    }
}

struct registry_call *registry_cancel(struct registry_call *call)
{
    if (call) {
        fetch_cancel(call->fetch);
        call_free(call);
    }
    return NULL;
}

int registry_status_error(const struct reference *reference, int status, struct error *err)
{
    char name[REFERENCE_TEXT_SIZE];
    reference_format(reference, name);
    if (status == 404) {
        return error_set(err, ERROR_NOT_FOUND, "%s: the registry does not have it", name);
    }
    if (status == 401 || status == 403) {
        return error_set(err, ERROR_UPSTREAM,
                         "%s: the registry does not give it to anonymous clients (status %d)", name,
                         status);
    }
    return error_set(err, ERROR_UPSTREAM, "%s: the registry answered %d", name, status);
}

void registry_blame(struct error *err)
{
    if (err->code == ERROR_FORBIDDEN || err->code == ERROR_TOO_LARGE ||
        err->code == ERROR_BAD_REQUEST) {
        err->code = ERROR_UPSTREAM;
    }
}
