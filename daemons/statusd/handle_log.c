// SPDX-License-Identifier: Apache-2.0
// Log lines of agents: kept in logs.db. Only a step's beginning and an image's progress go on to
// the deployment and the timeline, so a storm of lines is no storm there.

#include "handle_log.h"

#include "exchange.h"
#include "line.h"
#include "lines.h"
#include "statusd.h"

#include "store/attempt.h"
#include "web/web.h"

#include <stdlib.h>

static int act_line(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    const struct line *line = exchange->detail;
    switch (line->what) {
    case LINE_STEP:
        return attempt_step(conn, exchange->attempt.id, line->name, err);
    case LINE_PROGRESS:
        return attempt_progress(conn, exchange->attempt.id, line->name, line->bytes, line->total,
                                line->rate, err);
    default:
        return 0;
    }
}

static void reply_line(struct exchange *exchange)
{
    const struct line *line = exchange->detail;
    lines_store(exchange, line->level);
}

static void take_line(struct web_request *request, struct statusd *daemon,
                      const struct exchange_rule *rule, const struct line *line)
{
    if (line->what == LINE_PLAIN && exchange_is_light(request, daemon)) {
        counters_report(&daemon->counters, rule->kind);
        lines_store_light(request, daemon, line->level);
        return;
    }
    struct line *copy = malloc(sizeof(*copy));
    if (!copy) {
        struct error err;
        (void)error_set(&err, ERROR_UNAVAILABLE, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    *copy = *line;
    exchange_start(request, daemon, rule, copy);
}

void handle_log(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {
        .kind = REPORT_LOG, .act = act_line, .reply = reply_line};
    size_t length;
    const char *text = web_body(request, &length);
    struct line line;
    line_parse(text ? text : "", &line);
    take_line(request, context, &rule, &line);
}

void handle_debug(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {.kind = REPORT_DEBUG, .reply = reply_line};
    struct line line = {.level = 'D'};
    take_line(request, context, &rule, &line);
}
