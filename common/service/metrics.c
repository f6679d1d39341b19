// SPDX-License-Identifier: Apache-2.0
// The registry behind /metrics: a list that only grows, at start.

#include "service/metrics.h"

#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metric {
    struct metric *next;
    char *name; // in full
    char *help;
    char *labels; // NULL or without the braces
    enum metric_kind kind;
    _Atomic int64_t value;
};

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registry;

static char *copy(const char *text)
{
    char *result = strdup(text);
    if (!result) {
        log_err("out of memory");
        abort();
    }
    return result;
}

// Metrics are made at start: without memory there is no daemon, so callers are spared the check.
struct metric *metric_new(const char *daemon, const char *name, enum metric_kind kind, const char *help, const char *labels)
{
    struct metric *metric = calloc(1, sizeof(*metric));
    char full[160];
    int length = snprintf(full, sizeof(full), "bootyard_%s_%s", daemon, name);
    if (!metric || length < 0 || (size_t)length >= sizeof(full)) {
        log_err("cannot make the metric %s", name);
        abort();
    }
    metric->name = copy(full);
    metric->help = copy(help);
    metric->labels = labels ? copy(labels) : NULL;
    metric->kind = kind;
    (void)pthread_mutex_lock(&registry_mutex);
    struct metric **last = &registry;
    while (*last) {
        last = &(*last)->next;
    }
    *last = metric;
    (void)pthread_mutex_unlock(&registry_mutex);
    return metric;
}

void metric_add(struct metric *metric, int64_t amount)
{
    (void)atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t metric_get(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

static bool name_was_before(const struct metric *metric)
{
    for (const struct metric *other = registry; other != metric; other = other->next) {
        if (strcmp(other->name, metric->name) == 0) {
            return true;
        }
    }
    return false;
}

// In HELP lines only backslash and newline are special.
static void write_help(const struct metric *metric, struct strbuf *out)
{
    strbuf_printf(out, "# HELP %s ", metric->name);
    for (const char *position = metric->help; *position; position++) {
        if (*position == '\\' || *position == '\n') {
            strbuf_puts(out, *position == '\n' ? "\\n" : "\\\\");
        } else {
            strbuf_append(out, position, 1);
        }
    }
    strbuf_printf(out, "\n# TYPE %s %s\n", metric->name, metric->kind == METRIC_COUNTER ? "counter" : "gauge");
}

static void write_family(const struct metric *metric, struct strbuf *out)
{
    write_help(metric, out);
    for (const struct metric *other = metric; other; other = other->next) {
        if (strcmp(other->name, metric->name) != 0) {
            continue;
        }
        strbuf_puts(out, other->name);
        if (other->labels && *other->labels) {
            strbuf_printf(out, "{%s}", other->labels);
        }
        strbuf_printf(out, " %" PRId64 "\n", metric_get(other));
    }
}

void metrics_write(struct strbuf *out)
{
    (void)pthread_mutex_lock(&registry_mutex);
    for (const struct metric *metric = registry; metric; metric = metric->next) {
        // The format wants all lines of one name together.
        if (!name_was_before(metric)) {
            write_family(metric, out);
        }
    }
    (void)pthread_mutex_unlock(&registry_mutex);
}

void metrics_escape_label(const char *value, struct strbuf *out)
{
    for (; *value; value++) {
        if (*value == '\n') {
            strbuf_puts(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"') {
            strbuf_append(out, "\\", 1);
        }
        strbuf_append(out, value, 1);
    }
}
