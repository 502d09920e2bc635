/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the variables of a module lie. */
#ifndef CUDA_CPU_PTX_LAYOUT_H
#define CUDA_CPU_PTX_LAYOUT_H

#include "host/cuda-cpu/ptx/module.h"

/*
 * Sets each variable's offset, but of the shared ones, which lie elsewhere for each kernel. Local:
 * in a frame, as are the parameters and results of functions that are no kernels, and the
 * parameters of calls. Global and const: the variable's number, module-wide. And the size of each
 * function's local memory.
 */
void ptx_layout(struct ptx_module *module);

/* Whether who calls one of them may call the other: parameters and results lie alike. */
bool ptx_layout_is_alike(const struct ptx_function *a, const struct ptx_function *b);

#endif
