// SPDX-License-Identifier: Apache-2.0
// Status posts block their caller. Everything else leaves by two threads: one ships log lines and progress,
// one keeps the pulse, so that a slow log endpoint never hides a fence.

#include "agent/report/report.h"

#include "agent/http.h"
#include "agent/report/memory.h"
#include "agent/report/post.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PROGRESS_PERIOD_MS = 1000,
    SENDER_IDLE_MS = 1000,
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_LAST_MS = 30000,
    FLUSH_MS = 5000,
    AHEAD_MS = 3000, // how long a status waits for the lines of before
};

struct progress {
    char stage[32];
    uint64_t bytes;
    uint64_t total;
    bool is_new;
    int64_t sent_ms;
    uint64_t sent_bytes;
};

struct report {
    const struct vars *vars;
    struct report_memory *memory;
    struct report_memory *own_memory; // freed with the report; NULL when the memory is init's
    struct http_kept *kept; // of the sender, and of status posts while it rests
    struct http_kept *pulse_kept;
    struct post post;
    atomic_bool is_fenced;
    pthread_mutex_t lock; // what follows
    pthread_cond_t changed;
    struct progress progress;
    int pulse_ms;
    unsigned waiting; // for the sender to have sent everything
    bool is_shipping; // the sender has a line in hand
    bool is_ending;
    pthread_t sender;
    pthread_t pulse;
};

bool report_is_fenced(const struct report *report)
{
    return atomic_load(&report->is_fenced);
}

// Waits for a change at most so long; called with the lock held.
static void wait_locked(struct report *report, int64_t milliseconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&report->changed, &report->lock, &until);
}

// A pause that only the report's end cuts short; false when it did.
static bool pause_for(struct report *report, int64_t milliseconds)
{
    int64_t until = clock_monotonic_ms() + milliseconds;
    (void)pthread_mutex_lock(&report->lock);
    int64_t left = milliseconds;
    while (!report->is_ending && left > 0) {
        wait_locked(report, left);
        left = until - clock_monotonic_ms();
    }
    bool go_on = !report->is_ending;
    (void)pthread_mutex_unlock(&report->lock);
    return go_on;
}

static const char *url_of(const struct report *report, const char *key)
{
    const char *url = vars_get(report->vars, key);
    return url && *url ? url : NULL;
}

// What the senders say of their own failures stays on the console, or it would feed itself.
static _Thread_local bool is_sending_thread;

static void on_log(void *context, enum log_level level, const char *line)
{
    struct report *report = context;
    if (level > LOG_LEVEL_INFO || is_sending_thread) {
        return;
    }
    spool_put(&report->memory->spool,
              level <= LOG_LEVEL_ERR ? 'E' : level == LOG_LEVEL_WARNING ? 'W' : 'I', line);
    // The lock keeps this from falling between the sender's look and its wait.
    (void)pthread_mutex_lock(&report->lock);
    (void)pthread_cond_broadcast(&report->changed);
    (void)pthread_mutex_unlock(&report->lock);
}

// Takes the progress line that is due, if any; called with the lock held.
static bool take_progress(struct report *report, char *line, size_t size)
{
    struct progress *progress = &report->progress;
    int64_t now = clock_monotonic_ms();
    int64_t elapsed = now - progress->sent_ms;
    bool in_a_hurry = report->is_ending || report->waiting > 0;
    if (!progress->is_new || (elapsed < PROGRESS_PERIOD_MS && !in_a_hurry)) {
        return false;
    }
    uint64_t moved = progress->bytes > progress->sent_bytes ? progress->bytes - progress->sent_bytes : 0;
    uint64_t rate = progress->sent_ms && elapsed > 0 ? moved * 1000 / (uint64_t)elapsed : 0;
    (void)snprintf(line, size,
                   "[INFO] progress stage=%s bytes=%" PRIu64 " total=%" PRIu64 " rate=%" PRIu64,
                   progress->stage, progress->bytes, progress->total, rate);
    progress->is_new = false;
    progress->sent_ms = now;
    progress->sent_bytes = progress->bytes;
    return true;
}

// True when the line needs no further try: it was taken, or it is one that the server will never take.
static bool ship(struct report *report, const char *url, const char *line, bool *was_failing)
{
    struct error error = {0};
    int status;
    int result = post_once(&report->post, url, post_text(line), &status, &error);
    if (result < 0 && !*was_failing) {
        log_warning("log lines wait: %s", error.message);
    }
    *was_failing = result < 0;
    bool is_refused = status >= 400 && status < 500 && status != 401 && status != 403 &&
                      status != 408 && status != 429;
    return result == 0 || is_refused;
}

static void tell_shipped(struct report *report)
{
    (void)pthread_mutex_lock(&report->lock);
    report->is_shipping = false;
    (void)pthread_cond_broadcast(&report->changed);
    (void)pthread_mutex_unlock(&report->lock);
}

static void *run_sender(void *context)
{
    is_sending_thread = true;
    struct report *report = context;
    const char *url = url_of(report, "LOG_URL");
    struct spool_line line;
    char progress[160];
    bool was_failing = false;
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    // After the fence nobody wants to hear from us: every further report would be an alarm.
    while (url && !report_is_fenced(report)) {
        (void)pthread_mutex_lock(&report->lock);
        bool has_progress = take_progress(report, progress, sizeof(progress));
        bool has_line = !has_progress && spool_peek(&report->memory->spool, &line);
        bool is_ending = report->is_ending;
        report->is_shipping = has_progress || has_line;
        if (!report->is_shipping && !is_ending) {
            wait_locked(report, SENDER_IDLE_MS);
        }
        (void)pthread_mutex_unlock(&report->lock);
        if (!has_progress && !has_line) {
            if (is_ending) {
                break;
            }
            http_kept_rest(report->kept);
            continue;
        }
        bool is_settled = ship(report, url, has_progress ? progress : line.text, &was_failing);
        if (is_settled && has_line) {
            spool_drop(&report->memory->spool, &line);
        }
        tell_shipped(report);
        if (is_settled) {
            backoff_ms = BACKOFF_FIRST_MS;
            continue;
        }
        if (!pause_for(report, backoff_ms)) {
            break; // no time is left to wait for a server that does not answer
        }
        backoff_ms = backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : backoff_ms * 2;
    }
    return NULL;
}

static void *run_pulse(void *context)
{
    is_sending_thread = true;
    struct report *report = context;
    const char *url = url_of(report, "HEARTBEAT_URL");
    struct post post = report->post;
    bool was_failing = false;
    (void)pthread_mutex_lock(&report->lock);
    while (url && !report->is_ending && !report_is_fenced(report)) {
        int period_ms = report->pulse_ms;
        if (period_ms == 0) {
            wait_locked(report, SENDER_IDLE_MS);
            http_kept_rest(report->pulse_kept);
            continue;
        }
        (void)pthread_mutex_unlock(&report->lock);
        post.kept = period_ms < HTTP_KEPT_REST_MS ? report->pulse_kept : NULL;
        struct error error = {0};
        int result = pause_for(report, period_ms)
                         ? post_once(&post, url, post_text("heartbeat"), NULL, &error)
                         : 0;
        if (result < 0 && !was_failing) {
            log_warning("heartbeat failed: %s", error.message);
        }
        was_failing = result < 0;
        (void)pthread_mutex_lock(&report->lock);
    }
    (void)pthread_cond_broadcast(&report->changed); // a fence ends others' waiting too
    (void)pthread_mutex_unlock(&report->lock);
    return NULL;
}

static void init_lock(struct report *report)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&report->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&report->lock, NULL);
}

struct report *report_new_on(const struct vars *vars, struct report_memory *memory, struct error *err)
{
    struct report *report = calloc(1, sizeof(*report));
    if (!report) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    report->vars = vars;
    report->memory = memory;
    report->kept = http_kept_new();
    report->pulse_kept = http_kept_new();
    report->post =
        (struct post){.vars = vars, .is_fenced = &report->is_fenced, .kept = report->kept};
    init_lock(report);
    log_set_sink(on_log, report);
    int failed = pthread_create(&report->sender, NULL, run_sender, report);
    if (!failed) {
        failed = pthread_create(&report->pulse, NULL, run_pulse, report);
    }
    if (failed) {
        // The memory stays: a thread may have it, and this is the end of the run anyway.
        (void)error_errno(err, failed, "cannot start the report's threads");
        return NULL;
    }
    return report;
}

struct report *report_new(const struct vars *vars, struct error *err)
{
    struct report_memory *memory = calloc(1, sizeof(*memory));
    if (!memory) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    spool_init(&memory->spool);
    struct report *report = report_new_on(vars, memory, err);
    if (!report) {
        return NULL;
    }
    report->own_memory = memory;
    return report;
}

void report_free(struct report *report)
{
    if (!report) {
        return;
    }
    (void)pthread_mutex_lock(&report->lock);
    report->is_ending = true;
    (void)pthread_cond_broadcast(&report->changed);
    (void)pthread_mutex_unlock(&report->lock);
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FLUSH_MS / 1000;
    bool has_ended = pthread_clockjoin_np(report->sender, NULL, CLOCK_MONOTONIC, &until) == 0;
    has_ended = pthread_clockjoin_np(report->pulse, NULL, CLOCK_MONOTONIC, &until) == 0 && has_ended;
    if (!has_ended) {
        return; // a thread sits in a request: the machine goes down under it, its memory must stay
    }
    log_set_sink(NULL, NULL);
    (void)http_kept_free(report->kept);
    (void)http_kept_free(report->pulse_kept);
    (void)pthread_cond_destroy(&report->changed);
    (void)pthread_mutex_destroy(&report->lock);
    free(report->own_memory);
    free(report);
}

static int fenced_error(struct error *err)
{
    return error_set(err, ERROR_CONFLICT, "the controller ended this attempt");
}

// A pause in seconds, up to a fifth longer by chance, so that a yard does not retry in step.
static void pause_jittered(struct report *report, int64_t seconds)
{
    uint32_t chance;
    random_fill(&chance, sizeof(chance));
    (void)pause_for(report, seconds * 1000 + (int64_t)(chance % (uint64_t)(seconds * 200)));
}

int report_init(struct report *report, const char *text, struct error *err)
{
    static const int pauses_s[] = {2, 4, 8, 16, 30};
    const char *url = url_of(report, "INIT_URL");
    if (!url) {
        return 0;
    }
    for (size_t round = 0;; round++) {
        struct error error = {0};
        int result = post_retry(&report->post, url, post_text(text), &error);
        if (result == 0 || report_is_fenced(report) || error.code == ERROR_FORBIDDEN ||
            round == sizeof(pauses_s) / sizeof(pauses_s[0])) {
            return result == 0 ? 0 : error_set(err, error.code, "%s", error.message);
        }
        log_warning("init is not acknowledged: %s", error.message);
        pause_jittered(report, pauses_s[round]);
    }
}

// Waits until every line of before was taken by the controller, within bounds.
static void let_lines_go_ahead(struct report *report)
{
    if (!url_of(report, "LOG_URL")) {
        return;
    }
    struct spool *spool = &report->memory->spool;
    uint64_t last = spool_next(spool);
    int64_t until = clock_monotonic_ms() + AHEAD_MS;
    int64_t left = AHEAD_MS;
    (void)pthread_mutex_lock(&report->lock);
    report->waiting++;
    (void)pthread_cond_broadcast(&report->changed);
    while (left > 0 && !report_is_fenced(report) && !report->is_ending &&
           (spool_first(spool) < last || report->progress.is_new || report->is_shipping)) {
        wait_locked(report, left);
        left = until - clock_monotonic_ms();
    }
    report->waiting--;
    (void)pthread_mutex_unlock(&report->lock);
}

int report_success(struct report *report, const char *text, struct error *err)
{
    const char *url = url_of(report, "SUCCESS_URL");
    int64_t pause_s = 1;
    let_lines_go_ahead(report);
    while (url && !report_is_fenced(report)) {
        struct error error = {0};
        if (post_once(&report->post, url, post_text(text), NULL, &error) == 0) {
            return 0;
        }
        if (error.code == ERROR_FORBIDDEN) {
            return error_set(err, error.code, "%s", error.message);
        }
        if (!report_is_fenced(report)) {
            log_warning("success is not acknowledged, repeating: %s", error.message);
            pause_jittered(report, pause_s);
            pause_s = pause_s * 2 > 30 ? 30 : pause_s * 2;
        }
    }
    return report_is_fenced(report) ? fenced_error(err) : 0;
}

int report_error(struct report *report, const char *text, struct error *err)
{
    const char *url = url_of(report, "ERROR_URL");
    let_lines_go_ahead(report);
    return url ? post_retry(&report->post, url, post_text(text), err) : 0;
}

void report_pulse(struct report *report, int period_ms)
{
    (void)pthread_mutex_lock(&report->lock);
    report->pulse_ms = period_ms;
    (void)pthread_cond_broadcast(&report->changed);
    (void)pthread_mutex_unlock(&report->lock);
}

void report_step(struct report *report, const char *step, unsigned index, unsigned total)
{
    (void)snprintf(report->memory->step, sizeof(report->memory->step), "%s", step);
    log_info("provisioning step step=%s index=%u total=%u", step, index, total);
}

void report_step_done(struct report *report, const char *step, int64_t duration_ms)
{
    (void)report;
    log_info("provisioning step done step=%s duration_ms=%" PRId64, step, duration_ms);
}

void report_log(struct report *report, char level, const char *text)
{
    (void)report;
    log_line(level == 'E' ? LOG_LEVEL_ERR : level == 'W' ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "%s",
             text);
}

void report_progress(struct report *report, const char *stage, uint64_t bytes, uint64_t total)
{
    (void)pthread_mutex_lock(&report->lock);
    struct progress *progress = &report->progress;
    if (strncmp(progress->stage, stage, sizeof(progress->stage) - 1) != 0) {
        (void)snprintf(progress->stage, sizeof(progress->stage), "%s", stage);
        progress->sent_bytes = 0;
    }
    progress->bytes = bytes;
    progress->total = total;
    progress->is_new = true;
    (void)pthread_mutex_unlock(&report->lock);
}

int report_inventory(struct report *report, const char *json, struct error *err)
{
    const char *url = url_of(report, "INVENTORY_URL");
    struct post_body body = {.type = "application/json", .bytes = json, .length = strlen(json)};
    return url ? post_retry(&report->post, url, body, err) : 0;
}
