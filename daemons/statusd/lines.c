// SPDX-License-Identifier: Apache-2.0

#include "lines.h"

#include "auth.h"
#include "exchange.h"
#include "statusd.h"

#include "base/clock.h"
#include "store/log.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>

struct pending_line {
    struct web_request *request;
    struct exchange *exchange; // NULL: none
    struct log_record record;  // its text is the request's body
};

static int run_line(struct store_conn *conn, void *context, struct error *err)
{
    return log_append(conn, &((struct pending_line *)context)->record, err);
}

static void line_done(void *context, int result, const struct error *err)
{
    struct pending_line *pending = context;
    if (result < 0) {
        web_reply_error(pending->request, err);
    } else {
        web_reply_empty(pending->request, 204);
    }
    if (pending->exchange) {
        exchange_free(pending->exchange);
    }
    free(pending);
}

static void start(struct web_request *request, struct statusd *daemon,
                  const struct attempt *attempt, char level, struct exchange *exchange)
{
    size_t length;
    const char *text = web_body(request, &length);
    struct pending_line *pending = calloc(1, sizeof(*pending));
    if (!pending) {
        struct error err;
        (void)error_set(&err, ERROR_UNAVAILABLE, "out of memory");
        web_reply_error(request, &err);
        if (exchange) {
            exchange_free(exchange);
        }
        return;
    }
    *pending = (struct pending_line){
        .request = request,
        .exchange = exchange,
        .record = {.time_ms = clock_now_ms(),
                   .machine_id = attempt->machine_id,
                   .attempt_id = attempt->id,
                   .level = level,
                   .text = text ? text : ""},
    };
    store_write_logs(daemon->store, run_line, line_done, pending);
}

void lines_store(struct exchange *exchange, char level)
{
    start(exchange->request, exchange->daemon, &exchange->attempt, level, exchange);
}

void lines_store_light(struct web_request *request, struct statusd *daemon, char level)
{
    start(request, daemon, &auth_visitor(request)->attempt, level, NULL);
}
