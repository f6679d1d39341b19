// SPDX-License-Identifier: Apache-2.0
// The one connection of a process that writes a file, and the thread that owns it. Writes that wait
// together share one transaction (a group of at most GROUP_MS), each in a savepoint of its own;
// their `done` functions are told after the commit. If SQLite gives up the whole transaction
// because of one write, the others of the group run again without it.

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GROUP_MS = 5,
    WAITING_MAX = 10000,
    CHECKPOINT_PAGES = 1000,        // 4 MiB
    CHECKPOINT_PAGES_OTHER = 32768, // 128 MiB: the process whose duty it is must be down
};

struct job {
    struct job *next;
    store_run_fn run;
    store_done_fn done; // NULL: somebody waits in writer_now
    void *context;
    int result;
    bool over;
    struct error err;
};

struct job_list {
    struct job *first;
    struct job **last;
};

struct writer {
    char *path;
    struct store_conn *conn;
    struct queue queue;
    bool threaded;
    int checkpoint_pages;
    int done_fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; // for what follows
    pthread_cond_t wake;   // the thread: there is something to write
    pthread_cond_t over;   // writer_now: something was written
    bool stopping;
    struct job_list waiting;
    unsigned waiting_count;
    struct job_list finished;
    struct change changes[CHANGES_MAX];
    unsigned change_count;
};

enum outcome { GROUP_DONE, GROUP_AGAIN, GROUP_FAILED };

static void list_init(struct job_list *list)
{
    *list = (struct job_list){.last = &list->first};
}

static void list_add(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct job *list_pop(struct job_list *list)
{
    struct job *job = list->first;
    if (job) {
        list->first = job->next;
        if (!list->first) {
            list->last = &list->first;
        }
    }
    return job;
}

static struct job *take_waiting(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    struct job *job = list_pop(&writer->waiting);
    writer->waiting_count -= job ? 1 : 0;
    (void)pthread_mutex_unlock(&writer->mutex);
    return job;
}

static int statement(struct store_conn *conn, const char *sql, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    int result = stmt_prepare(conn, &stmt, sql, err);
    return result < 0 ? result : stmt_run(stmt, err);
}

static bool in_transaction(const struct writer *writer)
{
    return !sqlite3_get_autocommit(writer->conn->db);
}

static void roll_back(struct writer *writer)
{
    if (in_transaction(writer)) {
        (void)statement(writer->conn, "ROLLBACK", NULL);
    }
}

// Its failure is its own: the savepoint takes back what it did.
static void write_run(struct writer *writer, struct job *job)
{
    struct store_conn *conn = writer->conn;
    job->err = (struct error){0};
    int result = statement(conn, "SAVEPOINT one", &job->err);
    if (result == 0) {
        result = job->run(conn, job->context, &job->err);
    }
    if (result < 0 && in_transaction(writer)) {
        (void)statement(conn, "ROLLBACK TO one", NULL);
    }
    if (in_transaction(writer) &&
        statement(conn, "RELEASE one", result < 0 ? NULL : &job->err) < 0 && result >= 0) {
        result = -1;
    }
    job->result = result < 0 ? result : 0;
}

// One transaction over the group's writes that have not failed, and over those that arrive
// meanwhile.
static enum outcome group_try(struct writer *writer, struct job_list *group, bool take_more,
                              struct error *err)
{
    if (statement(writer->conn, "BEGIN IMMEDIATE", err) < 0) {
        return GROUP_FAILED;
    }
    int64_t end_ms = clock_monotonic_ms() + GROUP_MS;
    struct job *job = group->first;
    for (;;) {
        if (!job && take_more && clock_monotonic_ms() < end_ms) {
            job = take_waiting(writer);
            if (job) {
                list_add(group, job);
            }
        }
        if (!job) {
            break;
        }
        if (job->result == 0) {
            write_run(writer, job);
            if (!in_transaction(writer)) {
                if (job->result == 0) {
                    job->result =
                        error_set(&job->err, ERROR_IO, "the machine DB gave up the transaction");
                }
                return GROUP_AGAIN;
            }
        }
        job = job->next;
    }
    if (statement(writer->conn, "COMMIT", err) < 0) {
        roll_back(writer);
        return GROUP_FAILED;
    }
    return GROUP_DONE;
}

static unsigned group_pending(const struct job_list *group)
{
    unsigned count = 0;
    for (const struct job *job = group->first; job; job = job->next) {
        count += job->result == 0 ? 1 : 0;
    }
    return count;
}

static void group_fail(struct job_list *group, const struct error *err)
{
    for (struct job *job = group->first; job; job = job->next) {
        if (job->result == 0) {
            job->result = -1;
            job->err = *err;
        }
    }
}

// The commit of all together failed: one by one, so that only the guilty ones fail.
static void group_singly(struct writer *writer, struct job_list *group)
{
    for (struct job *job = group->first; job; job = job->next) {
        if (job->result != 0) {
            continue;
        }
        struct error err = {0};
        if (statement(writer->conn, "BEGIN IMMEDIATE", &err) < 0) {
            group_fail(group, &err);
            return;
        }
        write_run(writer, job);
        if (job->result == 0 && statement(writer->conn, "COMMIT", &job->err) < 0) {
            job->result = -1;
        }
        roll_back(writer);
    }
}

static void group_run(struct writer *writer, struct job_list *group, bool take_more)
{
    struct error err = {0};
    if (queue_enter(&writer->queue, &err) < 0) {
        group_fail(group, &err);
        return;
    }
    enum outcome outcome;
    do {
        outcome = group_try(writer, group, take_more, &err);
    } while (outcome == GROUP_AGAIN && group_pending(group) > 0);
    if (outcome == GROUP_FAILED && group_pending(group) > 1) {
        group_singly(writer, group);
    } else if (outcome == GROUP_FAILED) {
        group_fail(group, &err);
    }
    queue_leave(&writer->queue);
}

static void merge_changes(struct writer *writer)
{
    struct store_conn *conn = writer->conn;
    for (unsigned i = 0; i < conn->change_count; i++) {
        unsigned at = 0;
        while (at < writer->change_count &&
               strcmp(writer->changes[at].family, conn->changes[i].family) != 0) {
            at++;
        }
        if (at < CHANGES_MAX) {
            writer->changes[at] = conn->changes[i];
            writer->change_count += at == writer->change_count ? 1 : 0;
        }
    }
    conn->change_count = 0;
}

static void notify(struct writer *writer)
{
    uint64_t one = 1;
    if (writer->done_fd >= 0 && write(writer->done_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
        log_err("%s: cannot wake the loop: %s", writer->path, strerror(errno));
    }
}

static void publish(struct writer *writer, struct job_list *group)
{
    (void)pthread_mutex_lock(&writer->mutex);
    merge_changes(writer);
    struct job *job;
    while ((job = list_pop(group)) != NULL) {
        job->over = true;
        if (job->done) {
            list_add(&writer->finished, job);
        }
    }
    (void)pthread_cond_broadcast(&writer->over);
    (void)pthread_mutex_unlock(&writer->mutex);
    notify(writer);
}

// PASSIVE waits for nobody; it copies what no reader needs any more, and the WAL starts again from
// its beginning.
static void checkpoint(struct writer *writer)
{
    if (writer->conn->wal_pages < writer->checkpoint_pages) {
        return;
    }
    int result =
        sqlite3_wal_checkpoint_v2(writer->conn->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (result != SQLITE_OK && result != SQLITE_BUSY) {
        log_warning("%s: checkpoint: %s", writer->path, sqlite3_errmsg(writer->conn->db));
    }
    writer->conn->wal_pages = 0;
}

static void *writer_main(void *context)
{
    struct writer *writer = context;
    for (;;) {
        struct job_list group;
        list_init(&group);
        (void)pthread_mutex_lock(&writer->mutex);
        while (!writer->waiting.first && !writer->stopping) {
            (void)pthread_cond_wait(&writer->wake, &writer->mutex);
        }
        struct job *job = list_pop(&writer->waiting);
        writer->waiting_count -= job ? 1 : 0;
        (void)pthread_mutex_unlock(&writer->mutex);
        if (!job) {
            return NULL;
        }
        list_add(&group, job);
        group_run(writer, &group, true);
        publish(writer, &group);
        checkpoint(writer);
    }
}

static int writer_start(struct writer *writer)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); // signals are the loop's
    int result = pthread_create(&writer->thread, NULL, writer_main, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    writer->started = result == 0;
    return result == 0 ? 0 : -1;
}

static int writer_open(struct writer *writer, const struct writer_settings *settings,
                       struct error *err)
{
    int result = queue_open(&writer->queue, settings->path, err);
    if (result < 0 || (result = queue_enter(&writer->queue, err)) < 0) {
        return result;
    }
    result = conn_open(settings->path, settings->role, true, &writer->conn, err);
    if (result == 0) {
        result =
            migrate(writer->conn, settings->path, settings->schema, settings->schema_count, err);
    }
    if (result == 0) {
        authorizer_set(writer->conn);
    }
    queue_leave(&writer->queue);
    return result;
}

struct writer *writer_new(const struct writer_settings *settings, struct error *err)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    char *path = strdup(settings->path);
    if (!writer || !path) {
        free(writer);
        free(path);
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    writer->path = path;
    writer->queue = (struct queue){.next_fd = -1, .hold_fd = -1};
    writer->threaded = settings->threaded;
    writer->done_fd = settings->done_fd;
    writer->checkpoint_pages = settings->checkpoints ? CHECKPOINT_PAGES : CHECKPOINT_PAGES_OTHER;
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)pthread_cond_init(&writer->wake, NULL);
    (void)pthread_cond_init(&writer->over, NULL);
    list_init(&writer->waiting);
    list_init(&writer->finished);
    return writer_open(writer, settings, err) == 0 ? writer : writer_free(writer);
}

void writer_stop(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    (void)pthread_cond_signal(&writer->wake);
    (void)pthread_mutex_unlock(&writer->mutex);
    if (writer->started) {
        (void)pthread_join(writer->thread, NULL);
        writer->started = false;
    }
}

struct writer *writer_free(struct writer *writer)
{
    if (!writer) {
        return NULL;
    }
    writer_stop(writer);
    (void)writer_deliver(writer, NULL, 0);
    (void)conn_close(writer->conn);
    queue_close(&writer->queue);
    (void)pthread_cond_destroy(&writer->over);
    (void)pthread_cond_destroy(&writer->wake);
    (void)pthread_mutex_destroy(&writer->mutex);
    free(writer->path);
    free(writer);
    return NULL;
}

// The mutex is held. False: the write was refused, its error is filled.
static bool accept_write(struct writer *writer, struct job *job)
{
    if (!writer->threaded || writer->stopping) {
        job->result = error_set(&job->err, ERROR_UNAVAILABLE, "the machine DB is being closed");
    } else if (writer->waiting_count >= WAITING_MAX) {
        job->result =
            error_set(&job->err, ERROR_UNAVAILABLE, "too many changes wait for the machine DB");
    } else if (!writer->started && writer_start(writer) < 0) {
        job->result = error_set(&job->err, ERROR_UNAVAILABLE, "cannot start the writer's thread");
    }
    if (job->result < 0) {
        job->over = true;
        return false;
    }
    list_add(&writer->waiting, job);
    writer->waiting_count++;
    (void)pthread_cond_signal(&writer->wake);
    return true;
}

void writer_add(struct writer *writer, store_run_fn run, store_done_fn done, void *context)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job) {
        // Nobody could be told later either.
        log_err("out of memory");
        abort();
    }
    job->run = run;
    job->done = done;
    job->context = context;
    (void)pthread_mutex_lock(&writer->mutex);
    bool accepted = accept_write(writer, job);
    if (!accepted) {
        list_add(&writer->finished, job);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    if (!accepted) {
        notify(writer);
    }
}

int writer_now(struct writer *writer, store_run_fn run, void *context, struct error *err)
{
    struct job job = {.run = run, .context = context};
    if (writer->threaded) {
        (void)pthread_mutex_lock(&writer->mutex);
        if (accept_write(writer, &job)) {
            while (!job.over) {
                (void)pthread_cond_wait(&writer->over, &writer->mutex);
            }
        }
        (void)pthread_mutex_unlock(&writer->mutex);
    } else {
        struct job_list group;
        list_init(&group);
        list_add(&group, &job);
        group_run(writer, &group, false);
        publish(writer, &group);
        checkpoint(writer);
    }
    if (job.result < 0 && err) {
        *err = job.err;
    }
    return job.result;
}

unsigned writer_deliver(struct writer *writer, struct change *ret_changes, unsigned max)
{
    struct job_list finished;
    list_init(&finished);
    (void)pthread_mutex_lock(&writer->mutex);
    struct job *job;
    while ((job = list_pop(&writer->finished)) != NULL) {
        list_add(&finished, job);
    }
    unsigned count = writer->change_count < max ? writer->change_count : max;
    for (unsigned i = 0; i < count; i++) {
        ret_changes[i] = writer->changes[i];
    }
    writer->change_count = 0;
    (void)pthread_mutex_unlock(&writer->mutex);
    while ((job = list_pop(&finished)) != NULL) {
        job->done(job->context, job->result, &job->err);
        free(job);
    }
    return count;
}
