/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What compiled kernels do by a call: over 32 lanes, arrays in and an array out. FUNCTION(name,
 * result, argument, expression): of a, b and c; F32 and so on are the types of the arrays'
 * elements.
 */
#ifndef CUDA_CPU_DEVICE_FUNCTION_H
#define CUDA_CPU_DEVICE_FUNCTION_H

#include <stdint.h>

enum warp_function {
#define FUNCTION(name, result, argument, expression) WARP_##name,
#include "host/cuda-cpu/device/functions.def"
#undef FUNCTION
    WARP_FUNCTIONS
};

struct warp;

void warp_function_call(struct warp *warp, uint32_t number, void *result, const void *a,
                        const void *b, const void *c);

#endif
