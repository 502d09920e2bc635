/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program loads as a module: PTX, or a fat binary with PTX in it, as nvcc -fatbin makes it.
 * From any thread, without the lock.
 */
#ifndef CUDA_CPU_DRIVER_FATBIN_H
#define CUDA_CPU_DRIVER_FATBIN_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/cuda.h"

struct fatbin_text {
    const char *text; /* not NUL-terminated */
    size_t size;
    char *owned; /* to be freed; NULL: the text is in the image */
};

/* Opens what unpacks fat binaries, for processes that may not open files later. */
void fatbin_prepare(void);

#define FATBIN_UNSIZED SIZE_MAX /* the image itself says where it ends */

/* The PTX for devices of this architecture; of several the newest. CUDA_ERROR_NO_BINARY_FOR_GPU:
 * there is none; CUDA_ERROR_INVALID_IMAGE: the image contradicts itself, or its size. */
CUresult fatbin_find(const void *image, size_t size, unsigned arch, struct fatbin_text *text);

#endif
