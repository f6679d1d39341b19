// SPDX-License-Identifier: Apache-2.0

#include "resolver.h"

#include "bootd.h"

#include "base/clock.h"
#include "base/log.h"
#include "fetch/image.h"
#include "store/deployment.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    QUESTIONS_MAX = 1000,
    TIMEOUT_MS = 30000,
    PAUSE_MS = 5000, // between two questions about one deployment
    FORGET_MS = 600000,
};

// What is known about one deployment's image.
struct question {
    LIST_ENTRY(question) link;
    struct resolver *resolver;
    char deployment[UUID_TEXT_SIZE];
    struct image_question *asked; // NULL: not under way
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
    image_cancel(question->asked);
    LIST_REMOVE(question, link);
    question->resolver->count--;
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

static void pin_fill(struct deployment *resolved, const char *id, const struct image_answer *answer)
{
    snprintf(resolved->id, sizeof(resolved->id), "%s", id);
    memcpy(resolved->digest, answer->digest, sizeof(resolved->digest));
    memcpy(resolved->layer_digest, answer->layer_digest, sizeof(resolved->layer_digest));
    snprintf(resolved->media_type, sizeof(resolved->media_type), "%s", answer->media_type);
    snprintf(resolved->fetch_url, sizeof(resolved->fetch_url), "%s", answer->fetch_url);
    resolved->layer_size = answer->layer_size;
}

static void on_answer(void *context, int result, const struct image_answer *answer,
                      const struct error *answer_err)
{
    struct question *question = context;
    const char *why = answer_err->message;
    struct pin *pin = result < 0 ? NULL : calloc(1, sizeof(*pin));
    question->asked = NULL;
    if (!pin) {
        why = result < 0 ? why : "out of memory";
        log_warning("deployment %s: its image cannot be resolved: %s", question->deployment, why);
        snprintf(question->text, sizeof(question->text), "waiting for the image's registry: %.240s",
                 why);
        return;
    }
    pin_fill(&pin->resolved, question->deployment, answer);
    store_write(question->resolver->daemon->store, pin_run, pin_done, pin);
    question_free(question);
}

// ---- the question

// A tag may have moved since the digest was given: the digest counts.
static void question_start(struct question *question, const struct deployment *deployment,
                           const char *arch)
{
    struct bootd *daemon = question->resolver->daemon;
    struct error err = {0};
    char name[DEPLOYMENT_URL_SIZE + DIGEST_TEXT_SIZE + 1];
    bool pinned = deployment->digest[0] != '\0' && !strchr(deployment->image_url, '@');
    snprintf(name, sizeof(name), "%s%s%s", deployment->image_url, pinned ? "@" : "",
             pinned ? deployment->digest : "");
    question->asked_ms = clock_monotonic_ms();
    question->asked = image_ask(daemon->fetcher, daemon->config.imaged_url, name, arch, TIMEOUT_MS,
                                on_answer, question, &err);
    if (!question->asked) {
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
        } else if (!question->asked && now - question->asked_ms > FORGET_MS) {
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
    if (question && !question->asked && clock_monotonic_ms() - question->asked_ms >= PAUSE_MS) {
        question_start(question, deployment, arch);
    }
}
