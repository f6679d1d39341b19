// SPDX-License-Identifier: Apache-2.0
// metrics.c: the text format, families together, escapes.

#include "service/metrics.h"
#include "tests/unit/tap.h"

static void test_text(void)
{
    struct strbuf out;
    strbuf_init(&out, 10000);
    struct metric *get = metric_new("t", "requests_total", METRIC_COUNTER, "Requests.\nBy \\ method.", "method=\"GET\"");
    struct metric *open = metric_new("t", "open", METRIC_GAUGE, "Open.", NULL);
    struct metric *put = metric_new("t", "requests_total", METRIC_COUNTER, "other help", "method=\"PUT\"");
    metric_add(get, 2);
    metric_add(put, 1);
    metric_set(open, -5);
    ok(metric_get(get) == 2, "the value can be read");
    metrics_write(&out);
    is_text(strbuf_text(&out),
            "# HELP bootyard_t_requests_total Requests.\\nBy \\\\ method.\n"
            "# TYPE bootyard_t_requests_total counter\n"
            "bootyard_t_requests_total{method=\"GET\"} 2\n"
            "bootyard_t_requests_total{method=\"PUT\"} 1\n"
            "# HELP bootyard_t_open Open.\n"
            "# TYPE bootyard_t_open gauge\n"
            "bootyard_t_open -5\n",
            "one family in one place, with help and type once");
    strbuf_reset(&out);
    metrics_escape_label("a\"b\\c\nd", &out);
    is_text(strbuf_text(&out), "a\\\"b\\\\c\\nd", "label values are escaped");
    strbuf_fini(&out);
}

int main(void)
{
    test_text();
    return done();
}
