// SPDX-License-Identifier: Apache-2.0
// The client of imaged's /resolve. Its answer is checked like anybody's: a digest that is none or a
// URL that does not fit is an upstream's failure, not a row in the DB.

#include "peer_imaged.h"

#include "apid.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "fetch/fetch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { REPLY_MAX = 64 * 1024, QUESTION_MAX = 8 * 1024, CONNECT_TIMEOUT_MS = 3000 };

struct question {
    LIST_ENTRY(question) link;
    struct fetch *fetch;
    struct strbuf reply;
    peer_imaged_done done;
    void *context;
};

struct peer_imaged {
    struct apid *apid;
    LIST_HEAD(, question) questions;
};

struct peer_imaged *peer_imaged_new(struct apid *apid)
{
    struct peer_imaged *peer = calloc(1, sizeof(*peer));
    if (peer) {
        peer->apid = apid;
        LIST_INIT(&peer->questions);
    }
    return peer;
}

static void question_free(struct question *question)
{
    LIST_REMOVE(question, link);
    strbuf_fini(&question->reply);
    free(question);
}

struct peer_imaged *peer_imaged_free(struct peer_imaged *peer)
{
    if (!peer) {
        return NULL;
    }
    struct error err;
    (void)error_set(&err, ERROR_UNAVAILABLE, "apid is stopping");
    while (!LIST_EMPTY(&peer->questions)) {
        struct question *question = LIST_FIRST(&peer->questions);
        fetch_cancel(question->fetch);
        question->done(question->context, -1, NULL, &err);
        question_free(question);
    }
    free(peer);
    return NULL;
}

static int take_text(const json_t *reply, const char *name, char *target, size_t size,
                     bool required, struct error *err)
{
    const char *text = json_string_value(json_object_get(reply, name));
    if (!text && !required) {
        target[0] = '\0';
        return 0;
    }
    if (!text || strlen(text) >= size) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer has no usable \"%s\"", name);
    }
    memcpy(target, text, strlen(text) + 1);
    return 0;
}

static int parse_image(const struct strbuf *text, struct peer_image *image, struct error *err)
{
    CLEANUP_JSON json_t *reply = json_loadb(strbuf_text(text), text->length, 0, NULL);
    if (!json_is_object(reply)) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer is not a JSON object");
    }
    int result = take_text(reply, "digest", image->digest, sizeof(image->digest), true, err);
    if (result == 0) {
        result = take_text(reply, "layer_digest", image->layer_digest, sizeof(image->layer_digest),
                           true, err);
    }
    if (result == 0) {
        result = take_text(reply, "media_type", image->media_type, sizeof(image->media_type), false,
                           err);
    }
    if (result == 0) {
        result =
            take_text(reply, "blob_url", image->fetch_url, sizeof(image->fetch_url), true, err);
    }
    if (result < 0) {
        return result;
    }
    image->layer_size = json_integer_value(json_object_get(reply, "layer_size"));
    if (!digest_is_valid(image->digest) || !digest_is_valid(image->layer_digest) ||
        image->layer_size < 0) {
        return error_set(err, ERROR_UPSTREAM,
                         "imaged's answer holds something that is no digest or no size");
    }
    return 0;
}

// A problem document's detail; what cannot be read as one is told by its status.
static int parse_refusal(const struct strbuf *text, int status, struct error *err)
{
    CLEANUP_JSON json_t *problem = json_loadb(strbuf_text(text), text->length, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    // 4xx is an answer about the image, except those that are about the question's time or number.
    bool refused = status >= 400 && status < 500 && status != 408 && status != 429;
    enum error_code code = refused         ? ERROR_UNPROCESSABLE
                           : status == 504 ? ERROR_TIMEOUT
                                           : ERROR_UPSTREAM;
    return detail ? error_set(err, code, "%s", detail)
                  : error_set(err, code, "imaged answers with status %d", status);
}

static int on_data(void *context, const void *data, size_t length, struct error *err)
{
    struct question *question = context;
    strbuf_append(&question->reply, data, length);
    return strbuf_failed(&question->reply)
               ? error_set(err, ERROR_UPSTREAM, "imaged's answer is too long")
               : 0;
}

// No whole answer came: too much of one, none in time, or no connection.
static int explain_silence(const struct error *cause, struct error *err)
{
    bool timeout = cause->code == ERROR_TIMEOUT;
    return error_set(err, timeout ? ERROR_TIMEOUT : ERROR_UPSTREAM, "imaged cannot be asked: %s",
                     cause->message);
}

static void on_done(void *context, int result, int status, const struct error *fetch_err)
{
    struct question *question = context;
    struct error err = {0};
    struct peer_image image = {0};
    if (result < 0) {
        result = explain_silence(fetch_err, &err);
    } else if (status == 200) {
        result = parse_image(&question->reply, &image, &err);
    } else {
        result = parse_refusal(&question->reply, status, &err);
    }
    question->done(question->context, result, &image, &err);
    question_free(question);
}

static void append_escaped(struct strbuf *url, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c)) {
            strbuf_append(url, c, 1);
        } else {
            strbuf_printf(url, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
}

int peer_imaged_resolve(struct peer_imaged *peer, const char *ref, const char *arch,
                        peer_imaged_done done, void *context, struct error *err)
{
    const struct apid_config *config = &peer->apid->config;
    if (!config->imaged_url[0]) {
        return error_set(err, ERROR_UNAVAILABLE, "no imaged is configured");
    }
    CLEANUP_STRBUF struct strbuf url;
    strbuf_init(&url, QUESTION_MAX);
    strbuf_printf(&url, "%s/resolve?ref=", config->imaged_url);
    append_escaped(&url, ref);
    strbuf_printf(&url, "&arch=%s", arch);
    struct question *question = calloc(1, sizeof(*question));
    if (!question || strbuf_failed(&url)) {
        free(question);
        return error_set(err, ERROR_IO, "out of memory");
    }
    strbuf_init(&question->reply, REPLY_MAX);
    question->done = done;
    question->context = context;
    struct fetch_request request = {
        .method = "GET",
        .url = strbuf_text(&url),
        .allow_private_addresses = true, // a peer of this yard, named by its administrator
        .max_bytes = REPLY_MAX,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = config->resolve_timeout_s * 1000,
        .on_data = on_data,
        .on_done = on_done,
        .context = question,
    };
    LIST_INSERT_HEAD(&peer->questions, question, link);
    question->fetch = fetch_start(peer->apid->fetcher, &request, err);
    if (!question->fetch) {
        question_free(question);
        return -1;
    }
    return 0;
}
