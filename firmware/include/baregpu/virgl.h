/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encoder of virgl commands, the stream for bg_virtio_gpu_cmd_submit_3d:
 *
 *     struct bg_virgl_encoder e;
 *
 *     bg_virgl_begin(&e, memory, sizeof(memory));
 *     bg_virgl_set_framebuffer(&e, &color_surface, 1, depth_surface);
 *     bg_virgl_clear(&e, BG_VIRGL_CLEAR_COLOR0, color, BG_VIRGL_DOUBLE_1, 0);
 *     int size = bg_virgl_end(&e);
 *
 * Commands are written whole or not at all; after the first one that does not fit, or is wrong,
 * nothing is written any more, and bg_virgl_end returns that error. Nothing else needs to be
 * checked.
 *
 * Object handles are the caller's: any but 0, one space for all kinds, per sub-context. Resources
 * are those of virtio-gpu, attached to the context. What an encoder writes is a request: the host
 * does not answer, and stops listening to a context that has sent something wrong.
 *
 * No memory is taken, no floating-point register is used: floats are given as their bits. All
 * calls are callable from anywhere.
 */
#ifndef BAREGPU_VIRGL_H
#define BAREGPU_VIRGL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "protocol/decls.h"
#include "protocol/virgl.h"

BG_BEGIN_DECLS

#define BG_VIRGL_FLOAT_0 0x00000000u
#define BG_VIRGL_FLOAT_HALF 0x3F000000u
#define BG_VIRGL_FLOAT_1 0x3F800000u
#define BG_VIRGL_DOUBLE_1 0x3FF0000000000000ull

struct bg_virgl_encoder {
    uint32_t *words;
    size_t capacity, count; /* words */
    int error;              /* the first; 0: none */
};

/* Starts at `buffer`, 4-byte aligned, which stays the caller's; `size` is in bytes. */
void bg_virgl_begin(struct bg_virgl_encoder *e, void *buffer, size_t size);

/* Bytes written, or the first error: NO_SPACE (the buffer is full), TOO_LARGE (a command of more
 * than BG_VIRGL_LENGTH_MAX words), INVALID (an argument). */
int bg_virgl_end(const struct bg_virgl_encoder *e);

/* Whether the host can use a format so, by what bg_virtio_gpu_cmd_get_capset gave: `size` bytes of
 * a BG_VIRTIO_GPU_CAPSET_VIRGL or _VIRGL2. */
bool bg_virgl_has_format(const void *capset, size_t size, enum bg_virgl_format_use use,
                         enum bg_virgl_format format);

/* ---- Sub-contexts: objects and states of their own. Number 0 is there from the start ---- */

void bg_virgl_create_sub_context(struct bg_virgl_encoder *e, uint32_t id);
void bg_virgl_use_sub_context(struct bg_virgl_encoder *e, uint32_t id);
void bg_virgl_destroy_sub_context(struct bg_virgl_encoder *e, uint32_t id);

/* ---- Objects ---- */

/* All but shaders and surfaces. Handle 0 binds none. */
void bg_virgl_bind_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type,
                          uint32_t handle);
void bg_virgl_destroy_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type,
                             uint32_t handle);

struct bg_virgl_blend_target {
    bool is_enabled;
    uint8_t color_mask; /* bits of BG_VIRGL_MASK_RGBA that are written */
    enum bg_virgl_blend_function color_function, alpha_function;
    enum bg_virgl_blend_factor color_source, color_destination, alpha_source, alpha_destination;
};

struct bg_virgl_blend {
    bool is_dithered, has_alpha_to_coverage;
    bool is_independent; /* else targets[0] counts for all colour buffers */
    struct bg_virgl_blend_target targets[BG_VIRGL_COLOR_BUFFERS_MAX];
};

void bg_virgl_create_blend(struct bg_virgl_encoder *e, uint32_t handle,
                           const struct bg_virgl_blend *blend);

struct bg_virgl_rasterizer {
    uint32_t flags;                                    /* VIRGL_RS_* */
    uint32_t point_size, line_width;                   /* floats, pixels */
    uint32_t offset_units, offset_scale, offset_clamp; /* floats; with _OFFSET_TRIANGLES */
};

void bg_virgl_create_rasterizer(struct bg_virgl_encoder *e, uint32_t handle,
                                const struct bg_virgl_rasterizer *rasterizer);

struct bg_virgl_stencil {
    bool is_enabled;
    enum bg_virgl_compare compare;
    enum bg_virgl_stencil_op stencil_fail, depth_fail, pass;
    uint8_t read_mask, write_mask;
};

struct bg_virgl_depth_stencil_alpha {
    bool has_depth_test, writes_depth;
    enum bg_virgl_compare depth_compare;
    bool has_alpha_test;
    enum bg_virgl_compare alpha_compare;
    uint32_t alpha_reference; /* float */
    struct bg_virgl_stencil front, back;
};

void bg_virgl_create_depth_stencil_alpha(struct bg_virgl_encoder *e, uint32_t handle,
                                         const struct bg_virgl_depth_stencil_alpha *state);

/* The n-th element is the vertex shader's IN[n]. */
struct bg_virgl_vertex_element {
    uint32_t offset;           /* in the vertex, bytes */
    uint32_t buffer;           /* index in bg_virgl_set_vertex_buffers */
    uint32_t instance_divisor; /* 0: one for each vertex */
    enum bg_virgl_format format;
};

void bg_virgl_create_vertex_elements(struct bg_virgl_encoder *e, uint32_t handle,
                                     const struct bg_virgl_vertex_element *elements, size_t count);

/* `text` is TGSI. The host takes room for `token_count` tokens: a few hundred are plenty for short
 * texts (an instruction has about 4 to 10). */
void bg_virgl_create_shader(struct bg_virgl_encoder *e, uint32_t handle,
                            enum bg_virgl_shader_type type, const char *text, uint32_t token_count);

/* Handle 0 binds none. */
void bg_virgl_bind_shader(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                          uint32_t handle);

/* One level of a texture, and layers `first_layer` to `last_layer`, to be drawn on. */
struct bg_virgl_surface {
    uint32_t resource_id;
    enum bg_virgl_format format;
    uint32_t level;
    uint16_t first_layer, last_layer;
};

void bg_virgl_create_surface(struct bg_virgl_encoder *e, uint32_t handle,
                             const struct bg_virgl_surface *surface);

/* ---- States ---- */

/* Surfaces. `depth` 0: none. */
void bg_virgl_set_framebuffer(struct bg_virgl_encoder *e, const uint32_t *colors, size_t count,
                              uint32_t depth);

/* Window coordinates are clip coordinates / w * scale + translate. Floats. */
struct bg_virgl_viewport {
    uint32_t scale[3], translate[3];
};

void bg_virgl_set_viewports(struct bg_virgl_encoder *e, uint32_t first,
                            const struct bg_virgl_viewport *viewports, size_t count);

struct bg_virgl_vertex_buffer {
    uint32_t stride, offset; /* bytes */
    uint32_t resource_id;
};

void bg_virgl_set_vertex_buffers(struct bg_virgl_encoder *e,
                                 const struct bg_virgl_vertex_buffer *buffers, size_t count);

/* `index_size` is 1, 2 or 4 bytes. resource_id 0: none. */
void bg_virgl_set_index_buffer(struct bg_virgl_encoder *e, uint32_t resource_id,
                               uint32_t index_size, uint32_t offset);

/* The shader's CONST[0] and on: four words each. */
void bg_virgl_set_constants(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                            const uint32_t *words, size_t count);

/* The shader's CONST[index][0] and on, from a resource. `offset` and `size` are in bytes. */
void bg_virgl_set_uniform_buffer(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                                 uint32_t index, uint32_t resource_id, uint32_t offset,
                                 uint32_t size);

void bg_virgl_set_stencil_reference(struct bg_virgl_encoder *e, uint8_t front, uint8_t back);
void bg_virgl_set_blend_color(struct bg_virgl_encoder *e, const uint32_t color[4]); /* floats */

/* With BG_VIRGL_RS_SCISSOR: pixels from (left, top) to below (right, bottom) are drawn. */
void bg_virgl_set_scissor(struct bg_virgl_encoder *e, uint16_t left, uint16_t top, uint16_t right,
                          uint16_t bottom);

/* ---- Work ---- */

/* Of the framebuffer: `buffers` is VIRGL_CLEAR_*, `color` are floats, `depth` is a double. */
void bg_virgl_clear(struct bg_virgl_encoder *e, uint32_t buffers, const uint32_t color[4],
                    uint64_t depth, uint32_t stencil);

struct bg_virgl_draw {
    enum bg_virgl_primitive primitive;
    uint32_t first, count; /* vertices, or indices */
    uint32_t instances;    /* 0: one */
    uint32_t first_instance;
    bool is_indexed;
    int32_t index_bias;
    uint32_t max_index; /* with is_indexed: no index is above */
};

void bg_virgl_draw(struct bg_virgl_encoder *e, const struct bg_virgl_draw *draw);

/* Writes `size` bytes into a buffer resource at `offset`, in order with the other commands. */
void bg_virgl_write_buffer(struct bg_virgl_encoder *e, uint32_t resource_id, uint32_t offset,
                           const void *data, size_t size);

BG_END_DECLS

#endif
