/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A texture fetch, one point at a time, by the formulas of the CUDA C++ Programming Guide, Texture
 * Fetching. Weights have 8 bits behind the point.
 */
#ifndef TESTS_MODELS_PTX_TEXTURE_H
#define TESTS_MODELS_PTX_TEXTURE_H

#include "host/cuda-cpu/device/texture.h"

struct texture_fetch {
    enum texture_geometry geometry;
    bool is_integer; /* coordinates and level */
    enum texture_lod lod;
    uint32_t coordinates[4]; /* bits; the layer first */
    uint32_t level;          /* bits */
    float gradients[2][3];
    int32_t offsets[3];
    int gather; /* the component; -1: none */
};

/* Results: floats, or integers where the texture is read so. */
void model_fetch(const struct texture *texture, const struct texture_fetch *fetch,
                 double results[4]);

bool model_is_float(const struct texture *texture);

#endif
