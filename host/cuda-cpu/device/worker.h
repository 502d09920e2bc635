/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the device: a launch while it runs, and the host threads that run its blocks. */
#ifndef CUDA_CPU_DEVICE_WORKER_H
#define CUDA_CPU_DEVICE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/cuda-cpu/device/launch.h"

struct block;

/* Blocks have ranks: the order in which they begin. */
struct run {
    const struct launch *launch;
    uint64_t block_count;
    bool is_alone;           /* this host thread and no other looks at the device's memory */
    _Atomic uint64_t next;   /* rank of the block that begins next */
    _Atomic uint64_t failed; /* lowest rank of those that went wrong; block_count: none */
    _Atomic uint32_t workers, stuck;
    pthread_mutex_t lock; /* of failing, and of printing */
    enum launch_status status;
    struct launch_fault *fault;
    uint64_t workspace; /* see struct warp */
};

/* The block of this rank went wrong. Only the lowest rank is kept; fault may be NULL. */
void run_fail(struct run *run, uint64_t rank, enum launch_status status,
              const struct launch_fault *fault);

/* Blocks that begin next, from this rank on, up to so many. 0: there are none, or they are not to
 * begin. */
uint64_t run_take(struct run *run, uint64_t most, uint64_t *rank);

/* Whether the block of this rank is to stop, since one before it went wrong. Here, as it is asked
 * for each block. */
static inline bool run_is_over(struct run *run, uint64_t rank)
{
    uint64_t failed = atomic_load_explicit(&run->failed, memory_order_relaxed);

    return rank > failed || (run->launch->cooperative && failed < run->block_count);
}

/* One host thread. Zeroed at first; its blocks are kept from launch to launch. */
struct worker {
    struct worker *next; /* of the pool's idle ones */
    struct block **blocks;
    uint32_t count, active; /* those that run stand in front */
    uint64_t start_ns,
        start_cpu_ns; /* of its time, by the clock (0: not yet) and of the processor */
    uint64_t look_ns; /* its time is not up before that, by the clock */
};

/* Whether all of the launch is to stop: it was told to, or this thread's time for it is up. */
bool worker_is_late(struct worker *worker, const struct run *run);

/* Runs blocks of a struct run until there are no more. */
void worker_run(void *run, struct worker *worker);
void worker_clear(struct worker *worker);

#endif
