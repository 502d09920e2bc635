/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What registers probably look like from lane to lane: how much more one has than the lane before
 * it in the same row of the block. A guess, which code that was made for it looks at before it uses
 * it: nothing needs to be right here, nor is the size of a number thought of.
 */
#ifndef CUDA_CPU_COMPILE_STEP_H
#define CUDA_CPU_COMPILE_STEP_H

#include "host/cuda-cpu/compile/uniform.h"

#define STEP_UNKNOWN INT64_MIN

struct step {
    int64_t *steps; /* of each register */
};

/* False: no memory. */
bool step_create(const struct ptx_function *function, const struct uniform *uniform,
                 struct step *step);
void step_destroy(struct step *step);

#endif
