// SPDX-License-Identifier: Apache-2.0
// Prepared statements, kept per connection, and SQLite's results as our errors. Used by every
// family of tables.

#include "store/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERROR_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_UNAVAILABLE;
    case SQLITE_AUTH:
        return ERROR_FORBIDDEN;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_CORRUPT;
    case SQLITE_TOOBIG:
        return ERROR_TOO_LARGE;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
        return ERROR_INTERNAL;
    default:
        return ERROR_IO;
    }
}

int conn_error(struct store_conn *conn, int result, struct error *err, const char *what)
{
    const char *text = conn ? sqlite3_errmsg(conn->db) : sqlite3_errstr(result);
    int number = conn ? sqlite3_system_errno(conn->db) : 0;
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        // A trigger's reason was written for people.
        if (conn && sqlite3_extended_errcode(conn->db) == SQLITE_CONSTRAINT_TRIGGER) {
            return error_set(err, ERROR_CONFLICT, "%s", text);
        }
        break;
    case SQLITE_AUTH:
        return error_set(err, ERROR_FORBIDDEN, "this process may not write %s",
                         conn && conn->refused_what[0] ? conn->refused_what : "that");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, ERROR_CORRUPT,
                         "%s: the machine DB's file is damaged (%s): restore it from a backup",
                         what, text);
    case SQLITE_FULL:
        return error_set(err, ERROR_IO, "%s: no space left on the machine DB's disk", what);
    case SQLITE_READONLY:
        return error_set(err, ERROR_IO, "%s: the machine DB's file is read-only for this process",
                         what);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return number != 0 ? error_errno(err, number, "%s: %s", what, text)
                           : error_set(err, ERROR_IO, "%s: %s", what, text);
    default:
        break;
    }
    return error_set(err, code_of(result), "%s: %s", what, text);
}

int conn_exec(struct store_conn *conn, const char *sql, struct error *err)
{
    int result = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : conn_error(conn, result, err, "machine DB");
}

int64_t conn_last_id(const struct store_conn *conn)
{
    return sqlite3_last_insert_rowid(conn->db);
}

int64_t conn_changes(const struct store_conn *conn)
{
    return sqlite3_changes64(conn->db);
}

static struct stmt **bucket_of(struct store_conn *conn, const char *sql)
{
    return &conn->stmts[((uintptr_t)sql >> 4) % STMT_BUCKETS];
}

int stmt_prepare(struct store_conn *conn, struct stmt **ret_stmt, const char *sql,
                 struct error *err)
{
    bool known = false;
    for (struct stmt *stmt = *bucket_of(conn, sql); stmt; stmt = stmt->next) {
        if (stmt->sql == sql) {
            known = true;
            if (!stmt->busy) {
                stmt->busy = true;
                *ret_stmt = stmt;
                return 0;
            }
        }
    }
    struct stmt *stmt = calloc(1, sizeof(*stmt));
    if (!stmt) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    conn->refused_what[0] = '\0';
    int result = sqlite3_prepare_v3(conn->db, sql, -1, known ? 0 : SQLITE_PREPARE_PERSISTENT,
                                    &stmt->handle, NULL);
    if (result != SQLITE_OK) {
        free(stmt);
        return conn_error(conn, result, err, "machine DB");
    }
    stmt->sql = sql;
    stmt->conn = conn;
    stmt->busy = true;
    // A statement that is used within itself gets a second handle for that once.
    stmt->kept = !known;
    if (stmt->kept) {
        stmt->next = *bucket_of(conn, sql);
        *bucket_of(conn, sql) = stmt;
    }
    *ret_stmt = stmt;
    return 0;
}

struct stmt *stmt_release(struct stmt *stmt)
{
    if (!stmt) {
        return NULL;
    }
    if (!stmt->kept) {
        sqlite3_finalize(stmt->handle);
        free(stmt);
        return NULL;
    }
    sqlite3_reset(stmt->handle);
    sqlite3_clear_bindings(stmt->handle);
    stmt->bind_error = SQLITE_OK;
    stmt->busy = false;
    return NULL;
}

static void bind_result(struct stmt *stmt, int result)
{
    if (stmt->bind_error == SQLITE_OK) {
        stmt->bind_error = result;
    }
}

void stmt_bind_int(struct stmt *stmt, int index, int64_t value)
{
    bind_result(stmt, sqlite3_bind_int64(stmt->handle, index, value));
}

void stmt_bind_text(struct stmt *stmt, int index, const char *text)
{
    bind_result(stmt, sqlite3_bind_text(stmt->handle, index, text, -1, SQLITE_STATIC));
}

void stmt_bind_text_length(struct stmt *stmt, int index, const char *text, size_t length)
{
    bind_result(stmt,
                sqlite3_bind_text64(stmt->handle, index, text, length, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_blob(struct stmt *stmt, int index, const void *bytes, size_t length)
{
    bind_result(stmt, sqlite3_bind_blob64(stmt->handle, index, bytes, length, SQLITE_STATIC));
}

void stmt_bind_null(struct stmt *stmt, int index)
{
    bind_result(stmt, sqlite3_bind_null(stmt->handle, index));
}

int stmt_step(struct stmt *stmt, struct error *err)
{
    if (stmt->bind_error != SQLITE_OK) {
        return conn_error(stmt->conn, stmt->bind_error, err, "machine DB");
    }
    int result = sqlite3_step(stmt->handle);
    if (result == SQLITE_ROW) {
        return 1;
    }
    return result == SQLITE_DONE ? 0 : conn_error(stmt->conn, result, err, "machine DB");
}

int stmt_run(struct stmt *stmt, struct error *err)
{
    int row;
    do {
        row = stmt_step(stmt, err);
    } while (row > 0);
    return row;
}

int stmt_one(struct stmt *stmt, struct error *err, const char *format, ...)
{
    int row = stmt_step(stmt, err);
    if (row != 0) {
        return row < 0 ? row : 0;
    }
    va_list arguments;
    va_start(arguments, format);
    int result = error_setv(err, ERROR_NOT_FOUND, format, arguments);
    va_end(arguments);
    return result;
}

int64_t stmt_int(struct stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->handle, column);
}

const char *stmt_text(struct stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt->handle, column);
    return text ? (const char *)text : "";
}

bool stmt_is_null(struct stmt *stmt, int column)
{
    return sqlite3_column_type(stmt->handle, column) == SQLITE_NULL;
}

const void *stmt_blob(struct stmt *stmt, int column, size_t *ret_length)
{
    const void *bytes = sqlite3_column_blob(stmt->handle, column);
    *ret_length = (size_t)sqlite3_column_bytes(stmt->handle, column);
    return bytes;
}

void stmt_copy(struct stmt *stmt, int column, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s", stmt_text(stmt, column));
}

int stmt_dup(struct stmt *stmt, int column, char **ret_text, struct error *err)
{
    char *copy = NULL;
    if (!stmt_is_null(stmt, column)) {
        copy = strdup(stmt_text(stmt, column));
        if (!copy) {
            return error_set(err, ERROR_IO, "out of memory");
        }
    }
    *ret_text = copy;
    return 0;
}
