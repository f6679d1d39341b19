// SPDX-License-Identifier: Apache-2.0
#pragma once

// statusd's numbers for /metrics.

#include <stdint.h>

struct metric;
struct store;

enum report_kind {
    REPORT_INIT,
    REPORT_SUCCESS,
    REPORT_ERROR,
    REPORT_HEARTBEAT,
    REPORT_LOG,
    REPORT_DEBUG,
    REPORT_DOCUMENT,
    REPORT_COMMANDS,
    REPORT_ACK,
    REPORT_PHONE_HOME,
    REPORT_KINDS,
};

enum refusal {
    REFUSED_TOKEN,
    REFUSED_PLAIN,
    REFUSED_ENDED,
    REFUSED_ADDRESS,
    REFUSED_STATE,
    REFUSALS,
};

enum { DEPLOYMENT_STATES = 8 };

struct counters {
    struct metric *reports[REPORT_KINDS];
    struct metric *refused[REFUSALS];
    struct metric *deployments[DEPLOYMENT_STATES];
};

void counters_init(struct counters *counters);
void counters_report(struct counters *counters, enum report_kind kind);
void counters_refused(struct counters *counters, enum refusal why);
const char *report_kind_name(enum report_kind kind);

// Read the deployments' states again.
void counters_refresh(struct counters *counters, struct store *store);
