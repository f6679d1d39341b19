// SPDX-License-Identifier: Apache-2.0

#include "counters.h"

#include "base/log.h"
#include "service/metrics.h"
#include "store/deployment.h"
#include "store/store.h"

#include <stdio.h>

static const char *const report_names[REPORT_KINDS] = {
    [REPORT_INIT] = "init",         [REPORT_SUCCESS] = "success",
    [REPORT_ERROR] = "error",       [REPORT_HEARTBEAT] = "heartbeat",
    [REPORT_LOG] = "log",           [REPORT_DEBUG] = "debug",
    [REPORT_DOCUMENT] = "document", [REPORT_COMMANDS] = "commands",
    [REPORT_ACK] = "ack",           [REPORT_PHONE_HOME] = "phone-home",
};

static const char *const refusal_names[REFUSALS] = {
    [REFUSED_TOKEN] = "token",     [REFUSED_PLAIN] = "plain", [REFUSED_ENDED] = "ended",
    [REFUSED_ADDRESS] = "address", [REFUSED_STATE] = "state",
};

static struct metric *labelled(const char *name, enum metric_kind kind, const char *help,
                               const char *label, const char *value)
{
    char labels[80];
    (void)snprintf(labels, sizeof(labels), "%s=\"%s\"", label, value);
    return metric_new("statusd", name, kind, help, labels);
}

void counters_init(struct counters *counters)
{
    for (int i = 0; i < REPORT_KINDS; i++) {
        counters->reports[i] =
            labelled("reports_total", METRIC_COUNTER, "Reports of machines that were taken", "kind",
                     report_names[i]);
    }
    for (int i = 0; i < REFUSALS; i++) {
        counters->refused[i] = labelled("refused_total", METRIC_COUNTER,
                                        "Reports that were refused, by what was wrong with them",
                                        "why", refusal_names[i]);
    }
    for (int i = 0; i < DEPLOYMENT_STATES; i++) {
        counters->deployments[i] =
            labelled("deployments", METRIC_GAUGE, "Current deployments of machines", "state",
                     deployment_state_name((enum deployment_state)i));
    }
}

void counters_report(struct counters *counters, enum report_kind kind)
{
    metric_add(counters->reports[kind], 1);
}

void counters_refused(struct counters *counters, enum refusal why)
{
    metric_add(counters->refused[why], 1);
}

const char *report_kind_name(enum report_kind kind)
{
    return report_names[kind];
}

void counters_refresh(struct counters *counters, struct store *store)
{
    int64_t counts[DEPLOYMENT_STATES] = {0};
    struct error err;
    if (deployment_counts(store_reader(store), counts, DEPLOYMENT_STATES, &err) < 0) {
        log_warning("counting deployments: %s", err.message);
        return;
    }
    for (int i = 0; i < DEPLOYMENT_STATES; i++) {
        metric_set(counters->deployments[i], counts[i]);
    }
}
