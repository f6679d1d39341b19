// SPDX-License-Identifier: Apache-2.0
// statusd's whole surface: the CAPRF API that agents speak, the phone-home of installed systems,
// and what every daemon has. HEAD on the status paths is an agent's question whether the network is
// there: no credential, no effect.

#include "routes.h"

#include "auth.h"
#include "handle_commands.h"
#include "handle_log.h"
#include "handle_phone_home.h"
#include "handle_report.h"
#include "handle_status.h"

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
};

const struct web_route statusd_routes[] = {
    {"HEAD", "/status/init", WHO_ANYBODY, 0, handle_probe, "probe"},
    {"HEAD", "/status/success", WHO_ANYBODY, 0, handle_probe, "probe"},
    {"HEAD", "/status/error", WHO_ANYBODY, 0, handle_probe, "probe"},
    {"HEAD", "/status/heartbeat", WHO_ANYBODY, 0, handle_probe, "probe"},
    {"POST", "/status/init", WHO_AGENT, 64 * KIB, handle_init, "init"},
    {"POST", "/status/success", WHO_AGENT, 64 * KIB, handle_success, "success"},
    {"POST", "/status/error", WHO_AGENT, MIB, handle_error, "error"},
    {"POST", "/status/heartbeat", WHO_AGENT, 4 * KIB, handle_heartbeat, "heartbeat"},
    {"POST", "/log", WHO_AGENT, 64 * KIB, handle_log, "log"},
    {"POST", "/debug", WHO_AGENT, 64 * KIB, handle_debug, "debug"},
    {"POST", "/inventory", WHO_AGENT, 4 * MIB, handle_inventory, "inventory"},
    {"POST", "/firmware", WHO_AGENT, MIB, handle_firmware, "firmware"},
    {"POST", "/health", WHO_AGENT, MIB, handle_health, "health"},
    {"POST", "/metrics", WHO_AGENT, MIB, handle_metrics_report, "metrics-report"},
    {"POST", "/telemetry", WHO_AGENT, MIB, handle_telemetry, "telemetry"},
    {"POST", "/events", WHO_AGENT, MIB, handle_event, "event"},
    {"GET", "/commands", WHO_AGENT, 0, handle_commands, "commands"},
    {"POST", "/commands/ack", WHO_AGENT, 64 * KIB, handle_ack, "ack"},
    {"POST", "/phone-home", WHO_INSTALLED_SYSTEM, 4 * KIB, handle_phone_home, "phone-home"},
    {"GET", "/healthz", WHO_ANYBODY, 0, web_handle_health, "healthz"},
    {"GET", "/metrics", WHO_SCRAPER, 0, web_handle_metrics, "metrics"},
};
const size_t statusd_route_count = sizeof(statusd_routes) / sizeof(statusd_routes[0]);
