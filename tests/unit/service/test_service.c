// SPDX-License-Identifier: Apache-2.0
// The loop with its threads: posts from many threads, the pool, timers, bells, the end. check-tsan runs this
// under the thread sanitizer.

#include "base/cleanup.h"
#include "base/log.h"
#include "service/service.h"
#include "tests/unit/tap.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { POSTERS = 4, POSTS = 500, JOBS = 300 };

struct test {
    struct service *service;
    unsigned posts, runs_done, bells, reloads, stops, ticks;
    int64_t bell_id;
    char bell_family[32];
    pthread_t loop_thread;
    bool off_thread;
    pthread_mutex_t mutex;
    unsigned runs; // counted in pool threads
    struct service_timer *timer;
    const char *run_dir;
    int ringer;
};

static struct test test = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void finish_if_done(void)
{
    if (test.posts == POSTERS * POSTS && test.runs_done == JOBS && test.bells == 1 && test.reloads == 1 && test.ticks >= 3) {
        (void)raise(SIGTERM);
    }
}

static void on_post(void *context)
{
    test.off_thread = test.off_thread || !pthread_equal(pthread_self(), test.loop_thread);
    test.posts++;
    finish_if_done();
}

static void *poster(void *context)
{
    for (int i = 0; i < POSTS; i++) {
        service_post(test.service, on_post, NULL);
    }
    return NULL;
}

static void job_run(void *context)
{
    (void)pthread_mutex_lock(&test.mutex);
    test.runs++;
    (void)pthread_mutex_unlock(&test.mutex);
}

static void job_done(void *context)
{
    test.off_thread = test.off_thread || !pthread_equal(pthread_self(), test.loop_thread);
    test.runs_done++;
    finish_if_done();
}

static void on_bell(void *context, const char *family, int64_t id)
{
    test.bells++;
    test.bell_id = id;
    (void)snprintf(test.bell_family, sizeof(test.bell_family), "%s", family);
    finish_if_done();
}

static void on_tick(void *context)
{
    static const char *const myself[] = {"unit", NULL};
    test.ticks++;
    if (test.ticks == 1) {
        service_bell_ring(test.service, test.run_dir, myself, "machines", 41); // not rung for oneself
        ok(write(test.ringer, "x", 1) == 1, "the ringer may ring");
        (void)raise(SIGHUP);
    }
    if (test.ticks == 3) {
        test.timer = service_timer_free(test.timer);
    }
    finish_if_done();
}

static int on_reload(void *context, struct error *err)
{
    test.reloads++;
    return error_set(err, ERROR_UNPROCESSABLE, "meant to fail");
}

static void late_done(void *context)
{
    ok(true, "a job accepted during the drain is finished before service_run ends");
}

static void on_stop(void *context)
{
    test.stops++;
    ok(service_work(test.service, job_run, late_done, NULL, NULL) == 0, "work is taken during the drain");
    service_exit(test.service, 7);
    ok(service_work(test.service, job_run, late_done, NULL, NULL) < 0, "but not after service_exit");
}

// Another process, as in life; one process has one service. Returns the end of a pipe that starts it.
static int start_ringer(const char *run_dir)
{
    static const char *const daemons[] = {"other", "unit", "absent", NULL};
    int ends[2];
    if (pipe(ends) < 0) {
        bail("no pipe");
    }
    pid_t pid = fork();
    if (pid != 0) {
        close(ends[0]);
        return ends[1];
    }
    close(ends[1]);
    char go;
    if (read(ends[0], &go, 1) == 1) {
        struct service *ringer = service_new("ringer", NULL, NULL);
        service_bell_ring(ringer, run_dir, daemons, "machines", 42);
        (void)service_free(ringer);
    }
    _exit(0);
}

int main(void)
{
    char run_dir[] = "/tmp/test_service.XXXXXX";
    char bell[100];
    struct error err = {0};
    const struct service_hooks hooks = {.reload = on_reload, .stop = on_stop};
    pthread_t threads[POSTERS];
    log_set_level(LOG_LEVEL_ERR);
    if (!mkdtemp(run_dir)) {
        bail("no temporary directory");
    }
    test.run_dir = run_dir;
    test.ringer = start_ringer(run_dir);
    test.loop_thread = pthread_self();
    test.service = service_new("unit", &hooks, &err);
    if (!test.service || service_bell_listen(test.service, run_dir, on_bell, NULL, &err) < 0) {
        bail("%s", err.message);
    }
    (void)snprintf(bell, sizeof(bell), "%s/unit.bell", run_dir);
    struct stat info = {0};
    ok(stat(bell, &info) == 0 && (info.st_mode & 0777) == 0660, "the bell is the group's");
    test.timer = service_timer_new(test.service, on_tick, NULL);
    service_timer_arm(test.timer, 5, 5);
    for (int i = 0; i < POSTERS; i++) {
        (void)pthread_create(&threads[i], NULL, poster, NULL);
    }
    for (int i = 0; i < JOBS; i++) {
        ok(service_work(test.service, job_run, job_done, NULL, &err) == 0, "job %d is taken", i);
    }
    ok(service_run(test.service) == 7, "service_run gives what service_exit was given");
    for (int i = 0; i < POSTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    ok(test.posts == POSTERS * POSTS, "every post ran once");
    ok(test.runs == JOBS + 1 && test.runs_done == JOBS, "every job ran once and was done");
    ok(!test.off_thread, "posts and done functions run on the loop's thread");
    ok(test.bells == 1 && test.bell_id == 42, "the bell rang");
    is_text(test.bell_family, "machines", "with its family");
    ok(test.reloads == 1 && test.stops == 1, "one reload, one stop");
    test.service = service_free(test.service);
    ok(stat(bell, &info) < 0, "the bell is gone afterwards");
    (void)rmdir(run_dir);
    close(test.ringer);
    (void)wait(NULL);
    return done();
}
