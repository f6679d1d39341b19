// SPDX-License-Identifier: Apache-2.0
// One outbound request: a curl handle for each hop, its head taken apart, its body handed on, its
// redirects judged. Called by fetcher.c. The callbacks here run with curl on the stack, so they
// only note and copy.

#include "fetch/transfer.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int transfer_fail(struct fetch *fetch, const struct error *err)
{
    if (!fetch->failed) {
        fetch->failed = true;
        fetch->err = *err;
    }
    return -1;
}

static int fail(struct fetch *fetch, enum error_code code, const char *text)
{
    struct error err;
    char url[URL_LOG_SIZE];
    url_for_log(fetch->url, url);
    error_set(&err, code, "%s: %s", url, text);
    return transfer_fail(fetch, &err);
}

static bool is_redirect(const struct fetch *fetch)
{
    int status = fetch->head.status;
    return strcmp(fetch->request.method, "POST") != 0 &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

// Guard: the address is looked at here, after DNS and immediately before the connection.
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct fetch *fetch = context;
    if (purpose != CURLSOCKTYPE_IPCXN) {
        return CURL_SOCKET_BAD;
    }
    const struct sockaddr *sockaddr = (const struct sockaddr *)&address->addr;
    if (fetch->lane == LANE_GUARDED && fetch_address_is_private(sockaddr)) {
        fetch->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int64_t parse_count(const char *text, const char **ret_end)
{
    int64_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (value > (INT64_MAX - 9) / 10) {
            return -1;
        }
        value = value * 10 + (*c - '0');
    }
    *ret_end = c;
    return c == text ? -1 : value;
}

// "bytes 100-199/200"; anything else leaves the head without a range.
static void parse_content_range(struct head_buffer *head, const char *value)
{
    if (strncasecmp(value, "bytes ", 6) != 0) {
        return;
    }
    const char *c;
    int64_t start = parse_count(value + 6, &c);
    if (start < 0 || *c != '-') {
        return;
    }
    int64_t end = parse_count(c + 1, &c);
    if (end < start || *c != '/') {
        return;
    }
    head->range_start = start;
    int64_t total = parse_count(c + 1, &c);
    head->range_total = total > end ? total : -1;
}

static void copy_value(char *text, size_t size, const char *value)
{
    if (strlen(value) < size) { // a value that does not fit is not half taken
        memcpy(text, value, strlen(value) + 1);
    }
}

static void append_value(char *text, size_t size, const char *value)
{
    size_t have = strlen(text);
    if (have + strlen(value) + 3 > size) {
        return;
    }
    if (have) {
        memcpy(text + have, ", ", 2);
        have += 2;
    }
    memcpy(text + have, value, strlen(value) + 1);
}

static void take_header(struct head_buffer *head, const char *name, const char *value)
{
    const char *end;
    if (strcasecmp(name, "content-length") == 0) {
        head->content_length = parse_count(value, &end);
    } else if (strcasecmp(name, "transfer-encoding") == 0) {
        head->chunked = true;
    } else if (strcasecmp(name, "content-range") == 0) {
        parse_content_range(head, value);
    } else if (strcasecmp(name, "content-type") == 0) {
        copy_value(head->content_type, sizeof(head->content_type), value);
    } else if (strcasecmp(name, "www-authenticate") == 0) {
        append_value(head->www_authenticate, sizeof(head->www_authenticate), value);
    } else if (strcasecmp(name, "docker-content-digest") == 0) {
        copy_value(head->docker_digest, sizeof(head->docker_digest), value);
    } else if (strcasecmp(name, "etag") == 0) {
        copy_value(head->etag, sizeof(head->etag), value);
    }
}

static int head_complete(struct fetch *fetch)
{
    struct head_buffer *head = &fetch->head;
    head->complete = true;
    if (is_redirect(fetch)) {
        return 0;
    }
    if (head->chunked) {
        head->content_length = -1;
    }
    if (head->status != 206) {
        head->range_start = 0;
        head->range_total = head->content_length;
    }
    if (head->content_length > 0 && (uint64_t)head->content_length > fetch->request.max_bytes &&
        strcmp(fetch->request.method, "HEAD") != 0) {
        return fail(fetch, ERROR_TOO_LARGE, "the answer is larger than allowed");
    }
    if (!fetch->request.on_head) {
        return 0;
    }
    struct fetch_head view = {
        .status = head->status,
        .content_length = head->content_length,
        .range_start = head->range_start,
        .range_total = head->range_total,
        .content_type = head->content_type,
        .www_authenticate = head->www_authenticate,
        .docker_digest = head->docker_digest,
        .etag = head->etag,
    };
    struct error err = {.code = ERROR_NONE};
    if (fetch->request.on_head(fetch->request.context, &view, &err) < 0) {
        return transfer_fail(fetch, &err);
    }
    return 0;
}

static void head_begin(struct fetch *fetch, const char *line)
{
    size_t bytes = fetch->head.bytes;
    fetch->head = (struct head_buffer){.bytes = bytes, .content_length = -1, .range_total = -1};
    const char *space = strchr(line, ' ');
    const char *end;
    fetch->head.status = space ? (int)parse_count(space + 1, &end) : 0;
}

// One line of a head, CRLF and all; an empty one ends it. Interim heads (1xx) and trailers come
// this way as well.
static size_t on_header_line(char *bytes, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    size_t length = size * count;
    fetch->active_ms = clock_monotonic_ms();
    fetch->head.bytes += length;
    if (fetch->cancelled) {
        return 0;
    }
    if (fetch->head.bytes > FETCH_HEAD_MAX) {
        fail(fetch, ERROR_UPSTREAM, "the answer's head is too long");
        return 0;
    }
    char line[8192];
    if (length >= sizeof(line)) {
        return length; // no header that matters is so long
    }
    memcpy(line, bytes, length);
    while (length > 0 && strchr("\r\n \t", bytes[length - 1])) {
        length--;
    }
    line[length] = '\0';
    if (strncmp(line, "HTTP/", 5) == 0) {
        head_begin(fetch, line);
    } else if (fetch->head.complete) {
        return size * count;
    } else if (length == 0) {
        if (fetch->head.status >= 200 && head_complete(fetch) < 0) {
            return 0;
        }
    } else {
        char *colon = strchr(line, ':');
        if (colon) {
            *colon = '\0';
            take_header(&fetch->head, line, colon + 1 + strspn(colon + 1, " \t"));
        }
    }
    return fetch->cancelled && length > 0 ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    size_t length = size * count;
    fetch->active_ms = clock_monotonic_ms();
    if (fetch->cancelled) {
        return 0;
    }
    if (is_redirect(fetch)) {
        fetch->redirect_bytes += length;
        if (fetch->redirect_bytes > FETCH_REDIRECT_BODY_MAX) {
            fail(fetch, ERROR_UPSTREAM, "a redirect with a long body");
            return 0;
        }
        return length;
    }
    if (length > fetch->request.max_bytes - fetch->body_bytes) {
        fail(fetch, ERROR_TOO_LARGE, "the answer is larger than allowed");
        return 0;
    }
    int result = 0;
    if (fetch->request.on_data) {
        struct error err = {.code = ERROR_NONE};
        result = fetch->request.on_data(fetch->request.context, bytes, length, &err);
        if (result < 0) {
            transfer_fail(fetch, &err);
            return 0;
        }
    }
    if (result > 0) {
        fetch->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch->body_bytes += length;
    return length;
}

static int make_headers(struct fetch *fetch, struct error *err)
{
    struct curl_slist *list = NULL;
    for (const struct curl_slist *item = fetch->headers; item; item = item->next) {
        struct curl_slist *longer = curl_slist_append(list, item->data);
        if (!longer) {
            curl_slist_free_all(list);
            return error_set(err, ERROR_IO, "no memory");
        }
        list = longer;
    }
    if (fetch->authorization && url_same_origin(&fetch->origin, &fetch->first_origin)) {
        CLEANUP_FREE char *line = NULL;
        struct curl_slist *longer = NULL;
        if (asprintf(&line, "Authorization: %s", fetch->authorization) >= 0) {
            longer = curl_slist_append(list, line);
            explicit_bzero(line, strlen(line));
        }
        if (!longer) {
            curl_slist_free_all(list);
            return error_set(err, ERROR_IO, "no memory");
        }
        list = longer;
    }
    fetch->hop_headers = list;
    return 0;
}

static void set_method(struct fetch *fetch)
{
    CURL *easy = fetch->easy;
    if (strcmp(fetch->request.method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(fetch->request.method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->request.body_length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body ? fetch->body : "");
    }
    if (fetch->request.range_start > 0) {
        char range[32];
        snprintf(range, sizeof(range), "%lld-", (long long)fetch->request.range_start);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
}

int transfer_prepare(struct fetch *fetch, struct error *err)
{
    CURL *easy = curl_easy_init();
    if (!easy) {
        return error_set(err, ERROR_IO, "no memory");
    }
    fetch->easy = easy;
    if (make_headers(fetch, err) < 0) {
        return -1;
    }
    fetch->head = (struct head_buffer){.content_length = -1, .range_total = -1};
    fetch->curl_text[0] = '\0';
    fetch->refused = false;
    fetch->paused = false;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (fetch->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, fetch->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bootyard");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->curl_text);
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(fetch->request.connect_timeout_ms ? fetch->request.connect_timeout_ms : 10000));
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 131072L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->hop_headers);
    set_method(fetch);
    return 0;
}

void transfer_drop_easy(struct fetch *fetch)
{
    if (fetch->easy) {
        curl_easy_cleanup(fetch->easy);
        fetch->easy = NULL;
    }
    curl_slist_free_all(fetch->hop_headers);
    fetch->hop_headers = NULL;
}

static int curl_failure(struct fetch *fetch)
{
    if (fetch->refused) {
        return fail(fetch, ERROR_FORBIDDEN,
                    "its address is private, and this request may not go there");
    }
    const char *text =
        fetch->curl_text[0] ? fetch->curl_text : curl_easy_strerror(fetch->curl_result);
    bool timeout = fetch->curl_result == CURLE_OPERATION_TIMEDOUT;
    return fail(fetch, timeout ? ERROR_TIMEOUT : ERROR_UPSTREAM, text);
}

// Judge the redirect's target and make it the next URL.
static int take_redirect(struct fetch *fetch)
{
    char *target = NULL; // curl's, resolved against this hop's URL
    curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &target);
    if (!target) {
        return fail(fetch, ERROR_UPSTREAM, "a redirect that says nowhere");
    }
    if (++fetch->redirects > FETCH_REDIRECTS_MAX) {
        return fail(fetch, ERROR_UPSTREAM, "too many redirects");
    }
    struct error err = {.code = ERROR_NONE};
    struct url_origin origin;
    CLEANUP_FREE char *normal = NULL;
    if (url_parse(target, &origin, &normal, &err) < 0) {
        err.code = ERROR_UPSTREAM;
        error_wrap(&err, "redirect");
        return transfer_fail(fetch, &err);
    }
    if (strcmp(fetch->origin.scheme, "https") == 0 && strcmp(origin.scheme, "https") != 0) {
        return fail(fetch, ERROR_FORBIDDEN, "redirects from https to http");
    }
    int allowed = 0;
    if (fetch->request.allow_url) {
        allowed = fetch->request.allow_url(fetch->request.context, normal, &err);
        if (allowed < 0) {
            error_wrap(&err, "redirect");
            return transfer_fail(fetch, &err);
        }
    }
    bool private_origin =
        fetch->request.allow_private_addresses && url_same_origin(&origin, &fetch->first_origin);
    fetch->lane = private_origin || allowed == FETCH_ALLOW_PRIVATE ? LANE_PRIVATE : LANE_GUARDED;
    fetch->origin = origin;
    free(fetch->url);
    fetch->url = TAKE_PTR(normal);
    return 0;
}

bool transfer_hop_over(struct fetch *fetch, struct error *err)
{
    bool follow = false;
    if (!fetch->failed && fetch->curl_result != CURLE_OK) {
        curl_failure(fetch);
    }
    if (!fetch->failed && is_redirect(fetch)) {
        follow = take_redirect(fetch) == 0;
    }
    if (fetch->failed) {
        *err = fetch->err;
    }
    return follow;
}
