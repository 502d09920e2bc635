/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphics pipelines, kept by what they are made of. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/mediator/pvgpu/vulkan/draw.h"

#define SLOTS (DRAW_PIPELINES_MAX * 2)
#define CHARGE 65536u /* what a driver keeps of a pipeline; nobody can ask it */

/* ---- Layouts ---- */

VkResult draw_make_layout(const struct vulkan_renderer *renderer,
                          const struct draw_object *const *shaders, uint32_t count,
                          VkPipelineLayout *layout)
{
    VkDescriptorSetLayout sets[BG_PVGPU_STAGES];
    const VkPipelineLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = count,
        .pSetLayouts = sets,
    };

    for (uint32_t i = 0; i < count; i++) {
        sets[i] = shaders[i] != NULL ? shaders[i]->shader.set_layout : renderer->draw->no_set;
    }
    return renderer->vulkan->vkCreatePipelineLayout(renderer->vulkan->device, &create, NULL,
                                                    layout);
}

/* ---- Vertex input ---- */

struct inputs {
    VkVertexInputAttributeDescription attributes[INTERFACE_LOCATIONS];
    VkVertexInputBindingDescription bindings[BG_PVGPU_VERTEX_BUFFERS_MAX];
    VkVertexInputBindingDivisorDescriptionEXT divisors[BG_PVGPU_VERTEX_BUFFERS_MAX];
    uint32_t attribute_count, binding_count, divisor_count;
};

/* By place, or by semantic. NULL: the layout has no such element. */
static const struct state_element *find_element(const struct state_layout *layout,
                                                const struct program *program, uint32_t location)
{
    const struct program_input *input = NULL;

    if (!program->named) {
        return location < layout->count ? &layout->elements[location] : NULL;
    }
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (program->inputs[i].location == location) {
            input = &program->inputs[i];
        }
    }
    for (uint32_t i = 0; i < layout->count && input != NULL; i++) {
        if (layout->elements[i].index == input->index &&
            strcasecmp(layout->elements[i].name, input->name) == 0) {
            return &layout->elements[i];
        }
    }
    return NULL;
}

static void add_slot(struct inputs *inputs, uint32_t slot, const struct state_slot *state)
{
    inputs->bindings[inputs->binding_count++] = (VkVertexInputBindingDescription){
        .binding = slot,
        .inputRate =
            state->per_instance ? VK_VERTEX_INPUT_RATE_INSTANCE : VK_VERTEX_INPUT_RATE_VERTEX,
    };
    if (state->per_instance && state->step_rate != 1) {
        inputs->divisors[inputs->divisor_count++] =
            (VkVertexInputBindingDivisorDescriptionEXT){slot, state->step_rate};
    }
}

/* False: the shader reads what the layout does not have, or has otherwise. */
static bool read_inputs(const struct draw_key *key, struct inputs *inputs)
{
    static const struct state_layout none;
    const struct state_layout *layout = key->layout != NULL ? &key->layout->layout : &none;
    const struct program *program = &key->shaders[BG_PVGPU_STAGE_VERTEX]->shader.program;

    memset(inputs, 0, sizeof(*inputs));
    for (uint32_t i = 0; i < INTERFACE_LOCATIONS; i++) {
        const struct state_element *element;
        VkFormat format;

        if (!(program->interface.inputs & 1u << i)) {
            continue;
        }
        element = find_element(layout, program, i);
        format = element != NULL
                     ? state_get_input_format(element, program->interface.input_class[i])
                     : VK_FORMAT_UNDEFINED;
        if (format == VK_FORMAT_UNDEFINED) {
            return false;
        }
        inputs->attributes[inputs->attribute_count++] = (VkVertexInputAttributeDescription){
            .location = i, .binding = element->slot, .format = format, .offset = element->offset};
    }
    for (uint32_t i = 0; i < BG_PVGPU_VERTEX_BUFFERS_MAX; i++) {
        if (layout->slots[i].used) {
            add_slot(inputs, i, &layout->slots[i]);
        }
    }
    return true;
}

/* ---- Pipelines ---- */

static const struct state_blend *blend_of(const struct draw_key *key)
{
    return key->blend != NULL ? &key->blend->blend : &state_default_blend;
}

static VkShaderModule module_of(const struct draw_key *key, const struct draw_shader *shader)
{
    if (shader->dual != VK_NULL_HANDLE && blend_of(key)->dual_source) {
        return shader->dual;
    }
    return shader->stage == BG_PVGPU_STAGE_VERTEX &&
                   key->topology == VK_PRIMITIVE_TOPOLOGY_POINT_LIST &&
                   key->shaders[BG_PVGPU_STAGE_GEOMETRY] == NULL
               ? shader->points
               : shader->module;
}

static uint32_t list_stages(const struct draw_key *key, VkPipelineShaderStageCreateInfo *stages)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (key->shaders[i] != NULL) {
            stages[count++] = (VkPipelineShaderStageCreateInfo){
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = draw_stage_bit(i),
                .module = module_of(key, &key->shaders[i]->shader),
                .pName = "main",
            };
        }
    }
    return count;
}

/* The image of a target without alpha has one, which means nothing: it is 1. */
static VkBlendFactor without_alpha(VkBlendFactor factor)
{
    switch (factor) {
    case VK_BLEND_FACTOR_DST_ALPHA:
        return VK_BLEND_FACTOR_ONE;
    case VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA:
    case VK_BLEND_FACTOR_SRC_ALPHA_SATURATE:
        return VK_BLEND_FACTOR_ZERO;
    default:
        return factor;
    }
}

/* A target that the shader does not write keeps what it has; integers are not blended. */
static void list_blends(const struct draw_key *key, VkPipelineColorBlendAttachmentState *blends)
{
    const struct draw_object *pixel = key->shaders[BG_PVGPU_STAGE_PIXEL];
    uint32_t outputs = pixel != NULL ? pixel->shader.program.interface.outputs : 0;

    for (uint32_t i = 0; i < key->targets; i++) {
        blends[i] = blend_of(key)->targets[i];
        if (!(outputs & 1u << i)) {
            blends[i].colorWriteMask = 0;
        }
        if (key->integers & 1u << i) {
            blends[i].blendEnable = VK_FALSE;
        }
        if (key->opaque & 1u << i) {
            blends[i].srcColorBlendFactor = without_alpha(blends[i].srcColorBlendFactor);
            blends[i].dstColorBlendFactor = without_alpha(blends[i].dstColorBlendFactor);
        }
    }
}

/* All that a pipeline is made of; its parts point to each other. */
struct description {
    struct inputs inputs;
    VkPipelineShaderStageCreateInfo stages[DRAW_GRAPHICS_STAGES];
    VkPipelineColorBlendAttachmentState blends[BG_PVGPU_RENDER_TARGETS_MAX];
    VkPipelineVertexInputDivisorStateCreateInfoEXT divisors;
    VkPipelineVertexInputStateCreateInfo vertices;
    VkPipelineInputAssemblyStateCreateInfo assembly;
    VkPipelineTessellationStateCreateInfo tessellation;
    VkPipelineViewportStateCreateInfo view_ports;
    VkPipelineRasterizationLineStateCreateInfoEXT lines;
    VkPipelineRasterizationStateCreateInfo raster;
    VkPipelineMultisampleStateCreateInfo samples;
    VkPipelineDepthStencilStateCreateInfo depth;
    VkPipelineColorBlendStateCreateInfo blending;
    VkPipelineRenderingCreateInfo rendering;
    VkPipelineDynamicStateCreateInfo dynamic;
};

static void describe_inputs(struct description *description, const struct draw_key *key)
{
    const struct inputs *inputs = &description->inputs;

    description->divisors = (VkPipelineVertexInputDivisorStateCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO_EXT,
        .vertexBindingDivisorCount = inputs->divisor_count,
        .pVertexBindingDivisors = inputs->divisors,
    };
    description->vertices = (VkPipelineVertexInputStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .pNext = inputs->divisor_count > 0 ? &description->divisors : NULL,
        .vertexBindingDescriptionCount = inputs->binding_count,
        .pVertexBindingDescriptions = inputs->bindings,
        .vertexAttributeDescriptionCount = inputs->attribute_count,
        .pVertexAttributeDescriptions = inputs->attributes,
    };
    description->assembly = (VkPipelineInputAssemblyStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = key->topology,
    };
    description->tessellation = (VkPipelineTessellationStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
        .patchControlPoints = key->patch_points,
    };
}

static void describe_raster(struct description *description, const struct draw_key *key)
{
    description->view_ports = (VkPipelineViewportStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
    };
    description->lines = (VkPipelineRasterizationLineStateCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO_EXT,
        .lineRasterizationMode = key->lines,
    };
    description->raster = (VkPipelineRasterizationStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .pNext = key->lines != VK_LINE_RASTERIZATION_MODE_DEFAULT_EXT ? &description->lines : NULL,
        .depthClampEnable = !key->depth_clip,
        .polygonMode = key->fill,
        .lineWidth = 1,
    };
    description->samples = (VkPipelineMultisampleStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = (VkSampleCountFlagBits)key->samples,
        .pSampleMask = &key->sample_mask,
        .alphaToCoverageEnable = blend_of(key)->alpha_to_coverage,
    };
    description->depth = (VkPipelineDepthStencilStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
    };
}

static void describe_outputs(struct description *description, const struct draw_key *key)
{
    list_blends(key, description->blends);
    description->blending = (VkPipelineColorBlendStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = key->targets,
        .pAttachments = description->blends,
    };
    description->rendering = (VkPipelineRenderingCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = key->targets,
        .pColorAttachmentFormats = key->colours,
        .depthAttachmentFormat = key->depth,
        .stencilAttachmentFormat = key->stencil ? key->depth : VK_FORMAT_UNDEFINED,
    };
}

static void describe_dynamic(struct description *description)
{
    static const VkDynamicState states[] = {
        VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT,
        VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT,
        VK_DYNAMIC_STATE_CULL_MODE,
        VK_DYNAMIC_STATE_FRONT_FACE,
        VK_DYNAMIC_STATE_DEPTH_BIAS_ENABLE,
        VK_DYNAMIC_STATE_DEPTH_BIAS,
        VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
        VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,
        VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
        VK_DYNAMIC_STATE_STENCIL_TEST_ENABLE,
        VK_DYNAMIC_STATE_STENCIL_OP,
        VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
        VK_DYNAMIC_STATE_STENCIL_WRITE_MASK,
        VK_DYNAMIC_STATE_STENCIL_REFERENCE,
        VK_DYNAMIC_STATE_BLEND_CONSTANTS,
        VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,
        VK_DYNAMIC_STATE_PRIMITIVE_RESTART_ENABLE,
        VK_DYNAMIC_STATE_VERTEX_INPUT_BINDING_STRIDE, /* the last: with vertex buffers only */
    };

    description->dynamic = (VkPipelineDynamicStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
        .dynamicStateCount =
            sizeof(states) / sizeof(states[0]) - (description->inputs.binding_count == 0 ? 1 : 0),
        .pDynamicStates = states,
    };
}

/* `description` has its inputs. */
static VkResult create(const struct vulkan_renderer *renderer, const struct draw_key *key,
                       struct description *description, struct draw_pipeline *pipeline)
{
    const VkGraphicsPipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .pNext = &description->rendering,
        .stageCount = list_stages(key, description->stages),
        .pStages = description->stages,
        .pVertexInputState = &description->vertices,
        .pInputAssemblyState = &description->assembly,
        .pTessellationState = &description->tessellation,
        .pViewportState = &description->view_ports,
        .pRasterizationState = &description->raster,
        .pMultisampleState = &description->samples,
        .pDepthStencilState = &description->depth,
        .pColorBlendState = &description->blending,
        .pDynamicState = &description->dynamic,
        .layout = pipeline->layout,
    };

    describe_inputs(description, key);
    describe_raster(description, key);
    describe_outputs(description, key);
    describe_dynamic(description);
    return renderer->vulkan->vkCreateGraphicsPipelines(
        renderer->vulkan->device, renderer->draw->cache, 1, &info, NULL, &pipeline->pipeline);
}

/* ---- What is bound, as a key ---- */

/* All targets have as many. */
static uint32_t samples_of(const struct pvgpu_context *context)
{
    for (uint32_t i = 0; i < context->target_count; i++) {
        if (context->targets[i] != NULL) {
            return context->targets[i]->resource->samples;
        }
    }
    return context->depth_target != NULL ? context->depth_target->resource->samples : 1;
}

static bool is_integer(const struct pvgpu_format_info *format)
{
    return format->kind == PVGPU_CHANNEL_UINT || format->kind == PVGPU_CHANNEL_SINT;
}

static void take_targets(const struct pvgpu_context *context, struct draw_key *key)
{
    const struct pvgpu_view *depth = context->depth_target;

    key->targets = (uint8_t)context->target_count;
    for (uint32_t i = 0; i < context->target_count; i++) {
        const struct pvgpu_view *target = context->targets[i];

        if (target != NULL) {
            key->colours[i] = vulkan_view_of(target)->format;
            key->integers |= is_integer(target->format) ? (uint8_t)(1u << i) : 0;
            key->opaque |= target->format->no_alpha ? (uint8_t)(1u << i) : 0;
        }
    }
    if (depth != NULL) {
        key->depth = vulkan_view_of(depth)->format;
        key->stencil = depth->format->stencil;
    }
    key->samples = samples_of(context);
}

/* Direct3D's: on several samples, rectangles; else what the state says, of a pixel's width. Vulkan
 * has none of these with alpha to coverage. */
static VkLineRasterizationModeEXT lines_of(const struct vulkan *vulkan, const struct draw_key *key,
                                           const struct state_rasterizer *rasterizer)
{
    if (blend_of(key)->alpha_to_coverage || (key->samples > 1 && rasterizer->multisample)) {
        return VK_LINE_RASTERIZATION_MODE_DEFAULT_EXT;
    }
    if (rasterizer->smooth_lines && vulkan->has_smooth_lines) {
        return VK_LINE_RASTERIZATION_MODE_RECTANGULAR_SMOOTH_EXT;
    }
    return vulkan->has_thin_lines ? VK_LINE_RASTERIZATION_MODE_BRESENHAM_EXT
                                  : VK_LINE_RASTERIZATION_MODE_DEFAULT_EXT;
}

static void make_key(const struct pvgpu_context *context, struct draw_key *key)
{
    const struct vulkan_draw *draw = draw_of(context);
    const struct state_rasterizer *rasterizer =
        draw->rasterizer != NULL ? &draw->rasterizer->rasterizer : &state_default_rasterizer;

    memset(key, 0, sizeof(*key));
    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        key->shaders[i] = draw->stages[i].shader;
    }
    key->layout = draw->layout;
    key->blend = draw->blend;
    key->topology = draw->topology.class;
    key->patch_points = draw->topology.patch_points;
    key->sample_mask = draw->sample_mask;
    key->fill = rasterizer->fill;
    key->depth_clip = rasterizer->depth_clip;
    take_targets(context, key);
    key->lines = (uint8_t)lines_of(vulkan_of(context)->vulkan, key, rasterizer);
}

/* Either of both shaders says it, or both the same. */
static bool agree(uint32_t hull, uint32_t domain, bool must_be_said)
{
    if (hull == 0 || domain == 0) {
        return hull != domain || !must_be_said;
    }
    return hull == domain;
}

static bool patches_are_sound(const struct draw_object *hull, const struct draw_object *domain)
{
    const struct interface_patch *one = &hull->shader.program.interface.patch;
    const struct interface_patch *other = &domain->shader.program.interface.patch;

    return agree(one->domain, other->domain, true) && agree(one->spacing, other->spacing, true) &&
           agree(one->order, other->order, false);
}

/* What a pipeline cannot be made of, whatever the driver would say. */
static bool key_is_sound(const struct draw_key *key)
{
    const struct draw_object *const *shaders = key->shaders;
    const struct draw_object *hull = shaders[BG_PVGPU_STAGE_HULL];
    const struct draw_object *domain = shaders[BG_PVGPU_STAGE_DOMAIN];
    bool patches = key->topology == VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;

    return shaders[BG_PVGPU_STAGE_VERTEX] != NULL && (hull != NULL) == patches &&
           (domain != NULL) == patches && (!patches || patches_are_sound(hull, domain)) &&
           (!blend_of(key)->dual_source || key->targets <= 1);
}

/* ---- The table ---- */

/* FNV-1a. */
static uint32_t hash_of(const struct draw_key *key)
{
    const uint64_t *words = (const uint64_t *)key;
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < sizeof(*key) / sizeof(*words); i++) {
        hash = (hash ^ words[i]) * 0x100000001B3u;
    }
    return (uint32_t)(hash >> 32);
}

_Static_assert(sizeof(struct draw_key) % sizeof(uint64_t) == 0, "hash_of");

static struct draw_pipeline **slot_of(struct vulkan_draw *draw, const struct draw_key *key)
{
    uint32_t slot = hash_of(key) % SLOTS;

    while (draw->pipelines[slot] != NULL &&
           memcmp(&draw->pipelines[slot]->key, key, sizeof(*key)) != 0) {
        slot = (slot + 1) % SLOTS;
    }
    return &draw->pipelines[slot];
}

static void discard(struct vulkan_renderer *renderer, struct draw_pipeline *pipeline)
{
    vulkan_discard(renderer, VK_OBJECT_TYPE_PIPELINE, VULKAN_HANDLE(pipeline->pipeline),
                   pipeline->charged);
    vulkan_discard(renderer, VK_OBJECT_TYPE_PIPELINE_LAYOUT, VULKAN_HANDLE(pipeline->layout), 0);
    free(pipeline);
}

static bool is_made_of(const struct draw_pipeline *pipeline, const struct draw_object *object)
{
    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (pipeline->key.shaders[i] == object) {
            return true;
        }
    }
    return pipeline->key.layout == object || pipeline->key.blend == object;
}

void draw_discard_pipelines(struct vulkan_renderer *renderer, const struct draw_object *object)
{
    struct vulkan_draw *draw = renderer->draw;
    struct draw_pipeline **kept;
    uint32_t count = 0;

    draw->pipeline = NULL;
    draw->dirty |= DRAW_DIRTY_PIPELINE;
    if (draw->pipeline_count == 0) {
        return;
    }
    kept = calloc(SLOTS, sizeof(*kept));
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct draw_pipeline *pipeline = draw->pipelines[i];

        draw->pipelines[i] = NULL;
        if (pipeline == NULL) {
            continue;
        }
        if (kept == NULL || object == NULL || is_made_of(pipeline, object)) {
            discard(renderer, pipeline);
        } else {
            kept[count++] = pipeline;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        *slot_of(draw, &kept[i]->key) = kept[i];
    }
    free(kept);
    draw->pipeline_count = count;
}

static bool counts(const struct draw_key *key)
{
    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (key->shaders[i] != NULL && key->shaders[i]->shader.program.interface.counts) {
            return true;
        }
    }
    return false;
}

static struct pvgpu_outcome make(struct vulkan_renderer *renderer, const struct draw_key *key,
                                 struct draw_pipeline *pipeline)
{
    struct description description;
    struct pvgpu_outcome outcome;

    if (!key_is_sound(key) || !read_inputs(key, &description.inputs)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (session_charge(renderer->session, CHARGE) != BG_COMPUTE_OK) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    pipeline->charged = CHARGE;
    pipeline->key = *key;
    pipeline->counts = counts(key);
    outcome = vulkan_check(
        renderer, draw_make_layout(renderer, key->shaders, DRAW_GRAPHICS_STAGES, &pipeline->layout),
        "vkCreatePipelineLayout");
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    return vulkan_check(renderer, create(renderer, key, &description, pipeline),
                        "vkCreateGraphicsPipelines");
}

void draw_begin_compiling(struct pvgpu_context *context, const struct draw_key *key)
{
    uint32_t shaders[DRAW_GRAPHICS_STAGES], count = 0;

    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (key->shaders[i] != NULL) {
            shaders[count++] = key->shaders[i]->shader.id;
        }
    }
    pvgpu_compiling_begin(&context->compiling, shaders, count);
}

struct pvgpu_outcome draw_find_pipeline(struct pvgpu_context *context,
                                        struct draw_pipeline **pipeline)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct vulkan_draw *draw = renderer->draw;
    struct pvgpu_outcome outcome;
    struct draw_key key;

    make_key(context, &key);
    *pipeline = *slot_of(draw, &key);
    if (*pipeline != NULL) {
        return pvgpu_ok();
    }
    if (draw->pipeline_count == DRAW_PIPELINES_MAX) {
        draw_discard_pipelines(renderer, NULL);
    }
    *pipeline = calloc(1, sizeof(**pipeline));
    if (*pipeline == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    draw_begin_compiling(context, &key);
    outcome = make(renderer, &key, *pipeline);
    pvgpu_compiling_end(&context->compiling);
    if (outcome.code != BG_PVGPU_OK) {
        discard(renderer, *pipeline);
        return outcome;
    }
    *slot_of(draw, &key) = *pipeline;
    draw->pipeline_count++;
    return pvgpu_ok();
}
