/* SPDX-License-Identifier: BSD-2-Clause */
/* What run=cuda computes, and how it is checked: by CUDA's driver API alone. */
#ifndef FIRMWARE_APPS_CUDA_WORK_H
#define FIRMWARE_APPS_CUDA_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/cuda.h"

/* How much of it, by the user's choice. */
struct cuda_sizes {
    uint32_t side;  /* of matrices */
    uint32_t count; /* words that are summed and scanned, bytes that are counted */
    uint32_t bodies;
};

#define CUDA_SIDE_MAX 2048u
#define CUDA_COUNT_MAX (1024u * 1024) /* the sums of 1024 blocks are scanned by one */
#define CUDA_BODIES_MAX 65536u

/* A computation. All act in the current context; what they return is CUDA's error. */
struct cuda_work {
    /* Its name for a person into `text`, and how much is done in a run, of which unit. */
    void (*describe)(char *text, size_t size, double *amount, const char **unit);
    /* Memory with its content, on both sides. */
    CUresult (*prepare)(CUmodule module);
    /* Launches; the same result whenever it is called. Does not wait. */
    CUresult (*run)(void);
    /* Reads the result and compares it. */
    CUresult (*compare)(bool *is_right);
};

#define CUDA_WORKS 5
extern const struct cuda_work cuda_works[CUDA_WORKS];

void cuda_work_choose(const struct cuda_sizes *sizes);

/* Frees what `prepare` took, also after an error. */
void cuda_work_release(void);

/* ---- A picture ---- */

struct cuda_view { /* the kernel's struct view */
    float left, top, step;
    uint32_t width, height, limit;
};

/* All of the set in width x height pixels. */
struct cuda_view cuda_view_of(uint32_t width, uint32_t height);

/* A kernel writes width x height pixels, 0xRRGGBB, to `pixels`. Does not wait. */
CUresult cuda_view_draw(CUmodule module, const struct cuda_view *view, CUdeviceptr pixels);

/* Computes every `stride`th pixel anew; rows are `pitch` pixels apart. Channels may differ by two:
 * two logarithms are the device's. */
bool cuda_view_is_right(const struct cuda_view *view, const uint32_t *pixels, uint32_t pitch,
                        uint32_t stride);

#endif
