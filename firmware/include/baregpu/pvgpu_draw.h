/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing on a pvgpu that has BG_PVGPU_FEATURE_DRAW: shaders, state objects, bindings, draws and
 * dispatches, as protocol/pvgpu_draw.h says. Resources, views of targets, viewports, clears and
 * presents are in pvgpu.h, and what stands there about calls and errors goes for these: each queues
 * one command and returns UNSUPPORTED without the feature. INVALID: more slots or items than there
 * are; all else is the backend's to check.
 *
 *     bg_pvgpu_shader_load              the shaders, which mk/shaders.sh has embedded
 *     bg_pvgpu_input_layout_create, ... objects, at the start
 *     bg_pvgpu_set_*                    what the next draws use; stays until it is set anew
 *     bg_pvgpu_draw_indexed, ...        draws, in the ring's order
 *
 * Shaders, state objects, samplers and input layouts have ids of one space, 1 and up; 0 where one
 * is set: none, and Direct3D's default.
 */
#ifndef BAREGPU_PVGPU_DRAW_H
#define BAREGPU_PVGPU_DRAW_H

#include "baregpu/pvgpu.h"
#include "protocol/pvgpu_draw.h"

BG_BEGIN_DECLS

/* ---- Shaders ---- */

/* SPIR-V or DXBC, as the build embeds it. */
struct bg_pvgpu_shader_code {
    uint32_t stage; /* enum bg_pvgpu_stage */
    uint32_t size;  /* bytes */
    const uint32_t *words;
};

/*
 * Copies the code into the heap, has the backend compile it, waits for that, and frees the heap
 * again. Returns as bg_pvgpu_heap_alloc and bg_pvgpu_fence_wait: IO with SHADER_COMPILE in
 * gpu->failure when it does not compile (bg_pvgpu_shader_error says why). After TIMEOUT the heap's
 * part stays taken: the backend may still read it.
 */
int bg_pvgpu_shader_load(struct bg_pvgpu *gpu, const struct bg_pvgpu_shader_code *code,
                         uint32_t *id, uint64_t deadline_ns);

/* What was wrong with the last shader that did not compile, in a line of printable characters; ""
 * when the backend does not say. */
void bg_pvgpu_shader_error(const struct bg_pvgpu *gpu, char text[BG_PVGPU_ERROR_TEXT_SIZE]);

/* The command alone, for code that lies in the heap until a fence has passed. */
int bg_pvgpu_shader_create(struct bg_pvgpu *gpu, uint32_t stage, uint32_t heap_offset,
                           uint32_t size, uint32_t *id);
int bg_pvgpu_shader_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* ---- Views that shaders use: ids as those of targets ---- */

struct bg_pvgpu_shader_view_options {
    uint32_t resource_id;
    uint32_t format;                   /* 0: the resource's; of a buffer: none */
    uint32_t dimension;                /* enum bg_pvgpu_view_dimension; 0: the resource's */
    uint32_t mip_level, mip_levels;    /* buffers: first element, number of elements */
    uint32_t first_slice, slice_count; /* a number of 0: all from the first on */
};

int bg_pvgpu_shader_resource_view_create(struct bg_pvgpu *gpu,
                                         const struct bg_pvgpu_shader_view_options *options,
                                         uint32_t *id);
int bg_pvgpu_shader_resource_view_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* Of a buffer: elements are in first_slice and slice_count. */
int bg_pvgpu_unordered_access_view_create(struct bg_pvgpu *gpu,
                                          const struct bg_pvgpu_view_options *options,
                                          uint32_t *id);
int bg_pvgpu_unordered_access_view_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* ---- State objects: what is asked for; copy a default and change it ---- */

struct bg_pvgpu_blend_options {
    uint32_t alpha_to_coverage;
    uint32_t independent; /* 0: the first target's goes for all */
    struct bg_pvgpu_blend_target targets[BG_PVGPU_RENDER_TARGETS_MAX];
};

struct bg_pvgpu_rasterizer_options {
    uint32_t fill_mode, cull_mode; /* enum bg_pvgpu_fill_mode, bg_pvgpu_cull_mode */
    uint32_t front_ccw;
    int32_t depth_bias;
    float depth_bias_clamp, slope_scaled_depth_bias;
    uint32_t depth_clip, scissor, multisample, antialiased_line;
};

struct bg_pvgpu_depth_stencil_options {
    uint32_t depth_enable;
    uint32_t depth_write_mask; /* 0 none, 1 all */
    uint32_t depth_func;       /* enum bg_pvgpu_comparison */
    uint32_t stencil_enable;
    uint32_t read_mask, write_mask;
    struct bg_pvgpu_stencil_face front, back;
};

struct bg_pvgpu_sampler_options {
    uint32_t filter; /* PVGPU_FILTER_* */
    uint32_t address_u, address_v, address_w;
    float mip_lod_bias;
    uint32_t max_anisotropy;
    uint32_t comparison;
    float border[4];
    float min_lod, max_lod;
};

/* Direct3D's: no blending, all channels written; solid, back faces culled, depth clipped; depth
 * test LESS with writes, no stencil; linear, clamped, all levels. */
extern const struct bg_pvgpu_blend_options bg_pvgpu_blend_default;
extern const struct bg_pvgpu_rasterizer_options bg_pvgpu_rasterizer_default;
extern const struct bg_pvgpu_depth_stencil_options bg_pvgpu_depth_stencil_default;
extern const struct bg_pvgpu_sampler_options bg_pvgpu_sampler_default;

int bg_pvgpu_blend_state_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_blend_options *options,
                                uint32_t *id);
int bg_pvgpu_blend_state_destroy(struct bg_pvgpu *gpu, uint32_t id);

int bg_pvgpu_rasterizer_state_create(struct bg_pvgpu *gpu,
                                     const struct bg_pvgpu_rasterizer_options *options,
                                     uint32_t *id);
int bg_pvgpu_rasterizer_state_destroy(struct bg_pvgpu *gpu, uint32_t id);

int bg_pvgpu_depth_stencil_state_create(struct bg_pvgpu *gpu,
                                        const struct bg_pvgpu_depth_stencil_options *options,
                                        uint32_t *id);
int bg_pvgpu_depth_stencil_state_destroy(struct bg_pvgpu *gpu, uint32_t id);

int bg_pvgpu_sampler_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_sampler_options *options,
                            uint32_t *id);
int bg_pvgpu_sampler_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* At most BG_PVGPU_INPUT_ELEMENTS_MAX. Element n is location n of a SPIR-V vertex shader. */
int bg_pvgpu_input_layout_create(struct bg_pvgpu *gpu,
                                 const struct bg_pvgpu_input_element *elements, uint32_t count,
                                 uint32_t *id);
int bg_pvgpu_input_layout_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* What an element's semantic_name_offset is for a name in the heap: DXBC finds its inputs by name.
 */
uint32_t bg_pvgpu_semantic_name_offset(const struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_memory *name);

/* ---- What the next draws use ---- */

/* Id 0: no shader of that stage. */
int bg_pvgpu_set_shader(struct bg_pvgpu *gpu, uint32_t stage, uint32_t id);

/* `factor`: four floats; NULL: ones. */
int bg_pvgpu_set_blend_state(struct bg_pvgpu *gpu, uint32_t id, const float *factor,
                             uint32_t sample_mask);
int bg_pvgpu_set_rasterizer_state(struct bg_pvgpu *gpu, uint32_t id);
int bg_pvgpu_set_depth_stencil_state(struct bg_pvgpu *gpu, uint32_t id, uint32_t stencil_ref);

/* enum bg_pvgpu_topology */
int bg_pvgpu_set_topology(struct bg_pvgpu *gpu, uint32_t topology);
int bg_pvgpu_set_input_layout(struct bg_pvgpu *gpu, uint32_t id);
int bg_pvgpu_set_vertex_buffers(struct bg_pvgpu *gpu, uint32_t start_slot, uint32_t count,
                                const struct bg_pvgpu_vertex_buffer *buffers);

/* `format`: BG_PVGPU_FORMAT_R16_UINT or _R32_UINT. */
int bg_pvgpu_set_index_buffer(struct bg_pvgpu *gpu, uint32_t buffer, uint32_t format,
                              uint32_t offset);

/* Slots of one stage. Bytes; size 0: to the buffer's end. */
int bg_pvgpu_set_constant_buffer(struct bg_pvgpu *gpu, uint32_t stage, uint32_t slot,
                                 uint32_t buffer, uint32_t offset, uint32_t size);
int bg_pvgpu_set_shader_resources(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot,
                                  uint32_t count, const uint32_t *views);
int bg_pvgpu_set_samplers(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot, uint32_t count,
                          const uint32_t *samplers);
int bg_pvgpu_set_unordered_access(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot,
                                  uint32_t count, const uint32_t *views);

/* ---- Draws ---- */

int bg_pvgpu_draw(struct bg_pvgpu *gpu, uint32_t vertex_count, uint32_t start_vertex);
int bg_pvgpu_draw_indexed(struct bg_pvgpu *gpu, uint32_t index_count, uint32_t start_index,
                          int32_t base_vertex);
int bg_pvgpu_draw_instanced(struct bg_pvgpu *gpu, uint32_t vertex_count, uint32_t instance_count,
                            uint32_t start_vertex, uint32_t start_instance);
int bg_pvgpu_draw_indexed_instanced(struct bg_pvgpu *gpu, uint32_t index_count,
                                    uint32_t instance_count, uint32_t start_index,
                                    int32_t base_vertex, uint32_t start_instance);

/* Groups of the compute shader's threads. */
int bg_pvgpu_dispatch(struct bg_pvgpu *gpu, uint32_t x, uint32_t y, uint32_t z);

BG_END_DECLS

#endif
