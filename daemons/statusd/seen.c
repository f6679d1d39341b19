// SPDX-License-Identifier: Apache-2.0

#include "seen.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/attempt.h"
#include "store/machine.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 16384, // a power of two
    SLOTS_USED_MAX = SLOTS / 2,
    BATCH = 100,
};

struct sighting {
    int64_t attempt_id; // 0: the slot is free
    int64_t machine_id;
    int64_t when_ms;
    char address[ATTEMPT_ADDRESS_SIZE];
};

struct seen {
    struct store *store;
    unsigned used;
    struct sighting slots[SLOTS]; // open addressing by attempt
};

struct batch {
    unsigned count;
    struct sighting items[BATCH];
};

struct seen *seen_new(struct store *store, struct error *err)
{
    struct seen *seen = calloc(1, sizeof(*seen));
    if (!seen) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    seen->store = store;
    return seen;
}

struct seen *seen_free(struct seen *seen)
{
    free(seen);
    return NULL;
}

void seen_add(struct seen *seen, const struct attempt *attempt)
{
    if (seen->used >= SLOTS_USED_MAX) {
        seen_flush(seen);
    }
    size_t at = (size_t)attempt->id % SLOTS;
    while (seen->slots[at].attempt_id != 0 && seen->slots[at].attempt_id != attempt->id) {
        at = (at + 1) % SLOTS;
    }
    struct sighting *slot = &seen->slots[at];
    seen->used += slot->attempt_id == 0 ? 1 : 0;
    slot->attempt_id = attempt->id;
    slot->machine_id = attempt->machine_id;
    slot->when_ms = clock_now_ms();
    memcpy(slot->address, attempt->address, sizeof(slot->address));
}

static int run_batch(struct store_conn *conn, void *context, struct error *err)
{
    struct batch *batch = context;
    for (unsigned i = 0; i < batch->count; i++) {
        bool is_its_address = false;
        if (attempt_contact(conn, batch->items[i].attempt_id, batch->items[i].address,
                            &is_its_address, err) < 0 &&
            err->code != ERROR_NOT_FOUND && err->code != ERROR_CONFLICT) {
            return -1;
        }
        if (machine_seen(conn, batch->items[i].machine_id, batch->items[i].when_ms, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void batch_done(void *context, int result, const struct error *err)
{
    if (result < 0) {
        log_warning("last contacts were not written: %s", err->message);
    }
    free(context);
}

void seen_flush(struct seen *seen)
{
    struct batch *batch = NULL;
    for (size_t i = 0; i < SLOTS && seen->used > 0; i++) {
        if (seen->slots[i].attempt_id == 0) {
            continue;
        }
        batch = batch ? batch : calloc(1, sizeof(*batch));
        if (!batch) {
            return; // the next round tries again
        }
        batch->items[batch->count++] = seen->slots[i];
        seen->slots[i].attempt_id = 0;
        seen->used--;
        if (batch->count == BATCH) {
            store_write(seen->store, run_batch, batch_done, batch);
            batch = NULL;
        }
    }
    if (batch) {
        store_write(seen->store, run_batch, batch_done, batch);
    }
}
