// SPDX-License-Identifier: Apache-2.0
// A loop of long polls. apid may be restarted meanwhile: a lost connection is tried again for a
// minute, so that whoever watches an installation does not have to.

#include "follow.h"

#include "api.h"
#include "base/clock.h"
#include "base/json.h"
#include "yardctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT_S = 20, RETRY_MS = 60000, RETRY_PAUSE_S = 1 };

static void print_size(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        unit++;
    }
    printf(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

// "stage  123.4 MiB of 512.0 MiB  24 %  31.0 MiB/s"
static void print_progress(const json_t *data)
{
    double bytes = number(data, "bytes");
    double total = number(data, "total");
    double rate = number(data, "rate");
    printf("%s ",
           json_is_string(json_object_get(data, "stage")) ? api_text(data, "stage") : "image");
    print_size(bytes);
    if (total > 0) {
        printf(" of ");
        print_size(total);
        printf("  %.0f %%", bytes * 100 / total);
    }
    if (rate > 0) {
        printf("  ");
        print_size(rate);
        printf("/s");
    }
}

// The terminal is not the event's to command: control characters are shown as dots.
static void print_plain(const char *text)
{
    for (const char *c = text; *c; c++) {
        putchar((unsigned char)*c < 0x20 || *c == 0x7f ? '.' : *c);
    }
}

static void print_event(const json_t *event)
{
    const char *time = api_text(event, "time");
    const json_t *data = json_object_get(event, "data");
    printf("%.10s %.12s  %-8s  %-20s  ", time, strlen(time) > 23 ? time + 11 : "",
           api_text(event, "source"), api_text(event, "kind"));
    if (strcmp(api_text(event, "kind"), "agent.progress") == 0 && json_object_get(data, "bytes")) {
        print_progress(data);
    } else {
        print_plain(api_text(event, "text"));
    }
    putchar('\n');
}

static void print_page(const struct yardctl *ctl, const json_t *events)
{
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (ctl->json) {
            (void)json_dumpf(event, stdout, JSON_COMPACT);
            putchar('\n');
        } else {
            print_event(event);
        }
    }
    (void)fflush(stdout);
}

// As api_call, but a daemon that is away is waited for.
static int call_patiently(const struct yardctl *ctl, const char *path, json_t **ret_reply,
                          struct error *err)
{
    int64_t until_ms = clock_monotonic_ms() + RETRY_MS;
    bool told = false;
    for (;;) {
        int result = api_call(ctl, "GET", path, NULL, ret_reply, err);
        bool away = result < 0 && (err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT);
        if (!away || clock_monotonic_ms() >= until_ms) {
            return result;
        }
        if (!told) {
            fprintf(stderr, "yardctl: %s: trying again\n", err->message);
            told = true;
        }
        struct timespec pause = {.tv_sec = RETRY_PAUSE_S};
        (void)nanosleep(&pause, NULL);
    }
}

// 0 not over (or nobody asked), 1 succeeded, 2 another end; negative: err.
static int look_at_deployment(const struct yardctl *ctl, const struct follow *follow,
                              json_t **ret_deployment, struct error *err)
{
    if (!follow->deployment) {
        return 0;
    }
    CLEANUP_FREE char *path = api_path("deployments", follow->deployment, "");
    CLEANUP_JSON json_t *deployment = NULL;
    if (!path || call_patiently(ctl, path, &deployment, err) < 0) {
        return -1;
    }
    const char *state = api_text(deployment, "state");
    int end = strcmp(state, "succeeded") == 0                                   ? 1
              : strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0 ? 2
                                                                                : 0;
    if (end != 0) {
        *ret_deployment = TAKE_PTR(deployment);
    }
    return end;
}

static int conclude(const struct yardctl *ctl, const struct follow *follow,
                    const json_t *deployment, int end)
{
    if (!follow->quiet && !ctl->json) {
        const char *reason = json_string_value(json_object_get(deployment, "reason"));
        printf("deployment %s: %s%s%s\n", follow->deployment, api_text(deployment, "state"),
               reason ? ": " : "", reason ? reason : "");
    }
    return end == 1 ? 0 : EXIT_NOT_SUCCEEDED;
}

static int64_t wait_s(const struct follow *follow, int64_t until_ms, int end)
{
    if (end != 0 || (!follow->endless && !follow->deployment)) {
        return 0;
    }
    int64_t left_s = (until_ms - clock_monotonic_ms()) / 1000;
    return left_s < 0 ? 0 : left_s < WAIT_S ? left_s : WAIT_S;
}

int follow_run(const struct yardctl *ctl, const struct follow *follow, struct error *err)
{
    int64_t after = follow->after;
    int64_t until_ms =
        follow->timeout_ms > 0 ? clock_monotonic_ms() + follow->timeout_ms : INT64_MAX;
    CLEANUP_FREE char *timeline = api_path("machines", follow->machine, "/timeline");
    while (timeline) {
        // The end is asked first and the page after it, so that the last events are never missed.
        CLEANUP_JSON json_t *deployment = NULL;
        CLEANUP_JSON json_t *page = NULL;
        int end = look_at_deployment(ctl, follow, &deployment, err);
        if (end < 0) {
            return EXIT_FAILED;
        }
        char path[320];
        (void)snprintf(path, sizeof(path), "%.200s?limit=1000&after=%" PRId64 "&wait=%" PRId64,
                       timeline, after, wait_s(follow, until_ms, end));
        if (call_patiently(ctl, path, &page, err) < 0) {
            return EXIT_FAILED;
        }
        const json_t *events = json_object_get(page, "events");
        if (!follow->quiet) {
            print_page(ctl, events);
        }
        after = json_integer_value(json_object_get(page, "next"));
        if (json_array_size(events) > 0) {
            continue;
        }
        if (end > 0) {
            return conclude(ctl, follow, deployment, end);
        }
        if (!follow->endless && !follow->deployment) {
            return 0;
        }
        if (clock_monotonic_ms() >= until_ms) {
            (void)error_set(err, ERROR_TIMEOUT, "not over in time");
            return EXIT_TOO_LONG;
        }
    }
    (void)error_set(err, ERROR_IO, "out of memory");
    return EXIT_FAILED;
}
