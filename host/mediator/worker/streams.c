/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/streams.h"

#include <time.h>

#include "host/common/clock.h"
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/worker/watch.h"

#define NAP_NS 100000
#define LONG_NAP_NS 1000000
/* Streams that do nothing for so long, while one is held, are behind it. */
#define STILL_NS (200 * NS_PER_MS)
#define STILL_SHARE 16u /* of the time: less than that of a processor is nothing */

struct finish {
    bool on_gpu;
    uint64_t started_ns, used_ns;   /* at the start */
    uint64_t seen_ns, seen_used_ns; /* when they were last seen to do something */
};

/* Of the device: a GPU's is the clock's, the CPU's is what all threads of the worker use. */
static uint64_t get_used_ns(bool on_gpu)
{
    return clock_read_ns(on_gpu ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID);
}

static bool stand_still(struct finish *finish, uint64_t now_ns)
{
    uint64_t used_ns = get_used_ns(finish->on_gpu), elapsed_ns = now_ns - finish->seen_ns;

    if (elapsed_ns < STILL_NS) {
        return false;
    }
    if (used_ns - finish->seen_used_ns >= elapsed_ns / STILL_SHARE) {
        finish->seen_ns = now_ns;
        finish->seen_used_ns = used_ns;
        return false;
    }
    return true;
}

static bool is_over(const struct finish *finish, uint64_t now_ns, uint64_t limit_ns)
{
    return watch_is_over(get_used_ns(finish->on_gpu) - finish->used_ns, now_ns - finish->started_ns,
                         limit_ns);
}

static bool has_work(struct session *session)
{
    return cuda_is_busy(session) && cuda_is_working(session) && !session->gpu->lost;
}

void streams_finish(struct session *session, bool on_gpu, uint64_t limit_ns)
{
    uint64_t now_ns = clock_now_ns(), used_ns = get_used_ns(on_gpu);
    struct finish finish = {on_gpu, now_ns, used_ns, now_ns, used_ns};

    while (session != NULL && has_work(session)) {
        now_ns = clock_now_ns();
        if (stand_still(&finish, now_ns) && cuda_is_held(session)) {
            return;
        }
        if (is_over(&finish, now_ns, limit_ns)) {
            cuda_time_out(session);
        }
        nanosleep(&(struct timespec){.tv_nsec = now_ns - finish.started_ns < LONG_NAP_NS
                                                    ? NAP_NS
                                                    : LONG_NAP_NS},
                  NULL);
    }
}

bool streams_may_wait(struct streams_wait *wait, bool is_wanted, bool on_gpu, uint64_t limit_ns)
{
    uint64_t now_ns = clock_now_ns(), used_ns = get_used_ns(on_gpu);

    if (!is_wanted || wait->since_ns == 0) {
        *wait = (struct streams_wait){is_wanted ? now_ns : 0, used_ns};
        return true;
    }
    return !watch_is_over(used_ns - wait->used_ns, now_ns - wait->since_ns, limit_ns);
}
