// SPDX-License-Identifier: Apache-2.0
// Opening a file of the machine DB: modes, pragmas, hooks. Called by the writer (inside the queue,
// since it may have to make the file and turn it to WAL) and by store.c for the readers.

#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_WRITER_MS = 20000, BUSY_READER_MS = 2000, FILE_MODE = 0660 };

// SQLite gives -wal and -shm the mode and group of the main file, so that one is made with the
// right ones.
static int file_make(const char *path, struct error *err)
{
    CLEANUP_CLOSE int fd =
        open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return errno == EEXIST ? 0 : error_errno(err, errno, "%s", path);
    }
    return fchmod(fd, FILE_MODE) == 0 ? 0 : error_errno(err, errno, "%s", path);
}

static int on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
    struct store_conn *conn = context;
    conn->wal_pages = pages;
    return SQLITE_OK;
}

static void on_update(void *context, int what, const char *database, const char *table,
                      sqlite3_int64 row)
{
    struct store_conn *conn = context;
    unsigned i = 0;
    while (i < conn->change_count && strcmp(conn->changes[i].family, table) != 0) {
        i++;
    }
    if (i == CHANGES_MAX) {
        return;
    }
    if (i == conn->change_count) {
        (void)snprintf(conn->changes[i].family, sizeof(conn->changes[i].family), "%s", table);
        conn->change_count++;
    }
    conn->changes[i].id = row;
}

static int conn_set_up(struct store_conn *conn, const char *path, struct error *err)
{
    (void)sqlite3_extended_result_codes(conn->db, 1);
    (void)sqlite3_busy_timeout(conn->db, conn->writable ? BUSY_WRITER_MS : BUSY_READER_MS);
    if (conn->writable && sqlite3_db_readonly(conn->db, "main") == 1) {
        return error_set(err, ERROR_IO, "%s: not writable for this user", path);
    }
    if (conn_exec(
            conn,
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
            "PRAGMA cache_size = -1024",
            err) < 0) {
        return error_wrap(err, "%s", path);
    }
    const char *mode = conn->writable ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                        "PRAGMA journal_size_limit = 67108864"
                                      : "PRAGMA query_only = ON";
    if (conn_exec(conn, mode, err) < 0) {
        return error_wrap(err, "%s", path);
    }
    if (conn->writable) {
        (void)sqlite3_wal_hook(conn->db, on_commit, conn); // instead of checkpoints by themselves
        (void)sqlite3_update_hook(conn->db, on_update, conn);
    } else {
        authorizer_set(conn);
    }
    return 0;
}

int conn_open(const char *path, enum store_role role, bool writable, struct store_conn **ret_conn,
              struct error *err)
{
    if (writable && file_make(path, err) < 0) {
        return -1;
    }
    struct store_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    conn->role = role;
    conn->writable = writable;
    int result = sqlite3_open_v2(
        path, &conn->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (result != SQLITE_OK) {
        result = conn_error(conn->db ? conn : NULL, result, err, path);
    } else {
        result = conn_set_up(conn, path, err);
    }
    if (result < 0) {
        (void)conn_close(conn);
        return result;
    }
    *ret_conn = conn;
    return 0;
}

struct store_conn *conn_close(struct store_conn *conn)
{
    if (!conn) {
        return NULL;
    }
    for (unsigned i = 0; i < STMT_BUCKETS; i++) {
        while (conn->stmts[i]) {
            struct stmt *stmt = conn->stmts[i];
            conn->stmts[i] = stmt->next;
            sqlite3_finalize(stmt->handle);
            free(stmt);
        }
    }
    (void)sqlite3_close_v2(conn->db);
    free(conn);
    return NULL;
}
