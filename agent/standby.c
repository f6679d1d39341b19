// SPDX-License-Identifier: Apache-2.0

#include "agent/standby.h"

#include "agent/http.h"
#include "agent/report/post.h"
#include "agent/report/report.h"
#include "agent/url.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    POLL_S = 10,
    HEARTBEAT_MS = 30000,
    REPLY_MAX = 1024 * 1024,
    TOTAL_MS = 30000,
    SILENCE_MS = 30 * 60 * 1000, // then a restart is worth a try: the address or the controller moved
};

static const json_t *member(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (strcasecmp(key, name) == 0) {
            return value;
        }
    }
    return NULL;
}

int commands_parse(const char *text, size_t length, struct command ret_commands[COMMANDS_MAX],
                   size_t *ret_count, struct error *err)
{
    CLEANUP_JSON json_t *list = json_loadb(text, length, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, NULL);
    if (json_is_null(list)) {
        *ret_count = 0;
        return 0;
    }
    if (!json_is_array(list) || json_array_size(list) > COMMANDS_MAX) {
        return error_set(err, ERROR_BAD_REQUEST, "the reply is not a list of at most %d commands",
                         COMMANDS_MAX);
    }
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *id = json_string_value(member(item, "ID"));
        const char *type = json_string_value(member(item, "Type"));
        struct command *command = &ret_commands[i];
        if (!id || strlen(id) >= sizeof(command->id)) {
            return error_set(err, ERROR_BAD_REQUEST, "a command has no usable ID");
        }
        (void)snprintf(command->id, sizeof(command->id), "%s", id);
        // A type that does not fit is none that is known.
        (void)snprintf(command->type, sizeof(command->type), "%s", type ? type : "");
    }
    *ret_count = count;
    return 0;
}

struct standby {
    const struct agent_context *context;
    atomic_bool is_fenced;
    struct post post;
    const char *commands_url;
};

static void acknowledge(struct standby *standby, const struct command *command, const char *status,
                        const char *message)
{
    char url[URL_TARGET_SIZE];
    struct error error = {0};
    CLEANUP_JSON json_t *body = json_pack("{s:s, s:s, s:s*}", "id", command->id, "status", status,
                                          "message", message);
    CLEANUP_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int result = text ? url_append_ack(standby->commands_url, url, sizeof(url), &error)
                      : error_set(&error, ERROR_IO, "out of memory");
    if (result == 0) {
        struct post_body post = {.type = "application/json", .bytes = text, .length = strlen(text)};
        result = post_retry(&standby->post, url, post, &error);
    }
    if (result < 0) {
        log_warning("acknowledgement of a command failed: %s", error.message);
    }
}

// True when the machine is to restart.
static bool obey(struct standby *standby, const struct command *command)
{
    log_info("command id=%s type=%s", command->id, command->type);
    if (strcmp(command->type, "health-check") == 0) {
        acknowledge(standby, command, "completed", "healthy");
    } else if (strcmp(command->type, "reboot") == 0) {
        acknowledge(standby, command, "completed", NULL);
        return true;
    } else {
        acknowledge(standby, command, "failed", "unknown command type");
    }
    return false;
}

static int take_data(void *context, const void *data, size_t length, struct error *err)
{
    struct strbuf *reply = context;
    strbuf_append(reply, data, length);
    return strbuf_failed(reply) ? error_set(err, ERROR_TOO_LARGE, "the reply is over 1 MiB") : 0;
}

// One poll. `ret_restart` says whether a command asked for it.
static int poll_commands(struct standby *standby, bool *ret_restart, struct error *err)
{
    const struct vars *vars = standby->context->vars;
    const char *token = vars_get(vars, "TOKEN");
    CLEANUP(strbuf_fini) struct strbuf reply;
    strbuf_init(&reply, REPLY_MAX);
    struct http_request request = {
        .method = "GET",
        .url = standby->commands_url,
        .bearer = token && *token ? token : NULL,
        .insecure_transport = vars_get_bool(vars, "INSECURE_TRANSPORT"),
        .total_timeout_ms = TOTAL_MS,
        .on_data = take_data,
        .context = &reply,
    };
    struct http_response response = {0};
    int result = http_perform(&request, &response, err);
    if (result < 0 || response.status == 204 || response.status == 404) {
        return result;
    }
    if (response.status == 409) {
        atomic_store(&standby->is_fenced, true);
        return error_set(err, ERROR_CONFLICT, "the controller ended this attempt");
    }
    if (response.status != 200) {
        return error_set(err, ERROR_UPSTREAM, "the controller answered %d", response.status);
    }
    struct command commands[COMMANDS_MAX];
    size_t count;
    result = commands_parse(strbuf_text(&reply), reply.length, commands, &count, err);
    for (size_t i = 0; result == 0 && i < count && !*ret_restart; i++) {
        *ret_restart = obey(standby, &commands[i]);
    }
    return result;
}

// Commands need a transport that nobody else can write to, with or without a token (facts 1.6).
static bool may_poll(const struct vars *vars)
{
    const char *text = vars_get(vars, "COMMANDS_URL");
    struct url url;
    struct error error = {0};
    if (!text || !*text) {
        return false;
    }
    if (url_parse(text, &url, &error) < 0) {
        log_err("COMMANDS_URL: %s", error.message);
        return false;
    }
    if (!url_may_carry_secret(&url, vars_get_bool(vars, "INSECURE_TRANSPORT"))) {
        log_err("COMMANDS_URL is plain http to another host: commands are not asked for");
        return false;
    }
    return true;
}

void standby_run(struct agent_context *context)
{
    struct standby standby = {.context = context,
                              .commands_url = vars_get(context->vars, "COMMANDS_URL")};
    standby.post = (struct post){.vars = context->vars, .is_fenced = &standby.is_fenced};
    bool is_polling = may_poll(context->vars);
    bool restart = false;
    bool was_failing = false;
    int64_t heard_ms = clock_monotonic_ms();
    report_pulse(context->report, HEARTBEAT_MS);
    while (!restart && !report_is_fenced(context->report) && !atomic_load(&standby.is_fenced)) {
        (void)sleep(POLL_S);
        if (!is_polling) {
            continue;
        }
        struct error error = {0};
        int result = poll_commands(&standby, &restart, &error);
        if (result < 0 && !was_failing) {
            log_warning("asking for commands failed: %s", error.message);
        }
        was_failing = result < 0;
        int64_t now = clock_monotonic_ms();
        // An answer that is no use is an answer.
        heard_ms = result == 0 || error.code == ERROR_BAD_REQUEST ? now : heard_ms;
        if (now - heard_ms > SILENCE_MS) {
            log_warning("the controller was silent for %d minutes", SILENCE_MS / 60000);
            break;
        }
    }
    report_pulse(context->report, 0);
}
