/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's arrays, mipmapped or not. */
#ifndef MEDIATOR_CUDA_ARRAY_H
#define MEDIATOR_CUDA_ARRAY_H

#include "host/mediator/cuda/session.h"

struct cuda_array {
    CUarray array;              /* NULL: it is mipmapped */
    CUmipmappedArray mipmapped; /* NULL: it is not */
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    uint32_t levels;     /* 1 when it is not mipmapped */
    uint32_t texel_size; /* bytes */
    uint64_t charged;    /* of the session's memory */
};

/* NULL: there is none. */
const struct cuda_array *cuda_array_find(const struct cuda_session *cuda, uint32_t handle);

/* Bytes of a texel; 0: there is no such format. */
uint32_t cuda_texel_size(uint32_t format, uint32_t channels);

/* Whether the box, its width in bytes, lies in that level. */
bool cuda_array_has_box(const struct cuda_array *array, const struct bg_cuda_box_side *side,
                        const struct bg_cuda_copy_box *box);

/* An array by itself, or a level of a mipmapped one. */
CUresult cuda_array_get_level(const struct cuda_session *cuda, const struct cuda_array *array,
                              uint32_t level, CUarray *result);

/* All of them; nothing runs any more. */
void cuda_arrays_destroy(struct cuda_session *cuda);

#endif
