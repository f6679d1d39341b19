// SPDX-License-Identifier: Apache-2.0

#include "yard.h"

#include "tap.h"

#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

static char dir[] = "/tmp/yard-test-XXXXXX";

void yard_make(void)
{
    if (!mkdtemp(dir)) {
        bail("mkdtemp");
    }
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    return remove(path);
}

void yard_remove(void)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *yard_dir(void)
{
    return dir;
}

struct store *yard_open(enum store_role role)
{
    struct error err = {0};
    struct store_settings settings = {.state_dir = dir, .role = role};
    struct store *store = store_open(NULL, &settings, &err);
    if (!store) {
        bail("%s", err.message);
    }
    return store;
}

static int64_t count_in(const char *name, const char *sql)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t result = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        result = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return result;
}

int64_t yard_count(const char *sql)
{
    return count_in("yard.db", sql);
}

int64_t yard_count_logs(const char *sql)
{
    return count_in("logs.db", sql);
}

int yard_exec(const char *sql)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/yard.db", dir);
    sqlite3 *db = NULL;
    int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    sqlite3_close(db);
    return result == SQLITE_OK ? 0 : -1;
}
