/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams of a guest that work for as long as a test wants; with cuda_fixture.h. */
#ifndef TESTS_UNIT_MEDIATOR_CUDA_GATE_H
#define TESTS_UNIT_MEDIATOR_CUDA_GATE_H

#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
};

#define CLOSED_GATE {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER}

static inline void pass_gate(void *context)
{
    struct gate *gate = context;

    pthread_mutex_lock(&gate->lock);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->opened, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

/* The stream stops there. */
static inline void close_gate(struct gate *gate, uint32_t stream)
{
    CUstream passing;

    assert_int_equal(cuda_stream_take(session->cuda, stream, &passing), CUDA_SUCCESS);
    assert_int_equal(cuLaunchHostFunc(passing, pass_gate, gate), CUDA_SUCCESS);
}

static inline void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->lock);
}

static inline void wait_until_idle(void)
{
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    while (cuda_is_busy(session)) {
        assert_true(clock_now_ns() < until_ns);
    }
}

#endif
