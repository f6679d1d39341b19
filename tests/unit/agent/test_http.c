// SPDX-License-Identifier: Apache-2.0
// The agent's HTTP client against http_peer.py, which answers well and badly over plain TCP and TLS.

#include "agent/http.h"

#include "base/strbuf.h"
#include "tests/unit/agent/peer.h"

enum { BODY_SIZE = 300000 };

static int plain_port;
static int tls_port;
static int other_port;
static char ca_file[300];
static int closed_port = 1;

struct sink {
    struct strbuf body;
    size_t stop_after;
    int heads;
    int slow_once_ms;
};

static int take_head(void *context, const struct http_response *head, struct error *err)
{
    (void)head;
    (void)err;
    struct sink *sink = context;
    sink->heads++;
    return 0;
}

static int take_data(void *context, const void *data, size_t length, struct error *err)
{
    struct sink *sink = context;
    if (sink->slow_once_ms) {
        usleep((useconds_t)sink->slow_once_ms * 1000);
        sink->slow_once_ms = 0;
    }
    strbuf_append(&sink->body, data, length);
    if (sink->stop_after && sink->body.length >= sink->stop_after) {
        return error_set(err, ERROR_CONFLICT, "enough");
    }
    return 0;
}

static bool body_is_good(const struct strbuf *body, size_t first)
{
    if (body->length != BODY_SIZE - first) {
        printf("# length %zu\n", body->length);
        return false;
    }
    for (size_t i = 0; i < body->length; i++) {
        if ((unsigned char)body->data[i] != (i + first) * 7 % 251) {
            return false;
        }
    }
    return true;
}

struct outcome {
    int result;
    struct http_response response;
    struct error error;
    struct sink sink;
};

static struct outcome get(const char *scheme, const char *host, int port, const char *path,
                          struct http_request request)
{
    struct outcome outcome = {0};
    char url[400];
    (void)snprintf(url, sizeof(url), "%s://%s:%d%s", scheme, host, port, path);
    strbuf_init(&outcome.sink.body, 1024 * 1024);
    outcome.sink.slow_once_ms = request.total_timeout_ms == -1 ? 900 : 0;
    outcome.sink.stop_after = request.content_type ? 5000 : 0;
    request.content_type = NULL;
    request.method = request.method ? request.method : "GET";
    request.url = url;
    request.ca_file = ca_file;
    request.on_head = take_head;
    request.context = &outcome.sink;
    outcome.result = http_perform(&request, &outcome.response, &outcome.error);
    if (outcome.result < 0) {
        printf("# %s: %s\n", path, outcome.error.message);
    }
    return outcome;
}

#define PLAIN "http", "127.0.0.1", plain_port
#define DATA .on_data = take_data

static void test_bodies(void)
{
    struct outcome got = get(PLAIN, "/body", (struct http_request){DATA});
    ok(got.result == 0 && got.response.status == 200 && body_is_good(&got.sink.body, 0),
       "a body of declared length arrives whole");
    ok(got.sink.heads == 1 && got.response.content_length == BODY_SIZE &&
           got.response.total_length == BODY_SIZE && strcmp(got.response.etag, "\"v1\"") == 0,
       "the head is told once, with lengths and entity tag");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/chunked", (struct http_request){DATA});
    ok(got.result == 0 && body_is_good(&got.sink.body, 0) && got.response.content_length == -1,
       "a chunked body arrives whole");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/until-close", (struct http_request){DATA});
    ok(got.result == 0 && body_is_good(&got.sink.body, 0), "so does one that ends with the connection");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/body", (struct http_request){DATA, .range_start = 1234, .if_range = "\"v1\""});
    ok(got.result == 0 && got.response.status == 206 && body_is_good(&got.sink.body, 1234) &&
           got.response.total_length == BODY_SIZE,
       "a range continues where it was asked to");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/body", (struct http_request){DATA, .range_start = 1234, .if_range = "\"v0\""});
    ok(got.result == 0 && got.response.status == 200 && body_is_good(&got.sink.body, 0),
       "a changed object comes whole");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/wrong-range", (struct http_request){DATA, .range_start = 9});
    ok(got.result < 0 && got.error.code == ERROR_UPSTREAM && got.sink.body.length == 0,
       "another range than the one asked for is refused before any data");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/body", (struct http_request){DATA, .idle_timeout_ms = 300, .total_timeout_ms = -1});
    ok(got.result == 0 && body_is_good(&got.sink.body, 0),
       "a callback that is slower than the idle limit is not the server's fault");
    strbuf_fini(&got.sink.body);

    got = get(PLAIN, "/body", (struct http_request){0});
    ok(got.result == 0 && got.response.status == 200, "a body that nobody wants is dropped");
    got = get(PLAIN, "/redirect", (struct http_request){0});
    ok(got.result == 0 && got.response.status == 302, "a redirect is an answer, not followed");
    got = get(PLAIN, "/anything", (struct http_request){.method = "HEAD"});
    ok(got.result == 0 && got.response.status == 405, "HEAD ends without waiting for a body");
}

static void test_bad_servers(void)
{
    struct outcome got = get(PLAIN, "/cut", (struct http_request){DATA});
    ok(got.result < 0 && got.error.code == ERROR_UPSTREAM && got.sink.body.length <= 1000,
       "a connection closed in the middle of a body is an error");
    strbuf_fini(&got.sink.body);
    got = get(PLAIN, "/stall", (struct http_request){DATA, .idle_timeout_ms = 300});
    ok(got.result < 0 && got.error.code == ERROR_TIMEOUT && got.sink.body.length == 1000,
       "a body that stalls ends at the idle limit, what came was delivered");
    strbuf_fini(&got.sink.body);
    got = get(PLAIN, "/drip", (struct http_request){DATA, .idle_timeout_ms = 2000, .total_timeout_ms = 400});
    ok(got.result < 0 && got.error.code == ERROR_TIMEOUT, "a dripping body ends at the total limit");
    strbuf_fini(&got.sink.body);
    got = get(PLAIN, "/silent", (struct http_request){.idle_timeout_ms = 300});
    ok(got.result < 0 && got.error.code == ERROR_TIMEOUT, "no head within the limit is a time-out");
    got = get(PLAIN, "/nonsense", (struct http_request){DATA, .idle_timeout_ms = 3000});
    ok(got.result < 0 && got.error.code == ERROR_UPSTREAM, "what is not HTTP is an error");
    strbuf_fini(&got.sink.body);
    got = get("http", "127.0.0.1", closed_port, "/", (struct http_request){0});
    ok(got.result < 0 && got.error.code == ERROR_UPSTREAM && strstr(got.error.message, "refused"),
       "a closed port is named as that");
    got = get(PLAIN, "/stall", (struct http_request){.idle_timeout_ms = 300});
    ok(got.result == 0 && got.response.status == 200,
       "who does not read the body has an answer with the head");
    got = get(PLAIN, "/body", (struct http_request){DATA, .content_type = "stop"});
    ok(got.result < 0 && got.error.code == ERROR_CONFLICT && strcmp(got.error.message, "enough") == 0,
       "a callback's refusal ends the call with its own error");
    strbuf_fini(&got.sink.body);
}

static void test_post(void)
{
    struct sink sink = {0};
    strbuf_init(&sink.body, 4096);
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", plain_port);
    struct http_request request = {.method = "POST", .url = url, .bearer = "s3cret",
                                   .content_type = "text/plain", .body = "hello", .body_length = 5,
                                   .accept = "a/b", .proves_whole = true, DATA, .context = &sink};
    struct http_response response = {0};
    struct error error = {0};
    char expected[200];
    (void)snprintf(expected, sizeof(expected), "Bearer s3cret\ntext/plain\n127.0.0.1:%d\na/b\n1\nhello",
                   plain_port);
    ok(http_perform(&request, &response, &error) == 0 && response.status == 200, "POST works");
    is_text(strbuf_text(&sink.body), expected, "with body, type and token");
    strbuf_reset(&sink.body);
    request.bearer = "two\r\nlines: x";
    ok(http_perform(&request, &response, &error) < 0 && error.code == ERROR_BAD_REQUEST,
       "a token that would forge a header is not sent");
    request.bearer = "s3cret";
    request.url = "http://127.0.0.1.example.org/echo";
    ok(http_perform(&request, &response, &error) < 0 && error.code == ERROR_FORBIDDEN,
       "nor one over plain http to another host");
    strbuf_fini(&sink.body);
}

static void test_tls(void)
{
    struct outcome got = get("https", "127.0.0.1", tls_port, "/body", (struct http_request){DATA});
    ok(got.result == 0 && body_is_good(&got.sink.body, 0), "TLS with the right address works");
    strbuf_fini(&got.sink.body);
    got = get("https", "127.0.0.1", other_port, "/body", (struct http_request){DATA});
    ok(got.result < 0 && strstr(got.error.message, "certificate") && got.sink.heads == 0,
       "a certificate for another host is refused");
    strbuf_fini(&got.sink.body);
    got = get("https", "localhost", tls_port, "/body", (struct http_request){DATA});
    ok(got.result < 0 && strstr(got.error.message, "certificate"),
       "also when the name resolves to the address that it is for");
    strbuf_fini(&got.sink.body);
    got = get("https", "127.0.0.1", tls_port, "/cut", (struct http_request){DATA});
    ok(got.result < 0 && got.error.code == ERROR_UPSTREAM, "a cut body over TLS is an error");
    strbuf_fini(&got.sink.body);
    (void)snprintf(ca_file, sizeof(ca_file), "/etc/ssl/certs/ca-certificates.crt");
    got = get("https", "127.0.0.1", tls_port, "/body", (struct http_request){0});
    ok(got.result < 0, "an unknown CA is refused");
    got = get("https", "127.0.0.1", plain_port, "/body", (struct http_request){.idle_timeout_ms = 2000});
    ok(got.result < 0, "so is a server that speaks no TLS");
}

// The number of the connection that the peer saw, on `kept`; 0 when there was no answer.
static int connection(const char *scheme, const char *host, int port, const char *path,
                      struct http_kept *kept)
{
    bool was_cut = false;
    struct outcome got =
        get(scheme, host, port, path, (struct http_request){DATA, .kept = kept, .ret_was_cut = &was_cut});
    if (was_cut) { // its end was not here yet when the request left
        strbuf_fini(&got.sink.body);
        got = get(scheme, host, port, path, (struct http_request){DATA, .kept = kept});
    }
    int number = got.result == 0 ? (int)strtol(strbuf_text(&got.sink.body), NULL, 10) : 0;
    strbuf_fini(&got.sink.body);
    return number;
}

static void test_kept_on(const char *scheme, int port)
{
    struct http_kept *kept = http_kept_new();
    int first = connection(scheme, "127.0.0.1", port, "/connection", kept);
    ok(first > 0 && connection(scheme, "127.0.0.1", port, "/connection", kept) == first &&
           connection(scheme, "127.0.0.1", port, "/connection", kept) == first,
       "%s: a kept connection serves many requests", scheme);
    ok(connection(scheme, "127.0.0.1", port, "/connection", NULL) != first, "others have their own");
    http_kept_rest(kept);
    ok(connection(scheme, "127.0.0.1", port, "/connection-closing", kept) == first,
       "a short rest does not end it");
    int second = connection(scheme, "127.0.0.1", port, "/connection", kept);
    ok(second > first, "one that the server closed is opened anew");

    struct outcome got = get(scheme, "127.0.0.1", port, "/chunked", (struct http_request){DATA, .kept = kept});
    ok(got.result == 0 && body_is_good(&got.sink.body, 0) &&
           connection(scheme, "127.0.0.1", port, "/connection", kept) == second,
       "a chunked body leaves it in order");
    strbuf_fini(&got.sink.body);
    got = get(scheme, "127.0.0.1", port, "/body",
              (struct http_request){DATA, .content_type = "stop", .kept = kept});
    int third = connection(scheme, "127.0.0.1", port, "/connection", kept);
    ok(got.result < 0 && third > second, "after half an answer nothing else comes over it");
    strbuf_fini(&got.sink.body);
    got = get(scheme, "127.0.0.1", port, "/silent",
              (struct http_request){.kept = kept, .idle_timeout_ms = 300});
    ok(got.result < 0 && connection(scheme, "127.0.0.1", port, "/connection", kept) > third,
       "nor after none");
    (void)http_kept_free(kept);
}

static void test_kept(void)
{
    test_kept_on("http", plain_port);
    test_kept_on("https", tls_port);
    struct http_kept *kept = http_kept_new();
    int first = connection("https", "127.0.0.1", tls_port, "/connection", kept);
    ok(first > 0 && connection("https", "127.0.0.1", other_port, "/connection", kept) == 0,
       "who was proven once is not somebody else on another port");
    ok(connection("https", "127.0.0.1", tls_port, "/connection", kept) > first &&
           connection("https", "localhost", tls_port, "/connection", kept) == 0,
       "nor under another name at the same port");
    ok(connection("http", "127.0.0.1", plain_port, "/connection", kept) > 0 &&
           connection("https", "127.0.0.1", tls_port, "/connection", kept) > 0,
       "plain and TLS do not share one");
    (void)http_kept_free(kept);
}

int main(void)
{
    struct peer peer = peer_start();
    plain_port = peer.plain_port;
    tls_port = peer.tls_port;
    other_port = peer.other_port;
    (void)snprintf(ca_file, sizeof(ca_file), "%s", peer.ca_file);
    test_bodies();
    test_bad_servers();
    test_post();
    test_kept();
    test_tls();
    peer_stop(&peer);
    return done();
}
