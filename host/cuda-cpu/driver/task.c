/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/task.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"

/* Who has nothing to do looks for so many turns, some ten microseconds, before it sleeps; in
 * between it lets go of the processor, which may be the one that what it waits for needs. */
#define SPINS 2000
/* So often those that are held are asked, by one thread: at first, and when nothing comes of it. */
#define NAP_NS 20000
#define NAP_MAX_NS 500000
#define SPINS_TO_YIELD 100

static struct {
    struct task *first, **end;    /* those that are ready */
    struct task *held;            /* those that would be, but may not run yet */
    struct task *oldest, *newest; /* of those under way */
    uint64_t number;              /* of submissions */
    struct task_after *after, **after_end;
    uint64_t asked_ns, nap_ns; /* when they were asked last, and how long ago that is to be */
    pthread_cond_t ready;      /* for workers: a task is, one is held, or they are to end */
    pthread_cond_t done;       /* for who waits: a task is, or is ready */
    unsigned sleepers, waiters;
    pthread_t *workers;
    unsigned worker_count;
    bool started, stopping;
    bool spinning; /* a worker is about to see that it was called */
    bool called;
    bool napping; /* a thread is about to ask those that are held */
} engine = {
    .end = &engine.first,
    .after_end = &engine.after,
    .ready = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

/* ---- Tasks ---- */

void *task_create(size_t size, struct context *context, CUresult (*run)(struct task *task))
{
    struct task *task = calloc(1, size);

    if (task != NULL) {
        task->run = run;
        task->context = context;
        task->size = size;
        task->references = 1;
    }
    return task;
}

struct task *task_copy(const struct task *task)
{
    struct task *copy = malloc(task->size);

    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, task, task->size);
    copy->stream = NULL;
    copy->done = false;
    copy->references = 1;
    copy->waits = 0;
    copy->earlier = copy->later = NULL;
    copy->followers = NULL;
    copy->follower_count = copy->follower_capacity = 0;
    if (copy->copied != NULL) {
        copy->copied(copy);
    }
    return copy;
}

struct task *task_retain(struct task *task)
{
    task->references++;
    return task;
}

void task_release(struct task *task)
{
    if (task == NULL || --task->references > 0) {
        return;
    }
    free(task->followers);
    free(task);
}

static bool add_follower(struct task *earlier, struct task *task)
{
    if (earlier->follower_count == earlier->follower_capacity) {
        size_t capacity = earlier->follower_capacity ? earlier->follower_capacity * 2 : 2;
        struct task **followers = realloc(earlier->followers, capacity * sizeof(*followers));

        if (followers == NULL) {
            return false;
        }
        earlier->followers = followers;
        earlier->follower_capacity = capacity;
    }
    earlier->followers[earlier->follower_count++] = task;
    task->waits++;
    return true;
}

void task_follow(struct task *task, struct task *earlier)
{
    if (earlier != NULL && !earlier->done && !add_follower(earlier, task)) {
        task_wait(task_retain(earlier));
        task_release(earlier);
    }
}

/* ---- Those under way ---- */

static void begin(struct task *task)
{
    task->number = ++engine.number;
    task->earlier = engine.newest;
    task->later = NULL;
    *(engine.newest != NULL ? &engine.newest->later : &engine.oldest) = task;
    engine.newest = task;
}

static void end(struct task *task)
{
    *(task->earlier != NULL ? &task->earlier->later : &engine.oldest) = task->later;
    *(task->later != NULL ? &task->later->earlier : &engine.newest) = task->earlier;
}

/* They wait in the order of their numbers. */
static void call_those_after(void)
{
    struct task_after *after = engine.after;

    while (after != NULL && (engine.oldest == NULL || engine.oldest->number > after->number)) {
        engine.after = after->next;
        if (engine.after == NULL) {
            engine.after_end = &engine.after;
        }
        after->call(after);
        after = engine.after;
    }
}

void task_call_after(struct task_after *after)
{
    after->number = engine.number;
    after->next = NULL;
    *engine.after_end = after;
    engine.after_end = &after->next;
    call_those_after();
}

/* ---- Running them ---- */

static void wake_waiters(void)
{
    if (engine.waiters > 0) {
        pthread_cond_broadcast(&engine.done);
    }
}

/* Some are held, and nobody is about to ask them. */
static bool has_to_ask(void)
{
    return engine.held != NULL && !engine.napping;
}

static void call_worker(void)
{
    if (engine.spinning) {
        __atomic_store_n(&engine.called, true, __ATOMIC_RELAXED);
    } else if (engine.sleepers > 0) {
        pthread_cond_signal(&engine.ready);
    }
}

/* Where all workers have something to do, one that waits asks those that are held. */
static void wake_worker(void)
{
    if (engine.sleepers == 0 && has_to_ask()) {
        wake_waiters();
    }
    if (engine.first != NULL || has_to_ask()) {
        call_worker();
    }
}

static void append(struct task *task)
{
    task->next = NULL;
    *engine.end = task;
    engine.end = &task->next;
}

static bool is_held(struct task *task)
{
    return task->may_run != NULL && task->context->error == CUDA_SUCCESS && !task->may_run(task);
}

static void hold(struct task *task)
{
    task->next = engine.held;
    engine.held = task;
}

static void put_ready(struct task *task)
{
    if (is_held(task)) {
        hold(task);
        engine.nap_ns = NAP_NS;
    } else {
        append(task);
    }
}

static void push_ready(struct task *task)
{
    put_ready(task);
    wake_worker();
    wake_waiters();
}

/* Those that may run now are ready. */
static void ask_held(void)
{
    struct task *held = engine.held, *next;

    engine.asked_ns = clock_now_ns();
    engine.nap_ns = engine.nap_ns < NAP_MAX_NS / 2 ? engine.nap_ns * 2 : NAP_MAX_NS;
    engine.held = NULL;
    for (; held != NULL; held = next) {
        next = held->next;
        if (is_held(held)) {
            hold(held);
        } else {
            append(held);
            engine.nap_ns = NAP_NS;
        }
    }
    if (engine.first != NULL) {
        wake_worker();
        wake_waiters();
    }
}

/* Between two tasks. */
static void ask_held_in_time(void)
{
    if (engine.held != NULL && clock_now_ns() - engine.asked_ns >= engine.nap_ns) {
        ask_held();
    }
}

/* Who has nothing else to do. */
static void nap(void)
{
    const struct timespec length = {.tv_nsec = (long)engine.nap_ns};

    engine.napping = true;
    driver_unlock();
    nanosleep(&length, NULL);
    driver_lock();
    engine.napping = false;
    ask_held();
}

/* The first one that is ready, of this stream; NULL: of any. */
static struct task *take_ready(const struct stream *stream)
{
    struct task **place = &engine.first, *task;

    while (*place != NULL && stream != NULL && (*place)->stream != stream) {
        place = &(*place)->next;
    }
    task = *place;
    if (task != NULL) {
        *place = task->next;
        if (engine.end == &task->next) {
            engine.end = place;
        }
    }
    return task;
}

/* Who calls it takes what is ready now, or has a worker do so. */
static void finish(struct task *task)
{
    __atomic_store_n(&task->done, true, __ATOMIC_RELEASE);
    task->end_ns = task->run == NULL ? clock_now_ns() : 0;
    for (size_t i = 0; i < task->follower_count; i++) {
        if (--task->followers[i]->waits == 0) {
            put_ready(task->followers[i]);
        }
    }
    task->follower_count = 0;
    end(task);
    call_those_after();
    wake_waiters();
    task_release(task);
}

static void run(struct task *task)
{
    CUresult result = CUDA_SUCCESS;

    if (task->run != NULL && (task->always || task->context->error == CUDA_SUCCESS)) {
        driver_unlock();
        result = task->run(task);
        driver_lock();
    }
    if (result != CUDA_SUCCESS && task->context->error == CUDA_SUCCESS) {
        task->context->error = result;
    }
    finish(task);
}

static void pause_thread(int turn)
{
    if (turn % SPINS_TO_YIELD == SPINS_TO_YIELD - 1) {
        sched_yield();
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

/* One worker at a time looks whether something comes; then it sleeps, or asks those that are held.
 */
static void idle(void)
{
    if (has_to_ask()) {
        nap();
        return;
    }
    if (!engine.spinning) {
        engine.spinning = true;
        driver_unlock();
        for (int i = 0; i < SPINS && !__atomic_load_n(&engine.called, __ATOMIC_RELAXED); i++) {
            pause_thread(i);
        }
        driver_lock();
        engine.spinning = engine.called = false;
    }
    if (engine.first == NULL && !has_to_ask() && !engine.stopping) {
        engine.sleepers++;
        driver_wait(&engine.ready);
        engine.sleepers--;
    }
}

static void *work(void *argument)
{
    (void)argument;
    driver_lock();
    while (!engine.stopping) {
        struct task *task;

        ask_held_in_time();
        task = take_ready(NULL);
        if (task != NULL) {
            wake_worker(); /* for the next one */
            run(task);
        } else {
            idle();
        }
    }
    driver_unlock();
    return NULL;
}

/* As many as there can be; none is as if none were asked for. */
static void start_workers(void)
{
    unsigned count = driver_settings()->threads;

    engine.started = true;
    engine.workers = calloc(count ? count : 1, sizeof(*engine.workers));
    while (engine.workers != NULL && engine.worker_count < count &&
           pthread_create(&engine.workers[engine.worker_count], NULL, work, NULL) == 0) {
        engine.worker_count++;
    }
}

void task_stop_workers(void)
{
    engine.stopping = true;
    pthread_cond_broadcast(&engine.ready);
    driver_unlock();
    for (unsigned i = 0; i < engine.worker_count; i++) {
        pthread_join(engine.workers[i], NULL);
    }
    driver_lock();
    free(engine.workers);
    engine.workers = NULL;
    engine.worker_count = 0;
    engine.started = engine.stopping = false;
}

static void run_at_call(struct task *task)
{
    if (task->waits == 0 && !is_held(task)) {
        run(task);
        wake_worker();
    } else if (task->waits == 0) {
        push_ready(task);
    }
    task_wait(task);
}

void task_submit(struct task *task)
{
    task_retain(task);
    begin(task);
    if (task->at_call) {
        run_at_call(task);
        return;
    }
    if (!engine.started) {
        start_workers();
    }
    if (task->waits == 0) {
        push_ready(task);
    }
    if (engine.worker_count == 0) {
        task_wait(task);
    }
}

static void spin_for(const struct task *task)
{
    driver_unlock();
    for (int i = 0; i < SPINS && !__atomic_load_n(&task->done, __ATOMIC_ACQUIRE); i++) {
        pause_thread(i);
    }
    driver_lock();
}

void task_wait(struct task *task)
{
    bool spun = false;

    while (!task->done) {
        struct task *other = take_ready(engine.worker_count ? task->stream : NULL);

        if (other != NULL) {
            run(other);
            wake_worker();
        } else if (has_to_ask()) {
            nap();
        } else if (!spun) {
            spin_for(task);
            spun = true;
        } else {
            engine.waiters++;
            driver_wait(&engine.done);
            engine.waiters--;
        }
    }
    if (has_to_ask()) {
        wake_worker(); /* it was asked here until now */
    }
}
