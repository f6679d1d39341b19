// SPDX-License-Identifier: Apache-2.0
// API tokens and the audit trail. Only the hash of a token is stored: whoever reads the DB cannot
// use it.

#include "store/token.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/machine.h"

#include <string.h>

static const struct {
    enum token_role role;
    const char *name;
} roles[] = {{TOKEN_ROLE_READ, "read"}, {TOKEN_ROLE_ADMIN, "admin"}};

int token_role_parse(const char *text, enum token_role *ret_role, struct error *err)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(text, roles[i].name) == 0) {
            *ret_role = roles[i].role;
            return 0;
        }
    }
    return error_set(err, ERROR_UNPROCESSABLE, "a role is read or admin");
}

const char *token_role_name(enum token_role role)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (role == roles[i].role) {
            return roles[i].name;
        }
    }
    return "unknown";
}

static int check_name(struct store_conn *conn, const char *name, struct error *err)
{
    if (machine_name_check(name, NULL) < 0) {
        return error_set(
            err, ERROR_UNPROCESSABLE,
            "a token's name is 1 to 63 of a-z, 0-9, '.' and '-', a letter or digit first and last");
    }
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "SELECT 1 FROM api_tokens WHERE name = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, name);
    int row = stmt_step(stmt, err);
    return row > 0 ? error_set(err, ERROR_CONFLICT, "there is a token %s already", name) : row;
}

int api_token_create(struct store_conn *conn, const struct api_token *token, char *ret_token,
                     struct error *err)
{
    int result = check_name(conn, token->name, err);
    if (result < 0) {
        return result;
    }
    char text[TOKEN_TEXT_SIZE];
    uint8_t hash[SHA256_BYTES];
    token_make(text);
    sha256_bytes(text, strlen(text), hash);
    CLEANUP_STMT struct stmt *stmt = NULL;
    result = stmt_prepare(conn, &stmt,
                          "INSERT INTO api_tokens (name, hash, role, created_ms, expires_ms) "
                          "VALUES (?1, ?2, ?3, ?4, ?5)",
                          err);
    if (result == 0) {
        stmt_bind_text(stmt, 1, token->name);
        stmt_bind_blob(stmt, 2, hash, sizeof(hash));
        stmt_bind_int(stmt, 3, token->role);
        stmt_bind_int(stmt, 4, clock_now_ms());
        stmt_bind_int(stmt, 5, token->expires_ms);
        result = stmt_run(stmt, err);
    }
    if (result == 0) {
        memcpy(ret_token, text, sizeof(text));
    }
    explicit_bzero(text, sizeof(text));
    return result;
}

static void read_row(struct stmt *stmt, struct api_token *token)
{
    *token = (struct api_token){0};
    stmt_copy(stmt, 0, token->name, sizeof(token->name));
    token->role = (enum token_role)stmt_int(stmt, 1);
    token->created_ms = stmt_int(stmt, 2);
    token->expires_ms = stmt_int(stmt, 3);
    token->last_used_ms = stmt_int(stmt, 4);
}

// The search is by hash, so its time tells nothing about the token.
int api_token_check(struct store_conn *conn, const char *token, struct api_token *ret_token,
                    struct error *err)
{
    uint8_t hash[SHA256_BYTES];
    sha256_bytes(token, strlen(token), hash);
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "SELECT name, role, created_ms, expires_ms, last_used_ms FROM api_tokens "
                     "WHERE hash = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_blob(stmt, 1, hash, sizeof(hash));
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    struct api_token found = {0};
    if (row > 0) {
        read_row(stmt, &found);
    }
    if (row == 0 || (found.expires_ms != 0 && found.expires_ms <= clock_now_ms())) {
        return error_set(err, ERROR_UNAUTHORIZED,
                         row == 0 ? "the token is not known" : "the token has expired");
    }
    *ret_token = found;
    return 0;
}

int api_token_used(struct store_conn *conn, const char *name, int64_t when_ms, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt,
                     "UPDATE api_tokens SET last_used_ms = max(last_used_ms, ?2) WHERE name = ?1",
                     err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, name);
    stmt_bind_int(stmt, 2, when_ms);
    return stmt_run(stmt, err);
}

int api_token_revoke(struct store_conn *conn, const char *name, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "DELETE FROM api_tokens WHERE name = ?1", err) < 0) {
        return -1;
    }
    stmt_bind_text(stmt, 1, name);
    int result = stmt_run(stmt, err);
    if (result == 0 && conn_changes(conn) == 0) {
        result = error_set(err, ERROR_NOT_FOUND, "there is no token %.63s", name);
    }
    return result;
}

int api_token_list(struct store_conn *conn,
                   int (*each)(void *context, const struct api_token *token, struct error *err),
                   void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "SELECT name, role, created_ms, expires_ms, last_used_ms FROM api_tokens ORDER BY name",
            err) < 0) {
        return -1;
    }
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        struct api_token token;
        read_row(stmt, &token);
        int result = each(context, &token, err);
        if (result < 0) {
            return result;
        }
    }
    return row;
}

int audit_add(struct store_conn *conn, const char *who, const char *address, const char *action,
              const char *object, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "INSERT INTO audit (time_ms, who, address, action, object) VALUES (?1, ?2, ?3, ?4, ?5)",
            err) < 0) {
        return -1;
    }
    stmt_bind_int(stmt, 1, clock_now_ms());
    stmt_bind_text(stmt, 2, who);
    stmt_bind_text(stmt, 3, address);
    stmt_bind_text(stmt, 4, action);
    stmt_bind_text(stmt, 5, object);
    return stmt_run(stmt, err);
}
