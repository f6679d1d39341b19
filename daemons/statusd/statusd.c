// SPDX-License-Identifier: Apache-2.0

#include "statusd.h"

#include "auth.h"
#include "routes.h"
#include "seen.h"
#include "tidy.h"

#include "base/log.h"
#include "service/service.h"
#include "store/attempt.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>

enum { SWEEP_MS = 5000, TIDY_MS = 3600 * 1000 };

// Certificates, time-outs, the transport rule and the log level apply at once, the rest at the next start.
static int reload(void *context, struct error *err)
{
    struct statusd *daemon = context;
    struct statusd_config config;
    int result = statusd_config_load(daemon->config_path, &config, err);
    if (result < 0) {
        return result;
    }
    result = web_reload_tls(daemon->web, err);
    if (result == 0) {
        log_set_level(config.common.log_level);
        daemon->config.plain_tokens = config.plain_tokens;
        daemon->config.phone_home_timeout = config.phone_home_timeout;
        daemon->config.failing_timeout = config.failing_timeout;
        daemon->config.silent_timeout = config.silent_timeout;
        daemon->config.lost_timeout = config.lost_timeout;
    }
    statusd_config_fini(&config);
    return result;
}

static void drained(void *context)
{
    struct statusd *daemon = context;
    service_exit(daemon->service, EXIT_SUCCESS);
}

static void stop(void *context)
{
    struct statusd *daemon = context;
    web_drain(daemon->web, drained, daemon);
}

static int run_sweep(struct store_conn *conn, void *context, struct error *err)
{
    return attempt_sweep(conn, context, err);
}

struct sweep {
    struct sweep_settings settings;
    struct statusd *daemon;
};

static void sweep_done(void *context, int result, const struct error *err)
{
    struct sweep *sweep = context;
    sweep->daemon->sweeping = false;
    if (result < 0) {
        log_err("looking for deployments whose time is over: %s", err->message);
    }
    counters_refresh(&sweep->daemon->counters, sweep->daemon->store);
    free(sweep);
}

static void on_sweep(void *context)
{
    struct statusd *daemon = context;
    seen_flush(daemon->seen); // first: contact that was made is not lost
    struct sweep *sweep = daemon->sweeping ? NULL : calloc(1, sizeof(*sweep));
    if (!sweep) {
        return;
    }
    const struct statusd_config *config = &daemon->config;
    *sweep = (struct sweep){
        .settings = {.phone_home_ms = config->phone_home_timeout * 1000,
                     .failing_ms = config->failing_timeout * 1000,
                     .silent_ms = config->silent_timeout * 1000,
                     .lost_ms = config->lost_timeout * 1000},
        .daemon = daemon,
    };
    daemon->sweeping = true;
    store_write(daemon->store, run_sweep, sweep_done, sweep);
}

static void on_tidy(void *context)
{
    struct statusd *daemon = context;
    tidy_logs(daemon->store);
}

static int timers_start(struct statusd *daemon, struct error *err)
{
    daemon->sweep = service_timer_new(daemon->service, on_sweep, daemon);
    daemon->tidy = service_timer_new(daemon->service, on_tidy, daemon);
    if (!daemon->sweep || !daemon->tidy) {
        return error_set(err, ERROR_IO, "cannot make timers");
    }
    service_timer_arm(daemon->sweep, SWEEP_MS, SWEEP_MS);
    service_timer_arm(daemon->tidy, SWEEP_MS, TIDY_MS);
    return 0;
}

static int build(struct statusd *daemon, struct error *err)
{
    const struct daemon_settings *common = &daemon->config.common;
    struct service_hooks hooks = {.reload = reload, .stop = stop, .context = daemon};
    daemon->service = service_new("statusd", &hooks, err);
    if (!daemon->service) {
        return -1;
    }
    struct store_settings store = {
        .state_dir = common->state_dir, .run_dir = common->run_dir, .role = STORE_ROLE_STATUSD};
    daemon->store = store_open(daemon->service, &store, err);
    if (!daemon->store) {
        return -1;
    }
    daemon->seen = seen_new(daemon->store, err);
    if (!daemon->seen) {
        return -1;
    }
    counters_init(&daemon->counters);
    counters_refresh(&daemon->counters, daemon->store);
    struct web_settings web = {.daemon = "statusd",
                               .routes = statusd_routes,
                               .route_count = statusd_route_count,
                               .context = daemon,
                               .authorize = auth_authorize,
                               .challenge = "Bearer"};
    daemon->web = web_new(daemon->service, &web, err);
    if (!daemon->web || timers_start(daemon, err) < 0) {
        return -1;
    }
    return web_listen_daemon(daemon->web, common, err);
}

int statusd_new(const char *config_path, struct statusd **ret_daemon, struct error *err)
{
    struct statusd *daemon = calloc(1, sizeof(*daemon));
    if (!daemon) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    daemon->config_path = config_path;
    int result = statusd_config_load(config_path, &daemon->config, err);
    if (result == 0) {
        log_set_level(daemon->config.common.log_level);
        result = build(daemon, err);
    }
    if (result < 0) {
        statusd_free(daemon);
        return result;
    }
    *ret_daemon = daemon;
    return 0;
}

int statusd_run(struct statusd *daemon)
{
    return service_run(daemon->service);
}

struct statusd *statusd_free(struct statusd *daemon)
{
    if (!daemon) {
        return NULL;
    }
    daemon->sweep = service_timer_free(daemon->sweep);
    daemon->tidy = service_timer_free(daemon->tidy);
    if (daemon->seen) {
        seen_flush(daemon->seen);
    }
    // The store's last replies still need the server.
    store_close(daemon->store);
    web_free(daemon->web);
    seen_free(daemon->seen);
    service_free(daemon->service);
    statusd_config_fini(&daemon->config);
    free(daemon);
    return NULL;
}
