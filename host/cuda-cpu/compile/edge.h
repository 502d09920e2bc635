/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels whose warps part at edges alone: by comparing what lies in steps (affine.h), as a
 * thread's number does, with what all lanes have the same. Of a row of warps one does so, and the
 * others are whole: what is there for lanes that part, outside of loops, is seldom run.
 */
#ifndef CUDA_CPU_COMPILE_EDGE_H
#define CUDA_CPU_COMPILE_EDGE_H

#include "host/cuda-cpu/compile/affine.h"

/* False, too, when there is no memory to find it out. */
bool edge_is_all(const struct ptx_function *function, const struct uniform *uniform,
                 const struct affine *affine);

#endif
