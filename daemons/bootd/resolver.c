// SPDX-License-Identifier: Apache-2.0

#include "resolver.h"

#include "bootd.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "fetch/fetch.h"
#include "store/deployment.h"
#include "store/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    QUESTIONS_MAX = 1000,
    REPLY_MAX = 64 * 1024,
    URL_MAX = 8 * 1024,
    CONNECT_TIMEOUT_MS = 3000,
    TOTAL_TIMEOUT_MS = 30000,
    PAUSE_MS = 5000, // between two questions about one deployment
    FORGET_MS = 600000,
};

// What is known about one deployment's image.
struct question {
    LIST_ENTRY(question) link;
    struct resolver *resolver;
    char deployment[UUID_TEXT_SIZE];
    struct fetch *fetch; // NULL: not under way
    struct strbuf reply;
    int64_t asked_ms;
    char text[RESOLVER_TEXT_SIZE];
};

struct resolver {
    struct bootd *daemon;
    LIST_HEAD(, question) questions;
    unsigned count;
};

struct pin {
    struct deployment resolved; // owns nothing
};

struct resolver *resolver_new(struct bootd *daemon, struct error *err)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    resolver->daemon = daemon;
    LIST_INIT(&resolver->questions);
    return resolver;
}

static void question_free(struct question *question)
{
    fetch_cancel(question->fetch);
    LIST_REMOVE(question, link);
    question->resolver->count--;
    strbuf_fini(&question->reply);
    free(question);
}

struct resolver *resolver_free(struct resolver *resolver)
{
    if (resolver) {
        while (!LIST_EMPTY(&resolver->questions)) {
            question_free(LIST_FIRST(&resolver->questions));
        }
        free(resolver);
    }
    return NULL;
}

bool resolver_is_needed(const struct deployment *deployment)
{
    return deployment->fetch_url[0] == '\0' && strncmp(deployment->image_url, "oci://", 6) == 0;
}

// ---- imaged's answer

static int take(const json_t *reply, const char *name, char *target, size_t size, struct error *err)
{
    const char *text = json_string_value(json_object_get(reply, name));
    if (!text || strlen(text) >= size) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer has no usable \"%s\"", name);
    }
    memcpy(target, text, strlen(text) + 1);
    return 0;
}

static int parse_answer(const struct strbuf *text, struct deployment *resolved, struct error *err)
{
    CLEANUP_JSON json_t *reply =
        json_loadb(strbuf_text(text), text->length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(reply)) {
        return error_set(err, ERROR_UPSTREAM, "imaged's answer is not a JSON object");
    }
    if (take(reply, "digest", resolved->digest, sizeof(resolved->digest), err) < 0 ||
        take(reply, "layer_digest", resolved->layer_digest, sizeof(resolved->layer_digest), err) <
            0 ||
        take(reply, "url", resolved->fetch_url, sizeof(resolved->fetch_url), err) < 0 ||
        take(reply, "media_type", resolved->media_type, sizeof(resolved->media_type), err) < 0) {
        return -1;
    }
    resolved->layer_size = json_integer_value(json_object_get(reply, "size"));
    bool good = digest_is_valid(resolved->digest) && digest_is_valid(resolved->layer_digest) &&
                resolved->layer_size >= 0;
    return good ? 0
                : error_set(err, ERROR_UPSTREAM,
                            "imaged's answer holds something that is no digest or no size");
}

static int parse_refusal(const struct strbuf *text, int status, struct error *err)
{
    CLEANUP_JSON json_t *problem = json_loadb(strbuf_text(text), text->length, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    return detail ? error_set(err, ERROR_UPSTREAM, "%s", detail)
                  : error_set(err, ERROR_UPSTREAM, "imaged answers with status %d", status);
}

static int pin_run(struct store_conn *conn, void *context, struct error *err)
{
    const struct pin *pin = context;
    return deployment_pin(conn, pin->resolved.id, &pin->resolved, err);
}

static void pin_done(void *context, int result, const struct error *err)
{
    struct pin *pin = context;
    if (result < 0) {
        log_warning("deployment %s: %s", pin->resolved.id, err->message);
    } else {
        log_info("deployment %s: its image is pinned to %s", pin->resolved.id,
                 pin->resolved.layer_digest);
    }
    free(pin);
}

static int on_data(void *context, const void *data, size_t length, struct error *err)
{
    struct question *question = context;
    strbuf_append(&question->reply, data, length);
    return strbuf_failed(&question->reply)
               ? error_set(err, ERROR_UPSTREAM, "imaged's answer is too long")
               : 0;
}

static void on_done(void *context, int result, int status, const struct error *fetch_err)
{
    struct question *question = context;
    struct error err = {0};
    struct pin *pin = calloc(1, sizeof(*pin));
    question->fetch = NULL;
    if (result < 0) {
        err = *fetch_err;
    } else if (!pin) {
        result = error_set(&err, ERROR_IO, "out of memory");
    } else {
        result = status == 200 ? parse_answer(&question->reply, &pin->resolved, &err)
                               : parse_refusal(&question->reply, status, &err);
    }
    strbuf_reset(&question->reply);
    if (result < 0) {
        log_warning("deployment %s: its image cannot be resolved: %s", question->deployment,
                    err.message);
        snprintf(question->text, sizeof(question->text), "waiting for the image's registry: %.240s",
                 err.message);
        free(pin);
        return;
    }
    memcpy(pin->resolved.id, question->deployment, sizeof(pin->resolved.id));
    store_write(question->resolver->daemon->store, pin_run, pin_done, pin);
    question_free(question);
}

// ---- the question

// A tag may have moved since the digest was given: the digest counts.
static void format_url(struct strbuf *url, const char *imaged_url,
                       const struct deployment *deployment, const char *arch)
{
    char name[DEPLOYMENT_URL_SIZE + DIGEST_TEXT_SIZE + 1];
    bool pinned = deployment->digest[0] != '\0' && !strchr(deployment->image_url, '@');
    snprintf(name, sizeof(name), "%s%s%s", deployment->image_url, pinned ? "@" : "",
             pinned ? deployment->digest : "");
    strbuf_printf(url, "%s/resolve?ref=", imaged_url);
    for (const char *c = name; *c; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c)) {
            strbuf_append(url, c, 1);
        } else {
            strbuf_printf(url, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    strbuf_printf(url, "&arch=%s", arch);
}

static void question_start(struct question *question, const struct deployment *deployment,
                           const char *arch)
{
    struct bootd *daemon = question->resolver->daemon;
    struct error err = {0};
    CLEANUP_STRBUF struct strbuf url;
    strbuf_init(&url, URL_MAX);
    format_url(&url, daemon->config.imaged_url, deployment, arch);
    struct fetch_request request = {
        .method = "GET",
        .url = strbuf_text(&url),
        .allow_private_addresses = true, // a peer of this yard, named by its administrator
        .max_bytes = REPLY_MAX,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = TOTAL_TIMEOUT_MS,
        .on_data = on_data,
        .on_done = on_done,
        .context = question,
    };
    question->asked_ms = clock_monotonic_ms();
    question->fetch = strbuf_failed(&url) ? NULL : fetch_start(daemon->fetcher, &request, &err);
    if (!question->fetch) {
        snprintf(question->text, sizeof(question->text), "waiting for the image's registry: %.240s",
                 err.message);
    }
}

static struct question *question_for(struct resolver *resolver, const char *deployment)
{
    struct question *found = NULL, *next;
    int64_t now = clock_monotonic_ms();
    for (struct question *question = LIST_FIRST(&resolver->questions); question; question = next) {
        next = LIST_NEXT(question, link);
        if (strcmp(question->deployment, deployment) == 0) {
            found = question;
        } else if (!question->fetch && now - question->asked_ms > FORGET_MS) {
            question_free(question);
        }
    }
    if (found || resolver->count >= QUESTIONS_MAX) {
        return found;
    }
    struct question *question = calloc(1, sizeof(*question));
    if (question) {
        question->resolver = resolver;
        question->asked_ms = now - PAUSE_MS;
        strbuf_init(&question->reply, REPLY_MAX);
        snprintf(question->deployment, sizeof(question->deployment), "%s", deployment);
        snprintf(question->text, sizeof(question->text), "waiting for the image's registry");
        LIST_INSERT_HEAD(&resolver->questions, question, link);
        resolver->count++;
    }
    return question;
}

void resolver_ask(struct resolver *resolver, const struct deployment *deployment, const char *arch,
                  char text[RESOLVER_TEXT_SIZE])
{
    struct question *question = question_for(resolver, deployment->id);
    snprintf(text, RESOLVER_TEXT_SIZE, "%s",
             question ? question->text : "waiting for the images' registries: too many at once");
    if (question && !question->fetch && clock_monotonic_ms() - question->asked_ms >= PAUSE_MS) {
        question_start(question, deployment, arch);
    }
}
