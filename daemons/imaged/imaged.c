// SPDX-License-Identifier: Apache-2.0
// Building, reloading, draining and taking down imaged. Called by main.c.

#include "imaged.h"

#include "cache.h"
#include "fill.h"
#include "manifest_fetch.h"
#include "registry.h"
#include "routes.h"

#include "base/log.h"
#include "fetch/fetch.h"
#include "service/service.h"
#include "store/store.h"
#include "web/web.h"

#include <stdlib.h>

enum { DRAIN_MS = 8000 };

// Registries, limits and certificates are taken over; folders and ports apply at the next start.
static int reload(void *context, struct error *err)
{
    struct imaged *daemon = context;
    struct imaged_config config;
    if (imaged_config_load(daemon->config_path, &config, err) < 0) {
        return -1;
    }
    if (web_reload_tls(daemon->web, err) < 0) {
        imaged_config_fini(&config);
        return -1;
    }
    imaged_config_fini(&daemon->config);
    daemon->config = config;
    log_set_level(daemon->config.common.log_level);
    return 0;
}

static void drained(void *context)
{
    struct imaged *daemon = context;
    manifests_close(daemon->manifests);
    fills_close(daemon->fills);
    service_exit(daemon->service, EXIT_SUCCESS);
}

// Clients had their seconds: an agent's own resume by Range is quicker than waiting. What waits for
// a registry is told so.
static void drain_over(void *context)
{
    struct imaged *daemon = context;
    manifests_close(daemon->manifests);
    fills_close(daemon->fills);
}

static void stop(void *context)
{
    struct imaged *daemon = context;
    service_timer_arm(daemon->drain, DRAIN_MS, 0);
    web_drain(daemon->web, drained, daemon);
}

static int build_topics(struct imaged *daemon, struct error *err)
{
    counters_init(&daemon->counters);
    daemon->cache = cache_new(daemon->config.images_dir, daemon->store, err);
    daemon->fetcher = fetcher_new(daemon->service, err);
    daemon->registry = daemon->fetcher ? registry_new(daemon->fetcher, &daemon->config, err) : NULL;
    if (!daemon->cache || !daemon->registry) {
        return -1;
    }
    struct fills_parts fills = {.service = daemon->service,
                                .cache = daemon->cache,
                                .registry = daemon->registry,
                                .config = &daemon->config,
                                .counters = &daemon->counters};
    daemon->fills = fills_new(&fills, err);
    struct manifests_parts manifests = {.service = daemon->service,
                                        .cache = daemon->cache,
                                        .registry = daemon->registry,
                                        .counters = &daemon->counters};
    daemon->manifests = manifests_new(&manifests, err);
    return daemon->fills && daemon->manifests ? 0 : -1;
}

static int build(struct imaged *daemon, struct error *err)
{
    const struct daemon_settings *common = &daemon->config.common;
    struct service_hooks hooks = {.reload = reload, .stop = stop, .context = daemon};
    daemon->service = service_new("imaged", &hooks, err);
    if (!daemon->service) {
        return -1;
    }
    daemon->drain = service_timer_new(daemon->service, drain_over, daemon);
    if (!daemon->drain) {
        return error_set(err, ERROR_IO, "no memory");
    }
    struct store_settings store = {
        .state_dir = common->state_dir, .run_dir = common->run_dir, .role = STORE_ROLE_IMAGED};
    daemon->store = store_open(daemon->service, &store, err);
    if (!daemon->store || build_topics(daemon, err) < 0) {
        return -1;
    }
    struct web_settings web = {.daemon = "imaged",
                               .routes = imaged_routes,
                               .route_count = imaged_route_count,
                               .context = daemon,
                               .authorize = imaged_authorize};
    daemon->web = web_new(daemon->service, &web, err);
    return daemon->web ? web_listen_daemon(daemon->web, common, err) : -1;
}

int imaged_new(const char *config_path, struct imaged **ret_daemon, struct error *err)
{
    struct imaged *daemon = calloc(1, sizeof(*daemon));
    if (!daemon) {
        return error_set(err, ERROR_IO, "no memory");
    }
    daemon->config_path = config_path;
    int result = imaged_config_load(config_path, &daemon->config, err);
    if (result == 0) {
        log_set_level(daemon->config.common.log_level);
        result = build(daemon, err);
    }
    if (result < 0) {
        imaged_free(daemon);
        return result;
    }
    *ret_daemon = daemon;
    return 0;
}

int imaged_run(struct imaged *daemon)
{
    return service_run(daemon->service);
}

struct imaged *imaged_free(struct imaged *daemon)
{
    if (daemon) {
        web_free(daemon->web); // ends the streams, which hold fills
        manifests_free(daemon->manifests);
        fills_free(daemon->fills);
        registry_free(daemon->registry);
        fetcher_free(daemon->fetcher);
        store_close(daemon->store); // the cache's notes are in its queue
        cache_free(daemon->cache);
        service_timer_free(daemon->drain);
        service_free(daemon->service);
        imaged_config_fini(&daemon->config);
        free(daemon);
    }
    return NULL;
}
