/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which registers hold the same in all lanes of a warp that read them. They are scalars, and what
 * is computed of them is computed once.
 *
 * This stands on the order in which lanes run (flow.h). While lanes are apart, those that run may
 * not set such a register that others wait for to read. What depends on nothing but parameters,
 * constants and the block is the same at all times.
 */
#ifndef CUDA_CPU_COMPILE_UNIFORM_H
#define CUDA_CPU_COMPILE_UNIFORM_H

#include "host/cuda-cpu/compile/flow.h"
#include "host/cuda-cpu/compile/live.h"

struct uniform {
    bool *differs; /* of each register: lanes may have other values than others have */
    bool *stays;   /* it may be read in other blocks than where it was set */
    uint32_t *own; /* and then it is read from no block on but this one; or FLOW_END */
    bool *apart;   /* of each block: some lanes of a warp may run it while others are elsewhere */
    bool *passed;  /* and: lanes that are apart may wait on both sides of it, and none at it */
    /* What the one mov that sets a register names: a number, or where a shared variable lies. Who
     * reads the register reads that. NULL: it is none such. */
    const struct ptx_operand **constants;
    struct live live; /* without sets: the function is too large */
};

/* row: as kernel_options has it. False: no memory. */
bool uniform_create(const struct ptx_function *function, const struct flow *flow, unsigned row,
                    struct uniform *uniform);
void uniform_destroy(struct uniform *uniform);

/* The instruction computes in each lane, of the lane's own values alone; and these are the same in
 * all. */
bool uniform_is_lane_by_lane(const struct ptx_instruction *instruction);
bool uniform_is_computed(const struct uniform *uniform, const struct ptx_instruction *instruction);

/* Of a load: all lanes read the same place. */
bool uniform_is_address(const struct uniform *uniform, const struct ptx_instruction *instruction,
                        const struct ptx_operand *address);

/* A kernel's parameter by its name, which does not change. */
bool uniform_is_parameter(const struct ptx_operand *address);

/* One number is computed, and code for it is no other than for 32: LLVM need not find that the
 * others are left out. */
bool uniform_is_scalar(const struct uniform *uniform, const struct ptx_instruction *instruction);

#endif
