// SPDX-License-Identifier: Apache-2.0

#include "bootd.h"

#include "handle_file.h"
#include "resolver.h"
#include "routes.h"

#include "base/log.h"
#include "fetch/fetch.h"
#include "service/metrics.h"
#include "service/service.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>
#include <string.h>

static void warn_about(const struct bootd_config *config)
{
    const struct daemon_settings *common = &config->common;
    if (common->public_url[0] == '\0' &&
        (strcmp(common->address, "::") == 0 || strcmp(common->address, "0.0.0.0") == 0)) {
        log_warning("[daemon] public_url is not set, and no machine can reach the address %s that "
                    "scripts will name",
                    common->address);
    }
}

// All but where it listens and where the DB is applies at once; requests under way keep what they
// copied.
static int reload(void *context, struct error *err)
{
    struct bootd *daemon = context;
    struct bootd_config config;
    if (bootd_config_load(daemon->config_path, &config, err) < 0) {
        return -1;
    }
    if (web_reload_tls(daemon->web, err) < 0) {
        bootd_config_fini(&config);
        return -1;
    }
    bootd_config_fini(&daemon->config);
    daemon->config = config;
    log_set_level(config.common.log_level);
    warn_about(&daemon->config);
    return 0;
}

static void drained(void *context)
{
    struct bootd *daemon = context;
    service_exit(daemon->service, EXIT_SUCCESS);
}

static void stop(void *context)
{
    struct bootd *daemon = context;
    web_drain(daemon->web, drained, daemon);
}

static void metrics_make(struct bootd *daemon)
{
    daemon->scripts = metric_new("bootd", "scripts_total", METRIC_COUNTER,
                                 "Boot scripts that were answered.", NULL);
    daemon->archives = metric_new("bootd", "archives_total", METRIC_COUNTER,
                                  "Deploy archives that were given out.", NULL);
    daemon->refused = metric_new("bootd", "archives_refused_total", METRIC_COUNTER,
                                 "Deploy archives that were refused.", NULL);
}

static int build(struct bootd *daemon, struct error *err)
{
    const struct daemon_settings *common = &daemon->config.common;
    struct service_hooks hooks = {.reload = reload, .stop = stop, .context = daemon};
    daemon->service = service_new("bootd", &hooks, err);
    if (!daemon->service) {
        return -1;
    }
    struct store_settings store = {
        .state_dir = common->state_dir, .run_dir = common->run_dir, .role = STORE_ROLE_BOOTD};
    daemon->store = store_open(daemon->service, &store, err);
    daemon->fetcher = daemon->store ? fetcher_new(daemon->service, err) : NULL;
    daemon->resolver = daemon->fetcher ? resolver_new(daemon, err) : NULL;
    if (!daemon->resolver) {
        return -1;
    }
    metrics_make(daemon);
    warn_about(&daemon->config);
    struct web_settings web = {.daemon = "bootd",
                               .routes = bootd_routes,
                               .route_count = bootd_route_count,
                               .context = daemon};
    daemon->web = web_new(daemon->service, &web, err);
    return daemon->web ? web_listen_daemon(daemon->web, common, err) : -1;
}

int bootd_new(const char *config_path, struct bootd **ret_daemon, struct error *err)
{
    struct bootd *daemon = calloc(1, sizeof(*daemon));
    if (!daemon) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    daemon->config_path = config_path;
    int result = bootd_config_load(config_path, &daemon->config, err);
    if (result == 0) {
        log_set_level(daemon->config.common.log_level);
        result = build(daemon, err);
    }
    if (result < 0) {
        bootd_free(daemon);
        return result;
    }
    *ret_daemon = daemon;
    return 0;
}

int bootd_run(struct bootd *daemon)
{
    return service_run(daemon->service);
}

struct bootd *bootd_free(struct bootd *daemon)
{
    if (daemon) {
        daemon->resolver = resolver_free(daemon->resolver);
        fetcher_free(daemon->fetcher);
        store_close(daemon->store); // its last writes still reply
        web_free(daemon->web);
        bootfiles_free(daemon);
        service_free(daemon->service);
        lease_reader_fini(&daemon->leases);
        bootd_config_fini(&daemon->config);
        free(daemon);
    }
    return NULL;
}
