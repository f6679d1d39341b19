// SPDX-License-Identifier: Apache-2.0

#include "change.h"

#include "apid.h"
#include "auth.h"
#include "base/log.h"
#include "store/store.h"
#include "store/token.h"
#include "web/web.h"

#include <stdio.h>

void change_init(struct change *change, struct apid *apid, struct web_request *request,
                 const char *action, const char *object)
{
    change->apid = apid;
    change->request = request;
    change->action = action;
    (void)snprintf(change->who, sizeof(change->who), "%s", auth_name(request));
    (void)snprintf(change->address, sizeof(change->address), "%s", web_peer_text(request));
    (void)snprintf(change->object, sizeof(change->object), "%s", object);
}

static int run(struct store_conn *conn, void *context, struct error *err)
{
    struct change *change = context;
    int result = change->run(conn, change, err);
    if (result == 0) {
        result = audit_add(conn, change->who, change->address, change->action, change->object, err);
    }
    return result;
}

static void done(void *context, int result, const struct error *err)
{
    struct change *change = context;
    if (result == 0) {
        log_info("%s %s by %s from %s", change->action, change->object, change->who,
                 change->address);
        change->reply(change);
    } else if (change->failed) {
        change->failed(change, err);
    } else {
        web_reply_error(change->request, err);
    }
    change->free(change);
}

void change_start(struct change *change)
{
    store_write(change->apid->store, run, done, change);
}
