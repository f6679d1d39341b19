// SPDX-License-Identifier: Apache-2.0

#include "exchange.h"

#include "auth.h"
#include "seen.h"
#include "statusd.h"

#include "base/log.h"
#include "store/store.h"
#include "web/web.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_ended(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    exchange->verdict = EXCHANGE_ENDED;
    // Only the agent itself can say that it stopped.
    bool stops = exchange->rule->stops && strcmp(exchange->attempt.address, exchange->address) == 0;
    return attempt_ended_report(conn, exchange->attempt.id, report_kind_name(exchange->rule->kind),
                                stops, exchange->step, err);
}

static int run_exchange(struct store_conn *conn, void *context, struct error *err)
{
    struct exchange *exchange = context;
    exchange->verdict = EXCHANGE_TAKEN;
    int result = attempt_by_token(conn, exchange->visitor->token, &exchange->attempt, err);
    if (result < 0) {
        return result;
    }
    if (exchange->attempt.ended) {
        return run_ended(conn, exchange, err);
    }
    bool is_its_address = false;
    result = attempt_contact(conn, exchange->attempt.id, exchange->address, &is_its_address, err);
    if (result < 0) {
        return result;
    }
    if (!is_its_address) {
        exchange->verdict = EXCHANGE_WRONG_ADDRESS; // the alarm is committed
        return 0;
    }
    return exchange->rule->act ? exchange->rule->act(conn, exchange, err) : 0;
}

static void refuse(struct exchange *exchange)
{
    struct error err;
    if (exchange->verdict == EXCHANGE_ENDED) {
        counters_refused(&exchange->daemon->counters, REFUSED_ENDED);
        (void)error_set(&err, ERROR_CONFLICT, "this boot attempt is over: %s",
                        exchange->attempt.ended_why);
    } else {
        counters_refused(&exchange->daemon->counters, REFUSED_ADDRESS);
        (void)error_set(&err, ERROR_FORBIDDEN, "this token belongs to another address");
        log_warning("%s used the token of attempt %" PRId64 ", which belongs to another address",
                    exchange->address, exchange->attempt.id);
    }
    web_reply_error(exchange->request, &err);
}

static void exchange_done(void *context, int result, const struct error *err)
{
    struct exchange *exchange = context;
    if (result < 0) {
        if (err->code == ERROR_CONFLICT) {
            counters_refused(&exchange->daemon->counters, REFUSED_STATE);
        }
        web_reply_error(exchange->request, err);
    } else if (exchange->verdict != EXCHANGE_TAKEN) {
        refuse(exchange);
    } else {
        counters_report(&exchange->daemon->counters, exchange->rule->kind);
        seen_add(exchange->daemon->seen, &exchange->attempt);
        if (exchange->rule->reply) {
            exchange->rule->reply(exchange);
            return;
        }
        web_reply_empty(exchange->request, 204);
    }
    exchange_free(exchange);
}

static struct exchange *exchange_new(struct web_request *request, struct statusd *daemon,
                                     const struct exchange_rule *rule)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) {
        struct error err;
        (void)error_set(&err, ERROR_UNAVAILABLE, "out of memory");
        web_reply_error(request, &err);
        return NULL;
    }
    exchange->daemon = daemon;
    exchange->request = request;
    exchange->rule = rule;
    exchange->visitor = auth_visitor(request);
    (void)snprintf(exchange->address, sizeof(exchange->address), "%s", web_peer_text(request));
    return exchange;
}

void exchange_start(struct web_request *request, struct statusd *daemon,
                    const struct exchange_rule *rule, void *detail)
{
    struct exchange *exchange = exchange_new(request, daemon, rule);
    if (!exchange) {
        free(detail);
        return;
    }
    exchange->detail = detail;
    store_write(daemon->store, run_exchange, exchange_done, exchange);
}

void exchange_start_step(struct web_request *request, struct statusd *daemon,
                         const struct exchange_rule *rule, const char *step)
{
    struct exchange *exchange = exchange_new(request, daemon, rule);
    if (exchange) {
        (void)snprintf(exchange->step, sizeof(exchange->step), "%s", step);
        store_write(daemon->store, run_exchange, exchange_done, exchange);
    }
}

void exchange_free(struct exchange *exchange)
{
    free(exchange->detail);
    free(exchange);
}

bool exchange_is_light(struct web_request *request, struct statusd *daemon)
{
    const struct attempt *attempt = &auth_visitor(request)->attempt;
    bool light = !attempt->ended && attempt->first_contact_ms != 0 &&
                 strcmp(attempt->address, web_peer_text(request)) == 0;
    if (light) {
        seen_add(daemon->seen, attempt);
    }
    return light;
}
