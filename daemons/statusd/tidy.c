// SPDX-License-Identifier: Apache-2.0

#include "tidy.h"

#include "base/log.h"
#include "store/log.h"
#include "store/machine.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>

enum { GONE_MAX = 32 }; // a round; the next comes in an hour

struct gone {
    int64_t machine_id;
};

struct search {
    struct store *store;
    unsigned count;
};

static int run_forget(struct store_conn *conn, void *context, struct error *err)
{
    return log_forget(conn, ((struct gone *)context)->machine_id, err);
}

static void forget_done(void *context, int result, const struct error *err)
{
    if (result < 0) {
        log_warning("log lines of a deleted machine: %s", err->message);
    }
    free(context);
}

static int look(void *context, int64_t machine_id, struct error *err)
{
    struct search *search = context;
    struct machine machine;
    struct error why;
    if (machine_by_id(store_reader(search->store), machine_id, &machine, &why) == 0) {
        machine_fini(&machine);
        return 0;
    }
    struct gone *gone =
        why.code == ERROR_NOT_FOUND && search->count < GONE_MAX ? malloc(sizeof(*gone)) : NULL;
    if (gone) {
        search->count++;
        gone->machine_id = machine_id;
        store_write_logs(search->store, run_forget, forget_done, gone);
    }
    return 0;
}

void tidy_logs(struct store *store)
{
    struct search search = {.store = store};
    struct error err;
    if (log_machines(store_logs_reader(store), look, &search, &err) < 0) {
        log_warning("tidying the logs: %s", err.message);
    }
    if (search.count > 0) {
        log_info("forgot the log lines of %u deleted machines", search.count);
    }
}
