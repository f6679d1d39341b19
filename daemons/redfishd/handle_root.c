// SPDX-License-Identifier: Apache-2.0

#include "handle_root.h"

#include "message.h"

#include "web/web.h"

void handle_versions(struct web_request *request, void *context)
{
    (void)context;
    message_reply_resource(request, json_pack("{s:s}", "v1", "/redfish/v1/"));
}

void handle_root(struct web_request *request, void *context)
{
    (void)context;
    message_reply_resource(request, json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s}}", "@odata.type",
                                              "#ServiceRoot.v1_15_0.ServiceRoot", "@odata.id", "/redfish/v1/",
                                              "Id", "RootService", "Name", "bootyard", "RedfishVersion", "1.15.0",
                                              "Systems", "@odata.id", "/redfish/v1/Systems"));
}

void handle_odata(struct web_request *request, void *context)
{
    (void)context;
    message_reply_resource(
        request, json_pack("{s:s,s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}", "@odata.context", "/redfish/v1/$metadata",
                           "value", "name", "Service", "kind", "Singleton", "url", "/redfish/v1/", "name",
                           "Systems", "kind", "Singleton", "url", "/redfish/v1/Systems"));
}
