/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays of several levels (array.c); struct cuda_array is one level. */
#ifndef FIRMWARE_CUDA_ARRAY_H
#define FIRMWARE_CUDA_ARRAY_H

#include "firmware/cuda/internal.h"

struct cuda_mipmap {
    struct cuda_object object;
    uint32_t number; /* the worker's */
    uint32_t count;
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    struct cuda_array *levels[]; /* NULL: nobody has asked for it */
};

#endif
