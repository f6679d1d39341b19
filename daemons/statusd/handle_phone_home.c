// SPDX-License-Identifier: Apache-2.0
// The installed system says that it runs: the evidence that a deployment worked. Its token can do
// nothing else.

#include "handle_phone_home.h"

#include "auth.h"
#include "statusd.h"

#include "base/json.h"
#include "base/log.h"
#include "store/attempt.h"
#include "store/store.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTNAME_SIZE = 254, ID_SIZE = 65 };

struct call {
    struct statusd *daemon;
    struct web_request *request;
    char address[ATTEMPT_ADDRESS_SIZE];
    char hostname[HOSTNAME_SIZE];
    char boot_id[ID_SIZE];
    char machine_id[ID_SIZE];
};

static int read_text(const json_t *json, const char *key, char *buffer, size_t size,
                     struct error *err)
{
    const char *text = json_string_value(json_object_get(json, key));
    bool good = text && *text && strlen(text) < size;
    for (const char *c = text; good && *c; c++) {
        good = *c > ' ' && *c < 0x7f;
    }
    if (!good) {
        return error_set(err, ERROR_BAD_REQUEST, "%s: 1 to %zu characters without spaces", key,
                         size - 1);
    }
    (void)snprintf(buffer, size, "%s", text);
    return 0;
}

static int read_call(struct call *call, struct error *err)
{
    CLEANUP_JSON json_t *json = web_body_json(call->request, err);
    if (!json || read_text(json, "hostname", call->hostname, sizeof(call->hostname), err) < 0 ||
        read_text(json, "boot_id", call->boot_id, sizeof(call->boot_id), err) < 0) {
        return -1;
    }
    return read_text(json, "machine_id", call->machine_id, sizeof(call->machine_id), err);
}

static int run_call(struct store_conn *conn, void *context, struct error *err)
{
    struct call *call = context;
    struct phone_home report = {.hostname = call->hostname,
                                .boot_id = call->boot_id,
                                .machine_id = call->machine_id,
                                .address = call->address};
    return attempt_phone_home(conn, auth_visitor(call->request)->token, &report, err);
}

static void call_done(void *context, int result, const struct error *err)
{
    struct call *call = context;
    struct statusd *daemon = call->daemon;
    if (result < 0) {
        counters_refused(&daemon->counters,
                         err->code == ERROR_UNAUTHORIZED ? REFUSED_TOKEN : REFUSED_STATE);
        web_reply_error(call->request, err);
    } else {
        counters_report(&daemon->counters, REPORT_PHONE_HOME);
        log_info("%s phoned home from %s", call->hostname, call->address);
        web_reply_empty(call->request, 204);
    }
    free(call);
}

void handle_phone_home(struct web_request *request, void *context)
{
    struct error err;
    struct call *call = calloc(1, sizeof(*call));
    int result = -1;
    if (call) {
        call->daemon = context;
        call->request = request;
        (void)snprintf(call->address, sizeof(call->address), "%s", web_peer_text(request));
        result = read_call(call, &err);
    } else {
        (void)error_set(&err, ERROR_UNAVAILABLE, "out of memory");
    }
    if (result < 0) {
        free(call);
        web_reply_error(request, &err);
        return;
    }
    store_write(call->daemon->store, run_call, call_done, call);
}
