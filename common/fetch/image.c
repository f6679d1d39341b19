// SPDX-License-Identifier: Apache-2.0
// The client of imaged's /resolve. Its answer is checked like anybody's: a digest that is none or a
// URL that does not fit is an upstream's failure, not a row in the DB. Called by apid and bootd.

#include "fetch/image.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "fetch/fetch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX = 64 * 1024, URL_MAX = 8 * 1024, CONNECT_TIMEOUT_MS = 3000 };

struct image_question {
    struct fetch *fetch;
    struct strbuf reply;
    image_done done;
    void *context;
};

static struct image_question *question_free(struct image_question *question)
{
    strbuf_fini(&question->reply);
    free(question);
    return NULL;
}

static int take_text(const json_t *reply, const char *name, char *target, size_t size,
                     struct error *err)
{
    const char *text = json_string_value(json_object_get(reply, name));
    if (!text || strlen(text) >= size) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer has no usable \"%s\"", name);
    }
    memcpy(target, text, strlen(text) + 1);
    return 0;
}

static int parse_answer(const struct strbuf *text, struct image_answer *answer, struct error *err)
{
    CLEANUP_JSON json_t *reply =
        json_loadb(strbuf_text(text), text->length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(reply)) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer is not a JSON object");
    }
    // A layer without a media type is allowed.
    bool typed = json_object_get(reply, "media_type");
    if (take_text(reply, "digest", answer->digest, sizeof(answer->digest), err) < 0 ||
        take_text(reply, "layer_digest", answer->layer_digest, sizeof(answer->layer_digest), err) <
            0 ||
        take_text(reply, "blob_url", answer->fetch_url, sizeof(answer->fetch_url), err) < 0 ||
        (typed && take_text(reply, "media_type", answer->media_type, sizeof(answer->media_type),
                            err) < 0)) {
        return -1;
    }
    answer->layer_size = json_integer_value(json_object_get(reply, "layer_size"));
    bool good = digest_is_valid(answer->digest) && digest_is_valid(answer->layer_digest) &&
                answer->layer_size >= 0;
    return good ? 0
                : error_set(err, ERROR_UPSTREAM,
                            "imaged's answer holds something that is no digest or no size");
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
    struct image_question *question = context;
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
    struct image_question *question = context;
    struct error err = {0};
    struct image_answer answer = {.layer_size = 0};
    if (result < 0) {
        result = explain_silence(fetch_err, &err);
    } else if (status == 200) {
        result = parse_answer(&question->reply, &answer, &err);
    } else {
        result = parse_refusal(&question->reply, status, &err);
    }
    question->done(question->context, result, &answer, &err);
    (void)question_free(question);
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

struct image_question *image_ask(struct fetcher *fetcher, const char *imaged_url, const char *ref,
                                 const char *arch, unsigned timeout_ms, image_done done,
                                 void *context, struct error *err)
{
    CLEANUP_STRBUF struct strbuf url;
    strbuf_init(&url, URL_MAX);
    strbuf_printf(&url, "%s/resolve?ref=", imaged_url);
    append_escaped(&url, ref);
    strbuf_puts(&url, "&arch=");
    append_escaped(&url, arch);
    struct image_question *question = calloc(1, sizeof(*question));
    if (!question || strbuf_failed(&url)) {
        free(question);
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
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
        .total_timeout_ms = timeout_ms,
        .on_data = on_data,
        .on_done = on_done,
        .context = question,
    };
    question->fetch = fetch_start(fetcher, &request, err);
    return question->fetch ? question : question_free(question);
}

struct image_question *image_cancel(struct image_question *question)
{
    if (question) {
        fetch_cancel(question->fetch);
        (void)question_free(question);
    }
    return NULL;
}
