/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the variables of a module lie. */
#ifndef CUDA_CPU_PTX_LAYOUT_H
#define CUDA_CPU_PTX_LAYOUT_H

#include "host/cuda-cpu/ptx/module.h"

/*
 * Sets each variable's offset. Shared: in a block's shared memory, the module's before the
 * function's own, what is .extern behind all of them. Local: in a frame, as are the parameters and
 * results of functions that are no kernels, and the parameters of calls. Global and const: the
 * variable's number, module-wide. And each function's sizes of shared and local memory.
 */
void ptx_layout(struct ptx_module *module);

#endif
