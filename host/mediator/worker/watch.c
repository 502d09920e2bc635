/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/watch.h"

#include <pthread.h>

#include "host/common/clock.h"

#define HANG_MARGIN_NS NS_PER_S
#define HANG_SHARE 16u /* of the time: less than that of a processor is none */
#define LOOK_MIN_NS NS_PER_MS
#define LOOK_MAX_NS NS_PER_S

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

void watch_open(struct watch *watch)
{
    pthread_getcpuclockid(pthread_self(), &watch->clock);
}

void watch_begin(struct watch *watch, enum watch_time time, uint64_t now_ns, uint64_t limit_ns)
{
    __atomic_store_n(&watch->time, time, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->waited_ns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->limit_ns, limit_ns, __ATOMIC_RELAXED);
    store(&watch->started_ns, now_ns);
}

void watch_end(struct watch *watch)
{
    store(&watch->started_ns, 0);
}

void watch_pause(struct watch *watch)
{
    store(&watch->waiting_ns, clock_now_ns());
}

void watch_resume(struct watch *watch)
{
    store(&watch->waited_ns, watch->waited_ns + clock_now_ns() - watch->waiting_ns);
    store(&watch->waiting_ns, 0);
}

bool watch_is_on(const struct watch *watch)
{
    return load(&watch->started_ns) != 0;
}

static bool stands_still(uint64_t used_ns, uint64_t elapsed_ns, uint64_t limit_ns)
{
    return elapsed_ns >= limit_ns + HANG_MARGIN_NS && used_ns < elapsed_ns / HANG_SHARE;
}

bool watch_is_over(uint64_t used_ns, uint64_t elapsed_ns, uint64_t limit_ns)
{
    return used_ns >= limit_ns || stands_still(used_ns, elapsed_ns, limit_ns);
}

/* Without the waits. */
static uint64_t get_elapsed_ns(const struct watch *watch, uint64_t started_ns, uint64_t now_ns)
{
    uint64_t waiting_ns = load(&watch->waiting_ns), waited_ns = load(&watch->waited_ns);
    uint64_t until_ns = waiting_ns != 0 ? waiting_ns : now_ns;

    return until_ns > started_ns + waited_ns ? until_ns - started_ns - waited_ns : 0;
}

static uint64_t count_ns(enum watch_time time, uint64_t elapsed_ns, uint64_t thread_ns,
                         uint64_t process_ns)
{
    switch (time) {
    case WATCH_THREAD:
        return thread_ns;
    case WATCH_PROCESS:
        return process_ns < elapsed_ns ? process_ns : elapsed_ns;
    default:
        return elapsed_ns;
    }
}

bool watch_judge(struct watch *watch, uint64_t started_ns, uint64_t now_ns,
                 const struct watch_use *used, uint64_t *next_ns)
{
    uint64_t elapsed_ns = get_elapsed_ns(watch, started_ns, now_ns);
    uint64_t limit_ns = load(&watch->limit_ns);

    if (watch->seen_ns != started_ns) {
        watch->seen_ns = started_ns;
        watch->seen_used = *used;
    }
    uint64_t process_ns = used->process_ns - watch->seen_used.process_ns;
    uint64_t used_ns = count_ns(__atomic_load_n(&watch->time, __ATOMIC_RELAXED), elapsed_ns,
                                used->thread_ns - watch->seen_used.thread_ns, process_ns);
    if (used_ns >= limit_ns || stands_still(process_ns, elapsed_ns, limit_ns)) {
        return load(&watch->started_ns) == started_ns; /* else it has ended meanwhile */
    }
    uint64_t left_ns = limit_ns - used_ns;
    left_ns = left_ns < LOOK_MIN_NS ? LOOK_MIN_NS : left_ns;
    *next_ns = now_ns + (left_ns < LOOK_MAX_NS ? left_ns : LOOK_MAX_NS);
    return false;
}

bool watch_look(struct watch *watch, uint64_t now_ns, uint64_t *next_ns)
{
    uint64_t started_ns = load(&watch->started_ns);

    *next_ns = WATCH_NEVER;
    if (started_ns == 0) {
        return false;
    }
    const struct watch_use used = {clock_read_ns(watch->clock),
                                   clock_read_ns(CLOCK_PROCESS_CPUTIME_ID)};
    return watch_judge(watch, started_ns, now_ns, &used, next_ns);
}
