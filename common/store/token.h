// SPDX-License-Identifier: Apache-2.0
#pragma once

// API tokens for controllers and people: stored as SHA-256, shown once. Roles are ordered: read <
// admin (operator comes between later). Also the audit trail: every change through apid, who and
// what.

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct store_conn;

enum token_role { TOKEN_ROLE_READ = 1, TOKEN_ROLE_ADMIN = 3 };

struct api_token {
    char name[64]; // [a-z0-9.-]
    enum token_role role;
    int64_t created_ms, expires_ms; // 0: never
    int64_t last_used_ms;
};

int token_role_parse(const char *text, enum token_role *ret_role, struct error *err);
const char *token_role_name(enum token_role role);

// ERROR_CONFLICT if the name is taken. `ret_token` has TOKEN_TEXT_SIZE bytes.
int api_token_create(struct store_conn *conn, const struct api_token *token, char *ret_token,
                     struct error *err);
// ERROR_UNAUTHORIZED unknown or expired.
int api_token_check(struct store_conn *conn, const char *token, struct api_token *ret_token,
                    struct error *err);
// Not acknowledged data: daemons collect it and write it now and then.
int api_token_used(struct store_conn *conn, const char *name, int64_t when_ms, struct error *err);
int api_token_revoke(struct store_conn *conn, const char *name, struct error *err);
int api_token_list(struct store_conn *conn,
                   int (*each)(void *context, const struct api_token *token, struct error *err),
                   void *context, struct error *err);

int audit_add(struct store_conn *conn, const char *who, const char *address, const char *action,
              const char *object, struct error *err);
