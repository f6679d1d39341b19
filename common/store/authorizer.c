// SPDX-License-Identifier: Apache-2.0
// Who may write which table. SQLite asks this whenever a statement is prepared, so a daemon that
// was taken over, or is simply wrong, cannot write what is not its business. What a trigger or a
// cascade does counts as the role's own: apid deletes machines, so it may delete what hangs on
// them.

#include "store/internal.h"

#include <stdio.h>
#include <string.h>

#define ROLE(name) (1u << STORE_ROLE_##name)

enum { ALL_ROLES = ROLE(APID) | ROLE(STATUSD) | ROLE(BOOTD) | ROLE(IMAGED) | ROLE(REDFISHD) };

struct right {
    const char *table;
    const char *column; // this column's UPDATE only; NULL: every change
    unsigned roles;
};

static const struct right rights[] = {
    {"machines", NULL, ROLE(APID) | ROLE(BOOTD)},
    {"machines", "last_seen_ms", ROLE(STATUSD) | ROLE(REDFISHD)},
    {"interfaces", NULL, ROLE(APID) | ROLE(BOOTD)},
    {"timeline", NULL, ALL_ROLES},
    {"reports", NULL, ROLE(APID) | ROLE(STATUSD)},
    {"commands", NULL, ROLE(APID) | ROLE(STATUSD)},
    {"deployments", NULL, ROLE(APID) | ROLE(STATUSD) | ROLE(BOOTD)},
    {"attempts", NULL, ROLE(APID) | ROLE(STATUSD) | ROLE(BOOTD)},
    {"answers", NULL, ROLE(APID) | ROLE(BOOTD)},
    {"api_tokens", NULL, ROLE(APID)},
    {"api_tokens", "last_used_ms", ROLE(APID) | ROLE(REDFISHD)},
    {"audit", NULL, ROLE(APID) | ROLE(REDFISHD)},
    {"power_states", NULL, ROLE(APID) | ROLE(REDFISHD)},
    {"blobs", NULL, ROLE(IMAGED)},
    {"blob_origins", NULL, ROLE(IMAGED)},
    {"lines", NULL, ROLE(STATUSD)},
    {"usage", NULL, ROLE(STATUSD)},
};

static bool may_write(enum store_role role, int action, const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const struct right *right = &rights[i];
        bool covers = !right->column ||
                      (action == SQLITE_UPDATE && column && strcmp(right->column, column) == 0);
        if (strcmp(right->table, table) == 0 && covers && (right->roles & (1u << role))) {
            return true;
        }
    }
    return false;
}

static int authorize(void *context, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    struct store_conn *conn = context;
    bool allowed = false;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        allowed = true;
        break;
    case SQLITE_PRAGMA:
        allowed = first && strcmp(first, "data_version") == 0;
        break;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        allowed = conn->writable &&
                  (conn->role == STORE_ROLE_TOOL || may_write(conn->role, action, first, second));
        break;
    default: // changes of the schema, other files
        break;
    }
    if (!allowed) {
        (void)snprintf(conn->refused_what, sizeof(conn->refused_what), "%s",
                       first ? first : "that");
    }
    return allowed ? SQLITE_OK : SQLITE_DENY;
}

void authorizer_set(struct store_conn *conn)
{
    (void)sqlite3_set_authorizer(conn->db, authorize, conn);
}
