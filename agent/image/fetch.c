// SPDX-License-Identifier: Apache-2.0

// Fetching with resume. Attempts are bounded in two ways: a server that answers but brings nothing
// new is asked six times, one that does not answer at all for `silence_max_ms` (it may be
// restarting, or a switch may be).

#include "agent/image/fetch.h"

#include "base/clock.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    FUTILE_MAX = 6,
    ATTEMPTS_MAX = 1000,
    BACKOFF_MAX_MS = 8000,
    CONNECT_TIMEOUT_MS = 10000,
    SLEEP_SLICE_MS = 100,
    REASON_MAX = 160,
};

struct fetch_run {
    const struct image_fetch *fetch;
    EVP_MD_CTX *sha256;
    uint64_t offset; // bytes consumed so far
    int64_t total;   // -1: not known
    bool begun;
    bool dead[IMAGE_URL_MAX]; // this mirror said no
    char etag[IMAGE_URL_MAX][160];

    // of the request that runs
    size_t url;
    uint64_t skip; // bytes that the server repeats because it knows no ranges
    int status;
    bool fatal; // ended by us: no other attempt helps
    char reason[REASON_MAX + 1];
};

enum outcome { OUTCOME_DONE, OUTCOME_CUT, OUTCOME_REFUSED, OUTCOME_SILENT, OUTCOME_FATAL };

static int fatal(struct fetch_run *run)
{
    run->fatal = true;
    return -1;
}

static int on_head(void *context, const struct http_response *head, struct error *err)
{
    struct fetch_run *run = context;
    const struct image_fetch *fetch = run->fetch;
    run->status = head->status;
    if (head->status != 200 && head->status != 206) {
        return 0;
    }
    int64_t total = head->status == 206 ? head->total_length : head->content_length;
    if (run->total >= 0 && total >= 0 && total != run->total) {
        error_set(err, ERROR_CORRUPT, "the image's size changed from %" PRId64 " to %" PRId64,
                  run->total, total);
        return fatal(run);
    }
    if (total >= 0) {
        run->total = total;
    }
    if (head->status == 206 && run->offset == 0) {
        error_set(err, ERROR_UPSTREAM, "a range was sent that nobody asked for");
        return -1;
    }
    run->skip = head->status == 200 ? run->offset : 0;
    snprintf(run->etag[run->url], sizeof(run->etag[run->url]), "%s", head->etag);
    if (!run->begun) {
        run->begun = true;
        if (fetch->begin && fetch->begin(fetch->context, run->total, err) < 0) {
            return fatal(run);
        }
    }
    return 0;
}

// The server's own words about a refusal, for the log.
static void reason_add(struct fetch_run *run, const uint8_t *data, size_t length)
{
    size_t used = strlen(run->reason);
    for (size_t i = 0; i < length && used < REASON_MAX; i++) {
        run->reason[used++] = data[i] >= 0x20 && data[i] < 0x7F ? (char)data[i] : ' ';
    }
    run->reason[used] = '\0';
}

static int on_data(void *context, const void *data, size_t length, struct error *err)
{
    struct fetch_run *run = context;
    const struct image_fetch *fetch = run->fetch;
    const uint8_t *bytes = data;
    if (run->status != 200 && run->status != 206) {
        reason_add(run, bytes, length);
        return 0;
    }
    if (fetch->is_stopped(fetch->context)) {
        error_set(err, ERROR_CONFLICT, "stopped");
        return fatal(run);
    }
    size_t skipped = run->skip < length ? (size_t)run->skip : length;
    run->skip -= skipped;
    bytes += skipped;
    length -= skipped;
    if (length == 0) {
        return 0;
    }
    if (run->total >= 0 && run->offset + length > (uint64_t)run->total) {
        error_set(err, ERROR_CORRUPT, "the image is longer than the server said");
        return fatal(run);
    }
    EVP_DigestUpdate(run->sha256, bytes, length);
    run->offset += length;
    return fetch->consume(fetch->context, bytes, length, err) < 0 ? fatal(run) : 0;
}

static bool status_is_temporary(int status)
{
    return status >= 500 || status == 408 || status == 425 || status == 429;
}

static enum outcome attempt(struct fetch_run *run, struct error *err)
{
    const struct image_fetch *fetch = run->fetch;
    struct http_request request = {
        .method = "GET",
        .url = fetch->urls[run->url],
        .bearer = fetch->bearers[run->url],
        .insecure_transport = fetch->insecure_transport,
        .range_start = (int64_t)run->offset,
        // Only the mirror that named the tag can be asked about it; all others are held to the
        // digest.
        .if_range = run->offset > 0 && run->etag[run->url][0] ? run->etag[run->url] : NULL,
        .proves_whole = fetch->proves_whole,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .idle_timeout_ms = fetch->idle_timeout_ms,
        .on_head = on_head,
        .on_data = on_data,
        .context = run,
    };
    struct http_response response = {0};
    run->status = 0;
    run->skip = 0;
    run->reason[0] = '\0';
    int result = fetch->perform(&request, &response, err);
    if (run->fatal) {
        return OUTCOME_FATAL;
    }
    if (run->status != 0 && run->status != 200 && run->status != 206) {
        error_set(err, ERROR_UPSTREAM, "the image's server answered %d%s%s", run->status,
                  run->reason[0] ? ": " : "", run->reason);
        return status_is_temporary(run->status) ? OUTCOME_CUT : OUTCOME_REFUSED;
    }
    if (result < 0) {
        if (err->code == ERROR_FORBIDDEN) {
            return OUTCOME_REFUSED;
        }
        return run->status == 0 ? OUTCOME_SILENT : OUTCOME_CUT;
    }
    if (run->skip > 0 || (run->total >= 0 && run->offset < (uint64_t)run->total)) {
        error_set(err, ERROR_UPSTREAM, "the image ended after %" PRIu64 " of %" PRId64 " bytes",
                  run->offset, run->total);
        return OUTCOME_CUT;
    }
    return OUTCOME_DONE;
}

// The next mirror that has not refused; false if all have.
static bool url_next(struct fetch_run *run)
{
    for (size_t i = 0; i < run->fetch->url_count; i++) {
        run->url = (run->url + 1) % run->fetch->url_count;
        if (!run->dead[run->url]) {
            return true;
        }
    }
    return false;
}

static int wait_stoppable(const struct image_fetch *fetch, int64_t wait_ms, struct error *err)
{
    int64_t until = clock_monotonic_ms() + wait_ms;
    while (!fetch->is_stopped(fetch->context)) {
        int64_t left = until - clock_monotonic_ms();
        if (left <= 0) {
            return 0;
        }
        int64_t slice = left < SLEEP_SLICE_MS ? left : SLEEP_SLICE_MS;
        nanosleep(&(struct timespec){.tv_nsec = slice * 1000000}, NULL);
    }
    return error_set(err, ERROR_CONFLICT, "stopped");
}

static int attempts(struct fetch_run *run, struct error *err)
{
    const struct image_fetch *fetch = run->fetch;
    int futile = 0;
    int row = 0; // attempts without progress, of either kind
    int64_t last_answer = clock_monotonic_ms();
    for (int count = 0; count < ATTEMPTS_MAX; count++) {
        uint64_t before = run->offset;
        enum outcome outcome = attempt(run, err);
        if (outcome == OUTCOME_DONE) {
            return 0;
        }
        if (outcome == OUTCOME_FATAL) {
            return -1;
        }
        int64_t now = clock_monotonic_ms();
        last_answer = outcome == OUTCOME_SILENT && run->offset == before ? last_answer : now;
        row = run->offset > before ? 0 : row + 1;
        futile = run->offset > before ? 0 : futile + (outcome == OUTCOME_CUT);
        run->dead[run->url] = outcome == OUTCOME_REFUSED;
        if (!url_next(run) || futile >= FUTILE_MAX || now - last_answer > fetch->silence_max_ms) {
            return error_wrap(err, "fetching the image at byte %" PRIu64, run->offset);
        }
        if (fetch->notice) {
            char text[700];
            snprintf(text, sizeof(text), "image: %s; asking again from byte %" PRIu64,
                     err ? err->message : "failed", run->offset);
            fetch->notice(fetch->context, text);
        }
        int64_t wait_ms = (int64_t)fetch->backoff_ms << (row < 10 ? row : 10);
        if (wait_stoppable(fetch, wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS, err) < 0) {
            return -1;
        }
    }
    return error_set(err, ERROR_UPSTREAM, "fetching the image took more than %d requests",
                     ATTEMPTS_MAX);
}

int image_fetch_run(const struct image_fetch *fetch, uint8_t ret_digest[SHA256_BYTES],
                    struct error *err)
{
    struct error scratch; // decisions need the code, whether the caller wants the text or not
    struct fetch_run run = {.fetch = fetch, .total = -1, .sha256 = EVP_MD_CTX_new()};
    if (!run.sha256 || EVP_DigestInit_ex(run.sha256, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(run.sha256);
        return error_set(err, ERROR_IO, "SHA-256 is not available");
    }
    int result = attempts(&run, err ? err : &scratch);
    if (result == 0) {
        EVP_DigestFinal_ex(run.sha256, ret_digest, NULL);
    }
    EVP_MD_CTX_free(run.sha256);
    return result;
}
