/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What draws through a peer's ring, for tests: a target of RASTER_SIDE squared, buffers, shaders,
 * states; and the same drawn by the reference (raster.h). Each command must end without an error.
 * One at a time.
 */
#ifndef TESTS_MEDIATOR_PVGPU_PEN_H
#define TESTS_MEDIATOR_PVGPU_PEN_H

#include "tests/mediator/pvgpu_peer.h"
#include "tests/mediator/raster.h"

/* What every pen has. Further ids: pen_new_id(). */
#define PEN_TARGET 1u /* R8G8B8A8_UNORM; and the view of it */
#define PEN_DEPTH 2u  /* D24_UNORM_S8_UINT; and the view of it */

/* As tests/shaders/raster.vert takes it: elements 0, 1 and 2 of the layout. */
struct pen_vertex {
    float position[4], colour[4], place[2];
};

/* Makes the target, which is set, with its depth unless that is not wanted; the viewport; shaders
 * raster.vert and raster.frag; the layout; triangle lists. */
void pen_open(struct peer *peer, bool with_depth);

/* Another peer that a pen was opened for. */
void pen_use(struct peer *peer);

uint32_t pen_new_id(void);

/* A whole command, which must be right. */
void pen_run(const void *command, uint32_t size);
#define PEN_RUN(structure, command_type, ...)                                                      \
    do {                                                                                           \
        const structure command_ = PEER_COMMAND(structure, command_type, __VA_ARGS__);             \
        pen_run(&command_, sizeof(command_));                                                      \
    } while (0)

/* Bytes in the heap, good until the next but a few. */
uint32_t pen_lend(const void *data, uint32_t size);

uint32_t pen_buffer(uint32_t bind, const void *data, uint32_t size);
uint32_t pen_shader(uint32_t stage, const char *name);
void pen_set_shader(uint32_t stage, const char *name);
void pen_set_vertices(uint32_t slot, const void *data, uint32_t size, uint32_t stride);
void pen_set_indices(uint32_t format, const void *data, uint32_t size);
void pen_set_topology(uint32_t topology);
/* These take what the reference has. */
void pen_set_blend(const struct raster *raster);
void pen_set_rasterizer(const struct raster *raster);
void pen_set_depth_stencil(const struct raster *raster);

void pen_clear(const float colour[4]);
void pen_clear_depth(float depth, uint8_t stencil);
void pen_draw(uint32_t vertex_count, uint32_t start);

/* A vertex of the reference, as the shader takes it; w is used. */
struct pen_vertex pen_vertex_of(const struct raster_vertex *vertex);
/* By the ring: a buffer of its own, then a draw. */
void pen_draw_vertices(const struct raster_vertex *vertices, uint32_t count);

/* Level 0 of a texture, packed; in the heap, until the next. */
const uint8_t *pen_read(uint32_t texture, uint32_t size);
/* The target is like the reference. */
void pen_expect(const struct raster *raster, unsigned steps);

#endif
