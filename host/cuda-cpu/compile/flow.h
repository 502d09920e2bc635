/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control flow of a function: basic blocks in the order in which the lanes of a warp go
 * through them. A block comes before its successors, but for the ways back in loops; the blocks of
 * a loop stand together, before what follows the loop.
 *
 * The first block at which lanes wait runs next; but the lanes that go back to the head of a loop
 * wait until no others are left in it. So lanes that part meet again where their ways join, and
 * those of a loop go round together.
 */
#ifndef CUDA_CPU_COMPILE_FLOW_H
#define CUDA_CPU_COMPILE_FLOW_H

#include "host/cuda-cpu/ptx/module.h"

#define FLOW_END UINT32_MAX /* behind the function */

struct flow_block {
    uint32_t first, end;     /* instructions */
    const uint32_t *targets; /* blocks that its last instruction may go to */
    size_t target_count;
    uint32_t next;     /* block that follows when it goes nowhere; FLOW_END */
    uint32_t loop;     /* head of the innermost loop that holds it, itself; FLOW_END: none does */
    uint32_t loop_end; /* of a head: the first block behind its loop */
    uint32_t outer;    /* of a head: the loop around its own, by its head; or FLOW_END */
};

struct flow {
    struct flow_block *blocks; /* in order; the first is the entry */
    size_t count;
};

/* False: no memory. */
bool flow_create(const struct ptx_function *function, struct flow *flow);
void flow_destroy(struct flow *flow);

/* Where lanes may go from a block: to the targets, and with the index behind theirs to the next. */
uint32_t flow_successor(const struct flow_block *block, size_t index);

#endif
