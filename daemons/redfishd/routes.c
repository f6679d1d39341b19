// SPDX-License-Identifier: Apache-2.0
// redfishd's whole surface. What needs no credential is what DSP0266 wants readable without one.

#include "routes.h"

#include "handle_reset.h"
#include "handle_root.h"
#include "handle_systems.h"

#include "store/token.h"

enum { NOBODY = 0, READ = TOKEN_ROLE_READ, ADMIN = TOKEN_ROLE_ADMIN };

const struct web_route redfishd_routes[] = {
    {"GET", "/redfish", NOBODY, 0, handle_versions, "versions"},
    {"GET", "/redfish/v1", NOBODY, 0, handle_root, "root"},
    {"GET", "/redfish/v1/", NOBODY, 0, handle_root, "root"},
    {"GET", "/redfish/v1/odata", NOBODY, 0, handle_odata, "odata"},
    {"GET", "/redfish/v1/Systems", READ, 0, handle_systems, "systems"},
    {"GET", "/redfish/v1/Systems/{system}", READ, 0, handle_system, "system"},
    {"POST", "/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset", ADMIN, 4096, handle_reset, "reset"},
    {"GET", "/healthz", NOBODY, 0, web_handle_health, "healthz"},
    {"GET", "/metrics", READ, 0, web_handle_metrics, "metrics"},
};
const size_t redfishd_route_count = sizeof(redfishd_routes) / sizeof(redfishd_routes[0]);
