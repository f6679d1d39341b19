// SPDX-License-Identifier: Apache-2.0
// A process that outlives its daemon: found again, ended for sure, and never mistaken for another.

#include "../../../daemons/redfishd/process.h"
#include "../tap.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char pid_path[256];
static char log_path[256];

static int noted_pid(void)
{
    CLEANUP_FCLOSE FILE *file = fopen(pid_path, "re");
    int pid = 0;
    return file && fscanf(file, "%d", &pid) == 1 ? pid : 0;
}

static void note(const char *text)
{
    CLEANUP_FCLOSE FILE *file = fopen(pid_path, "we");
    if (!file || fputs(text, file) < 0) {
        bail("cannot write %s", pid_path);
    }
}

static bool becomes_idle(void)
{
    for (int i = 0; i < 500 && process_is_running(pid_path); i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return !process_is_running(pid_path);
}

static void test_start_and_stop(void)
{
    char *argv[] = {(char *)"/bin/sleep", (char *)"1000", NULL};
    struct error err;
    ok(!process_is_running(pid_path), "nothing runs before the start");
    ok(process_start(argv, pid_path, log_path, &err) == 0, "a program starts");
    ok(process_is_running(pid_path), "and is seen running");
    ok(getpgid(noted_pid()) == noted_pid(), "as the leader of a session of its own");
    ok(process_stop(pid_path, 5000, &err) == 0, "it is stopped");
    ok(!process_is_running(pid_path), "and is gone");
    ok(process_stop(pid_path, 5000, &err) == 0, "stopping what is gone is no error");
}

static void test_killed_by_somebody_else(void)
{
    char *argv[] = {(char *)"/bin/sleep", (char *)"1000", NULL};
    struct error err;
    ok(process_start(argv, pid_path, log_path, &err) == 0, "a program starts again");
    (void)kill(noted_pid(), SIGKILL);
    ok(becomes_idle(), "a killed program is seen as gone");
}

// Its children too: the whole group ends, even when the leader does not listen to SIGTERM.
static void test_stubborn(void)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"trap '' TERM; while :; do sleep 1; done", NULL};
    struct error err;
    ok(process_start(argv, pid_path, log_path, &err) == 0, "a program that ignores SIGTERM starts");
    int pid = noted_pid();
    ok(process_stop(pid_path, 300, &err) == 0, "it is stopped all the same");
    ok(kill(pid, 0) < 0, "its process is gone");
}

static void test_exec_failure(void)
{
    char *argv[] = {(char *)"/nonexistent/program", NULL};
    struct error err;
    ok(process_start(argv, pid_path, log_path, &err) < 0, "a program that is not there does not start");
    ok(strstr(err.message, "/nonexistent/program") != NULL, "and the error names it");
    ok(!process_is_running(pid_path), "nothing is noted");
}

// After a restart of the host the id may be anybody's: the start time tells.
static void test_other_process_with_the_id(void)
{
    char text[64];
    struct error err;
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(text, sizeof(text), "%d 12345\n", (int)child);
    note(text);
    ok(!process_is_running(pid_path), "another process with the noted id is not ours");
    ok(process_stop(pid_path, 100, &err) == 0, "stopping does nothing to it");
    ok(kill(child, 0) == 0, "it is alive");
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    note("rubbish");
    ok(!process_is_running(pid_path), "a file that is not understood means that nothing runs");
    note("1 1\n");
    ok(!process_is_running(pid_path), "init is never ours");
}

int main(void)
{
    char folder[] = "/tmp/test_process.XXXXXX";
    if (!mkdtemp(folder)) {
        bail("no temporary folder");
    }
    (void)snprintf(pid_path, sizeof(pid_path), "%s/vm.pid", folder);
    (void)snprintf(log_path, sizeof(log_path), "%s/vm.log", folder);
    test_start_and_stop();
    test_killed_by_somebody_else();
    test_stubborn();
    test_exec_failure();
    test_other_process_with_the_id();
    (void)unlink(pid_path);
    (void)unlink(log_path);
    (void)rmdir(folder);
    return done();
}
