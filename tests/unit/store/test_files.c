// SPDX-License-Identifier: Apache-2.0
// The files of the machine DB: how they are made and migrated, and what is said when they are
// damaged, foreign, newer, not writable, or when the disk is full.

#include "tap.h"
#include "yard.h"

#include "store/internal.h"
#include "store/token.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct store *open_here(struct error *err)
{
    struct store_settings settings = {.state_dir = yard_dir(), .role = STORE_ROLE_TOOL};
    return store_open(NULL, &settings, err);
}

static const char *file(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", yard_dir(), name);
    return path;
}

static void remove_files(void)
{
    static const char *const names[] = {"yard.db", "yard.db-wal", "yard.db-shm",
                                        "logs.db", "logs.db-wal", "logs.db-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(file(names[i]));
    }
}

static unsigned mode_of(const char *name)
{
    struct stat info;
    return stat(file(name), &info) == 0 ? info.st_mode & 07777 : 0;
}

static void test_fresh(void)
{
    struct error err = {0};
    umask(0077);
    struct store *store = open_here(&err);
    ok(store != NULL, "made from nothing: %s", err.message);
    ok(mode_of("yard.db") == 0660 && mode_of("yard.db-wal") == 0660 &&
           mode_of("yard.db-shm") == 0660 && mode_of("yard.db.hold") == 0660 &&
           mode_of("logs.db") == 0660,
       "group may write, others nothing, whatever the umask");
    store_close(store);
    umask(0022);
    ok(yard_count("PRAGMA user_version") == (int64_t)yard_schema_count, "the newest schema");
    store = open_here(&err);
    ok(store != NULL, "opened again: %s", err.message);
    store_close(store);
}

static void test_race(void)
{
    remove_files();
    pid_t children[4];
    for (unsigned i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct error err = {0};
            struct store *store = open_here(&err);
            _exit(store ? 0 : 1);
        }
    }
    bool all = true;
    for (unsigned i = 0; i < 4; i++) {
        int status = 1;
        waitpid(children[i], &status, 0);
        all &= status == 0;
    }
    ok(all, "four processes make it at once");
}

static void test_newer(void)
{
    struct error err = {0};
    yard_exec("PRAGMA user_version = 900");
    ok(open_here(&err) == NULL && err.code == ERROR_CONFLICT && strstr(err.message, "newer"),
       "newer: %s", err.message);
    ok(yard_count("SELECT count(*) FROM machines") == 0, "and left as it was");
    remove_files();
    yard_exec("CREATE TABLE recipes (cake TEXT); PRAGMA user_version = 1");
    ok(open_here(&err) == NULL && strstr(err.message, "not a file of bootyard"), "foreign: %s",
       err.message);
    ok(yard_count("SELECT count(*) FROM recipes") == 0, "and left as it was");
}

static void test_damaged(void)
{
    struct error err = {0};
    remove_files();
    FILE *out = fopen(file("yard.db"), "w");
    for (unsigned i = 0; i < 1000; i++) {
        fputs("this is no database\n", out);
    }
    fclose(out);
    ok(open_here(&err) == NULL && err.code == ERROR_CORRUPT, "damaged: %s", err.message);
    remove_files();
    struct store_settings nowhere = {.state_dir = "/nonexistent/yard", .role = STORE_ROLE_TOOL};
    ok(store_open(NULL, &nowhere, &err) == NULL && strstr(err.message, "/nonexistent/yard"),
       "no folder: %s", err.message);
}

static void test_failing_migration(void)
{
    static const struct schema_step steps[] = {
        {1, "001-good.sql", "CREATE TABLE good (n INTEGER) STRICT;"},
        {2, "002-bad.sql", "CREATE TABLE bad (n INTEGER) STRICT; INSERT INTO nobody VALUES (1);"},
    };
    struct error err = {0};
    struct store_conn *conn = NULL;
    remove_files();
    ok(conn_open(file("yard.db"), STORE_ROLE_TOOL, true, &conn, &err) == 0, "open");
    ok(migrate(conn, "yard.db", steps, 2, &err) < 0 && strstr(err.message, "002-bad.sql"),
       "it says where: %s", err.message);
    ok(yard_count("SELECT count(*) FROM sqlite_schema") == 0 &&
           yard_count("PRAGMA user_version") == 0,
       "nothing of it stays");
    ok(migrate(conn, "yard.db", steps, 1, &err) == 0 && yard_count("PRAGMA user_version") == 1,
       "the good one alone");
    conn_close(conn);
    remove_files();
}

static void test_read_only(void)
{
    struct error err = {0};
    store_close(open_here(&err));
    pid_t child = fork();
    if (child == 0) {
        struct error child_err = {0};
        if (geteuid() == 0 && setuid(65534) < 0) {
            _exit(2);
        }
        (void)chmod(file("yard.db"), 0440); // the owner itself, when the test does not run as root
        struct store *store = open_here(&child_err);
        printf("# %s\n", child_err.message);
        fflush(stdout);
        _exit(!store && child_err.code == ERROR_IO ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    ok(status == 0, "not ours to write: refused at start");
    chmod(file("yard.db"), 0660);
}

static char filler[60000];

static int run_fill(struct store_conn *conn, void *context, struct error *err)
{
    return audit_add(conn, "test", "-", "fill", filler, err);
}

// A limit on the size of files stands for the full disk.
static void test_full(void)
{
    struct error err = {0};
    memset(filler, 'f', sizeof(filler) - 1);
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = open_here(&err);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 1500000;
    setrlimit(RLIMIT_FSIZE, &limit);
    int64_t good = 0;
    while (good < 1000 && store_write_now(store, run_fill, NULL, &err) == 0) {
        good++;
    }
    ok(good > 3 && good < 1000 && err.code == ERROR_IO, "the disk is full after %lld writes: %s",
       (long long)good, err.message);
    ok(store_write_now(store, run_fill, NULL, &err) < 0, "and stays so");
    ok(yard_count("SELECT count(*) FROM audit") == good,
       "what was acknowledged is there, the rest is not");
    setrlimit(RLIMIT_FSIZE, &before);
    ok(store_write_now(store, run_fill, NULL, &err) == 0, "room again: it goes on: %s",
       err.message);
    store_close(store);
    ok(yard_count("SELECT count(*) FROM audit") == good + 1, "all of it after a close");
}

int main(void)
{
    yard_make();
    test_fresh();
    test_race();
    test_newer();
    test_damaged();
    test_failing_migration();
    test_read_only();
    test_full();
    yard_remove();
    return done();
}
