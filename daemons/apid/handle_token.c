// SPDX-License-Identifier: Apache-2.0

#include "handle_token.h"

#include "apid.h"
#include "base/clock.h"
#include "base/json.h"
#include "change.h"
#include "machine_json.h"
#include "store/store.h"
#include "store/token.h"
#include "web/web.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_SHOWN_MAX = 10000, EXPIRES_MAX_S = 10 * 366 * 24 * 3600 };

struct token_change {
    struct change change; // first
    struct api_token token;
    char secret[TOKEN_TEXT_SIZE];
};

static void token_change_free(struct change *change)
{
    struct token_change *op = (struct token_change *)change;
    explicit_bzero(op->secret, sizeof(op->secret));
    free(op);
}

static int name_check(const char *text, struct error *err)
{
    size_t length = strlen(text);
    if (length < 1 || length > 63 ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != length) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "a token's name is 1 to 63 of a-z, 0-9, '.' and '-'");
    }
    return 0;
}

static int role_check(const char *text, struct error *err)
{
    enum token_role role;
    return token_role_parse(text, &role, err);
}

static const struct wire_field token_fields[] = {
    {.name = "name",
     .kind = WIRE_STRING,
     .required = true,
     .min = 1,
     .max = 63,
     .check = name_check},
    {.name = "role",
     .kind = WIRE_STRING,
     .required = true,
     .min = 1,
     .max = 32,
     .check = role_check},
    {.name = "expires_in", .kind = WIRE_INTEGER, .min = 1, .max = EXPIRES_MAX_S},
};

static json_t *token_to_json(const struct api_token *token)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", token->name, "role",
                     token_role_name(token->role), "created", time_to_json(token->created_ms),
                     "expires", time_to_json(token->expires_ms), "last_used",
                     time_to_json(token->last_used_ms));
}

static int add_token(void *context, const struct api_token *token, struct error *err)
{
    json_t *tokens = context;
    if (json_array_size(tokens) >= TOKENS_SHOWN_MAX) {
        return 0;
    }
    return json_array_append_new(tokens, token_to_json(token)) < 0
               ? error_set(err, ERROR_IO, "out of memory")
               : 0;
}

void handle_token_list(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    CLEANUP_JSON json_t *tokens = json_array();
    if (api_token_list(store_reader(apid->store), add_token, tokens, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200, json_pack("{s:O}", "tokens", tokens));
}

static int create_run(struct store_conn *conn, struct change *change, struct error *err)
{
    struct token_change *op = (struct token_change *)change;
    return api_token_create(conn, &op->token, op->secret, err);
}

static void create_reply(struct change *change)
{
    struct token_change *op = (struct token_change *)change;
    json_t *reply = token_to_json(&op->token);
    (void)json_object_set_new(reply, "token", json_string(op->secret));
    web_add_header(change->request, "Cache-Control", "no-store");
    web_reply_json(change->request, 201, reply);
}

void handle_token_post(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    CLEANUP_JSON json_t *document = web_body_json(request, &err);
    if (!document || wire_check(document, token_fields,
                                sizeof(token_fields) / sizeof(token_fields[0]), &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    struct token_change *op = calloc(1, sizeof(*op));
    if (!op) {
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    const char *name = wire_text(document, "name", "");
    memcpy(op->token.name, name, strlen(name) + 1);
    (void)token_role_parse(wire_text(document, "role", ""), &op->token.role, &err);
    op->token.created_ms = clock_now_ms();
    int64_t expires_in_s = json_integer_value(json_object_get(document, "expires_in"));
    op->token.expires_ms = expires_in_s > 0 ? op->token.created_ms + expires_in_s * 1000 : 0;
    change_init(&op->change, apid, request, "token.create", name);
    op->change.run = create_run;
    op->change.reply = create_reply;
    op->change.free = token_change_free;
    change_start(&op->change);
}

static int revoke_run(struct store_conn *conn, struct change *change, struct error *err)
{
    return api_token_revoke(conn, change->object, err);
}

static void revoke_reply(struct change *change)
{
    web_reply_empty(change->request, 204);
}

void handle_token_delete(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    const char *name = web_arg(request, "name");
    struct token_change *op = name_check(name, NULL) == 0 ? calloc(1, sizeof(*op)) : NULL;
    if (!op) {
        (void)error_set(&err, ERROR_NOT_FOUND, "there is no token of this name");
        web_reply_error(request, &err);
        return;
    }
    change_init(&op->change, apid, request, "token.revoke", name);
    op->change.run = revoke_run;
    op->change.reply = revoke_reply;
    op->change.free = token_change_free;
    change_start(&op->change);
}
