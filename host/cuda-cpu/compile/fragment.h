/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments of matrices, which lie in memory: registers that one instruction sets together, and
 * none but it, lie beside each other in the frame as the device wants them, and matrix
 * instructions take and leave them there. A product is a call with four pointers then, instead of
 * vectors that are copied to and fro, of which large kernels had more than LLVM could bear.
 */
#ifndef CUDA_CPU_COMPILE_FRAGMENT_H
#define CUDA_CPU_COMPILE_FRAGMENT_H

#include "host/cuda-cpu/compile/uniform.h"

#define FRAGMENT_NONE UINT32_MAX

struct fragments {
    uint32_t *places; /* of each register: bytes from the start of that memory; or FRAGMENT_NONE */
    uint32_t size;    /* bytes of it */
};

/* False: no memory. */
bool fragments_create(const struct ptx_function *function, const struct uniform *uniform,
                      struct fragments *fragments);
void fragments_destroy(struct fragments *fragments);

/* Whether these registers lie beside each other, each so many bytes wide. */
bool fragments_are_beside(const struct fragments *fragments, const struct ptx_operand *items,
                          size_t count, uint32_t width);

#endif
