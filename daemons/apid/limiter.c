// SPDX-License-Identifier: Apache-2.0
// Buckets that refill by time. The table has a fixed size: an address takes its slot by hash, and
// when another one sits there, the older of two candidates gives way. Whoever shares a slot with an
// attacker loses nothing, since right tokens do not pass here.

#include "limiter.h"

#include "base/bytes.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LIMITER_SLOTS = 1024, LIMITER_WAYS = 2, MINUTE_MS = 60000 };

struct bucket {
    uint64_t key;
    int64_t used; // failures times MINUTE_MS; refills by per_minute each millisecond
    int64_t at_ms;
};

struct limiter {
    unsigned per_minute;
    uint64_t seed;
    struct bucket buckets[LIMITER_SLOTS];
};

struct limiter *limiter_new(unsigned per_minute)
{
    struct limiter *limiter = calloc(1, sizeof(*limiter));
    if (limiter) {
        limiter->per_minute = per_minute;
        random_fill(&limiter->seed, sizeof(limiter->seed));
    }
    return limiter;
}

struct limiter *limiter_free(struct limiter *limiter)
{
    free(limiter);
    return NULL;
}

void limiter_set(struct limiter *limiter, unsigned per_minute)
{
    limiter->per_minute = per_minute;
}

// The first 64 bits of an IPv6 address are one customer; an IPv4 address (also a mapped one) is
// one.
static uint64_t key_of(const struct sockaddr *peer)
{
    uint64_t key = 0;
    if (peer && peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof(in));
        key = UINT64_C(1) << 32 | ntohl(in.sin_addr.s_addr);
    } else if (peer && peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof(in6));
        const uint8_t *bytes = in6.sin6_addr.s6_addr;
        key = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)
                  ? UINT64_C(1) << 32 | get_be32(bytes + 12)
                  : (uint64_t)get_be32(bytes) << 32 | get_be32(bytes + 4);
    }
    return key;
}

static struct bucket *bucket_of(struct limiter *limiter, uint64_t key)
{
    uint64_t hash = (key ^ limiter->seed) * UINT64_C(0x9e3779b97f4a7c15);
    struct bucket *oldest = NULL;
    for (unsigned way = 0; way < LIMITER_WAYS; way++) {
        struct bucket *bucket = &limiter->buckets[(hash >> (20 * way + 4)) % LIMITER_SLOTS];
        if (bucket->key == key) {
            return bucket;
        }
        if (!oldest || bucket->at_ms < oldest->at_ms) {
            oldest = bucket;
        }
    }
    *oldest = (struct bucket){.key = key};
    return oldest;
}

bool limiter_failure(struct limiter *limiter, const struct sockaddr *peer, int64_t now_ms)
{
    struct bucket *bucket = bucket_of(limiter, key_of(peer));
    int64_t limit = (int64_t)limiter->per_minute * MINUTE_MS;
    int64_t refilled = (now_ms - bucket->at_ms) * limiter->per_minute;
    bucket->used = bucket->at_ms == 0 || refilled >= bucket->used ? 0 : bucket->used - refilled;
    bucket->at_ms = now_ms;
    if (bucket->used + MINUTE_MS > limit) {
        return false;
    }
    bucket->used += MINUTE_MS;
    return true;
}
