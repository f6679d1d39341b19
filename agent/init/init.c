// SPDX-License-Identifier: Apache-2.0
// Single-threaded on purpose: it forks workers without exec.

#include "agent/init/init.h"

#include "agent/init/modules.h"
#include "agent/init/mounts.h"
#include "agent/init/uevent.h"
#include "agent/init/watchdog.h"
#include "agent/report/memory.h"
#include "agent/worker.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/reboot.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESTARTS_MAX = 3, RESTART_PAUSE_MS = 5000, FLUSH_S = 30, COLDPLUG_DEPTH = 32 };

struct init {
    struct modules *modules; // NULL: none to load
    struct watchdog watchdog;
    int uevent_fd;
    int signal_fd;
    pid_t worker;
    bool is_stopping;
    struct worker_start start;
};

// nftw(3) has no context argument.
static struct modules *coldplug_modules;

static void load_module(struct modules *modules, const char *request)
{
    struct error error = {0};
    if (modules && modules_load(modules, request, &error) < 0) {
        log_warning("module for %s: %s", request, error.message);
    }
}

static int coldplug_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    if (type != FTW_F || strcmp(path + place->base, "modalias") != 0) {
        return 0;
    }
    char alias[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, alias, sizeof(alias) - 1) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (length > 0) {
        alias[length] = '\0';
        alias[strcspn(alias, "\n")] = '\0';
        load_module(coldplug_modules, alias);
    }
    return 0;
}

static void read_uevents(struct init *init)
{
    static struct uevent event;
    while (init->uevent_fd >= 0 && uevent_read(init->uevent_fd, &event) > 0) {
        if (strcmp(event.action, "add") == 0 && *event.modalias) {
            load_module(init->modules, event.modalias);
        }
    }
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        log_warning("%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void load_modules(struct init *init)
{
    char dir[300];
    struct error error = {0};
    modules_dir(dir, sizeof(dir));
    init->modules = modules_open(dir, &error);
    if (!init->modules) {
        log_notice("no modules: %s", error.message);
    }
    // The kernel asks us for file systems, code pages and ciphers.
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length > 0 && init->modules) {
        self[length] = '\0';
        write_file("/proc/sys/kernel/modprobe", self);
    }
    if (uevent_open(&init->uevent_fd, &error) < 0) {
        log_err("%s", error.message);
    }
    coldplug_modules = init->modules;
    (void)nftw("/sys/devices", coldplug_one, COLDPLUG_DEPTH, FTW_PHYS);
    read_uevents(init);
}

static void open_signals(struct init *init)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT); // Ctrl-Alt-Del
    (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
    init->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)reboot(LINUX_REBOOT_CMD_CAD_OFF);
}

// The worker has mounts of its own: when it dies, the kernel undoes them.
static _Noreturn void become_worker(const struct init *init)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        log_warning("no mount namespace for the worker: %s", strerror(errno));
    }
    _exit(worker_main(&init->start));
}

static void start_worker(struct init *init)
{
    init->worker = fork();
    if (init->worker == 0) {
        become_worker(init);
    }
    if (init->worker < 0) {
        log_err("cannot start the worker: %s", strerror(errno));
        init->is_stopping = true;
    }
}

// Decides what a worker's end means. True when another one is to be started.
static bool worker_has_ended(struct init *init, int status)
{
    if (init->is_stopping || (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DONE)) {
        init->is_stopping = true;
        return false;
    }
    struct worker_start *start = &init->start;
    start->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    log_err("the worker crashed step=%s signal=%d", start->memory->step, start->signal);
    // Its children may still hold disks; nobody else but init is to be left.
    (void)kill(-1, SIGKILL);
    if (start->is_last) {
        init->is_stopping = true;
        return false;
    }
    start->crashes++;
    start->is_last = start->crashes > RESTARTS_MAX;
    spool_adopt(&start->memory->spool);
    return true;
}

static bool reap(struct init *init)
{
    bool restart = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == init->worker) {
            init->worker = 0;
            restart = worker_has_ended(init, status);
        }
    }
    return restart;
}

static void read_signals(struct init *init)
{
    struct signalfd_siginfo info;
    while (read(init->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD) {
            log_notice("signal %u: going down", info.ssi_signo);
            init->is_stopping = true;
        }
    }
}

static void supervise(struct init *init)
{
    int64_t start_ms = clock_monotonic_ms();
    bool is_due = true;
    while (!init->is_stopping) {
        int64_t now = clock_monotonic_ms();
        if (is_due && now >= start_ms) {
            is_due = false;
            start_worker(init);
        }
        watchdog_pet(&init->watchdog);
        struct pollfd fds[] = {{.fd = init->signal_fd, .events = POLLIN},
                               {.fd = init->uevent_fd, .events = POLLIN}};
        int64_t wait_ms = is_due ? start_ms - now : WATCHDOG_PERIOD_MS;
        (void)poll(fds, 2, (int)(wait_ms < 0 ? 0 : wait_ms));
        read_signals(init);
        read_uevents(init);
        if (reap(init)) {
            is_due = true;
            start_ms = clock_monotonic_ms() + RESTART_PAUSE_MS;
        }
    }
}

static _Noreturn void restart_machine(struct init *init)
{
    (void)kill(-1, SIGKILL);
    watchdog_pet(&init->watchdog);
    mounts_flush(FLUSH_S);
    log_notice("restarting the machine");
    (void)reboot(LINUX_REBOOT_CMD_RESTART);
    log_err("restarting failed: %s", strerror(errno));
    for (;;) {
        (void)pause();
    }
}

static void read_kernel_flags(void)
{
    char line[4096];
    FILE *file = fopen("/proc/cmdline", "re");
    if (!file) {
        return;
    }
    char *rest = fgets(line, sizeof(line), file);
    char *word;
    while (rest && (word = strsep(&rest, " \n"))) {
        if (strcmp(word, "bootyard.debug") == 0) {
            log_set_level(LOG_LEVEL_DEBUG);
        }
    }
    (void)fclose(file);
}

static struct report_memory *make_memory(void)
{
    struct report_memory *memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    spool_init(&memory->spool);
    return memory;
}

_Noreturn void init_main(void)
{
    struct init init = {.watchdog = {.fd = -1}, .uevent_fd = -1, .signal_fd = -1};
    mounts_begin();
    mounts_console();
    read_kernel_flags();
    log_notice("bootyard agent: init");
    open_signals(&init);
    load_modules(&init);
    mounts_efivars();
    init.start.memory = make_memory();
    if (init.start.memory) {
        supervise(&init);
    } else {
        log_err("no memory for the worker");
    }
    restart_machine(&init);
}
