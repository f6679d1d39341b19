// SPDX-License-Identifier: Apache-2.0

#include "apid.h"

#include "auth.h"
#include "base/log.h"
#include "fetch/fetch.h"
#include "limiter.h"
#include "peer_imaged.h"
#include "routes.h"
#include "service/service.h"
#include "store/store.h"
#include "waiters.h"
#include "web/web.h"

#include <stdlib.h>

// Certificates, the log level and the limits are taken over; addresses, ports and folders need a
// restart.
static int reload(void *context, struct error *err)
{
    struct apid *apid = context;
    struct apid_config config;
    int result = apid_config_load(apid->config_path, &config, err);
    if (result < 0) {
        return result;
    }
    result = web_reload_tls(apid->web, err);
    if (result == 0) {
        log_set_level(config.common.log_level);
        limiter_set(apid->limiter, config.auth_failures_per_min);
        apid->config.resolve_timeout_s = config.resolve_timeout_s;
    }
    apid_config_fini(&config);
    return result;
}

static void drained(void *context)
{
    struct apid *apid = context;
    service_exit(apid->service, EXIT_SUCCESS);
}

static void stop(void *context)
{
    struct apid *apid = context;
    waiters_release(apid->waiters);
    web_drain(apid->web, drained, apid);
}

static int build(struct apid *apid, struct error *err)
{
    const struct daemon_settings *common = &apid->config.common;
    struct service_hooks hooks = {.reload = reload, .stop = stop, .context = apid};
    apid->service = service_new("apid", &hooks, err);
    if (!apid->service) {
        return -1;
    }
    struct store_settings store = {
        .state_dir = common->state_dir, .run_dir = common->run_dir, .role = STORE_ROLE_APID};
    apid->store = store_open(apid->service, &store, err);
    apid->fetcher = apid->store ? fetcher_new(apid->service, err) : NULL;
    apid->limiter = limiter_new(apid->config.auth_failures_per_min);
    apid->peer = peer_imaged_new(apid);
    if (!apid->fetcher || !apid->limiter || !apid->peer) {
        return -1;
    }
    struct web_settings web = {.daemon = "apid",
                               .routes = apid_routes,
                               .route_count = apid_route_count,
                               .context = apid,
                               .authorize = auth_authorize,
                               .challenge = "Bearer realm=\"bootyard\""};
    apid->web = web_new(apid->service, &web, err);
    if (!apid->web) {
        return -1;
    }
    apid->waiters = waiters_new(apid, apid->config.max_waiters, err);
    return apid->waiters ? web_listen_daemon(apid->web, common, err) : -1;
}

int apid_new(const char *config_path, struct apid **ret_apid, struct error *err)
{
    struct apid *apid = calloc(1, sizeof(*apid));
    if (!apid) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    apid->config_path = config_path;
    int result = apid_config_load(config_path, &apid->config, err);
    if (result == 0) {
        log_set_level(apid->config.common.log_level);
        result = build(apid, err);
    }
    if (result < 0) {
        apid_free(apid);
        return result;
    }
    *ret_apid = apid;
    return 0;
}

int apid_run(struct apid *apid)
{
    return service_run(apid->service);
}

struct apid *apid_free(struct apid *apid)
{
    if (apid) {
        waiters_free(apid->waiters);
        peer_imaged_free(apid->peer);
        fetcher_free(apid->fetcher);
        // What the writer still commits is replied to by its `done`: the server goes after the
        // store.
        store_close(apid->store);
        web_free(apid->web);
        limiter_free(apid->limiter);
        service_free(apid->service);
        apid_config_fini(&apid->config);
        free(apid);
    }
    return NULL;
}
