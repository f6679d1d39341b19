// SPDX-License-Identifier: Apache-2.0
#pragma once

// One report of an agent: a transaction in which the token is looked up once more, the address
// checked, the report's own change made; then, after the commit, the reply. Every handler that
// changes something goes through here, so the rules about ended attempts and foreign addresses
// stand in one place. Threads: `act` on the store's writer thread, the rest on the loop's.

#include "counters.h"

#include "base/error.h"
#include "store/attempt.h"

#include <stdbool.h>

struct exchange;
struct statusd;
struct store_conn;
struct visitor;
struct web_request;

struct exchange_rule {
    enum report_kind kind;
    // The report's change, for an attempt that goes on; may run again, so it sets what it leaves in
    // the exchange. NULL: none.
    int (*act)(struct store_conn *conn, struct exchange *exchange, struct error *err);
    // After the commit: replies and ends with exchange_free. NULL: 204.
    void (*reply)(struct exchange *exchange);
    bool stops; // this report says that the agent stopped
};

struct exchange {
    struct statusd *daemon;
    struct web_request *request;
    const struct exchange_rule *rule;
    const struct visitor *visitor;      // borrowed from the request
    char address[ATTEMPT_ADDRESS_SIZE]; // of the peer: a connection that goes away takes its own
                                        // copy with it
    struct attempt attempt;             // as it was in the transaction
    enum { EXCHANGE_TAKEN, EXCHANGE_ENDED, EXCHANGE_WRONG_ADDRESS } verdict;
    char step[64]; // of an error report, "" if none was named
    void *detail;  // the handler's own, freed by free()
};

// Starts the transaction. Takes `detail`. Replies by itself if that cannot be.
void exchange_start(struct web_request *request, struct statusd *daemon,
                    const struct exchange_rule *rule, void *detail);
// The same, with a step that the report names.
void exchange_start_step(struct web_request *request, struct statusd *daemon,
                         const struct exchange_rule *rule, const char *step);
void exchange_free(struct exchange *exchange);

// True when the report needs no transaction for who sent it: the attempt goes on, and the address
// is its own. Then the contact is noted for later.
bool exchange_is_light(struct web_request *request, struct statusd *daemon);
