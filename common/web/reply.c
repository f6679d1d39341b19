// SPDX-License-Identifier: Apache-2.0
// Replies: made by a handler at any time, taken by MHD when it calls for the request again.

#include "web/internal.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <assert.h>
#include <string.h>

void web_add_header(struct web_request *request, const char *name, const char *value)
{
    assert(!request->replied);
    if (request->header_count >= WEB_EXTRA_HEADERS_MAX) {
        log_err("%s: too many headers in a reply, %s is left out", web_path(request), name);
        return;
    }
    char *name_copy = strdup(name);
    char *value_copy = strdup(value);
    if (!name_copy || !value_copy) {
        free(name_copy);
        free(value_copy);
        return;
    }
    request->headers[request->header_count].name = name_copy;
    request->headers[request->header_count++].value = value_copy;
}

static void add_headers(struct web_request *request, const char *type)
{
    struct MHD_Response *response = request->response;
    if (type) {
        (void)MHD_add_response_header(response, "Content-Type", type);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (MHD_add_response_header(response, request->headers[i].name, request->headers[i].value) != MHD_YES) {
            log_warning("%s: header %s cannot be sent", web_path(request), request->headers[i].name);
        }
    }
    struct web *web = request->web;
    if (request->status == 401 && web && web->settings.challenge) {
        (void)MHD_add_response_header(response, "WWW-Authenticate", web->settings.challenge);
    }
    if (web && web->draining) {
        (void)MHD_add_response_header(response, "Connection", "close");
    }
}

void reply_with(struct web_request *request, int status, const char *type, struct MHD_Response *response)
{
    assert(!request->replied);
    request->replied = true;
    request->status = status;
    request->response = response;
    if (!request->connection) {
        request_free(request);
        return;
    }
    if (response) {
        add_headers(request, type);
    }
    if (request->suspended) {
        request->suspended = false;
        connection_resume(request->connection);
    }
}

enum MHD_Result reply_queue(struct web_request *request, struct MHD_Connection *mhd)
{
    request->stage = STAGE_QUEUED;
    struct MHD_Response *response = request->response;
    request->response = NULL;
    if (!response) {
        return MHD_NO;
    }
    web_count_reply(request->web, request);
    // The request may be gone after this.
    enum MHD_Result result = MHD_queue_response(mhd, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *response_of_copy(const void *bytes, size_t length)
{
    return MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

void web_reply_empty(struct web_request *request, int status)
{
    reply_with(request, status, NULL, response_of_copy("", 0));
}

void web_reply_bytes(struct web_request *request, int status, const char *type, const void *bytes, size_t length)
{
    reply_with(request, status, type, response_of_copy(bytes, length));
}

void web_reply_text(struct web_request *request, int status, const char *type, const char *text)
{
    web_reply_bytes(request, status, type, text, strlen(text));
}

static bool has_header(const struct web_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// State that changes under a cache's feet.
static void forbid_storing(struct web_request *request)
{
    if (!has_header(request, "Cache-Control")) {
        web_add_header(request, "Cache-Control", "no-store");
    }
}

void web_reply_json(struct web_request *request, int status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(body);
    if (!text) {
        struct error err;
        (void)error_set(&err, ERROR_INTERNAL, "the reply cannot be written as JSON");
        web_reply_error(request, &err);
        return;
    }
    forbid_storing(request);
    const char *type = has_header(request, "Content-Type") ? NULL : "application/json";
    // jansson's allocator is malloc: MHD frees the text.
    reply_with(request, status, type, MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static void reply_problem(struct web_request *request, int status, const char *code, const char *detail)
{
    char *text = problem_text(status, code, detail);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
    forbid_storing(request);
    reply_with(request, status, "application/problem+json", response);
}

void web_reply_error(struct web_request *request, const struct error *err)
{
    int status = error_status(err->code);
    const char *detail = err->message;
    if (status >= 500) {
        log_warning("%s %s from %s: %d %s", request->method, web_path(request), web_peer_text(request), status, err->message);
    }
    if (status == 500) {
        detail = "an internal error; the log says more";
    }
    reply_problem(request, status, error_name(err->code), detail);
}

void reply_refusal(struct web_request *request)
{
    if (request->allow) {
        web_add_header(request, "Allow", request->allow);
    }
    if (request->refusal_status) {
        reply_problem(request, request->refusal_status, error_name(request->refusal.code), request->refusal.message);
    } else {
        web_reply_error(request, &request->refusal);
    }
}

void web_reply_file(struct web_request *request, int status, const char *type, int fd, uint64_t offset, uint64_t length)
{
    struct MHD_Response *response = length > 0 ? MHD_create_response_from_fd_at_offset64(length, fd, offset)
                                               : response_of_copy("", 0);
    if (!response || length == 0) {
        close(fd);
    }
    reply_with(request, status, type, response);
}
