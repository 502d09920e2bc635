/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reference rasteriser, by Direct3D 11's rules: triangles cover pixels whose centre is inside,
 * the top-left rule decides on edges; a line draws pixels whose diamond it leaves, a point the one
 * pixel around it; positions have 8 bits below the pixel. One sample, one target of
 * R8G8B8A8_UNORM, depth of 32-bit floats, 8 bits of stencil. Slow and plain on purpose.
 */
#ifndef TESTS_MEDIATOR_RASTER_H
#define TESTS_MEDIATOR_RASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pvgpu_command.h"
#include "protocol/pvgpu_draw.h"

#define RASTER_SIDE 64u
#define RASTER_PIXELS (RASTER_SIDE * RASTER_SIDE)
#define RASTER_ONE 256 /* a pixel's side in positions */

struct raster_vertex {
    int32_t x, y; /* from the target's upper left corner */
    float z;      /* in 0..1, or, where depth is clipped or clamped, beyond */
    float w;      /* of clip space: 1 without perspective */
    float colour[4];
    float place[2]; /* in the texture */
};

/* What a pixel shader gets; colour is what the vertices' is there. */
struct raster_fragment {
    uint32_t pixel; /* its number */
    float z;
    float colour[4];
    float place[2];
    bool is_front;
};

struct raster {
    uint8_t pixels[RASTER_PIXELS][4]; /* r, g, b, a; row after row */
    float depth[RASTER_PIXELS];
    uint8_t stencil[RASTER_PIXELS];

    struct bg_pvgpu_rectangle scissor; /* with rasterizer.scissor */
    struct bg_pvgpu_create_rasterizer_state rasterizer;
    struct bg_pvgpu_create_depth_stencil_state depth_stencil;
    struct bg_pvgpu_blend_target blend;
    float blend_factor[4];
    uint8_t stencil_ref;
    float depth_unit; /* what a depth_bias of 1 is, by the target's format */
    bool flat;        /* colours are those of a primitive's first vertex */
    /* Changes colour; NULL: it stays. */
    void (*shade)(void *owner, struct raster_fragment *fragment);
    void *owner;
};

/* Direct3D's default states, without depth; all bytes 0, depth 1. */
void raster_reset(struct raster *raster);

void raster_clear(struct raster *raster, const float colour[4]);
void raster_triangle(struct raster *raster, const struct raster_vertex vertices[3]);
void raster_line(struct raster *raster, const struct raster_vertex *from,
                 const struct raster_vertex *to);
void raster_point(struct raster *raster, const struct raster_vertex *vertex);
/* Vertices as BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP. */
void raster_strip(struct raster *raster, const struct raster_vertex *vertices, uint32_t count);

/* Of a UNORM of 8 bits. */
uint8_t raster_to_byte(float value);

/* How many have a channel that is further away than `steps`; prints the first. */
unsigned raster_count_others(const struct raster *raster, const uint8_t *pixels, unsigned steps);

#endif
