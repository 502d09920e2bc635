/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct3D's state objects as Vulkan has them: what the guest's commands say, checked and
 * translated. Pure: one command in, one description out.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_STATE_H
#define MEDIATOR_PVGPU_VULKAN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "host/mediator/pvgpu/vulkan/interface.h"
#include "protocol/pvgpu.h"
#include "protocol/pvgpu_draw.h"

#define STATE_NAME_MAX 63u /* bytes of a semantic's name */

struct state_blend {
    VkPipelineColorBlendAttachmentState targets[BG_PVGPU_RENDER_TARGETS_MAX];
    bool alpha_to_coverage;
    bool dual_source; /* target 0 uses the pixel shader's second output */
};

struct state_rasterizer {
    VkPolygonMode fill;
    VkCullModeFlags cull;
    VkFrontFace front;
    float bias, bias_clamp, bias_slope;
    bool depth_clip, scissor;
    bool multisample, smooth_lines;
};

struct state_depth_stencil {
    bool depth_test, depth_write, stencil_test;
    VkCompareOp depth_compare;
    VkStencilOpState front, back; /* without their reference */
};

/* Where one element of a vertex lies. */
struct state_element {
    char name[STATE_NAME_MAX + 1]; /* "": none */
    uint32_t index;
    VkFormat format;
    enum interface_class class;
    uint32_t slot, offset;
};

/* How often a slot moves on. */
struct state_slot {
    bool used, per_instance;
    uint32_t step_rate;
    uint32_t alignment; /* of its elements */
};

struct state_layout {
    uint32_t count;
    struct state_element elements[BG_PVGPU_INPUT_ELEMENTS_MAX];
    struct state_slot slots[BG_PVGPU_VERTEX_BUFFERS_MAX];
};

/* What is used where no state object is set: Direct3D's. */
extern const struct state_blend state_default_blend;
extern const struct state_rasterizer state_default_rasterizer;
extern const struct state_depth_stencil state_default_depth_stencil;
extern const struct bg_pvgpu_create_sampler state_default_sampler;

/* Of a device. */
struct state_limits {
    float anisotropy; /* 1: none */
    float lod_bias;
    bool reduction;     /* minimum and maximum filters */
    bool custom_border; /* border colours of all kinds */
    bool mirror_once;
    bool wireframe, dual_source;
    bool divisors;
};

/* 0, or the ring's error. */
enum bg_pvgpu_error state_read_blend(struct state_blend *state,
                                     const struct bg_pvgpu_create_blend_state *create,
                                     const struct state_limits *limits);
enum bg_pvgpu_error state_read_rasterizer(struct state_rasterizer *state,
                                          const struct bg_pvgpu_create_rasterizer_state *create,
                                          const struct state_limits *limits);
enum bg_pvgpu_error
state_read_depth_stencil(struct state_depth_stencil *state,
                         const struct bg_pvgpu_create_depth_stencil_state *create);

/* A sampler's description, in parts that point to each other. */
struct state_sampler {
    VkSamplerCreateInfo info; /* its pNext is the caller's to chain, from these: */
    bool has_border, has_reduction;
    VkSamplerCustomBorderColorCreateInfoEXT border;
    VkSamplerReductionModeCreateInfo reduction;
};

enum bg_pvgpu_error state_read_sampler(struct state_sampler *state,
                                       const struct bg_pvgpu_create_sampler *create,
                                       const struct state_limits *limits);

/* The names of elements are the caller's to fill in. `count` is that of the command, which is
 * long enough. */
enum bg_pvgpu_error state_read_layout(struct state_layout *state,
                                      const struct bg_pvgpu_create_input_layout *create,
                                      const struct state_limits *limits);

/* The format that a shader's input of that class reads: signed and unsigned integers are each
 * other's. VK_FORMAT_UNDEFINED: they do not fit. */
VkFormat state_get_input_format(const struct state_element *element, enum interface_class class);

/* Of enum bg_pvgpu_topology. False: there is none, or the limits forbid it. */
struct state_topology {
    VkPrimitiveTopology topology;
    VkPrimitiveTopology class; /* the first of those that one pipeline can switch between */
    uint32_t vertices;         /* of a primitive, as a geometry shader sees it */
    uint32_t patch_points;     /* 0: no patches */
    bool strip;                /* which an index can begin anew */
};

bool state_read_topology(struct state_topology *state, uint32_t topology);

/* ---- Viewports and scissors, as vkCmdSet...WithCount take them ---- */

/* Direct3D's y points up in clip space: heights are negative. Without any, one that shows nothing.
 */
struct state_view_ports {
    uint32_t count;
    VkViewport viewports[BG_PVGPU_VIEWPORTS_MAX];
    VkRect2D scissors[BG_PVGPU_VIEWPORTS_MAX];
};

/* scissors: NULL: all of the target. */
void state_set_view_ports(struct state_view_ports *ports, const struct bg_pvgpu_viewport *viewports,
                          uint32_t viewport_count, const struct bg_pvgpu_rectangle *scissors,
                          uint32_t scissor_count);

#endif
