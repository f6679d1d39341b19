// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counters and gauges for /metrics in the Prometheus text format (version 0.0.4). Metrics are registered at
// start and live as long as the process. Threads: counter and gauge changes from any thread (atomic),
// the rest on the loop's.

#include "base/strbuf.h"

#include <stdint.h>

struct metric;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

// `name` without the suite's prefix ("http_requests_total"); it is printed as bootyard_<daemon>_<name>. `labels` is NULL or
// `route="x",method="GET"` already escaped. The same name with other labels shares help and type. All strings are copied.
struct metric *metric_new(const char *daemon, const char *name, enum metric_kind kind, const char *help, const char *labels);
void metric_add(struct metric *metric, int64_t amount);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_get(const struct metric *metric);

void metrics_write(struct strbuf *out);
// For label values: backslash, quote and newline escaped.
void metrics_escape_label(const char *value, struct strbuf *out);
