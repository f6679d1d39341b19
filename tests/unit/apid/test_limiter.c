// SPDX-License-Identifier: Apache-2.0
// Wrong tokens by address and time.

#include "../../../daemons/apid/limiter.h"
#include "../tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage storage = {0};
    if (strchr(text, ':')) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        (void)inet_pton(AF_INET6, text, &in6.sin6_addr);
        memcpy(&storage, &in6, sizeof(in6));
    } else {
        struct sockaddr_in in = {.sin_family = AF_INET};
        (void)inet_pton(AF_INET, text, &in.sin_addr);
        memcpy(&storage, &in, sizeof(in));
    }
    return storage;
}

static unsigned failures_within(struct limiter *limiter, const char *text, unsigned tries,
                                int64_t now_ms)
{
    struct sockaddr_storage peer = address(text);
    unsigned within = 0;
    for (unsigned i = 0; i < tries; i++) {
        within += limiter_failure(limiter, (struct sockaddr *)&peer, now_ms) ? 1 : 0;
    }
    return within;
}

int main(void)
{
    struct limiter *limiter = limiter_new(10);
    ok(failures_within(limiter, "192.0.2.1", 30, 1000) == 10, "ten within a minute");
    ok(failures_within(limiter, "192.0.2.2", 30, 1000) == 10, "another address has its own ten");
    ok(failures_within(limiter, "192.0.2.1", 5, 1000 + 6000) == 1,
       "a tenth of a minute gives one back");
    ok(failures_within(limiter, "192.0.2.1", 30, 1000 + 600000) == 10,
       "later all are there again, but not more");
    ok(failures_within(limiter, "2001:db8::1", 5, 1000) == 5 &&
           failures_within(limiter, "2001:db8::2", 10, 1000) == 5,
       "a /64 is one");
    ok(failures_within(limiter, "2001:db8:0:1::1", 10, 1000) == 10, "the next /64 is another");
    ok(failures_within(limiter, "::ffff:192.0.2.2", 5, 1000) == 0,
       "a mapped address is the IPv4 address");
    limiter_set(limiter, 0);
    ok(failures_within(limiter, "192.0.2.9", 1, 1000) == 0, "none when none are allowed");
    limiter_free(limiter);
    return done();
}
