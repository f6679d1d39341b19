// SPDX-License-Identifier: Apache-2.0

#include "process.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

// Start time in clock ticks since boot (proc(5), stat field 22); false when there is no such living process.
static bool process_start_time(pid_t pid, uint64_t *ret_ticks)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    CLEANUP_FCLOSE FILE *file = fopen(path, "re");
    char line[1024];
    if (!file || !fgets(line, sizeof(line), file)) {
        return false;
    }
    // The command name may hold anything, spaces and parentheses too: fields begin after the last ')'.
    const char *rest = strrchr(line, ')');
    char state = 'X';
    uint64_t ticks = 0;
    if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                        &state, &ticks) != 2) {
        return false;
    }
    *ret_ticks = ticks;
    return state != 'Z' && state != 'X';
}

// The process that the file names, if it is still that one; 0 otherwise.
static pid_t process_read(const char *pid_path)
{
    CLEANUP_FCLOSE FILE *file = fopen(pid_path, "re");
    int pid = 0;
    uint64_t noted = 0;
    uint64_t ticks = 0;
    if (!file || fscanf(file, "%d %" SCNu64, &pid, &noted) != 2 || pid <= 1) {
        return 0;
    }
    (void)waitpid(pid, NULL, WNOHANG); // ours if we started it: no zombie stays
    return process_start_time(pid, &ticks) && ticks == noted ? pid : 0;
}

bool process_is_running(const char *pid_path)
{
    return process_read(pid_path) != 0;
}

static int process_note(pid_t pid, const char *pid_path, struct error *err)
{
    uint64_t ticks = 0;
    char aside[512];
    (void)snprintf(aside, sizeof(aside), "%s.new", pid_path);
    CLEANUP_FCLOSE FILE *file = fopen(aside, "we");
    if (!file || !process_start_time(pid, &ticks)) {
        return error_errno(err, file ? ESRCH : errno, "cannot note process %d in %s", (int)pid, pid_path);
    }
    if (fprintf(file, "%d %" PRIu64 "\n", (int)pid, ticks) < 0 || fflush(file) != 0 || rename(aside, pid_path) != 0) {
        return error_errno(err, errno, "cannot write %s", pid_path);
    }
    return 0;
}

// In the child: only async-signal-safe calls, since the parent has threads.
static void child_run(char *const argv[], int null_fd, int log_fd, int report_fd)
{
    (void)setsid();
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    if (dup2(null_fd, STDIN_FILENO) >= 0 && dup2(log_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0) {
        (void)execv(argv[0], argv);
    }
    int number = errno;
    ssize_t written = write(report_fd, &number, sizeof(number));
    (void)written;
    _exit(127);
}

int process_start(char *const argv[], const char *pid_path, const char *log_path, struct error *err)
{
    CLEANUP_CLOSE int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CLEANUP_CLOSE int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    int pipe_fds[2];
    if (null_fd < 0 || log_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0) {
        return error_errno(err, errno, "cannot prepare to start %s", argv[0]);
    }
    CLEANUP_CLOSE int read_fd = pipe_fds[0];
    CLEANUP_CLOSE int write_fd = pipe_fds[1];
    pid_t pid = fork();
    if (pid < 0) {
        return error_errno(err, errno, "cannot start %s", argv[0]);
    }
    if (pid == 0) {
        child_run(argv, null_fd, log_fd, write_fd);
    }
    close(TAKE_FD(write_fd));
    int number = 0;
    // The pipe closes at exec: nothing to read means that the program runs.
    ssize_t got = read(read_fd, &number, sizeof(number));
    if (got > 0) {
        (void)waitpid(pid, NULL, 0);
        return error_errno(err, number, "cannot start %s", argv[0]);
    }
    int result = process_note(pid, pid_path, err);
    if (result < 0) {
        // A machine that could not be switched off again must not be on.
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    return result;
}

static bool wait_until_gone(const char *pid_path, int64_t timeout_ms)
{
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    while (process_is_running(pid_path)) {
        if (clock_monotonic_ms() >= deadline) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return true;
}

int process_stop(const char *pid_path, unsigned timeout_ms, struct error *err)
{
    pid_t pid = process_read(pid_path);
    if (pid != 0 && timeout_ms > 0) {
        (void)kill(-pid, SIGTERM);
        (void)wait_until_gone(pid_path, timeout_ms);
        pid = process_read(pid_path);
    }
    if (pid != 0) {
        (void)kill(-pid, SIGKILL);
        if (!wait_until_gone(pid_path, 10000)) {
            return error_set(err, ERROR_TIMEOUT, "process %d does not end", (int)pid);
        }
    }
    (void)unlink(pid_path);
    return 0;
}
