// SPDX-License-Identifier: Apache-2.0
// imaged's whole surface. What a blob or manifest is, who may have it, is decided in access.c,
// because it depends on the digest. Later: /image, /httpboot, /images/talos.

#include "routes.h"

#include "access.h"
#include "handle_resolve.h"
#include "handle_v2.h"

enum { ANYBODY = 0, THIS_HOST = 1 };

const struct web_route imaged_routes[] = {
    {"GET", "/v2/", ANYBODY, 0, handle_v2_version, "v2"},
    {"GET", "/v2/{rest*}", ANYBODY, 0, handle_v2, "v2"},
    {"GET", "/resolve", THIS_HOST, 0, handle_resolve, "resolve"},
    {"GET", "/healthz", ANYBODY, 0, web_handle_health, "healthz"},
    {"GET", "/metrics", ANYBODY, 0, web_handle_metrics, "metrics"},
};
const size_t imaged_route_count = sizeof(imaged_routes) / sizeof(imaged_routes[0]);

int imaged_authorize(struct web_request *request, unsigned who, void *context, struct error *err)
{
    return access_check_host(request, err);
}
