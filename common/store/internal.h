// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder share, and the only header that includes sqlite3.h; nobody else
// includes it. A connection belongs to one thread: the loop's (reader) or the writer's. Statements
// are prepared once per connection and kept; CLEANUP_STMT gives one back, reset, on every way out:
//
//     CLEANUP_STMT struct stmt *stmt = NULL;
//     if (stmt_prepare(conn, &stmt, "SELECT id FROM machines WHERE name = ?1", err) < 0) {
//         return -1;
//     }
//     stmt_bind_text(stmt, 1, name);
//     int row = stmt_step(stmt, err); // 1 a row, 0 no more, < 0 failed
//
// Rules of the schema: STRICT tables, foreign keys enforced, times in milliseconds since 1970,
// UUIDs of machines as 16-byte blobs, MACs as 6-byte blobs, everything else text. A trigger that
// refuses says RAISE(ABORT, 'reason'): the reason becomes an ERROR_CONFLICT. What changed is told
// to the other daemons by itself (update hook).

#include "store/store.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANGES_MAX = 16, FAMILY_SIZE = 32, STMT_BUCKETS = 64 };

// The tables that a group changed, with the last row each.
struct change {
    char family[FAMILY_SIZE]; // the table's name
    int64_t id;
};

struct stmt {
    sqlite3_stmt *handle;
    const char *sql; // the literal that it was prepared from
    struct store_conn *conn;
    struct stmt *next;
    bool busy;
    bool kept;      // in the connection's cache
    int bind_error; // the first failed bind; told by stmt_step
};

struct store_conn {
    sqlite3 *db;
    enum store_role role;
    bool writable;
    bool refused; // the authorizer said no to the statement being prepared
    char refused_what[FAMILY_SIZE];
    struct stmt *stmts[STMT_BUCKETS]; // by the address of the SQL literal
    struct change changes[CHANGES_MAX];
    unsigned change_count;
    int wal_pages; // after the last commit
};

// ---- statements (statement.c)

// `sql` must be a string literal: the cache knows it by its address.
int stmt_prepare(struct store_conn *conn, struct stmt **ret_stmt, const char *sql,
                 struct error *err);
struct stmt *stmt_release(struct stmt *stmt); // reset, bindings cleared; NULL allowed, returns NULL

// Parameters count from 1. NULL text is SQL's NULL. Bytes are borrowed until the release. A failed
// bind is told by stmt_step.
void stmt_bind_int(struct stmt *stmt, int index, int64_t value);
void stmt_bind_text(struct stmt *stmt, int index, const char *text);
void stmt_bind_text_length(struct stmt *stmt, int index, const char *text, size_t length);
void stmt_bind_blob(struct stmt *stmt, int index, const void *bytes, size_t length);
void stmt_bind_null(struct stmt *stmt, int index);

int stmt_step(struct stmt *stmt, struct error *err); // 1 a row, 0 no more, < 0 failed
int stmt_run(struct stmt *stmt, struct error *err);  // to the end; 0 or < 0
// One row expected: 0, or < 0 with ERROR_NOT_FOUND and the message made from `format` when there is
// none.
int stmt_one(struct stmt *stmt, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Columns count from 0, valid until the next step or release.
int64_t stmt_int(struct stmt *stmt, int column);
const char *stmt_text(struct stmt *stmt, int column); // never NULL
bool stmt_is_null(struct stmt *stmt, int column);
const void *stmt_blob(struct stmt *stmt, int column, size_t *ret_length);
void stmt_copy(struct stmt *stmt, int column, char *buffer, size_t size); // cut if need be
// NULL stays NULL; caller frees.
int stmt_dup(struct stmt *stmt, int column, char **ret_text, struct error *err);

static inline void cleanup_stmt(struct stmt **stmt)
{
    (void)stmt_release(*stmt);
}
#define CLEANUP_STMT CLEANUP(cleanup_stmt)

int64_t conn_last_id(const struct store_conn *conn); // of the last INSERT
int64_t conn_changes(const struct store_conn *conn); // rows of the last INSERT, UPDATE or DELETE

// SQLite's result and message as an error: constraints are ERROR_CONFLICT, a lock is
// ERROR_UNAVAILABLE, the authorizer's refusal is ERROR_FORBIDDEN, a damaged file is ERROR_CORRUPT,
// the rest ERROR_IO.
int conn_error(struct store_conn *conn, int result, struct error *err, const char *what);
int conn_exec(struct store_conn *conn, const char *sql, struct error *err); // no result rows

// A copy that is valid UTF-8 without NUL bytes (each bad byte becomes U+FFFD), cut between
// characters to `maximum` bytes. Caller frees; NULL: no memory.
char *text_valid(const char *text, size_t length, size_t maximum, size_t *ret_length);

// What a caller asks of a list, within what we give.
enum { LIST_MAX = 1000 };
#define LIST_LIMIT(limit) ((limit) < 1 ? 1 : (limit) > LIST_MAX ? LIST_MAX : (int64_t)(limit))

// ---- connections (connection.c, authorizer.c)

int conn_open(const char *path, enum store_role role, bool writable, struct store_conn **ret_conn,
              struct error *err);
struct store_conn *conn_close(struct store_conn *conn);
void authorizer_set(struct store_conn *conn);

// ---- schema (migrate.c; the texts are embedded from schema/ at build time)

struct schema_step {
    int version;
    const char *name;
    const char *sql;
};
extern const struct schema_step yard_schema[];
extern const size_t yard_schema_count;
extern const struct schema_step logs_schema[];
extern const size_t logs_schema_count;

// Brings the file to the newest version in one transaction. The caller holds the queue.
int migrate(struct store_conn *conn, const char *path, const struct schema_step *steps,
            size_t count, struct error *err);

// ---- the queue of the writers of all processes (queue.c)

struct queue {
    int next_fd; // whoever holds it is the next to write
    int hold_fd; // whoever holds it writes
};
// The locks are <path>.next and <path>.hold.
int queue_open(struct queue *queue, const char *path, struct error *err);
void queue_close(struct queue *queue);
int queue_enter(struct queue *queue, struct error *err); // waits for our turn
void queue_leave(struct queue *queue);

// ---- the writer thread of one file (writer.c)

struct writer;
struct writer_settings {
    const char *path;
    enum store_role role;
    const struct schema_step *schema;
    size_t schema_count;
    bool checkpoints; // this process checkpoints; the others only when the WAL is far too long
    bool threaded;    // without a loop there is no thread: writer_now alone works
    int done_fd;      // eventfd: written to when writer_deliver has something to do
};
struct writer *writer_new(const struct writer_settings *settings, struct error *err);
// Commits what is queued and ends the thread; what is added later is refused.
void writer_stop(struct writer *writer);
struct writer *writer_free(struct writer *writer); // stops, delivers, closes; returns NULL
void writer_add(struct writer *writer, store_run_fn run, store_done_fn done, void *context);
int writer_now(struct writer *writer, store_run_fn run, void *context, struct error *err);
// On the loop's thread: runs the `done` functions of what was committed; copies the tables that
// changed, returns their number.
unsigned writer_deliver(struct writer *writer, struct change *ret_changes, unsigned max);
