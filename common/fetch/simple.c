// SPDX-License-Identifier: Apache-2.0
// The blocking exchange for tools, on curl's easy interface.

#include "fetch/simple.h"

#include <curl/curl.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 10000 };

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct strbuf *body = context;
    strbuf_append(body, data, size * count);
    return strbuf_failed(body) ? 0 : size * count;
}

static int add_header(struct curl_slist **headers, const char *name, const char *value,
                      struct error *err)
{
    CLEANUP_STRBUF struct strbuf line;
    strbuf_init(&line, 16 * 1024);
    strbuf_printf(&line, "%s: %s", name, value);
    struct curl_slist *longer =
        strbuf_failed(&line) ? NULL : curl_slist_append(*headers, strbuf_text(&line));
    if (!longer) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    *headers = longer;
    return 0;
}

static int make_headers(const struct simple_request *request, struct curl_slist **headers,
                        struct error *err)
{
    int result = add_header(headers, "Accept", "application/json", err);
    if (result == 0 && request->authorization) {
        result = add_header(headers, "Authorization", request->authorization, err);
    }
    if (result == 0 && request->body) {
        result = add_header(headers, "Content-Type", request->content_type, err);
    }
    return result;
}

static void set_options(CURL *curl, const struct simple_request *request,
                        struct curl_slist *headers, struct strbuf *body, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->total_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (request->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
}

static int explain(CURLcode code, const char *reason, const struct strbuf *body, struct error *err)
{
    const char *text = reason[0] ? reason : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(err, ERROR_TIMEOUT, "%s", text);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR: // broken off meanwhile; a certificate that is wrong has a code of
                                  // its own
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return error_set(err, ERROR_UNAVAILABLE, "%s", text);
    case CURLE_WRITE_ERROR:
        return strbuf_failed(body) ? error_set(err, ERROR_TOO_LARGE, "the answer is too long")
                                   : error_set(err, ERROR_UPSTREAM, "%s", text);
    default:
        return error_set(err, ERROR_UPSTREAM, "%s", text);
    }
}

int simple_fetch(const struct simple_request *request, int *ret_status, struct strbuf *body,
                 struct error *err)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    int result =
        curl ? make_headers(request, &headers, err) : error_set(err, ERROR_IO, "out of memory");
    if (result == 0) {
        set_options(curl, request, headers, body, reason);
        result = explain(curl_easy_perform(curl), reason, body, err);
    }
    if (result == 0) {
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        *ret_status = (int)status;
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return result;
}
