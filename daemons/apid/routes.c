// SPDX-License-Identifier: Apache-2.0

#include "routes.h"

#include "handle_deployment.h"
#include "handle_document.h"
#include "handle_machine.h"
#include "handle_report.h"
#include "handle_timeline.h"
#include "handle_token.h"
#include "store/token.h"
#include "web/web.h"

enum { ANYBODY = 0, READ = TOKEN_ROLE_READ, ADMIN = TOKEN_ROLE_ADMIN };
enum { SMALL = 4 * 1024, MACHINE = 64 * 1024, DEPLOYMENT = 128 * 1024 };

const struct web_route apid_routes[] = {
    {"GET", "/v1/machines", READ, 0, handle_machine_list, "machines"},
    {"GET", "/v1/machines/{name}", READ, 0, handle_machine_get, "machine"},
    {"PUT", "/v1/machines/{name}", ADMIN, MACHINE, handle_machine_put, "machine"},
    {"DELETE", "/v1/machines/{name}", ADMIN, 0, handle_machine_delete, "machine"},

    {"GET", "/v1/machines/{name}/deployments", READ, 0, handle_deployment_list, "deployments"},
    {"POST", "/v1/machines/{name}/deployments", ADMIN, DEPLOYMENT, handle_deployment_post,
     "deployments"},
    {"GET", "/v1/deployments/{id}", READ, 0, handle_deployment_get, "deployment"},
    {"DELETE", "/v1/deployments/{id}", ADMIN, 0, handle_deployment_cancel, "deployment"},

    {"GET", "/v1/machines/{name}/timeline", READ, 0, handle_timeline_get, "timeline"},
    {"GET", "/v1/machines/{name}/log", READ, 0, handle_log_get, "log"},
    {"GET", "/v1/machines/{name}/reports/{kind}", READ, 0, handle_report_get, "report"},

    {"GET", "/v1/tokens", ADMIN, 0, handle_token_list, "tokens"},
    {"POST", "/v1/tokens", ADMIN, SMALL, handle_token_post, "tokens"},
    {"DELETE", "/v1/tokens/{name}", ADMIN, 0, handle_token_delete, "token"},

    {"GET", "/v1/openapi.yaml", ANYBODY, 0, handle_document_get, "openapi"},
    {"GET", "/healthz", ANYBODY, 0, web_handle_health, "healthz"},
    {"GET", "/metrics", READ, 0, web_handle_metrics, "metrics"},
};
const size_t apid_route_count = sizeof(apid_routes) / sizeof(apid_routes[0]);
