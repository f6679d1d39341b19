// SPDX-License-Identifier: Apache-2.0
// What the agent tells a controller that answers well, badly, or with the fence: order, retries, token, and that a
// failing log endpoint neither loses lines nor stops the rest.

#include "agent/report/report.h"

#include "agent/http.h"

#include "base/log.h"
#include "base/strbuf.h"
#include "tests/unit/agent/peer.h"

#include <time.h>

static struct peer peer;

static int take_data(void *context, const void *data, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, data, length);
    return 0;
}

// What the controller was told since the last call, a line each: name, answer, token, body.
static char *told(void)
{
    struct strbuf text;
    strbuf_init(&text, 100000);
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/seen", peer.plain_port);
    struct http_request request = {.method = "GET", .url = url, .on_data = take_data, .context = &text};
    struct http_response response;
    if (http_perform(&request, &response, NULL) < 0) {
        bail("the peer is gone");
    }
    return strbuf_take(&text);
}

static void told_is(const char *expected, const char *what)
{
    char *text = told();
    is_text(text, expected, "%s", what);
    free(text);
}

static void set_url(struct vars *vars, const char *key, const char *path)
{
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/told/%s", peer.plain_port, path);
    if (vars_set(vars, key, url, NULL) < 0) {
        bail("vars");
    }
}

static struct report *begin(struct vars *vars)
{
    (void)vars_set(vars, "TOKEN", "t1", NULL);
    struct error error = {0};
    struct report *report = report_new(vars, &error);
    if (!report) {
        bail("%s", error.message);
    }
    return report;
}

static void test_status(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_url(&vars, "INIT_URL", "init/500,500,200");
    set_url(&vars, "SUCCESS_URL", "success/503,401,500,204");
    set_url(&vars, "ERROR_URL", "error/500");
    struct report *report = begin(&vars);
    struct error error = {0};
    ok(report_init(report, "provisioning started", &error) == 0, "A-06: init is acknowledged at the third try");
    told_is("init 500 t1 provisioning started\ninit 500 t1 provisioning started\n"
            "init 200 t1 provisioning started\n",
            "three posts, the token on each");
    ok(report_error(report, "step x failed: y", &error) < 0, "an error that nobody takes is given up");
    told_is("error 500 t1 step x failed: y\nerror 500 t1 step x failed: y\nerror 500 t1 step x failed: y\n",
            "after three tries");
    ok(report_success(report, "provisioning complete", &error) == 0, "success is repeated until acknowledged");
    told_is("success 503 t1 provisioning complete\nsuccess 401 t1 provisioning complete\n"
            "success 500 t1 provisioning complete\nsuccess 204 t1 provisioning complete\n",
            "whatever came before");
    ok(report_inventory(report, "{}", &error) == 0, "an absent URL is no failure");
    report_free(report);
    told_is("", "and nothing is posted to it");
}

static void test_fence(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_url(&vars, "SUCCESS_URL", "success/409");
    set_url(&vars, "LOG_URL", "log/204");
    struct report *report = begin(&vars);
    struct error error = {0};
    ok(!report_is_fenced(report), "nobody is fenced at first");
    ok(report_success(report, "done", &error) < 0 && error.code == ERROR_CONFLICT && report_is_fenced(report),
       "409 is the fence");
    told_is("success 409 t1 done\n", "and ends the repeating at once");
    log_info("too late");
    report_free(report);
    told_is("", "after it nothing more is sent");

    vars_fini(&vars);
    set_url(&vars, "HEARTBEAT_URL", "heartbeat/204,409");
    report = begin(&vars);
    report_pulse(report, 20);
    for (int i = 0; i < 500 && !report_is_fenced(report); i++) {
        usleep(10000);
    }
    ok(report_is_fenced(report), "a heartbeat sees it too");
    report_free(report);
    told_is("heartbeat 204 t1 heartbeat\nheartbeat 409 t1 heartbeat\n", "and is the last one");
}

static void test_log(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_url(&vars, "LOG_URL", "log/500,204,400,204");
    struct report *report = begin(&vars);
    log_info("first");
    log_warning("second");
    report_log(report, 'E', "third");
    log_debug("not for the wire");
    report_step(report, "detect-disk", 2, 9);
    char *text = NULL;
    struct strbuf all;
    strbuf_init(&all, 10000);
    for (int i = 0; i < 500 && !strstr(strbuf_text(&all), "detect-disk"); i++) {
        text = told();
        strbuf_puts(&all, text);
        free(text);
        usleep(20000);
    }
    // The answers were 500, 204, 400 (refused for ever: not sent again) and 204.
    const char *first = strstr(strbuf_text(&all), "t1 [INFO] first");
    const char *second = first ? strstr(first, "t1 [WARN] second") : NULL;
    const char *third = second ? strstr(second, "t1 [ERROR] third") : NULL;
    ok(third && strstr(third, "t1 [INFO] provisioning step step=detect-disk index=2 total=9"),
       "every line comes, in order, with its level and the token");
    ok(!strstr(strbuf_text(&all), "log lines wait") && !strstr(strbuf_text(&all), "not for the wire"),
       "a failure to ship is not shipped");
    strbuf_fini(&all);
    report_free(report);
    free(told());

    set_url(&vars, "LOG_URL", "log/204");
    report = begin(&vars);
    log_info("last words");
    report_progress(report, "image", 5, 10);
    report_free(report);
    text = told();
    ok(strstr(text, "[INFO] last words") && strstr(text, "[INFO] progress stage=image bytes=5 total=10 rate="),
       "A-36: the end flushes what waits");
    free(text);
}

// Connections that something was posted on, since the last call.
static int posting(void)
{
    struct strbuf text;
    strbuf_init(&text, 100);
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/posting", peer.plain_port);
    struct http_request request = {.method = "GET", .url = url, .on_data = take_data, .context = &text};
    struct http_response response;
    int count = http_perform(&request, &response, NULL) == 0 ? (int)strtol(strbuf_text(&text), NULL, 10) : -1;
    strbuf_fini(&text);
    return count;
}

static void test_order(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_url(&vars, "LOG_URL", "log/204");
    set_url(&vars, "SUCCESS_URL", "success/204");
    set_url(&vars, "ERROR_URL", "error/204");
    struct report *report = begin(&vars);
    struct error error = {0};
    (void)posting();
    for (int i = 0; i < 40; i++) {
        log_info("line %d", i);
    }
    report_progress(report, "image", 7, 7);
    ok(report_success(report, "provisioning complete", &error) == 0, "success is taken");
    char *text = told();
    const char *last = strstr(text, "line 39\n");
    const char *progress = strstr(text, "bytes=7 total=7");
    const char *success = strstr(text, "success 204");
    ok(last && progress && success && last < success && progress < success,
       "after all lines and the progress of before");
    free(text);
    int connections = posting();
    ok(connections >= 1 && connections <= 2, "and they did not need a connection each: %d", connections);
    log_err("step x failed");
    ok(report_error(report, "step x failed", &error) == 0, "an error is taken");
    told_is("log 204 t1 [ERROR] step x failed\nerror 204 t1 step x failed\n", "after its line");
    report_free(report);
}

static void test_closing(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    set_url(&vars, "LOG_URL", "closing/204");
    struct report *report = begin(&vars);
    log_info("one");
    log_info("two");
    log_info("three");
    report_free(report);
    told_is("closing 204 t1 [INFO] one\nclosing 204 t1 [INFO] two\nclosing 204 t1 [INFO] three\n",
            "A-32: a server that closes after each answer gets every line, once");

    vars_fini(&vars);
    vars_init(&vars);
    set_url(&vars, "INIT_URL", "cutting/204");
    set_url(&vars, "ERROR_URL", "cutting/500");
    report = begin(&vars);
    struct error error = {0};
    ok(report_init(report, "first", &error) == 0 && report_init(report, "second", &error) == 0,
       "a status whose kept connection ends under it is sent again");
    told_is("cutting 204 t1 first\ncut second\ncutting 204 t1 second\n", "at once, on a new connection");
    ok(report_error(report, "third", &error) < 0, "but not without end");
    told_is("cut third\ncutting 500 t1 third\ncut third\n", "such an end is one of the three tries");
    report_free(report);
}

static void test_dead_log(void)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/silent", peer.plain_port);
    (void)vars_set(&vars, "LOG_URL", url, NULL);
    set_url(&vars, "SUCCESS_URL", "success/204");
    struct report *report = begin(&vars);
    struct error error = {0};
    log_info("nobody will hear this");
    time_t began = time(NULL);
    ok(report_success(report, "provisioning complete", &error) == 0 && time(NULL) - began < 15,
       "a log endpoint that never answers does not hold success back for long");
    told_is("success 204 t1 provisioning complete\n", "nor does it take it along");
    // The sender sits in its request: what it uses stays. Last test, since the log's sink stays too.
    report_free(report);
}

int main(void)
{
    peer = peer_start();
    test_status();
    test_fence();
    test_log();
    test_order();
    test_closing();
    test_dead_log();
    peer_stop(&peer);
    return done();
}
