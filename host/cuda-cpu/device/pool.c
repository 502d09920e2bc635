/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "host/cuda-cpu/device/worker.h"

/* A function that wants helpers. It lies on the stack of who waits for it. */
struct job {
    pool_function *function;
    void *context;
    unsigned wanted; /* helpers that may still come */
    unsigned active; /* that came */
    struct job *next;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    struct job *jobs; /* that want helpers */
    struct worker *idle;
    bool ends;
    unsigned helper_max, helper_count;
    pthread_t helpers[];
};

/* ---- Workers ---- */

static struct worker *take_worker(struct pool *pool)
{
    struct worker *worker;

    pthread_mutex_lock(&pool->lock);
    worker = pool->idle;
    if (worker != NULL) {
        pool->idle = worker->next;
    }
    pthread_mutex_unlock(&pool->lock);
    return worker != NULL ? worker : calloc(1, sizeof(*worker));
}

static void give_worker(struct pool *pool, struct worker *worker)
{
    pthread_mutex_lock(&pool->lock);
    worker->next = pool->idle;
    pool->idle = worker;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- Helpers ---- */

static void remove_job(struct pool *pool, const struct job *job)
{
    struct job **place = &pool->jobs;

    while (*place != NULL && *place != job) {
        place = &(*place)->next;
    }
    if (*place != NULL) {
        *place = job->next;
    }
}

static void help(struct pool *pool, struct job *job)
{
    struct worker *worker;

    job->active++;
    if (--job->wanted == 0) {
        remove_job(pool, job);
    }
    pthread_mutex_unlock(&pool->lock);
    worker = take_worker(pool);
    if (worker != NULL) {
        job->function(job->context, worker);
        give_worker(pool, worker);
    }
    pthread_mutex_lock(&pool->lock);
    if (--job->active == 0) {
        pthread_cond_broadcast(&pool->done);
    }
}

static void *run_helper(void *argument)
{
    struct pool *pool = argument;

    pthread_mutex_lock(&pool->lock);
    while (!pool->ends) {
        if (pool->jobs != NULL) {
            help(pool, pool->jobs);
        } else {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- Pools ---- */

struct pool *pool_create(unsigned helpers)
{
    struct pool *pool = calloc(1, sizeof(*pool) + helpers * sizeof(pool->helpers[0]));

    if (pool == NULL) {
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->helper_max = helpers;
    return pool;
}

void pool_destroy(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->helper_count; i++) {
        pthread_join(pool->helpers[i], NULL);
    }
    while (pool->idle != NULL) {
        struct worker *worker = pool->idle;

        pool->idle = worker->next;
        worker_clear(worker);
        free(worker);
    }
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* With the lock. Where there can be no more, those that are there do. */
static void start_helpers(struct pool *pool)
{
    while (pool->helper_count < pool->helper_max) {
        pthread_t *helper = &pool->helpers[pool->helper_count];

        if (pthread_create(helper, NULL, run_helper, pool) != 0) {
            pool->helper_max = pool->helper_count;
        } else {
            pool->helper_count++;
        }
    }
}

static void call_helpers(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    start_helpers(pool);
    job->next = pool->jobs;
    pool->jobs = job;
    for (unsigned i = 0; i < job->wanted; i++) {
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_helpers(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    remove_job(pool, job);
    while (job->active) {
        pthread_cond_wait(&pool->done, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

bool pool_run(struct pool *pool, unsigned helpers, pool_function *function, void *context)
{
    struct job job = {.function = function, .context = context, .wanted = helpers};
    struct worker *worker = take_worker(pool);

    if (worker == NULL) {
        return false;
    }
    if (helpers) {
        call_helpers(pool, &job);
    }
    function(context, worker);
    if (helpers) {
        wait_for_helpers(pool, &job);
    }
    give_worker(pool, worker);
    return true;
}
