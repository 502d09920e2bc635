/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays, of one level or several: what textures and surfaces are made of. Under the driver's lock.
 */
#ifndef CUDA_CPU_DRIVER_ARRAY_H
#define CUDA_CPU_DRIVER_ARRAY_H

#include <stdbool.h>

#include "host/cuda-cpu/device/texture.h"
#include "host/cuda-cpu/driver/object.h"
#include "protocol/cuda.h"

struct context;

struct array {
    struct object object;
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    struct texture_level level; /* rows lie `pitch` bytes from each other */
};

/* All levels of an image, in one allocation; of an array there is one. */
struct levels {
    struct object object; /* OBJECT_MIPMAP */
    struct levels *next;  /* of the context */
    struct context *context;
    bool is_mipmap; /* else its array is what the program knows */
    uint64_t start;
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    unsigned count;
    struct array arrays[];
};

/* False: not one that textures know. */
bool array_format(CUarray_format format, enum texture_format *result);

unsigned array_texel_size(const struct array *array);

/* `size` bytes from this offset on, row behind row without what lies between rows, as a box. */
struct array_box {
    size_t x, y, z;              /* bytes, rows, slices */
    size_t width, height, depth; /* bytes, rows, slices */
};

/* False: it is neither within a row nor whole rows and slices, or beyond the array. */
bool array_box_at(const struct array *array, size_t offset, size_t size, struct array_box *box);
bool array_has_box(const struct array *array, const struct array_box *box);

void array_destroy_all(struct context *context);

#endif
