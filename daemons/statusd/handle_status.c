// SPDX-License-Identifier: Apache-2.0
// Status of an agent: init, success, error, heartbeat. Bodies are free text; the replies are empty,
// since agents throw them away.

#include "handle_status.h"

#include "auth.h"
#include "exchange.h"
#include "line.h"
#include "lines.h"
#include "statusd.h"

#include "base/log.h"
#include "store/timeline.h"
#include "web/web.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { BOOT_ID_MAX = 64 };

static const char *body_text(const struct exchange *exchange)
{
    size_t length;
    const char *text = web_body(exchange->request, &length);
    return text ? text : "";
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void log_state(const struct exchange *exchange, const char *what)
{
    log_info("machine %" PRId64 " at %s: %s%s%s", exchange->attempt.machine_id,
             exchange->attempt.address, what,
             exchange->attempt.deployment[0] ? ", deployment " : "", exchange->attempt.deployment);
}

void handle_probe(struct web_request *request, void *context)
{
    web_reply_empty(request, 204);
}

// The kernel's boot id of the agent: a phone-home with the same one does not come from the
// installed system.
static const char *boot_id_of(const struct web_request *request)
{
    const char *id = web_header(request, "Bootyard-Boot-Id");
    size_t length = id ? strlen(id) : 0;
    for (size_t i = 0; i < length; i++) {
        if (!isxdigit((unsigned char)id[i]) && id[i] != '-') {
            return NULL;
        }
    }
    return length > 0 && length <= BOOT_ID_MAX ? id : NULL;
}

static int act_init(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    int result = 0;
    if (exchange->detail) {
        result = attempt_boot_id(conn, exchange->attempt.id, exchange->detail, err);
    }
    return result < 0 ? result : attempt_init(conn, exchange->attempt.id, body_text(exchange), err);
}

static void reply_init(struct exchange *exchange)
{
    log_state(exchange, starts_with(body_text(exchange), "standby") ? "stands by" : "started");
    web_reply_empty(exchange->request, 204);
    exchange_free(exchange);
}

void handle_init(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {
        .kind = REPORT_INIT, .act = act_init, .reply = reply_init};
    const char *boot_id = boot_id_of(request);
    char *copy = boot_id ? strdup(boot_id) : NULL;
    exchange_start(request, context, &rule, copy);
}

// A dry run and a deprovision end with SUCCESS too, but nothing was installed.
static int act_success(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    const char *text = body_text(exchange);
    if (starts_with(text, "dry-run ") || starts_with(text, "deprovisioning ")) {
        return timeline_addf(
            conn, exchange->attempt.machine_id, exchange->attempt.deployment, "agent",
            starts_with(text, "dry-run ") ? "agent.dry-run" : "agent.deprovisioned", err, "%s",
            text);
    }
    return attempt_success(conn, exchange->attempt.id, text, err);
}

static void reply_success(struct exchange *exchange)
{
    log_state(exchange, "success");
    web_reply_empty(exchange->request, 204);
    exchange_free(exchange);
}

void handle_success(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {
        .kind = REPORT_SUCCESS, .act = act_success, .reply = reply_success};
    exchange_start(request, context, &rule, NULL);
}

static int act_error(struct store_conn *conn, struct exchange *exchange, struct error *err)
{
    const char *text = body_text(exchange);
    if (starts_with(text, "dry-run ")) {
        return timeline_addf(conn, exchange->attempt.machine_id, exchange->attempt.deployment,
                             "agent", "agent.dry-run", err, "%s", text);
    }
    return attempt_error(conn, exchange->attempt.id, text, err);
}

// The reason and the timeline hold the beginning; as a log line there is room for more of it.
static void reply_error(struct exchange *exchange)
{
    log_state(exchange, "error");
    lines_store(exchange, 'E');
}

void handle_error(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {
        .kind = REPORT_ERROR, .act = act_error, .reply = reply_error, .stops = true};
    size_t length;
    const char *text = web_body(request, &length);
    char step[LINE_WORD_SIZE];
    line_failed_step(text ? text : "", step);
    exchange_start_step(request, context, &rule, step);
}

void handle_heartbeat(struct web_request *request, void *context)
{
    static const struct exchange_rule rule = {.kind = REPORT_HEARTBEAT};
    struct statusd *daemon = context;
    if (exchange_is_light(request, daemon)) {
        counters_report(&daemon->counters, REPORT_HEARTBEAT);
        web_reply_empty(request, 204);
        return;
    }
    exchange_start(request, daemon, &rule, NULL);
}
