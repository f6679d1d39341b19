// SPDX-License-Identifier: Apache-2.0

#include "redfishd.h"

#include "auth.h"
#include "routes.h"

#include "base/log.h"
#include "service/service.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>

// What applies without a restart: certificates, [command] sections, the log's level. Work that runs goes on with what it began with.
static int reload(void *context, struct error *err)
{
    struct redfishd *daemon = context;
    struct redfishd_config *config = redfishd_config_load(daemon->config_path, err);
    if (!config || web_reload_tls(daemon->web, err) < 0) {
        redfishd_config_unref(config);
        return -1;
    }
    redfishd_config_unref(daemon->config);
    daemon->config = config;
    log_set_level(config->common.log_level);
    return 0;
}

static void drained(void *context)
{
    struct redfishd *daemon = context;
    service_exit(daemon->service, EXIT_SUCCESS);
}

static void stop(void *context)
{
    struct redfishd *daemon = context;
    web_drain(daemon->web, drained, daemon);
}

static int build(struct redfishd *daemon, struct error *err)
{
    const struct daemon_settings *common = &daemon->config->common;
    struct service_hooks hooks = {.reload = reload, .stop = stop, .context = daemon};
    daemon->service = service_new("redfishd", &hooks, err);
    if (!daemon->service) {
        return -1;
    }
    struct store_settings store = {.state_dir = common->state_dir,
                                   .run_dir = common->run_dir,
                                   .role = STORE_ROLE_REDFISHD};
    daemon->store = store_open(daemon->service, &store, err);
    if (!daemon->store) {
        return -1;
    }
    struct web_settings web = {.daemon = "redfishd",
                               .routes = redfishd_routes,
                               .route_count = redfishd_route_count,
                               .context = daemon,
                               .authorize = auth_authorize,
                               .challenge = "Basic realm=\"redfishd\""};
    daemon->web = web_new(daemon->service, &web, err);
    return daemon->web ? web_listen_daemon(daemon->web, common, err) : -1;
}

int redfishd_new(const char *config_path, struct redfishd **ret_daemon, struct error *err)
{
    struct redfishd *daemon = calloc(1, sizeof(*daemon));
    if (!daemon) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    daemon->config_path = config_path;
    daemon->config = redfishd_config_load(config_path, err);
    if (daemon->config) {
        log_set_level(daemon->config->common.log_level);
    }
    if (!daemon->config || build(daemon, err) < 0) {
        redfishd_free(daemon);
        return -1;
    }
    *ret_daemon = daemon;
    return 0;
}

int redfishd_run(struct redfishd *daemon)
{
    return service_run(daemon->service);
}

struct redfishd *redfishd_free(struct redfishd *daemon)
{
    if (daemon) {
        store_close(daemon->store); // its last writes still reply
        web_free(daemon->web);
        service_free(daemon->service);
        redfishd_config_unref(daemon->config);
        free(daemon);
    }
    return NULL;
}
