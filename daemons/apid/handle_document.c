// SPDX-License-Identifier: Apache-2.0

#include "handle_document.h"

#include "web/web.h"

// Made from docs/openapi.yaml by local.mk: a daemon and its description cannot come apart.
static const char openapi_text[] =
#include "daemons/apid/openapi_text.inc"
    ;

void handle_document_get(struct web_request *request, void *context)
{
    web_reply_text(request, 200, "application/yaml", openapi_text);
}
