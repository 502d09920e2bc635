/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/streams.h"

#include <time.h>

#include "host/common/clock.h"
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/worker/watch.h"

#define NAP_NS 100000

/* Of the device: a GPU's is the clock's, the CPU's is what all threads of the worker use. */
static uint64_t get_used_ns(bool on_gpu)
{
    struct timespec used;

    clock_gettime(on_gpu ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

void streams_finish(struct session *session, bool on_gpu, uint64_t limit_ns)
{
    uint64_t started_ns = clock_now_ns(), used_ns = get_used_ns(on_gpu);

    while (session != NULL && cuda_is_busy(session) && !session->gpu->lost) {
        if (watch_is_over(get_used_ns(on_gpu) - used_ns, clock_now_ns() - started_ns, limit_ns)) {
            cuda_time_out(session);
        }
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
}
