/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Textures and surfaces: images in memory, how they are sampled, and the handles that kernels have
 * of them. PTX ISA 9.7.10 and 9.7.11; CUDA C++ Programming Guide, Texture Fetching.
 *
 * Texels are read and written by the warp's own gather and scatter: what a texture says of memory
 * is believed no more than a pointer is.
 */
#ifndef CUDA_CPU_DEVICE_TEXTURE_H
#define CUDA_CPU_DEVICE_TEXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/device/warp.h"

#define TEXTURE_LEVELS_MAX 18

enum texture_format {
    TEXTURE_U8,
    TEXTURE_U16,
    TEXTURE_U32,
    TEXTURE_S8,
    TEXTURE_S16,
    TEXTURE_S32,
    TEXTURE_F16,
    TEXTURE_F32,
};

enum texture_address { TEXTURE_WRAP, TEXTURE_CLAMP, TEXTURE_MIRROR, TEXTURE_BORDER };

struct texture_level {
    uint64_t address;
    uint32_t width, height, depth; /* texels; what an image does not have is 1; depth: layers too */
    uint64_t pitch, slice;         /* bytes */
};

struct texture {
    enum texture_format format;
    uint32_t channels; /* 1, 2 or 4 */
    uint32_t level_count;
    struct texture_level levels[TEXTURE_LEVELS_MAX];
    bool is_surface;
    /* How it is sampled; of textures. */
    enum texture_address address[3]; /* without normalised coordinates all but BORDER clamp */
    bool is_linear;                  /* filtered, if its texels are read as floats */
    bool is_linear_in_levels;
    bool has_normalised_coordinates;
    bool reads_integers; /* as they are; else 8 and 16 bits are 0 to 1, or -1 to 1 */
    bool is_srgb;        /* of 8 bits */
    float level_bias, level_min, level_max;
    float border[4];
};

/* ---- Handles ---- */

/* Zeroed at first. Kernels look into it while others change it. */
struct textures {
    pthread_rwlock_t lock;
    struct texture_entry *entries;
    size_t count;
    uint32_t last; /* generation */
};

/* A handle, which is no other one's ever; 0: no memory. */
uint64_t textures_add(struct textures *textures, const struct texture *texture);
bool textures_remove(struct textures *textures, uint64_t handle, bool is_surface);
bool textures_find(struct textures *textures, uint64_t handle, bool is_surface,
                   struct texture *texture);
void textures_clear(struct textures *textures);

/* ---- What compiled code asks for ---- */

enum texture_geometry {
    TEXTURE_1D,
    TEXTURE_2D,
    TEXTURE_3D,
    TEXTURE_A1D,
    TEXTURE_A2D,
    TEXTURE_CUBE,
    TEXTURE_ACUBE,
};

enum texture_lod { TEXTURE_LOD_NONE, TEXTURE_LOD_LEVEL, TEXTURE_LOD_GRADIENTS };

enum texture_query {
    TEXTURE_WIDTH,
    TEXTURE_HEIGHT,
    TEXTURE_DEPTH,
    TEXTURE_CHANNEL_DATA_TYPE, /* by OpenCL's numbers, as the next one */
    TEXTURE_CHANNEL_ORDER,
    TEXTURE_NORMALIZED_COORDS,
    TEXTURE_FORCE_UNNORMALIZED_COORDS,
    TEXTURE_ARRAY_SIZE,
    TEXTURE_MIPMAP_LEVELS,
    TEXTURE_SAMPLES,
    TEXTURE_MEMORY_LAYOUT,
    TEXTURE_FILTER_MODE,
    TEXTURE_ADDRESS_0,
    TEXTURE_ADDRESS_1,
    TEXTURE_ADDRESS_2,
};

/* What a surface does with coordinates that are outside. */
enum texture_outside { TEXTURE_OUTSIDE_TRAP, TEXTURE_OUTSIDE_CLAMP, TEXTURE_OUTSIDE_ZERO };

enum texture_operation {
    TEXTURE_FETCH,
    TEXTURE_GATHER, /* one component of four texels */
    TEXTURE_QUERY,
    SURFACE_LOAD,
    SURFACE_STORE,
    SURFACE_REDUCE,
    SURFACE_QUERY,
};

/* An instruction, as compiled code hands it over: 64 bits. */
struct texture_form {
    uint64_t operation : 3;
    uint64_t geometry : 3;
    uint64_t has_integer_coordinates : 1;
    uint64_t lod : 2;
    uint64_t component : 2; /* of GATHER */
    uint64_t query : 4;
    uint64_t is_half : 1; /* results of textures are f16 */
    /* of surfaces */
    uint64_t outside : 2;
    uint64_t is_formatted : 1; /* coordinates and values are texels */
    uint64_t size : 4;         /* bytes of an element */
    uint64_t elements : 3;
    uint64_t atomic : 16; /* what REDUCE does, as struct warp's atomic; formatted: without a type */
};

/* Arguments and results, lane by lane. */
struct texture_request {
    uint64_t handles[WARP_LANES];
    uint32_t coordinates[4][WARP_LANES]; /* bits; of arrays the layer first */
    uint32_t level[WARP_LANES];          /* of the coordinates' type; of queries an integer */
    float gradients[2][3][WARP_LANES];
    int32_t offsets[3][WARP_LANES];
    uint32_t results[4][WARP_LANES];
};

struct surface_request {
    uint64_t handles[WARP_LANES];
    uint32_t coordinates[4][WARP_LANES];
    unsigned char values[4][WARP_LANES * sizeof(uint64_t)]; /* elements of `size` bytes each */
};

/* warp.h */
void texture_request(struct warp *warp, void *request, uint64_t form, uint32_t mask, uint32_t site);

/* ---- Within the texture unit ---- */

/* texture.c calls these for lanes of one texture. */
void sample_texture(struct warp *warp, struct texture_request *request,
                    const struct texture_form *form, const struct texture *texture, uint32_t mask,
                    uint32_t site);
void access_surface(struct warp *warp, struct surface_request *request,
                    const struct texture_form *form, const struct texture *surface, uint32_t mask,
                    uint32_t site);

/* No such texture, or outside of it: reported where that is checked, or the kernel ends. */
void texture_refuse(struct warp *warp, const char *what, uint32_t mask, uint32_t site);

unsigned texture_channel_size(enum texture_format format); /* bytes */
bool texture_is_signed(enum texture_format format);

#endif
