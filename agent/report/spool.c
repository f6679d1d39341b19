// SPDX-License-Identifier: Apache-2.0
// A line lies in the ring as its length (two bytes) and its text, and may wrap around the end.

#include "agent/report/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 2 };

static void lock_init(struct spool *spool)
{
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)pthread_mutex_init(&spool->lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
}

static void empty(struct spool *spool)
{
    spool->first += spool->count;
    spool->count = 0;
    spool->start = 0;
    spool->used = 0;
}

void spool_init(struct spool *spool)
{
    memset(spool, 0, offsetof(struct spool, data));
    lock_init(spool);
}

static void copy_out(const struct spool *spool, size_t at, void *bytes, size_t length)
{
    at %= SPOOL_BYTES;
    size_t before_end = SPOOL_BYTES - at < length ? SPOOL_BYTES - at : length;
    memcpy(bytes, spool->data + at, before_end);
    memcpy((char *)bytes + before_end, spool->data, length - before_end);
}

static void copy_in(struct spool *spool, size_t at, const void *bytes, size_t length)
{
    at %= SPOOL_BYTES;
    size_t before_end = SPOOL_BYTES - at < length ? SPOOL_BYTES - at : length;
    memcpy(spool->data + at, bytes, before_end);
    memcpy(spool->data, (const char *)bytes + before_end, length - before_end);
}

static size_t line_length(const struct spool *spool, size_t at)
{
    unsigned char length[LENGTH_BYTES];
    copy_out(spool, at, length, sizeof(length));
    return (size_t)(length[0] | length[1] << 8);
}

void spool_adopt(struct spool *spool)
{
    lock_init(spool);
    size_t at = spool->start;
    size_t used = 0;
    bool good = spool->start < SPOOL_BYTES && spool->used <= SPOOL_BYTES;
    for (uint64_t i = 0; good && i < spool->count; i++) {
        size_t length = line_length(spool, at);
        used += LENGTH_BYTES + length;
        at += LENGTH_BYTES + length;
        good = length <= SPOOL_LINE_MAX && used <= spool->used;
    }
    if (!good || used != spool->used) {
        spool->lost += spool->count;
        empty(spool);
    }
}

static void drop_oldest(struct spool *spool)
{
    size_t size = LENGTH_BYTES + line_length(spool, spool->start);
    spool->start = (spool->start + size) % SPOOL_BYTES;
    spool->used -= size;
    spool->count--;
    spool->first++;
}

void spool_put(struct spool *spool, char level, const char *text)
{
    char line[SPOOL_LINE_MAX + 1];
    const char *name = level == 'E' ? "ERROR" : level == 'W' ? "WARN" : "INFO";
    int wanted = snprintf(line, sizeof(line), "[%s] %s", name, text);
    size_t length = wanted < 0 ? 0 : wanted > SPOOL_LINE_MAX ? SPOOL_LINE_MAX : (size_t)wanted;
    unsigned char prefix[LENGTH_BYTES] = {(unsigned char)length, (unsigned char)(length >> 8)};

    (void)pthread_mutex_lock(&spool->lock);
    while (spool->used + LENGTH_BYTES + length > SPOOL_BYTES) {
        drop_oldest(spool);
        spool->lost++;
    }
    copy_in(spool, spool->start + spool->used, prefix, sizeof(prefix));
    copy_in(spool, spool->start + spool->used + LENGTH_BYTES, line, length);
    spool->used += LENGTH_BYTES + length;
    spool->count++;
    (void)pthread_mutex_unlock(&spool->lock);
}

bool spool_peek(struct spool *spool, struct spool_line *ret_line)
{
    bool found = true;
    (void)pthread_mutex_lock(&spool->lock);
    ret_line->lost = spool->lost;
    ret_line->number = spool->first;
    if (spool->lost > 0) {
        (void)snprintf(ret_line->text, sizeof(ret_line->text),
                       "[WARN] log lines lost count=%" PRIu64, spool->lost);
    } else if (spool->count > 0) {
        size_t length = line_length(spool, spool->start);
        copy_out(spool, spool->start + LENGTH_BYTES, ret_line->text, length);
        ret_line->text[length] = '\0';
    } else {
        found = false;
    }
    (void)pthread_mutex_unlock(&spool->lock);
    return found;
}

void spool_drop(struct spool *spool, const struct spool_line *line)
{
    (void)pthread_mutex_lock(&spool->lock);
    if (line->lost > 0) {
        spool->lost -= line->lost < spool->lost ? line->lost : spool->lost;
    } else if (spool->count > 0 && spool->first == line->number) {
        drop_oldest(spool);
    }
    (void)pthread_mutex_unlock(&spool->lock);
}

uint64_t spool_next(struct spool *spool)
{
    (void)pthread_mutex_lock(&spool->lock);
    uint64_t next = spool->first + spool->count;
    (void)pthread_mutex_unlock(&spool->lock);
    return next;
}

uint64_t spool_first(struct spool *spool)
{
    (void)pthread_mutex_lock(&spool->lock);
    uint64_t first = spool->first;
    (void)pthread_mutex_unlock(&spool->lock);
    return first;
}
