// SPDX-License-Identifier: Apache-2.0

// The joint between the image's threads (stream.c).

#include "agent/image/ring.h"

#include <pthread.h>
#include <stdlib.h>

enum { STAGES_MAX = 4, ALIGNMENT = 4096 };

struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct ring_slot *slots;
    unsigned slot_count;
    unsigned stage_count;
    uint64_t passed[STAGES_MAX]; // buffers that each stage has passed since the start
    bool ended;
    bool aborted;
};

struct ring *ring_new(unsigned slot_count, size_t slot_size, unsigned stage_count)
{
    if (stage_count < 2 || stage_count > STAGES_MAX) {
        return NULL;
    }
    struct ring *ring = calloc(1, sizeof(*ring));
    if (!ring) {
        return NULL;
    }
    pthread_mutex_init(&ring->mutex, NULL);
    pthread_cond_init(&ring->changed, NULL);
    ring->slot_count = slot_count;
    ring->stage_count = stage_count;
    ring->slots = calloc(slot_count, sizeof(*ring->slots));
    for (unsigned i = 0; ring->slots && i < slot_count; i++) {
        ring->slots[i].data = aligned_alloc(ALIGNMENT, slot_size);
        if (!ring->slots[i].data) {
            ring_free(ring);
            return NULL;
        }
    }
    if (!ring->slots) {
        ring_free(ring);
        return NULL;
    }
    return ring;
}

void ring_free(struct ring *ring)
{
    if (!ring) {
        return;
    }
    for (unsigned i = 0; ring->slots && i < ring->slot_count; i++) {
        free(ring->slots[i].data);
    }
    free(ring->slots);
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->mutex);
    free(ring);
}

static bool stage_has_work(const struct ring *ring, unsigned stage)
{
    if (stage == 0) {
        return ring->passed[0] - ring->passed[ring->stage_count - 1] < ring->slot_count;
    }
    return ring->passed[stage] < ring->passed[stage - 1];
}

static bool stage_is_over(const struct ring *ring, unsigned stage)
{
    return ring->aborted || (stage > 0 && ring->ended && ring->passed[stage] == ring->passed[0]);
}

struct ring_slot *ring_take(struct ring *ring, unsigned stage)
{
    struct ring_slot *slot = NULL;
    pthread_mutex_lock(&ring->mutex);
    while (!stage_is_over(ring, stage) && !stage_has_work(ring, stage)) {
        pthread_cond_wait(&ring->changed, &ring->mutex);
    }
    if (!stage_is_over(ring, stage)) {
        slot = &ring->slots[ring->passed[stage] % ring->slot_count];
    }
    pthread_mutex_unlock(&ring->mutex);
    return slot;
}

void ring_pass(struct ring *ring, unsigned stage)
{
    pthread_mutex_lock(&ring->mutex);
    ring->passed[stage]++;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_end(struct ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    ring->ended = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_abort(struct ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    ring->aborted = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

bool ring_is_aborted(struct ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    bool aborted = ring->aborted;
    pthread_mutex_unlock(&ring->mutex);
    return aborted;
}
