// SPDX-License-Identifier: Apache-2.0
// The machine DB as a daemon or a tool sees it: readers for the loop's thread, a writer for each of
// the two files, and what brings the writers' results back to the loop. Bells and the slow poll for
// changes of others are here too.

#include "store/store.h"

#include "store/internal.h"

#include "service/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { POLL_MS = 1000, STATE_PATH_MAX = 4096 };

struct watcher {
    struct watcher *next;
    void (*changed)(void *context);
    void *context;
};

struct store {
    struct service *service;
    enum store_role role;
    char *run_dir;
    struct writer *yard;
    struct writer *logs;
    struct store_conn *reader;
    struct store_conn *logs_reader;
    int done_fd;
    struct service_io *done_io;
    struct service_timer *poll;
    int64_t data_version;
    struct watcher *watchers;
};

static const char *const daemon_names[] = {
    [STORE_ROLE_APID] = "apid",         [STORE_ROLE_STATUSD] = "statusd",
    [STORE_ROLE_BOOTD] = "bootd",       [STORE_ROLE_IMAGED] = "imaged",
    [STORE_ROLE_REDFISHD] = "redfishd", [STORE_ROLE_TOOL] = NULL,
};

// The number changes when anybody else than this connection committed, our own writer included.
static void look_for_changes(void *context)
{
    struct store *store = context;
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(store->reader, &stmt, "PRAGMA data_version", NULL) < 0 ||
        stmt_step(stmt, NULL) != 1) {
        return;
    }
    int64_t version = stmt_int(stmt, 0);
    stmt = stmt_release(stmt);
    if (version == store->data_version) {
        return;
    }
    store->data_version = version;
    for (struct watcher *watcher = store->watchers; watcher; watcher = watcher->next) {
        watcher->changed(watcher->context);
    }
}

static void on_bell(void *context, const char *family, int64_t id)
{
    look_for_changes(context);
}

static void ring(struct store *store, const struct change *changes, unsigned count)
{
    const char *others[sizeof(daemon_names) / sizeof(daemon_names[0]) + 1];
    size_t other_count = 0;
    for (size_t i = 0; i < sizeof(daemon_names) / sizeof(daemon_names[0]); i++) {
        if (daemon_names[i] && i != (size_t)store->role) {
            others[other_count++] = daemon_names[i];
        }
    }
    others[other_count] = NULL;
    for (unsigned i = 0; i < count; i++) {
        service_bell_ring(store->service, store->run_dir, others, changes[i].family, changes[i].id);
    }
}

static void on_done(void *context, unsigned what)
{
    struct store *store = context;
    uint64_t ignored;
    (void)!read(store->done_fd, &ignored, sizeof(ignored));
    struct change changes[CHANGES_MAX];
    unsigned count = writer_deliver(store->yard, changes, CHANGES_MAX);
    (void)writer_deliver(store->logs, NULL, 0);
    if (count > 0) {
        if (store->run_dir) {
            ring(store, changes, count);
        }
        look_for_changes(store);
    }
}

static int join_service(struct store *store, struct error *err)
{
    store->done_io = service_io_new(store->service, store->done_fd, SERVICE_READ, on_done, store);
    store->poll = service_timer_new(store->service, look_for_changes, store);
    if (!store->done_io || !store->poll) {
        return error_set(err, ERROR_IO, "cannot watch the machine DB");
    }
    service_timer_arm(store->poll, POLL_MS, POLL_MS);
    return store->run_dir ? service_bell_listen(store->service, store->run_dir, on_bell, store, err)
                          : 0;
}

static int open_file(struct store *store, const struct store_settings *settings, const char *name,
                     struct writer **ret_writer, struct store_conn **ret_reader, struct error *err)
{
    char path[STATE_PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", settings->state_dir, name);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return error_set(err, ERROR_IO, "%s: the path is too long", settings->state_dir);
    }
    bool logs = strcmp(name, "logs.db") == 0;
    struct writer_settings writer = {
        .path = path,
        .role = settings->role,
        .schema = logs ? logs_schema : yard_schema,
        .schema_count = logs ? logs_schema_count : yard_schema_count,
        .checkpoints = settings->role == STORE_ROLE_STATUSD,
        .threaded = store->service != NULL,
        .done_fd = store->done_fd,
    };
    *ret_writer = writer_new(&writer, err);
    return *ret_writer ? conn_open(path, settings->role, false, ret_reader, err) : -1;
}

struct store *store_open(struct service *service, const struct store_settings *settings,
                         struct error *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    store->service = service;
    store->role = settings->role;
    store->done_fd = -1;
    int result = 0;
    if (service) {
        store->run_dir = settings->run_dir ? strdup(settings->run_dir) : NULL;
        store->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (store->done_fd < 0) {
            result = error_errno(err, errno, "eventfd");
        }
    }
    if (result == 0) {
        result = open_file(store, settings, "yard.db", &store->yard, &store->reader, err);
    }
    if (result == 0) {
        result = open_file(store, settings, "logs.db", &store->logs, &store->logs_reader, err);
    }
    if (result == 0 && service) {
        result = join_service(store, err);
    }
    return result == 0 ? store : store_close(store);
}

struct store *store_close(struct store *store)
{
    if (!store) {
        return NULL;
    }
    store->poll = service_timer_free(store->poll);
    store->done_io = service_io_free(store->done_io);
    // `done` functions that run now may read, and may try to write: that is refused, and told in
    // the next round.
    if (store->yard && store->logs) {
        writer_stop(store->yard);
        writer_stop(store->logs);
        (void)writer_deliver(store->yard, NULL, 0);
        (void)writer_deliver(store->logs, NULL, 0);
        (void)writer_deliver(store->yard, NULL, 0);
    }
    store->yard = writer_free(store->yard);
    store->logs = writer_free(store->logs);
    (void)conn_close(store->reader);
    (void)conn_close(store->logs_reader);
    if (store->done_fd >= 0) {
        close(store->done_fd);
    }
    while (store->watchers) {
        struct watcher *watcher = store->watchers;
        store->watchers = watcher->next;
        free(watcher);
    }
    free(store->run_dir);
    free(store);
    return NULL;
}

struct store_conn *store_reader(struct store *store)
{
    return store->reader;
}

struct store_conn *store_logs_reader(struct store *store)
{
    return store->logs_reader;
}

void store_write(struct store *store, store_run_fn run, store_done_fn done, void *context)
{
    writer_add(store->yard, run, done, context);
}

void store_write_logs(struct store *store, store_run_fn run, store_done_fn done, void *context)
{
    writer_add(store->logs, run, done, context);
}

int store_write_now(struct store *store, store_run_fn run, void *context, struct error *err)
{
    return writer_now(store->yard, run, context, err);
}

void store_watch(struct store *store, void (*changed)(void *context), void *context)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (!watcher) {
        abort(); // at start only
    }
    watcher->changed = changed;
    watcher->context = context;
    watcher->next = store->watchers;
    store->watchers = watcher;
}
