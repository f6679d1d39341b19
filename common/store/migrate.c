// SPDX-License-Identifier: Apache-2.0
// Bringing a file to the newest schema: the numbered files of schema/ that it has not seen, in one
// transaction. Called at start by the process that holds the writers' queue, so two daemons never
// do it at once.

#include "store/internal.h"

#include <stdio.h>

enum {
    APPLICATION_ID = 0x79617264
}; // "yard" in the file's header: somebody else's database is told apart

static int pragma_get(struct store_conn *conn, const char *sql, int64_t *ret_value,
                      struct error *err)
{
    sqlite3_stmt *handle = NULL;
    int result = sqlite3_prepare_v2(conn->db, sql, -1, &handle, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(handle);
    }
    if (result == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(handle, 0);
    }
    int failed = result == SQLITE_ROW ? 0 : conn_error(conn, result, err, sql);
    sqlite3_finalize(handle);
    return failed;
}

static int check_origin(struct store_conn *conn, int64_t version, int64_t known, struct error *err)
{
    int64_t application = 0;
    if (pragma_get(conn, "PRAGMA application_id", &application, err) < 0) {
        return -1;
    }
    if (version < 0 || (version > 0 && application != APPLICATION_ID)) {
        return error_set(err, ERROR_CONFLICT, "this is not a file of bootyard");
    }
    if (version > known) {
        return error_set(err, ERROR_CONFLICT,
                         "the file has schema %lld, this program knows up to %lld: it was made by "
                         "a newer bootyard",
                         (long long)version, (long long)known);
    }
    return 0;
}

static int apply(struct store_conn *conn, const struct schema_step *steps, size_t count,
                 struct error *err)
{
    int64_t version = 0;
    if (pragma_get(conn, "PRAGMA user_version", &version, err) < 0 ||
        check_origin(conn, version, (int64_t)count, err) < 0) {
        return -1;
    }
    for (size_t i = (size_t)version; i < count; i++) {
        if (conn_exec(conn, steps[i].sql, err) < 0) {
            return error_wrap(err, "%s", steps[i].name);
        }
    }
    if ((size_t)version == count) {
        return 0;
    }
    char pragmas[128];
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA application_id = %d; PRAGMA user_version = %zu", APPLICATION_ID, count);
    return conn_exec(conn, pragmas, err);
}

int migrate(struct store_conn *conn, const char *path, const struct schema_step *steps,
            size_t count, struct error *err)
{
    int result = conn_exec(conn, "BEGIN IMMEDIATE", err);
    if (result == 0) {
        result = apply(conn, steps, count, err);
    }
    if (result == 0) {
        result = conn_exec(conn, "COMMIT", err);
    }
    if (result < 0) {
        if (!sqlite3_get_autocommit(conn->db)) {
            (void)conn_exec(conn, "ROLLBACK", NULL);
        }
        return error_wrap(err, "%s", path);
    }
    conn->change_count = 0;
    return 0;
}
