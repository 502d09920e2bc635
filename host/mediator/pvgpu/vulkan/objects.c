/* SPDX-License-Identifier: BSD-2-Clause */
/* State objects, samplers, input layouts and shaders by their ids. */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/draw.h"

_Static_assert(BG_PVGPU_OBJECTS_MAX <= PVGPU_ID_SLOTS / 2, "half full at most");

struct draw_object *draw_find(const struct vulkan_draw *draw, uint32_t id, enum draw_kind kind)
{
    struct draw_object *object = pvgpu_ids_find(&draw->objects, id);

    return object != NULL && object->kind == kind ? object : NULL;
}

/* ---- Creation ---- */

/* What a kind takes of the command. */
struct maker {
    enum draw_kind kind;
    struct pvgpu_outcome (*make)(struct pvgpu_context *context, struct draw_object *object,
                                 const void *command, uint32_t size);
};

/* The id is the command's first word, or the header's. */
static uint32_t id_of(const void *command, uint32_t size)
{
    const struct bg_pvgpu_destroy_object *named = command;

    return size > sizeof(named->header) && named->id != 0 ? named->id : named->header.resource_id;
}

static struct pvgpu_outcome create(struct pvgpu_context *context, const struct maker *maker,
                                   const void *command, uint32_t size)
{
    struct vulkan_draw *draw = draw_of(context);
    uint32_t id = id_of(command, size);
    struct draw_object *object;
    struct pvgpu_outcome outcome;

    if (id == 0 || pvgpu_ids_find(&draw->objects, id) != NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (draw->objects.count >= BG_PVGPU_OBJECTS_MAX ||
        session_charge(context->session, sizeof(*object)) != BG_COMPUTE_OK) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    object = calloc(1, sizeof(*object));
    outcome = object != NULL ? maker->make(context, object, command, size)
                             : pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    if (outcome.code != BG_PVGPU_OK) {
        session_release(context->session, sizeof(*object));
        free(object);
        return outcome;
    }
    object->kind = maker->kind;
    pvgpu_ids_add(&draw->objects, id, object);
    return outcome;
}

static struct pvgpu_outcome make_blend(struct pvgpu_context *context, struct draw_object *object,
                                       const void *command, uint32_t size)
{
    (void)size;
    return pvgpu_fail(state_read_blend(&object->blend, command, &draw_of(context)->state_limits));
}

static struct pvgpu_outcome make_rasterizer(struct pvgpu_context *context,
                                            struct draw_object *object, const void *command,
                                            uint32_t size)
{
    (void)size;
    return pvgpu_fail(
        state_read_rasterizer(&object->rasterizer, command, &draw_of(context)->state_limits));
}

static struct pvgpu_outcome make_depth_stencil(struct pvgpu_context *context,
                                               struct draw_object *object, const void *command,
                                               uint32_t size)
{
    (void)context;
    (void)size;
    return pvgpu_fail(state_read_depth_stencil(&object->depth_stencil, command));
}

static VkResult create_sampler(const struct vulkan *vulkan, struct state_sampler *state,
                               VkSampler *sampler)
{
    const void **next = &state->info.pNext;

    if (state->has_border) {
        *next = &state->border;
        next = &state->border.pNext;
    }
    if (state->has_reduction) {
        *next = &state->reduction;
    }
    return vulkan->vkCreateSampler(vulkan->device, &state->info, NULL, sampler);
}

static struct pvgpu_outcome make_sampler(struct pvgpu_context *context, struct draw_object *object,
                                         const void *command, uint32_t size)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct state_sampler state;
    enum bg_pvgpu_error error = state_read_sampler(&state, command, &renderer->draw->state_limits);

    (void)size;
    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    return vulkan_check(renderer, create_sampler(renderer->vulkan, &state, &object->sampler),
                        "vkCreateSampler");
}

/* From the shared memory, of which the heap is what a guest can put names into. */
static bool copy_name(const struct pvgpu_context *context, uint32_t offset,
                      char name[STATE_NAME_MAX + 1])
{
    uint64_t from = (uint64_t)offset - BG_PVGPU_HEAP_OFFSET;

    name[0] = '\0';
    if (offset == 0) {
        return true;
    }
    for (uint32_t i = 0; offset >= BG_PVGPU_HEAP_OFFSET && i <= STATE_NAME_MAX; i++) {
        if (!pvgpu_heap_has(context, from + i, 1)) {
            return false;
        }
        name[i] = (char)__atomic_load_n(&context->heap.memory[from + i], __ATOMIC_RELAXED);
        if (name[i] == '\0') {
            return true;
        }
    }
    return false;
}

static struct pvgpu_outcome make_layout(struct pvgpu_context *context, struct draw_object *object,
                                        const void *command, uint32_t size)
{
    const struct bg_pvgpu_create_input_layout *create = command;
    struct state_layout *layout = &object->layout;
    enum bg_pvgpu_error error;

    if (create->count > BG_PVGPU_INPUT_ELEMENTS_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (size < offsetof(struct bg_pvgpu_create_input_layout, elements) +
                   create->count * sizeof(create->elements[0])) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    error = state_read_layout(layout, create, &draw_of(context)->state_limits);
    for (uint32_t i = 0; i < layout->count && error == BG_PVGPU_OK; i++) {
        if (!copy_name(context, create->elements[i].semantic_name_offset,
                       layout->elements[i].name)) {
            error = BG_PVGPU_ERROR_INVALID_PARAMETER;
        }
    }
    if (error == BG_PVGPU_OK && !draw_of(context)->layout_is_set) {
        draw_of(context)->layout = object;
        draw_of(context)->dirty |= DRAW_DIRTY_PIPELINE | DRAW_DIRTY_VERTICES;
    }
    return pvgpu_fail(error);
}

static struct pvgpu_outcome make_shader(struct pvgpu_context *context, struct draw_object *object,
                                        const void *command, uint32_t size)
{
    (void)size;
    return draw_make_shader(context, object, command);
}

/* ---- Destruction ---- */

static void unbind_from(struct draw_stage *stage, const struct draw_object *object)
{
    if (stage->shader == object) {
        stage->shader = NULL;
    }
    for (uint32_t i = 0; i < BG_PVGPU_SAMPLERS_MAX; i++) {
        if (stage->samplers[i] == object) {
            stage->samplers[i] = NULL;
            stage->changed = true;
        }
    }
}

static void unbind(struct vulkan_draw *draw, const struct draw_object *object)
{
    struct draw_object **bound[] = {&draw->blend, &draw->rasterizer, &draw->depth_stencil,
                                    &draw->layout};

    for (size_t i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
        if (*bound[i] == object) {
            *bound[i] = NULL;
        }
    }
    for (uint32_t i = 0; i < BG_PVGPU_STAGES; i++) {
        unbind_from(&draw->stages[i], object);
    }
    draw->dirty = DRAW_DIRTY_ALL;
}

static void free_object(struct vulkan_renderer *renderer, struct draw_object *object)
{
    unbind(renderer->draw, object);
    switch (object->kind) {
    case DRAW_SAMPLER:
        vulkan_discard(renderer, VK_OBJECT_TYPE_SAMPLER, VULKAN_HANDLE(object->sampler), 0);
        break;
    case DRAW_SHADER:
        draw_discard_pipelines(renderer, object);
        draw_discard_shader(renderer, object);
        break;
    case DRAW_BLEND:
    case DRAW_LAYOUT:
        draw_discard_pipelines(renderer, object);
        break;
    default:
        break;
    }
    session_release(renderer->session, sizeof(*object));
    free(object);
}

static struct pvgpu_outcome destroy(struct pvgpu_context *context, enum draw_kind kind,
                                    const void *command, uint32_t size)
{
    struct vulkan_draw *draw = draw_of(context);
    uint32_t id = id_of(command, size);
    struct draw_object *object = draw_find(draw, id, kind);

    if (object == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    pvgpu_ids_remove(&draw->objects, id);
    free_object(vulkan_of(context), object);
    return pvgpu_ok();
}

#define COMMANDS(name, kind, make)                                                                 \
    PVGPU_HANDLER(draw_create_##name)                                                              \
    {                                                                                              \
        static const struct maker maker = {kind, make};                                            \
                                                                                                   \
        return create(context, &maker, command, size);                                             \
    }                                                                                              \
    PVGPU_HANDLER(draw_destroy_##name)                                                             \
    {                                                                                              \
        return destroy(context, kind, command, size);                                              \
    }

COMMANDS(blend_state, DRAW_BLEND, make_blend)
COMMANDS(rasterizer_state, DRAW_RASTERIZER, make_rasterizer)
COMMANDS(depth_stencil_state, DRAW_DEPTH_STENCIL, make_depth_stencil)
COMMANDS(sampler, DRAW_SAMPLER, make_sampler)
COMMANDS(input_layout, DRAW_LAYOUT, make_layout)
COMMANDS(shader, DRAW_SHADER, make_shader)

/* ---- The whole ---- */

static void read_limits(const struct vulkan *vulkan, struct vulkan_draw *draw)
{
    const VkPhysicalDeviceLimits *limits = &vulkan->properties.limits;
    const VkPhysicalDeviceFeatures *features = &vulkan->features;

    draw->shader_limits = (struct interface_limits){
        .geometry = features->geometryShader,
        .tessellation = features->tessellationShader,
        .float64 = features->shaderFloat64,
        .int64 = features->shaderInt64,
        .int16 = features->shaderInt16,
        .read_without_format = features->shaderStorageImageReadWithoutFormat,
        .group_invocations = limits->maxComputeWorkGroupInvocations,
        .shared_size = limits->maxComputeSharedMemorySize,
        .patch_points = limits->maxTessellationPatchSize,
    };
    memcpy(draw->shader_limits.group_size, limits->maxComputeWorkGroupSize,
           sizeof(draw->shader_limits.group_size));
    draw->state_limits = (struct state_limits){
        .anisotropy = features->samplerAnisotropy ? limits->maxSamplerAnisotropy : 1,
        .lod_bias = limits->maxSamplerLodBias,
        .reduction = vulkan->has_filter_minmax,
        .custom_border = vulkan->has_custom_border,
        .mirror_once = vulkan->has_mirror_clamp,
        .wireframe = features->fillModeNonSolid,
        .dual_source = features->dualSrcBlend,
        .divisors = vulkan->has_divisor,
    };
}

static bool make_fixed(const struct vulkan *vulkan, struct vulkan_draw *draw)
{
    const VkPipelineCacheCreateInfo cache = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    const VkDescriptorSetLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    struct state_sampler sampler;

    return vulkan->vkCreatePipelineCache(vulkan->device, &cache, NULL, &draw->cache) ==
               VK_SUCCESS &&
           vulkan->vkCreateDescriptorSetLayout(vulkan->device, &layout, NULL, &draw->no_set) ==
               VK_SUCCESS &&
           state_read_sampler(&sampler, &state_default_sampler, &draw->state_limits) ==
               BG_PVGPU_OK &&
           create_sampler(vulkan, &sampler, &draw->default_sampler) == VK_SUCCESS;
}

/* What is bound without an object. */
static void set_defaults(struct vulkan_draw *draw)
{
    draw->sample_mask = UINT32_MAX;
    draw->stencil_reference = 0;
    draw->layout_is_set = false;
    for (uint32_t i = 0; i < 4; i++) {
        draw->blend_factor[i] = 1;
    }
    memset(draw->vertices, 0, sizeof(draw->vertices));
    draw->topology = (struct state_topology){.vertices = 0};
    draw->dirty = DRAW_DIRTY_ALL;
}

bool vulkan_draw_open(struct vulkan_renderer *renderer)
{
    struct vulkan_draw *draw = calloc(1, sizeof(*draw));

    if (draw == NULL) {
        return false;
    }
    renderer->draw = draw;
    set_defaults(draw);
    read_limits(renderer->vulkan, draw);
    if (make_fixed(renderer->vulkan, draw)) {
        return true;
    }
    vulkan_draw_close(renderer);
    return false;
}

void vulkan_draw_reset(struct vulkan_renderer *renderer)
{
    struct vulkan_draw *draw = renderer->draw;

    draw_discard_pipelines(renderer, NULL); /* no object looks for its own any more */
    for (uint32_t i = 0; i < PVGPU_ID_SLOTS; i++) {
        if (draw->objects.slots[i].object != NULL) {
            free_object(renderer, draw->objects.slots[i].object);
        }
    }
    memset(&draw->objects, 0, sizeof(draw->objects));
    set_defaults(draw);
}

void vulkan_draw_close(struct vulkan_renderer *renderer)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_draw *draw = renderer->draw;

    if (draw == NULL) {
        return;
    }
    vulkan_draw_reset(renderer);
    vulkan_discard(renderer, VK_OBJECT_TYPE_SAMPLER, VULKAN_HANDLE(draw->default_sampler), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, VULKAN_HANDLE(draw->no_set), 0);
    if (draw->cache != VK_NULL_HANDLE) {
        vulkan->vkDestroyPipelineCache(vulkan->device, draw->cache, NULL);
    }
    renderer->draw = NULL;
    free(draw);
}
