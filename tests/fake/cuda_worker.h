/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker in this program, on the CUDA device on the CPU: the mediator's code for CUDA commands,
 * between a session and the end of one, as a worker process is. With a heap, as pvgpu's, or
 * without, as vgpu-stub's. For the guest's side, which knows none of the mediator's types.
 */
#ifndef TESTS_FAKE_CUDA_WORKER_H
#define TESTS_FAKE_CUDA_WORKER_H

#include <stdbool.h>
#include <stdint.h>

/* One command. With a heap, data and answer lie in it. */
struct fake_worker_command {
    uint32_t number;
    uint32_t param_count;
    const uint32_t *params;
    bool is_silent; /* nobody reads its results */
    const uint8_t *data;
    uint64_t data_size;
    uint8_t *answer;
    uint64_t answer_room;
    /* Out. */
    uint64_t answer_size; /* of what is at `answer` */
    uint32_t results[2];
};

/* heap_size 0: there is none. There is one worker at a time. */
void fake_worker_begin(uint64_t heap_size);

/* Everything is given back; false: it was not. */
bool fake_worker_end(void);

/* It dies, and a new one comes. The heap and its content stay. */
void fake_worker_replace(void);

uint8_t *fake_worker_heap(void);

/* An enum bg_compute_status. */
int fake_worker_run(struct fake_worker_command *command);

/* What a worker does every now and then: finds what kernels did wrong. */
void fake_worker_look(void);

#endif
