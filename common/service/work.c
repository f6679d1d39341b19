// SPDX-License-Identifier: Apache-2.0
// Ways from other threads onto the loop (service_post), and the small pool for work that blocks. The loop never
// takes a lock that another thread holds for longer than a list operation.

#include "service/internal.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *next;
    void (*run)(void *context);
    void (*done)(void *context);
    void *context;
};

struct pool {
    struct service *service;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job *first;
    struct job **last;
    unsigned waiting;
    bool ending;
    pthread_t threads[SERVICE_WORKERS];
    unsigned thread_count;
};

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) > 0) {
        posts_run(context);
    }
}

int posts_init(struct service *service, struct error *err)
{
    struct post_queue *queue = &service->posts;
    (void)pthread_mutex_init(&queue->mutex, NULL);
    queue->last = &queue->first;
    queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->wake_fd < 0) {
        return error_errno(err, errno, "eventfd");
    }
    queue->wake = event_new(service->base, queue->wake_fd, EV_READ | EV_PERSIST, on_wake, service);
    if (!queue->wake || event_add(queue->wake, NULL) < 0) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    return 0;
}

void posts_fini(struct service *service)
{
    struct post_queue *queue = &service->posts;
    while (queue->first) {
        struct post *post = queue->first;
        queue->first = post->next;
        free(post);
    }
    if (queue->wake) {
        event_free(queue->wake);
    }
    if (queue->wake_fd >= 0) {
        close(queue->wake_fd);
    }
}

// One round: what a posted function posts itself waits for the next, so that the loop gets its turn.
void posts_run(struct service *service)
{
    struct post_queue *queue = &service->posts;
    (void)pthread_mutex_lock(&queue->mutex);
    struct post *post = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    (void)pthread_mutex_unlock(&queue->mutex);
    while (post) {
        struct post *next = post->next;
        post->function(post->context);
        free(post);
        post = next;
    }
}

static void post_append(struct service *service, struct post *post)
{
    struct post_queue *queue = &service->posts;
    (void)pthread_mutex_lock(&queue->mutex);
    *queue->last = post;
    queue->last = &post->next;
    (void)pthread_mutex_unlock(&queue->mutex);
    uint64_t one = 1;
    ssize_t written = write(queue->wake_fd, &one, sizeof(one));
    (void)written; // full means that the loop is woken already
}

void service_post(struct service *service, void (*function)(void *context), void *context)
{
    struct post *post = calloc(1, sizeof(*post));
    if (!post) {
        // A result that never arrives would hang somebody for ever; a restart repairs everything.
        log_err("out of memory");
        abort();
    }
    post->function = function;
    post->context = context;
    post_append(service, post);
}

static struct job *next_job(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->ending) {
        (void)pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    struct job *job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first) {
            pool->last = &pool->first;
        }
        pool->waiting--;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *work(void *context)
{
    struct pool *pool = context;
    for (struct job *job = next_job(pool); job; job = next_job(pool)) {
        job->run(job->context);
        service_post(pool->service, job->done, job->context);
        free(job);
    }
    return NULL;
}

static struct pool *pool_new(struct service *service, struct error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    pool->service = service;
    pool->last = &pool->first;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->changed, NULL);
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); // signals are the loop's
    for (; pool->thread_count < SERVICE_WORKERS; pool->thread_count++) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0) {
            break;
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pool->thread_count == 0) {
        (void)error_set(err, ERROR_IO, "cannot start a thread");
        return pool_free(pool);
    }
    return pool;
}

struct pool *pool_free(struct pool *pool)
{
    if (!pool) {
        return NULL;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return NULL;
}

static int pool_add(struct pool *pool, struct job *job)
{
    (void)pthread_mutex_lock(&pool->mutex);
    bool full = pool->waiting >= SERVICE_WORK_MAX;
    if (!full) {
        *pool->last = job;
        pool->last = &job->next;
        pool->waiting++;
        (void)pthread_cond_signal(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return full ? -1 : 0;
}

int service_work(struct service *service, void (*run)(void *context), void (*done)(void *context), void *context,
                 struct error *err)
{
    if (service->exiting) {
        return error_set(err, ERROR_UNAVAILABLE, "stopping");
    }
    if (!service->pool) {
        service->pool = pool_new(service, err);
        if (!service->pool) {
            return -ENOMEM;
        }
    }
    struct job *job = calloc(1, sizeof(*job));
    if (!job) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    *job = (struct job){.run = run, .done = done, .context = context};
    if (pool_add(service->pool, job) < 0) {
        free(job);
        return error_set(err, ERROR_UNAVAILABLE, "%d jobs are waiting already", SERVICE_WORK_MAX);
    }
    return 0;
}
