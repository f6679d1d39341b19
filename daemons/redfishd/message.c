// SPDX-License-Identifier: Apache-2.0

#include "message.h"

#include "web/web.h"

// The Base registry's message for a kind of failure; the text for people is ours and more precise.
static const char *message_key(enum error_code code)
{
    switch (code) {
    case ERROR_NOT_FOUND:
        return "ResourceMissingAtURI";
    case ERROR_UNPROCESSABLE:
        return "ActionParameterValueError";
    case ERROR_BAD_REQUEST:
        return "MalformedJSON";
    case ERROR_CONFLICT:
        return "ResourceInUse";
    case ERROR_UNAVAILABLE:
        return "ServiceTemporarilyUnavailable";
    default:
        return code == ERROR_FORBIDDEN ? "InsufficientPrivilege" : "InternalError";
    }
}

static void add_headers(struct web_request *request)
{
    web_add_header(request, "OData-Version", "4.0");
    web_add_header(request, "Cache-Control", "no-cache");
}

void message_reply_resource(struct web_request *request, json_t *body)
{
    add_headers(request);
    web_reply_json(request, 200, body);
}

void message_reply_done(struct web_request *request)
{
    add_headers(request);
    web_reply_empty(request, 204);
}

void message_reply_error(struct web_request *request, const struct error *err)
{
    char id[64];
    int status = err->code == ERROR_UNPROCESSABLE ? 400 : error_status(err->code);
    (void)snprintf(id, sizeof(id), "Base.1.18.%s", message_key(err->code));
    add_headers(request);
    web_reply_json(request, status,
                   json_pack("{s:{s:s,s:s,s:[{s:s,s:s,s:s,s:[],s:s,s:s}]}}", "error", "code", id, "message",
                             err->message, "@Message.ExtendedInfo", "@odata.type", "#Message.v1_2_0.Message",
                             "MessageId", id, "Message", err->message, "MessageArgs", "MessageSeverity",
                             "Critical", "Resolution", "See the message and try again."));
}
