// SPDX-License-Identifier: Apache-2.0
// The index of imaged's cache.

#include "store/blob.h"

#include "store/internal.h"

int blob_put(struct store_conn *conn, const struct blob *blob, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "INSERT INTO blobs (digest, size, created_ms, used_ms) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT (digest) DO UPDATE SET size = excluded.size, used_ms = "
                     "max(used_ms, excluded.used_ms)",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, blob->digest);
    stmt_bind_int(stmt, 2, blob->size);
    stmt_bind_int(stmt, 3, blob->created_ms);
    stmt_bind_int(stmt, 4, blob->used_ms);
    return stmt_run(stmt, err);
}

int blob_get(struct store_conn *conn, const char *digest, struct blob *ret_blob, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT digest, size, created_ms, used_ms FROM blobs WHERE digest = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, digest);
    int result = stmt_one(stmt, err, "no blob %.72s", digest);
    if (result == 0) {
        stmt_copy(stmt, 0, ret_blob->digest, sizeof(ret_blob->digest));
        ret_blob->size = stmt_int(stmt, 1);
        ret_blob->created_ms = stmt_int(stmt, 2);
        ret_blob->used_ms = stmt_int(stmt, 3);
    }
    return result;
}

int blob_used(struct store_conn *conn, const char *digest, int64_t when_ms, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "UPDATE blobs SET used_ms = max(used_ms, ?2) WHERE digest = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, digest);
    stmt_bind_int(stmt, 2, when_ms);
    return stmt_run(stmt, err);
}

int blob_delete(struct store_conn *conn, const char *digest, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "DELETE FROM blobs WHERE digest = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, digest);
    return stmt_run(stmt, err);
}

int blob_origin_put(struct store_conn *conn, const char *digest, const char *repository,
                    struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO blob_origins (digest, repository) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, digest);
    stmt_bind_text(stmt, 2, repository);
    return stmt_run(stmt, err);
}

int blob_has_origin(struct store_conn *conn, const char *digest, const char *repository,
                    bool *ret_has, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT 1 FROM blob_origins WHERE digest = ?1 AND repository = ?2", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, digest);
    stmt_bind_text(stmt, 2, repository);
    int row = stmt_step(stmt, err);
    *ret_has = row > 0;
    return row < 0 ? row : 0;
}
