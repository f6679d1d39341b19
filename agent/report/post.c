// SPDX-License-Identifier: Apache-2.0
// The one place where a report becomes a request.

#include "agent/report/post.h"

#include "agent/http.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, TOTAL_MS = 30000 };

struct post_body post_text(const char *text)
{
    return (struct post_body){.type = "text/plain", .bytes = text, .length = strlen(text)};
}

// The controller remembers it: a phone-home with the same one comes from the agent itself, not from the installed system.
static const char *read_boot_id(char *text, size_t size)
{
    CLEANUP_FCLOSE FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || !fgets(text, (int)size, file)) {
        return NULL;
    }
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static int send_once(const struct post *post, const char *url, struct post_body body, int *ret_status,
                     bool *ret_was_cut, struct error *err)
{
    const char *token = vars_get(post->vars, "TOKEN");
    char boot_id[64];
    struct http_request request = {
        .method = "POST",
        .url = url,
        .bearer = token && *token ? token : NULL,
        .insecure_transport = vars_get_bool(post->vars, "INSECURE_TRANSPORT"),
        .content_type = body.type,
        .boot_id = read_boot_id(boot_id, sizeof(boot_id)),
        .body = body.bytes,
        .body_length = body.length,
        .kept = post->kept,
        .ret_was_cut = ret_was_cut,
        .connect_timeout_ms = CONNECT_MS,
        .idle_timeout_ms = TOTAL_MS,
        .total_timeout_ms = TOTAL_MS,
    };
    struct http_response response = {0};
    int result = http_perform(&request, &response, err);
    if (ret_status) {
        *ret_status = response.status;
    }
    if (result < 0) {
        return result;
    }
    if (response.status == 409) {
        atomic_store(post->is_fenced, true);
        return error_set(err, ERROR_CONFLICT, "the controller ended this attempt");
    }
    if (response.status < 200 || response.status >= 300) {
        return error_set(err, ERROR_UPSTREAM, "the controller answered %d", response.status);
    }
    return 0;
}

int post_once(const struct post *post, const char *url, struct post_body body, int *ret_status,
              struct error *err)
{
    bool was_cut;
    int result = send_once(post, url, body, ret_status, &was_cut, err);
    if (was_cut) {
        result = send_once(post, url, body, ret_status, &was_cut, err);
    }
    return result;
}

int post_retry(const struct post *post, const char *url, struct post_body body, struct error *err)
{
    struct error local = {0};
    int result = 0;
    bool was_cut = false;
    // What went to a connection that had ended may have been processed: it counts.
    for (unsigned attempt = 0; attempt < POST_ATTEMPTS; attempt++) {
        if (attempt > 0 && !was_cut) {
            (void)sleep(attempt);
        }
        result = send_once(post, url, body, NULL, &was_cut, &local);
        if (result == 0 || local.code == ERROR_CONFLICT || local.code == ERROR_FORBIDDEN) {
            break;
        }
    }
    return result < 0 ? error_set(err, local.code, "%s", local.message) : 0;
}
