/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session that draws has besides its resources: state objects, shaders, pipelines, and what
 * is bound. The commands of protocol/pvgpu_draw.h. The consumer's thread.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_DRAW_H
#define MEDIATOR_PVGPU_VULKAN_DRAW_H

#include "host/mediator/pvgpu/vulkan/program.h"
#include "host/mediator/pvgpu/vulkan/recorder.h"
#include "host/mediator/pvgpu/vulkan/state.h"

#define DRAW_GRAPHICS_STAGES 5u /* all before BG_PVGPU_STAGE_COMPUTE */
#define DRAW_PIPELINES_MAX 1024u

/* ---- Objects that the guest names ---- */

enum draw_kind {
    DRAW_BLEND,
    DRAW_RASTERIZER,
    DRAW_DEPTH_STENCIL,
    DRAW_SAMPLER,
    DRAW_LAYOUT,
    DRAW_SHADER,
};

struct draw_shader {
    uint32_t id;
    enum bg_pvgpu_stage stage;
    VkShaderModule module;
    VkShaderModule dual;   /* for blending with two sources, where that is another one */
    VkShaderModule points; /* of a vertex shader, for a list of points */
    VkDescriptorSetLayout set_layout;
    struct program program;           /* without its words */
    bool writes;                      /* it has unordered access */
    VkPipelineLayout pipeline_layout; /* these three: of a compute shader */
    VkPipeline pipeline;
    bool compiled; /* as draw_pipeline's */
};

struct draw_object {
    enum draw_kind kind;
    union {
        struct state_blend blend;
        struct state_rasterizer rasterizer;
        struct state_depth_stencil depth_stencil;
        struct state_layout layout;
        struct draw_shader shader;
        VkSampler sampler;
    };
};

/* ---- What is bound ---- */

struct draw_constants {
    struct pvgpu_resource *buffer; /* NULL: none */
    uint64_t offset, size;         /* within it */
};

struct draw_stage {
    struct draw_object *shader; /* NULL: none */
    struct draw_constants constants[BG_PVGPU_CONSTANT_BUFFERS_MAX];
    struct pvgpu_view *resources[BG_PVGPU_SHADER_RESOURCES_MAX];
    struct draw_object *samplers[BG_PVGPU_SAMPLERS_MAX];
    struct pvgpu_view *unordered[BG_PVGPU_UNORDERED_ACCESS_MAX];

    bool changed; /* what is above, since `set` was written */
    VkDescriptorSet set;
};

struct draw_vertices {
    struct pvgpu_resource *buffer; /* NULL: none */
    uint64_t offset;               /* within it */
    uint32_t stride;
};

/* What differs between what is bound and what the command buffer has. */
enum draw_dirty {
    DRAW_DIRTY_PIPELINE = 1u << 0,
    DRAW_DIRTY_VERTICES = 1u << 1,
    DRAW_DIRTY_INDICES = 1u << 2,
    DRAW_DIRTY_VIEWPORTS = 1u << 3,
    DRAW_DIRTY_RASTERIZER = 1u << 4,
    DRAW_DIRTY_DEPTH = 1u << 5,
    DRAW_DIRTY_BLEND = 1u << 6, /* the factor */
    DRAW_DIRTY_TOPOLOGY = 1u << 7,
    DRAW_DIRTY_SETS = 1u << 8,
    DRAW_DIRTY_ALL = (1u << 9) - 1,
};

/* ---- Pipelines ---- */

/* What a pipeline is made of; compared by its bytes, and zero where nothing stands. */
struct draw_key {
    const struct draw_object *shaders[DRAW_GRAPHICS_STAGES];
    const struct draw_object *layout, *blend; /* NULL: the default one */
    VkFormat colours[BG_PVGPU_RENDER_TARGETS_MAX];
    VkFormat depth;
    VkPrimitiveTopology topology; /* the class */
    uint32_t patch_points;
    uint32_t samples, sample_mask;
    VkPolygonMode fill;
    uint8_t targets;  /* how many */
    uint8_t integers; /* a bit for each that has such a format */
    uint8_t depth_clip, stencil;
    uint8_t opaque; /* a bit for each that has no alpha */
    uint8_t lines;  /* VkLineRasterizationModeEXT */
    uint8_t zero[2];
};

struct draw_pipeline {
    struct draw_key key;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint64_t charged;
    bool counts;   /* one of its shaders does (interface.h) */
    bool compiled; /* its first use is over (draw.c) */
};

struct vulkan_draw {
    struct interface_limits shader_limits;
    struct state_limits state_limits;
    VkPipelineCache cache;
    VkDescriptorSetLayout no_set; /* of a stage without a shader */
    VkSampler default_sampler;

    struct pvgpu_ids objects;

    /* Bound. */
    struct draw_stage stages[BG_PVGPU_STAGES];
    struct draw_object *blend, *rasterizer, *depth_stencil, *layout; /* NULL: the default */
    bool layout_is_set; /* by the guest, once: else it is the newest */
    float blend_factor[4];
    uint32_t sample_mask, stencil_reference;
    struct draw_vertices vertices[BG_PVGPU_VERTEX_BUFFERS_MAX];
    struct pvgpu_resource *indices; /* NULL: none */
    uint64_t index_offset;
    VkIndexType index_type;
    struct state_topology topology;

    uint32_t dirty;                  /* enum draw_dirty */
    uint64_t recording;              /* the command buffer that `dirty` is about */
    VkPipeline bound, bound_compute; /* in that command buffer */
    uint64_t settled;                /* the epoch in which all that draws use was marked; 0: none */
    uint32_t view_ports;             /* pvgpu_context.view_ports that `dirty` has taken note of */

    struct draw_pipeline *pipeline; /* of what is bound, unless DIRTY_PIPELINE */
    bool masked;                    /* no sample of a pixel is in that one's mask */
    uint32_t pipeline_count;
    struct draw_pipeline *pipelines[DRAW_PIPELINES_MAX * 2]; /* by hash, half full at most */
};

/* ---- For the renderer ---- */

/* Makes renderer->draw; false: no memory, or no device any more. */
bool vulkan_draw_open(struct vulkan_renderer *renderer);
/* All objects go, when what uses them has ended, and nothing is bound. */
void vulkan_draw_reset(struct vulkan_renderer *renderer);
/* Frees it, and all that it has. */
void vulkan_draw_close(struct vulkan_renderer *renderer);

/* The context's targets are others. */
void vulkan_draw_follow_targets(struct vulkan_renderer *renderer);
/* They go: they are bound no more. */
void vulkan_draw_forget_view(struct vulkan_renderer *renderer, const struct pvgpu_view *view);
void vulkan_draw_forget_resource(struct vulkan_renderer *renderer,
                                 const struct pvgpu_resource *resource);
/* Its constants lie elsewhere from now on. */
void vulkan_draw_follow_constants(struct vulkan_renderer *renderer,
                                  const struct vulkan_resource *resource);

/* The commands. */
#define VULKAN_DRAW_COMMANDS 29u
extern const struct pvgpu_command_entry vulkan_draw_commands[];

/* ---- Between its parts ---- */

static inline struct vulkan_draw *draw_of(const struct pvgpu_context *context)
{
    return vulkan_of(context)->draw;
}

/* The object of that kind, or NULL. */
struct draw_object *draw_find(const struct vulkan_draw *draw, uint32_t id, enum draw_kind kind);

/* shader.c: a stage as Vulkan has it. */
VkShaderStageFlagBits draw_stage_bit(enum bg_pvgpu_stage stage);
/* From bytecode in the heap. */
struct pvgpu_outcome draw_make_shader(struct pvgpu_context *context, struct draw_object *object,
                                      const struct bg_pvgpu_create_shader *create);
void draw_discard_shader(struct vulkan_renderer *renderer, struct draw_object *object);

/* pipeline.c: the one for what is bound. */
struct pvgpu_outcome draw_find_pipeline(struct pvgpu_context *context,
                                        struct draw_pipeline **pipeline);
/* Those made of the object. NULL: all. */
void draw_discard_pipelines(struct vulkan_renderer *renderer, const struct draw_object *object);
/* Around what a driver may compile in. */
void draw_begin_compiling(struct pvgpu_context *context, const struct draw_key *key);
/* Layout of a pipeline with the sets of these stages' shaders. */
VkResult draw_make_layout(const struct vulkan_renderer *renderer,
                          const struct draw_object *const *shaders, uint32_t count,
                          VkPipelineLayout *layout);

/* descriptors.c: the stage's set, written anew where it changed. False: the batch's pool is used
 * up; after a submission there is room. */
bool draw_write_set(struct vulkan_renderer *renderer, struct draw_stage *stage);

/* bind.c, objects.c, draw.c */
PVGPU_HANDLER(draw_create_blend_state);
PVGPU_HANDLER(draw_create_rasterizer_state);
PVGPU_HANDLER(draw_create_depth_stencil_state);
PVGPU_HANDLER(draw_create_sampler);
PVGPU_HANDLER(draw_create_input_layout);
PVGPU_HANDLER(draw_create_shader);
PVGPU_HANDLER(draw_destroy_blend_state);
PVGPU_HANDLER(draw_destroy_rasterizer_state);
PVGPU_HANDLER(draw_destroy_depth_stencil_state);
PVGPU_HANDLER(draw_destroy_sampler);
PVGPU_HANDLER(draw_destroy_input_layout);
PVGPU_HANDLER(draw_destroy_shader);
PVGPU_HANDLER(draw_set_blend_state);
PVGPU_HANDLER(draw_set_rasterizer_state);
PVGPU_HANDLER(draw_set_depth_stencil);
PVGPU_HANDLER(draw_set_shader);
PVGPU_HANDLER(draw_set_sampler);
PVGPU_HANDLER(draw_set_constant_buffer);
PVGPU_HANDLER(draw_set_vertex_buffer);
PVGPU_HANDLER(draw_set_index_buffer);
PVGPU_HANDLER(draw_set_input_layout);
PVGPU_HANDLER(draw_set_primitive_topology);
PVGPU_HANDLER(draw_set_shader_resource);
PVGPU_HANDLER(draw_set_unordered_access);
PVGPU_HANDLER(draw_draw);
PVGPU_HANDLER(draw_draw_indexed);
PVGPU_HANDLER(draw_draw_instanced);
PVGPU_HANDLER(draw_draw_indexed_instanced);
PVGPU_HANDLER(draw_dispatch);

#endif
