// SPDX-License-Identifier: Apache-2.0
#pragma once

// The machine DB (DESIGN.md, "The machine DB"): /var/lib/bootyard/yard.db and logs.db beside it.
// This room is the only one that knows SQL; outside it nobody knows that it is SQLite. Reads happen
// on the loop's thread through store_reader and are short. Writes are functions that run on the
// writer thread inside a group's transaction, each in its own savepoint: a failed one is rolled
// back alone. Its `done` runs on the loop's thread after the group's commit is on disk, so whoever
// replies there tells the truth. Writers of all five processes queue fairly by lock files. After a
// commit the other daemons' bells are rung.

#include "base/error.h"

#include <stdint.h>

struct service;
struct store;
struct store_conn; // a connection: a reader's, or a writer's inside its transaction

// Which families a process may write; the authorizer refuses the rest.
enum store_role {
    STORE_ROLE_APID,
    STORE_ROLE_STATUSD,
    STORE_ROLE_BOOTD,
    STORE_ROLE_IMAGED,
    STORE_ROLE_REDFISHD,
    STORE_ROLE_TOOL, // yardctl on the host: everything
};

struct store_settings {
    const char *state_dir; // holds yard.db, logs.db and the queue's lock files
    const char *run_dir;   // the bells; NULL: none are rung or heard
    enum store_role role;
};

// Opens, creates and migrates (each schema/NNN-*.sql once, in one transaction, PRAGMA
// user_version); a newer schema is refused. `service` may be NULL for tools: then only store_reader
// and store_write_now work.
struct store *store_open(struct service *service, const struct store_settings *settings,
                         struct error *err);
// Commits what is queued, then closes. Returns NULL; NULL allowed.
struct store *store_close(struct store *store);

// The loop thread's connection for reading: each call of a read function sees the newest commit.
struct store_conn *store_reader(struct store *store);

typedef int (*store_run_fn)(struct store_conn *conn, void *context, struct error *err);
typedef void (*store_done_fn)(void *context, int result, const struct error *err);

// Queue a write to yard.db. `run` on the writer's thread (may run again if the group has to be
// repeated, so it must set, not add to, what it leaves in `context`), `done` on the loop's thread;
// `context` belongs to the write until `done`. When 10,000 writes wait, `done` gets
// ERROR_UNAVAILABLE (from the loop, not from within this call).
void store_write(struct store *store, store_run_fn run, store_done_fn done, void *context);
// The same to logs.db (log.h's functions only).
void store_write_logs(struct store *store, store_run_fn run, store_done_fn done, void *context);
struct store_conn *store_logs_reader(struct store *store);
// For tools: run in a transaction and wait for its commit.
int store_write_now(struct store *store, store_run_fn run, void *context, struct error *err);

// Told on the loop's thread that somebody (this process or another) committed something to yard.db;
// at the latest a second after it, without any bell. A hint: look again.
void store_watch(struct store *store, void (*changed)(void *context), void *context);
