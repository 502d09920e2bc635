/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rematerialisation: a move from a register that its block has just computed becomes the same
 * computation once more. Compilers end loops so: a counter's next value under one name, which is
 * read behind the loop too, and then a copy of it. Behind the loop it is one that lanes left in
 * rounds of their own; the copy may be the same in all lanes of a round, and needs not wait for
 * what those have that left.
 */
#ifndef CUDA_CPU_COMPILE_REMAT_H
#define CUDA_CPU_COMPILE_REMAT_H

#include "host/cuda-cpu/compile/flow.h"

/* The function with instructions of its own. False: no memory. */
bool remat_create(const struct ptx_function *function, const struct flow *flow,
                  struct ptx_function *own);
void remat_destroy(struct ptx_function *own);

#endif
