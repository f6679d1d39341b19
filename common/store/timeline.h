// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one ordered list of what happened to a machine, from all daemons. `seq` grows over all
// machines and is never used twice. `kind` is one of a small vocabulary ("machine.registered",
// "deployment.created", "deployment.state", "boot.script", "boot.archive", "agent.init",
// "agent.step", "agent.progress", "agent.error", "agent.success", "phone-home", "power.on",
// "power.off", "alarm", ...): docs/timeline.md lists it. Kept: the newest 10,000 events a machine.

#include "base/error.h"

#include <stdint.h>

struct store_conn;

enum { TIMELINE_TEXT_MAX = 2000, TIMELINE_DATA_MAX = 8192 };

struct timeline_event {
    int64_t seq;     // 0 when adding
    int64_t time_ms; // 0 when adding: now
    int64_t machine_id;
    const char *deployment; // id, or NULL
    const char *source;     // the daemon or "agent", "dnsmasq", ...
    const char *kind;
    const char *text; // for people; cut to TIMELINE_TEXT_MAX
    const char *data; // JSON object as text, or NULL
};

int timeline_add(struct store_conn *conn, const struct timeline_event *event, struct error *err);
// printf for `text`; the usual way.
int timeline_addf(struct store_conn *conn, int64_t machine_id, const char *deployment,
                  const char *source, const char *kind, struct error *err, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

// seq > `after`, oldest first, at most `limit` (1..1000). Strings are borrowed for the call.
int timeline_list(struct store_conn *conn, int64_t machine_id, int64_t after, unsigned limit,
                  int (*each)(void *context, const struct timeline_event *event, struct error *err),
                  void *context, struct error *err);
