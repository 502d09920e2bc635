/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Libraries: modules of no context, which come into one when a kernel of theirs is used there.
 * Under the driver's lock.
 */
#ifndef CUDA_CPU_DRIVER_LIBRARY_H
#define CUDA_CPU_DRIVER_LIBRARY_H

#include "host/cuda-cpu/driver/module.h"

/* The function in the context that a CUkernel stands for; CUDA_ERROR_INVALID_HANDLE: it is none. */
CUresult library_find_function(struct context *context, const void *handle,
                               struct function **function);

#endif
