// SPDX-License-Identifier: Apache-2.0
// Commands for agents in standby: asked for every few seconds, so a poll that finds nothing costs
// no write.

#include "handle_commands.h"

#include "auth.h"
#include "exchange.h"
#include "statusd.h"

#include "base/json.h"
#include "store/report.h"
#include "store/store.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 16, ACK_MESSAGE_SIZE = 1001 };

struct delivery {
    struct command commands[COMMANDS_MAX];
    unsigned count;
};

static int act_commands(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    struct delivery *delivery = exchange->detail;
    return command_take(conn, exchange->attempt.machine_id, delivery->commands, COMMANDS_MAX,
                        &delivery->count, err);
}

static void reply_commands(struct exchange *exchange)
{
    const struct delivery *delivery = exchange->detail;
    if (delivery->count == 0) {
        web_reply_empty(exchange->request, 204);
    } else {
        json_t *list = json_array();
        for (unsigned i = 0; i < delivery->count; i++) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:n}", "ID", delivery->commands[i].id,
                                                  "Type", delivery->commands[i].type, "Payload"));
        }
        web_reply_json(exchange->request, 200, list);
    }
    exchange_free(exchange);
}

void handle_commands(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {
        .kind = REPORT_COMMANDS, .act = act_commands, .reply = reply_commands};
    struct statusd *daemon = context;
    struct error err;
    bool has = true;
    if (command_has(store_reader(daemon->store), auth_visitor(request)->attempt.machine_id, &has,
                    &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    if (!has && exchange_is_light(request, daemon)) {
        counters_report(&daemon->counters, REPORT_COMMANDS);
        web_reply_empty(request, 204);
        return;
    }
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery) {
        (void)error_set(&err, ERROR_UNAVAILABLE, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    exchange_start(request, daemon, &rule, delivery);
}

struct ack {
    char id[UUID_TEXT_SIZE];
    bool completed;
    char message[ACK_MESSAGE_SIZE]; // cut
};

static int act_ack(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    const struct ack *ack = exchange->detail;
    return command_ack(conn, exchange->attempt.machine_id, ack->id, ack->completed, ack->message,
                       err);
}

static int read_ack(const struct web_request *request, struct ack *ack, struct error *err)
{
    CLEANUP_JSON json_t *json = web_body_json(request, err);
    if (!json) {
        return -1;
    }
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *status = json_string_value(json_object_get(json, "status"));
    const char *message = json_string_value(json_object_get(json, "message"));
    if (!id || strlen(id) >= sizeof(ack->id)) {
        return error_set(err, ERROR_BAD_REQUEST, "id: the command's, as text");
    }
    if (!status || (strcmp(status, "completed") != 0 && strcmp(status, "failed") != 0)) {
        return error_set(err, ERROR_BAD_REQUEST, "status: completed or failed");
    }
    (void)snprintf(ack->id, sizeof(ack->id), "%s", id);
    (void)snprintf(ack->message, sizeof(ack->message), "%s", message ? message : "");
    ack->completed = strcmp(status, "completed") == 0;
    return 0;
}

void handle_ack(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {.kind = REPORT_ACK, .act = act_ack};
    struct error err;
    struct ack *ack = calloc(1, sizeof(*ack));
    int result =
        ack ? read_ack(request, ack, &err) : error_set(&err, ERROR_UNAVAILABLE, "out of memory");
    if (result < 0) {
        free(ack);
        web_reply_error(request, &err);
        return;
    }
    exchange_start(request, context, &rule, ack);
}
