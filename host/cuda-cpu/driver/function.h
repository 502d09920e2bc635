/* SPDX-License-Identifier: BSD-2-Clause */
/* What functions are asked. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_FUNCTION_H
#define CUDA_CPU_DRIVER_FUNCTION_H

#include "host/cuda-cpu/driver/module.h"

/* The context's function; a CUkernel's too, whose module is loaded then. */
CUresult function_of_handle(struct context *context, const void *handle,
                            struct function **function);

int function_threads_max(const struct program_kernel *kernel); /* of a block */

/* Blocks of so many threads that a multiprocessor of this architecture holds. */
int function_count_blocks(const struct function *function, int threads, size_t dynamic);

CUresult function_get(const struct function *function, CUfunction_attribute attribute, int *value);
CUresult function_set(struct function *function, CUfunction_attribute attribute, int value);
CUresult function_parameter(const struct program_kernel *kernel, size_t index, size_t *offset,
                            size_t *size);

/* Bytes of all parameters as a launch has them, with what aligns their end to 8. */
size_t function_parameter_room(const struct program_kernel *kernel);

#endif
