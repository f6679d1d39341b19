// SPDX-License-Identifier: Apache-2.0

#include "api.h"

#include "base/json.h"
#include "base/strbuf.h"
#include "fetch/simple.h"
#include "yardctl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REPLY_MAX = 64 * 1024 * 1024, URL_MAX = 8192, TIMEOUT_MS = 60000 };

static bool url_is_private(const char *url)
{
    static const char *const safe[] = {"https://", "http://localhost", "http://127.0.0.1",
                                       "http://[::1]"};
    for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
        size_t length = strlen(safe[i]);
        if (strncasecmp(url, safe[i], length) == 0 && (i == 0 || strchr(":/", url[length]))) {
            return true;
        }
    }
    return false;
}

static int explain(int status, const struct strbuf *text, struct error *err)
{
    CLEANUP_JSON json_t *problem = json_loadb(strbuf_text(text), text->length, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *title = json_string_value(json_object_get(problem, "title"));
    enum error_code code = status == 404 ? ERROR_NOT_FOUND : ERROR_UPSTREAM;
    if (!detail) {
        detail = title ? title : "no reason given";
    }
    return error_set(err, code, "%s (%d)", detail, status);
}

int api_call(const struct yardctl *ctl, const char *method, const char *path, const json_t *body,
             json_t **ret_reply, struct error *err)
{
    CLEANUP_STRBUF struct strbuf url;
    CLEANUP_STRBUF struct strbuf authorization;
    CLEANUP_STRBUF struct strbuf reply;
    strbuf_init(&url, URL_MAX);
    strbuf_init(&authorization, 1024);
    strbuf_init(&reply, REPLY_MAX);
    size_t length = strlen(ctl->url);
    while (length > 0 && ctl->url[length - 1] == '/') {
        length--;
    }
    strbuf_append(&url, ctl->url, length);
    strbuf_puts(&url, path);
    CLEANUP_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (ctl->token) {
        strbuf_printf(&authorization, "Bearer %s", ctl->token);
    }
    if (strbuf_failed(&url) || strbuf_failed(&authorization) || (body && !text)) {
        return error_set(err, ERROR_TOO_LARGE, "the request is too large");
    }
    if (ctl->token && !url_is_private(ctl->url)) {
        return error_set(err, ERROR_FORBIDDEN, "the token is not sent over plain http: use https");
    }
    struct simple_request request = {
        .method = method,
        .url = strbuf_text(&url),
        .authorization = ctl->token ? strbuf_text(&authorization) : NULL,
        .content_type = "application/json",
        .body = text,
        .body_length = text ? strlen(text) : 0,
        .ca_file = ctl->ca_file,
        .total_timeout_ms = TIMEOUT_MS,
    };
    int status = 0;
    int result = simple_fetch(&request, &status, &reply, err);
    if (result < 0) {
        return error_wrap(err, "%s", ctl->url);
    }
    if (status < 200 || status > 299) {
        return explain(status, &reply, err);
    }
    json_t *document =
        reply.length > 0 ? json_loadb(strbuf_text(&reply), reply.length, 0, NULL) : NULL;
    if (reply.length > 0 && !document) {
        return error_set(err, ERROR_UPSTREAM, "%s: the answer is not JSON", ctl->url);
    }
    if (ret_reply) {
        *ret_reply = TAKE_PTR(document);
    }
    json_decref(document);
    return 0;
}

char *api_path(const char *collection, const char *name, const char *rest)
{
    struct strbuf path;
    strbuf_init(&path, URL_MAX);
    strbuf_printf(&path, "/v1/%s/", collection);
    for (const char *c = name; *c; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c)) {
            strbuf_append(&path, c, 1);
        } else {
            strbuf_printf(&path, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    strbuf_puts(&path, rest);
    char *text = strbuf_failed(&path) ? NULL : strbuf_take(&path);
    strbuf_fini(&path);
    return text;
}

void api_print(const json_t *document)
{
    if (json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0) {
        putchar('\n');
    }
}

const char *api_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}
