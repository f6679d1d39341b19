// SPDX-License-Identifier: Apache-2.0
// The questions under way, so that none is left without an answer when apid stops.

#include "peer_imaged.h"

#include "apid.h"

#include <stdlib.h>
#include <sys/queue.h>

struct question {
    LIST_ENTRY(question) link;
    struct image_question *asked;
    image_done done;
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
        image_cancel(question->asked);
        question->done(question->context, -1, NULL, &err);
        question_free(question);
    }
    free(peer);
    return NULL;
}

static void on_answer(void *context, int result, const struct image_answer *answer,
                      const struct error *err)
{
    struct question *question = context;
    question->done(question->context, result, answer, err);
    question_free(question);
}

int peer_imaged_resolve(struct peer_imaged *peer, const char *ref, const char *arch,
                        image_done done, void *context, struct error *err)
{
    const struct apid_config *config = &peer->apid->config;
    if (!config->imaged_url[0]) {
        return error_set(err, ERROR_UNAVAILABLE, "no imaged is configured");
    }
    struct question *question = calloc(1, sizeof(*question));
    if (!question) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    question->done = done;
    question->context = context;
    LIST_INSERT_HEAD(&peer->questions, question, link);
    question->asked = image_ask(peer->apid->fetcher, config->imaged_url, ref, arch,
                                config->resolve_timeout_s * 1000, on_answer, question, err);
    if (!question->asked) {
        question_free(question);
        return -1;
    }
    return 0;
}
