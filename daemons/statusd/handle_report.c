// SPDX-License-Identifier: Apache-2.0
// JSON documents of agents, kept as they came under their kind. Their shape is the agent's
// business: what is valid JSON is taken.

#include "handle_report.h"

#include "exchange.h"

#include "base/json.h"
#include "store/report.h"
#include "store/timeline.h"
#include "web/web.h"

#include <string.h>

struct document_rule {
    struct exchange_rule exchange; // first: an exchange's rule is the document's
    const char *kind;
    bool is_told; // a row in the timeline
};

static int act_document(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    const struct document_rule *rule = (const struct document_rule *)exchange->rule;
    size_t length;
    const char *json = web_body(exchange->request, &length);
    int result = report_put(conn, exchange->attempt.machine_id, rule->kind, json, length, err);
    if (result == 0 && rule->is_told) {
        result = timeline_addf(conn, exchange->attempt.machine_id, exchange->attempt.deployment,
                               "agent", "agent.report", err, "%s", rule->kind);
    }
    return result;
}

static void take_document(struct web_request *request, void *context,
                          const struct document_rule *rule)
{
    struct error err;
    CLEANUP_JSON json_t *json = web_body_json_any(request, &err);
    if (!json) {
        web_reply_error(request, &err);
        return;
    }
    exchange_start(request, context, &rule->exchange, NULL);
}

#define DOCUMENT(name, told)                                                                       \
    {                                                                                              \
        .exchange = {.kind = REPORT_DOCUMENT, .act = act_document}, .kind = (name),                \
        .is_told = (told)                                                                          \
    }

void handle_inventory(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("inventory", true);
    take_document(request, context, &rule);
}

void handle_firmware(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("firmware", true);
    take_document(request, context, &rule);
}

void handle_health(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("health", true);
    take_document(request, context, &rule);
}

void handle_metrics_report(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("metrics", false);
    take_document(request, context, &rule);
}

void handle_telemetry(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("telemetry", false);
    take_document(request, context, &rule);
}

void handle_event(struct web_request *request, void *context)
{
    static const struct document_rule rule = DOCUMENT("event", false);
    take_document(request, context, &rule);
}
