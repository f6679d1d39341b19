// SPDX-License-Identifier: Apache-2.0
// A request's way: MHD calls request_begin when it has the request line, request_continue once with the head, then
// for each piece of the body, then at its end, and again when a suspended connection was resumed for its reply.

#include "web/internal.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void *request_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct web_listener *listener = context;
    struct web_connection *connection = connection_of(mhd);
    struct web_request *request = calloc(1, sizeof(*request));
    char *raw_target = strdup(uri ? uri : "");
    if (!connection || !request || !raw_target) {
        free(request);
        free(raw_target);
        return NULL; // request_continue closes the connection then
    }
    request->web = listener->web;
    request->connection = connection;
    request->raw_target = raw_target;
    LIST_INSERT_HEAD(&listener->web->requests, request, entry);
    connection_set_phase(connection, PHASE_HEAD);
    return request;
}

void request_free(struct web_request *request)
{
    if (request->destroy_identity) {
        request->destroy_identity(request->identity);
    }
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    target_fini(&request->target);
    route_match_fini(&request->match);
    free(request->raw_target);
    free(request->method);
    free(request->allow);
    free(request->body);
    free(request);
}

static void refuse(struct web_request *request, const struct error *err, int status)
{
    request->is_refused = true;
    request->refusal = *err;
    request->refusal_status = status;
}

static bool method_is_token(const char *method)
{
    size_t length = strlen(method);
    return length > 0 && length <= 32 && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") == length;
}

// Content-Length, or 0. MHD has checked that it is a number.
static unsigned long long announced_length(struct MHD_Connection *mhd)
{
    const char *length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");
    return length ? strtoull(length, NULL, 10) : 0;
}

// The only coding that MHD understands; with another one it would wait for bytes until the deadline.
static bool coding_is_unknown(struct MHD_Connection *mhd)
{
    const char *coding = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Transfer-Encoding");
    return coding && strcasecmp(coding, "chunked") != 0;
}

static int find_route(struct web_request *request, struct error *err)
{
    struct web *web = request->web;
    if (!method_is_token(request->method)) {
        return error_set(err, ERROR_BAD_REQUEST, "the method is no token");
    }
    int result = target_parse(request->raw_target, &request->target, err);
    if (result == 0) {
        result = route_find(web->table, request->method, &request->target, &request->match, &request->allow, err);
    }
    return result;
}

// Everything that can be said before the body has come.
static int check_head(struct web_request *request, struct MHD_Connection *mhd, struct error *err)
{
    const struct web_settings *settings = &request->web->settings;
    int result = find_route(request, err);
    if (result < 0) {
        return result;
    }
    const struct web_route *route = request->match.route;
    if (route->who != 0 && settings->authorize) {
        result = settings->authorize(request, route->who, settings->context, err);
        if (result < 0) {
            return result;
        }
    }
    if (announced_length(mhd) > route->max_body) {
        return error_set(err, ERROR_TOO_LARGE, "the body may have %zu bytes at most", route->max_body);
    }
    return 0;
}

static enum MHD_Result add_size(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    size_t *size = context;
    *size += strlen(name) + (value ? strlen(value) : 0) + 4;
    return MHD_YES;
}

// MHD refuses what does not fit its buffer, which is a little more than what is allowed.
static bool head_is_too_large(const struct web_request *request, struct MHD_Connection *mhd)
{
    size_t size = strlen(request->raw_target);
    int count = MHD_get_connection_values(mhd, MHD_HEADER_KIND, add_size, &size);
    return count > WEB_HEADERS_MAX || size > request->web->settings.max_head;
}

static bool has_body(struct MHD_Connection *mhd)
{
    return announced_length(mhd) > 0 || MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Transfer-Encoding");
}

// A refusal waits for the end of a small body, so that the connection can go on; a client that has yet to send a
// large one, or asks first, is told at once.
static bool reply_now(const struct web_request *request, struct MHD_Connection *mhd)
{
    return request->is_refused && has_body(mhd) &&
           (announced_length(mhd) > WEB_DISCARD_MAX || coding_is_unknown(mhd) ||
            MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Expect"));
}

static enum MHD_Result take_head(struct web_request *request, struct MHD_Connection *mhd, const char *method)
{
    request->stage = STAGE_BODY;
    request->method = strdup(method);
    if (!request->method) {
        return MHD_NO;
    }
    request->is_head = strcmp(method, "HEAD") == 0;
    struct error err = {0};
    if (head_is_too_large(request, mhd)) {
        (void)error_set(&err, ERROR_TOO_LARGE, "the head may have %d fields and %zu bytes at most", WEB_HEADERS_MAX,
                        request->web->settings.max_head);
        refuse(request, &err, 431);
    } else if (coding_is_unknown(mhd)) {
        (void)error_set(&err, ERROR_BAD_REQUEST, "of the transfer codings only \"chunked\" is understood");
        refuse(request, &err, 0);
    } else if (check_head(request, mhd, &err) < 0) {
        refuse(request, &err, 0);
    }
    if (reply_now(request, mhd)) {
        request->connection->refused_early = true;
        reply_refusal(request);
        return reply_queue(request, mhd);
    }
    connection_set_phase(request->connection, has_body(mhd) ? PHASE_BODY : PHASE_REPLY);
    return MHD_YES;
}

static enum MHD_Result take_body(struct web_request *request, const char *bytes, size_t length)
{
    struct error err = {0};
    if (request->stage != STAGE_BODY) {
        return MHD_YES; // after an early reply
    }
    if (!request->is_refused && body_take(request, bytes, length, &err) < 0) {
        refuse(request, &err, 0);
    }
    request->discarded += request->is_refused ? length : 0;
    if (request->discarded <= WEB_DISCARD_MAX) {
        return MHD_YES;
    }
    const struct error *refusal = &request->refusal;
    int status = request->refusal_status ? request->refusal_status : error_status(refusal->code);
    request->connection->refused_early = true;
    connection_send_raw(request->connection, status, error_name(refusal->code), refusal->message);
    return MHD_NO;
}

static void handle(struct web_request *request)
{
    const struct web_settings *settings = &request->web->settings;
    bool unknown = request->is_refused && !request->match.route && request->refusal.code == ERROR_NOT_FOUND;
    request->stage = STAGE_HANDLING;
    if (unknown && settings->not_found) {
        settings->not_found(request, settings->context);
    } else if (request->is_refused) {
        reply_refusal(request);
    } else {
        request->match.route->handle(request, settings->context);
    }
}

enum MHD_Result request_continue(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **request_pointer)
{
    struct web_request *request = *request_pointer;
    if (!request) {
        return MHD_NO;
    }
    if (request->stage == STAGE_NEW) {
        return take_head(request, mhd, method);
    }
    if (*upload_size > 0) {
        size_t length = *upload_size;
        *upload_size = 0;
        return take_body(request, upload, length);
    }
    if (request->stage == STAGE_BODY) {
        connection_set_phase(request->connection, PHASE_REPLY);
        handle(request);
    }
    if (request->replied) {
        return request->stage == STAGE_QUEUED ? MHD_YES : reply_queue(request, mhd);
    }
    request->suspended = true;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

void request_completed(void *context, struct MHD_Connection *mhd, void **request_pointer,
                       enum MHD_RequestTerminationCode code)
{
    struct web_request *request = *request_pointer;
    *request_pointer = NULL;
    if (!request) {
        return;
    }
    struct web_connection *connection = request->connection;
    connection->served = true;
    if (!connection->timed_out) {
        connection_set_phase(connection, PHASE_IDLE);
    }
    LIST_REMOVE(request, entry);
    request->connection = NULL;
    request->suspended = false;
    if (request->web->closing) {
        request->web = NULL;
    }
    // A handler that has yet to reply still holds it.
    if (request->replied || request->stage != STAGE_HANDLING) {
        request_free(request);
    }
}

const char *web_method(const struct web_request *request)
{
    return request->method;
}

const char *web_path(const struct web_request *request)
{
    return request->target.path ? request->target.path : "";
}

const char *web_arg(const struct web_request *request, const char *name)
{
    return route_match_arg(&request->match, name);
}

const char *web_query(const struct web_request *request, const char *name)
{
    for (size_t i = 0; i < request->target.query_count; i++) {
        if (strcmp(request->target.queries[i].name, name) == 0) {
            return request->target.queries[i].value;
        }
    }
    return NULL;
}

const char *web_header(const struct web_request *request, const char *name)
{
    if (!request->connection) {
        return NULL;
    }
    return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

bool web_is_head(const struct web_request *request)
{
    return request->is_head;
}

struct web *web_server(const struct web_request *request)
{
    return request->web;
}

void web_set_identity(struct web_request *request, void *identity, void (*destroy)(void *identity))
{
    if (request->destroy_identity) {
        request->destroy_identity(request->identity);
    }
    request->identity = identity;
    request->destroy_identity = destroy;
}

void *web_identity(const struct web_request *request)
{
    return request->identity;
}
