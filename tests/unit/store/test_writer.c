// SPDX-License-Identifier: Apache-2.0
// The writer: groups and their savepoints, the queue of several processes, what an acknowledgement
// is worth when the process is killed, limits, and closing.

#include "tap.h"
#include "yard.h"

#include "service/service.h"
#include "store/internal.h"
#include "store/log.h"
#include "store/token.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct yard {
    struct service *service;
    struct store *store;
    pthread_t loop;
    unsigned expected, good, bad;
    bool wrong_thread, too_early;
    enum error_code last_code;
};

static void yard_start_as(struct yard *yard, enum store_role role)
{
    static const struct service_hooks hooks = {0};
    struct error err = {0};
    *yard = (struct yard){.loop = pthread_self()};
    yard->service = service_new("store-test", &hooks, &err);
    struct store_settings settings = {.state_dir = yard_dir(), .run_dir = yard_dir(), .role = role};
    yard->store = yard->service ? store_open(yard->service, &settings, &err) : NULL;
    if (!yard->store) {
        bail("%s", err.message);
    }
}

static void yard_start(struct yard *yard)
{
    yard_start_as(yard, STORE_ROLE_TOOL);
}

static void yard_stop(struct yard *yard)
{
    yard->store = store_close(yard->store);
    yard->service = service_free(yard->service);
}

static int add_row(struct store_conn *conn, const char *action, int64_t number, struct error *err)
{
    char object[24];
    snprintf(object, sizeof(object), "%lld", (long long)number);
    return audit_add(conn, "test", "-", action, object, err);
}

struct row {
    struct yard *yard;
    const char *action;
    int64_t number;
    enum { ROW_GOOD, ROW_FAILS, ROW_BREAKS_GROUP } kind;
    unsigned runs;
};

static int run_row(struct store_conn *conn, void *context, struct error *err)
{
    struct row *row = context;
    row->runs++;
    if (add_row(conn, row->action, row->number, err) < 0) {
        return -1;
    }
    if (row->kind == ROW_BREAKS_GROUP) {
        return conn_exec(conn, "ROLLBACK", err); // as SQLite does by itself when the disk is full
    }
    return row->kind == ROW_FAILS ? error_set(err, ERROR_CONFLICT, "on purpose") : 0;
}

static void row_done(void *context, int result, const struct error *err)
{
    struct row *row = context;
    struct yard *yard = row->yard;
    if (result == 0) {
        yard->good++;
        char sql[120];
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM audit WHERE action = '%s' AND object = '%lld'", row->action,
                 (long long)row->number);
        yard->too_early |= yard->good < 20 && yard_count(sql) != 1;
    } else {
        yard->bad++;
        yard->last_code = err->code;
    }
    yard->wrong_thread |= !pthread_equal(pthread_self(), yard->loop);
    if (yard->good + yard->bad == yard->expected) {
        service_exit(yard->service, 0);
    }
}

// Nobody writes while the test holds the door.
static int door_close(void)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/yard.db.hold", yard_dir());
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        bail("cannot hold the queue");
    }
    return fd;
}

static void test_groups(void)
{
    struct yard yard;
    yard_start(&yard);
    struct row rows[9];
    int door = door_close();
    for (unsigned i = 0; i < 9; i++) {
        rows[i] = (struct row){.yard = &yard, .action = "group", .number = i};
        rows[i].kind = i == 3 ? ROW_FAILS : i == 6 ? ROW_BREAKS_GROUP : ROW_GOOD;
        store_write(yard.store, run_row, row_done, &rows[i]);
    }
    yard.expected = 9;
    close(door);
    ok(service_run(yard.service) == 0, "all nine are told");
    ok(yard.good == 7 && yard.bad == 2, "seven good, two bad: %u, %u", yard.good, yard.bad);
    ok(!yard.wrong_thread, "on the loop's thread");
    ok(!yard.too_early, "each after its commit");
    ok(yard_count("SELECT count(*) FROM audit WHERE action = 'group'") == 7, "seven rows");
    ok(yard_count("SELECT count(*) FROM audit WHERE action = 'group' AND object IN ('3', '6')") ==
           0,
       "nothing of the bad ones");
    ok(rows[0].runs == 2, "the first ran again after the group was lost: %u", rows[0].runs);
    yard_stop(&yard);
}

static void test_limit(void)
{
    enum { MANY = 10200 };
    static struct row rows[MANY];
    struct yard yard;
    yard_start(&yard);
    int door = door_close();
    for (unsigned i = 0; i < MANY; i++) {
        rows[i] = (struct row){.yard = &yard, .action = "many", .number = i};
        store_write(yard.store, run_row, row_done, &rows[i]);
    }
    ok(yard.good + yard.bad == 0, "nothing is told from within the call");
    yard.expected = MANY;
    close(door);
    service_run(yard.service);
    ok(yard.bad >= 199 && yard.bad <= 200 && yard.last_code == ERROR_UNAVAILABLE,
       "10,000 may wait, the rest is refused: %u", yard.bad);
    ok(yard_count("SELECT count(*) FROM audit WHERE action = 'many'") == yard.good,
       "all others are there");
    yard_stop(&yard);
}

static void test_close(void)
{
    static struct row rows[300];
    struct yard yard;
    yard_start(&yard);
    for (unsigned i = 0; i < 300; i++) {
        rows[i] = (struct row){.yard = &yard, .action = "close", .number = i};
        store_write(yard.store, run_row, row_done, &rows[i]);
    }
    yard_stop(&yard);
    ok(yard.good == 300 && yard.bad == 0, "closing commits what is queued and tells");
    ok(yard_count("SELECT count(*) FROM audit WHERE action = 'close'") == 300, "it is there");
}

static void on_change(void *context)
{
    struct yard *yard = context;
    yard->good++;
    service_exit(yard->service, 0);
}

static void test_watch(void)
{
    struct yard yard;
    yard_start(&yard);
    store_watch(yard.store, on_change, &yard);
    pid_t child = fork();
    if (child == 0) {
        struct store *other = yard_open(STORE_ROLE_TOOL);
        struct row row = {.action = "watch"};
        int result = store_write_now(other, run_row, &row, NULL);
        _exit(result == 0 ? 0 : 1);
    }
    service_run(yard.service);
    ok(yard.good > 0, "another process's commit is noticed without a bell");
    waitpid(child, NULL, 0);
    yard_stop(&yard);
}

// A commit rings the other daemons' bells, with the table and its last row.
static void test_bell(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/bootd.bell", yard_dir());
    int bell = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bell < 0 || bind(bell, (struct sockaddr *)&address, sizeof(address)) < 0) {
        bail("bind");
    }
    struct yard yard;
    yard_start_as(&yard, STORE_ROLE_APID);
    struct row row = {.yard = &yard, .action = "bell"};
    yard.expected = 1;
    store_write(yard.store, run_row, row_done, &row);
    service_run(yard.service);
    yard_stop(&yard);
    char text[100] = "";
    ssize_t length = recv(bell, text, sizeof(text) - 1, MSG_DONTWAIT);
    char expected[100];
    snprintf(expected, sizeof(expected), "audit %lld",
             (long long)yard_count("SELECT max(id) FROM audit"));
    ok(length > 0 && strcmp(text, expected) == 0, "the bell is rung: %s", text);
    close(bell);
    unlink(address.sun_path);
}

static int run_count(struct store_conn *conn, void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(conn, &stmt, "SELECT count(*) FROM audit WHERE action = 'busy'", err) < 0) {
        return -1;
    }
    int result = stmt_one(stmt, err, "none");
    *(int64_t *)context = result == 0 ? stmt_int(stmt, 0) : -1;
    return result < 0 ? result : add_row(conn, "polite", 0, err);
}

static pid_t start_busy(unsigned limit, const char *action)
{
    pid_t child = fork();
    if (child == 0) {
        struct store *other = yard_open(STORE_ROLE_TOOL);
        for (unsigned i = 0; i < limit; i++) {
            struct row row = {.action = action, .number = i};
            if (store_write_now(other, run_row, &row, NULL) < 0) {
                _exit(1);
            }
        }
        store_close(other);
        _exit(0);
    }
    return child;
}

// Whoever comes to the queue waits for those before it, not for everything that a busy neighbour
// still has.
static void test_fair(void)
{
    pid_t busy = start_busy(1000000, "busy");
    struct store *store = yard_open(STORE_ROLE_TOOL);
    while (yard_count("SELECT count(*) FROM audit WHERE action = 'busy'") < 20) {
        usleep(1000);
    }
    int64_t overtaken = 0;
    bool all = true;
    for (unsigned i = 0; i < 50; i++) {
        int64_t before = yard_count("SELECT count(*) FROM audit WHERE action = 'busy'");
        int64_t at = 0;
        all &= store_write_now(store, run_count, &at, NULL) == 0;
        overtaken += at - before;
    }
    kill(busy, SIGKILL);
    waitpid(busy, NULL, 0);
    ok(all, "50 writes beside a busy writer");
    ok(overtaken <= 50 * 10, "the busy one is at most ten commits ahead each time: %lld in all",
       (long long)overtaken);
    store_close(store);
}

static void test_processes(void)
{
    pid_t children[3];
    for (unsigned i = 0; i < 3; i++) {
        children[i] = start_busy(150, "three");
    }
    bool all = true;
    for (unsigned i = 0; i < 3; i++) {
        int status = 1;
        waitpid(children[i], &status, 0);
        all &= status == 0;
    }
    ok(all, "three processes write at once, none fails");
    ok(yard_count("SELECT count(*) FROM audit WHERE action = 'three'") == 450,
       "all rows are there");
}

static int ack_fd;

struct ack {
    struct store *store;
    int64_t number;
};

static int run_ack(struct store_conn *conn, void *context, struct error *err)
{
    return add_row(conn, "acked", ((struct ack *)context)->number, err);
}

static void ack_done(void *context, int result, const struct error *err)
{
    struct ack *ack = context;
    if (result < 0 || write(ack_fd, &ack->number, sizeof(ack->number)) < 0) {
        _exit(1);
    }
    ack->number += 16;
    store_write(ack->store, run_ack, ack_done, ack);
}

// 16 writes are always under way; each number goes to the parent when its `done` runs.
static void acking_child(int64_t first)
{
    struct yard yard;
    yard_start(&yard);
    struct ack acks[16];
    for (int i = 0; i < 16; i++) {
        acks[i] = (struct ack){.store = yard.store, .number = first + i};
        store_write(yard.store, run_ack, ack_done, &acks[i]);
    }
    service_run(yard.service);
    _exit(1);
}

static void test_kill(unsigned round)
{
    int pipes[2];
    if (pipe(pipes) < 0) {
        bail("pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        close(pipes[0]);
        ack_fd = pipes[1];
        acking_child((int64_t)round * 1000000);
    }
    close(pipes[1]);
    static int64_t acked[200000];
    size_t count = 0;
    while (count < 200000 &&
           read(pipes[0], &acked[count], sizeof(acked[0])) == (ssize_t)sizeof(acked[0])) {
        count++;
        if (count == 400 + round * 37) {
            kill(child, SIGKILL);
        }
    }
    close(pipes[0]);
    waitpid(child, NULL, 0);
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        char sql[120];
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM audit WHERE action = 'acked' AND object = '%lld'",
                 (long long)acked[i]);
        missing += i % 7 == 0 && yard_count(sql) != 1 ? 1 : 0;
    }
    char sql[160];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM audit WHERE action = 'acked' AND CAST(object AS INTEGER) >= %u",
             round * 1000000);
    ok(count >= 400 && missing == 0 && yard_count(sql) >= (int64_t)count,
       "killed in the middle of writing: all %zu acknowledged rows are there", count);
    ok(yard_count("SELECT CASE WHEN (SELECT * FROM pragma_integrity_check) = 'ok' THEN 1 END") == 1,
       "and the file is whole");
}

struct line {
    struct yard *yard;
    struct log_record record;
};

static int run_line(struct store_conn *conn, void *context, struct error *err)
{
    return log_append(conn, &((struct line *)context)->record, err);
}

static void line_done(void *context, int result, const struct error *err)
{
    struct yard *yard = ((struct line *)context)->yard;
    yard->good += result == 0 ? 1 : 0;
    yard->bad += result == 0 ? 0 : 1;
    if (yard->good + yard->bad == yard->expected) {
        service_exit(yard->service, 0);
    }
}

static int see_line(void *context, const struct log_record *record, struct error *err)
{
    unsigned *count = context;
    *count += record->level == 'W' && strcmp(record->text, "two\nlines") == 0 ? 1 : 0;
    return 0;
}

static void test_logs(void)
{
    struct yard yard;
    yard_start_as(&yard, STORE_ROLE_STATUSD);
    static char big[60000];
    memset(big, 'x', sizeof(big) - 1);
    enum { LINES = 1400 }; // 80 MiB of lines: more than is kept
    static struct line lines[LINES];
    yard.expected = LINES;
    for (unsigned i = 0; i < LINES; i++) {
        lines[i] = (struct line){
            .yard = &yard, .record = {.time_ms = i, .machine_id = 7, .level = 'I', .text = big}};
        store_write_logs(yard.store, run_line, line_done, &lines[i]);
    }
    service_run(yard.service);
    ok(yard.good == LINES, "%d long lines", LINES);
    int64_t kept = yard_count_logs("SELECT sum(length(text)) FROM lines WHERE machine_id = 7");
    ok(kept <= 64 * 1024 * 1024 && kept > 40 * 1024 * 1024,
       "64 MiB a machine are kept at most: %lld", (long long)kept);
    ok(yard_count_logs("SELECT max(time_ms) FROM lines") == LINES - 1, "the newest among them");
    ok(yard_count("SELECT count(*) FROM sqlite_schema WHERE name = 'lines'") == 0,
       "not in the machine DB");
    char wal[200];
    snprintf(wal, sizeof(wal), "%s/logs.db-wal", yard_dir());
    struct stat info;
    bool known = stat(wal, &info) == 0;
    ok(known && info.st_size < 32 * 1024 * 1024,
       "statusd checkpoints: the WAL has not grown to it all: %lld",
       known ? (long long)info.st_size : -1LL);
    yard_stop(&yard);

    yard_start(&yard);
    yard.expected = 1;
    lines[0] = (struct line){.yard = &yard,
                             .record = {.machine_id = 8, .level = 'W', .text = "two\nlines"}};
    store_write_logs(yard.store, run_line, line_done, &lines[0]);
    service_run(yard.service);
    unsigned seen = 0;
    log_list(store_logs_reader(yard.store), 8, 0, 10, see_line, &seen, NULL);
    ok(seen == 1, "a line is read back");
    yard_stop(&yard);
}

int main(void)
{
    yard_make();
    test_groups();
    test_limit();
    test_close();
    test_watch();
    test_bell();
    test_fair();
    test_processes();
    for (unsigned round = 1; round <= 4; round++) {
        test_kill(round);
    }
    test_logs();
    yard_remove();
    return done();
}
