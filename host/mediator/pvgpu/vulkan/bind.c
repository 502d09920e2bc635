/* SPDX-License-Identifier: BSD-2-Clause */
/* What is bound to the pipeline's slots. A draw looks at whether it fits. */
#include <string.h>

#include "host/mediator/pvgpu/vulkan/draw.h"

/* ---- Objects ---- */

/* 0 unbinds. False: there is no such object. */
static bool find_object(const struct vulkan_draw *draw, uint32_t id, enum draw_kind kind,
                        struct draw_object **object)
{
    *object = draw_find(draw, id, kind);
    return id == 0 || *object != NULL;
}

static struct pvgpu_outcome set_object(struct pvgpu_context *context, uint32_t id,
                                       enum draw_kind kind, struct draw_object **bound,
                                       uint32_t dirty)
{
    struct vulkan_draw *draw = draw_of(context);
    struct draw_object *object;

    if (!find_object(draw, id, kind, &object)) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (*bound != object) {
        *bound = object;
        draw->dirty |= dirty;
    }
    return pvgpu_ok();
}

PVGPU_HANDLER(draw_set_blend_state)
{
    const struct bg_pvgpu_set_blend_state *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct pvgpu_outcome outcome =
        set_object(context, set->state_id, DRAW_BLEND, &draw->blend, DRAW_DIRTY_PIPELINE);

    (void)size;
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (draw->sample_mask != set->sample_mask) {
        draw->sample_mask = set->sample_mask;
        draw->dirty |= DRAW_DIRTY_PIPELINE;
    }
    memcpy(draw->blend_factor, set->factor, sizeof(draw->blend_factor));
    draw->dirty |= DRAW_DIRTY_BLEND;
    return outcome;
}

PVGPU_HANDLER(draw_set_rasterizer_state)
{
    const struct bg_pvgpu_set_object *set = command;

    (void)size;
    return set_object(context, set->id, DRAW_RASTERIZER, &draw_of(context)->rasterizer,
                      DRAW_DIRTY_RASTERIZER | DRAW_DIRTY_VIEWPORTS | DRAW_DIRTY_PIPELINE);
}

PVGPU_HANDLER(draw_set_depth_stencil)
{
    const struct bg_pvgpu_set_depth_stencil *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct pvgpu_outcome outcome = set_object(context, set->state_id, DRAW_DEPTH_STENCIL,
                                              &draw->depth_stencil, DRAW_DIRTY_DEPTH);

    (void)size;
    if (outcome.code == BG_PVGPU_OK && draw->stencil_reference != (set->stencil_ref & 0xFF)) {
        draw->stencil_reference = set->stencil_ref & 0xFF;
        draw->dirty |= DRAW_DIRTY_DEPTH;
    }
    return outcome;
}

PVGPU_HANDLER(draw_set_input_layout)
{
    const struct bg_pvgpu_set_object *set = command;

    (void)size;
    draw_of(context)->layout_is_set = true;
    return set_object(context, set->id, DRAW_LAYOUT, &draw_of(context)->layout,
                      DRAW_DIRTY_PIPELINE | DRAW_DIRTY_VERTICES);
}

PVGPU_HANDLER(draw_set_shader)
{
    const struct bg_pvgpu_set_shader *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct draw_stage *stage;
    struct draw_object *shader;

    (void)size;
    if (set->stage >= BG_PVGPU_STAGES) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    stage = &draw->stages[set->stage];
    if (!find_object(draw, set->shader_id, DRAW_SHADER, &shader)) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (shader != NULL && shader->shader.stage != set->stage) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (stage->shader != shader) {
        stage->shader = shader;
        stage->changed = true;
        draw->dirty |= DRAW_DIRTY_PIPELINE | DRAW_DIRTY_SETS;
    }
    return pvgpu_ok();
}

/* ---- A stage's slots ---- */

static void touch(struct vulkan_draw *draw, struct draw_stage *stage)
{
    stage->changed = true;
    draw->dirty |= DRAW_DIRTY_SETS;
}

/* Of a list that may end behind its last item. */
static enum bg_pvgpu_error check_list(uint32_t size, size_t fixed, size_t item, uint32_t first,
                                      uint32_t count, uint32_t most)
{
    if (first > most || count > most - first) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    return size >= fixed + count * item ? BG_PVGPU_OK : BG_PVGPU_ERROR_INVALID_COMMAND;
}

static enum bg_pvgpu_error check_slots(uint32_t size, size_t fixed, uint32_t stage, uint32_t first,
                                       uint32_t count, uint32_t most)
{
    return stage < BG_PVGPU_STAGES ? check_list(size, fixed, sizeof(uint32_t), first, count, most)
                                   : BG_PVGPU_ERROR_INVALID_PARAMETER;
}

static bool find_views(const struct pvgpu_context *context, const uint32_t *ids, uint32_t count,
                       uint32_t bind, struct pvgpu_view **views)
{
    for (uint32_t i = 0; i < count; i++) {
        views[i] = pvgpu_ids_find(&context->views, ids[i]);
        if (ids[i] != 0 && (views[i] == NULL || views[i]->bind != bind)) {
            return false;
        }
    }
    return true;
}

PVGPU_HANDLER(draw_set_shader_resource)
{
    const struct bg_pvgpu_set_shader_resource *set = command;
    struct pvgpu_view *views[BG_PVGPU_SHADER_RESOURCES_MAX];
    enum bg_pvgpu_error error =
        check_slots(size, offsetof(struct bg_pvgpu_set_shader_resource, views), set->stage,
                    set->start_slot, set->count, BG_PVGPU_SHADER_RESOURCES_MAX);

    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    if (!find_views(context, set->views, set->count, BG_PVGPU_BIND_SHADER_RESOURCE, views)) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    memcpy(&draw_of(context)->stages[set->stage].resources[set->start_slot], views,
           set->count * sizeof(views[0]));
    touch(draw_of(context), &draw_of(context)->stages[set->stage]);
    return pvgpu_ok();
}

PVGPU_HANDLER(draw_set_unordered_access)
{
    const struct bg_pvgpu_set_unordered_access *set = command;
    struct pvgpu_view *views[BG_PVGPU_UNORDERED_ACCESS_MAX];
    enum bg_pvgpu_error error =
        check_slots(size, offsetof(struct bg_pvgpu_set_unordered_access, views), set->stage,
                    set->start_slot, set->count, BG_PVGPU_UNORDERED_ACCESS_MAX);

    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    if (set->stage != BG_PVGPU_STAGE_PIXEL && set->stage != BG_PVGPU_STAGE_COMPUTE) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!find_views(context, set->views, set->count, BG_PVGPU_BIND_UNORDERED_ACCESS, views)) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    memcpy(&draw_of(context)->stages[set->stage].unordered[set->start_slot], views,
           set->count * sizeof(views[0]));
    touch(draw_of(context), &draw_of(context)->stages[set->stage]);
    return pvgpu_ok();
}

PVGPU_HANDLER(draw_set_sampler)
{
    const struct bg_pvgpu_set_sampler *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct draw_object *samplers[BG_PVGPU_SAMPLERS_MAX];
    enum bg_pvgpu_error error =
        check_slots(size, offsetof(struct bg_pvgpu_set_sampler, samplers), set->stage,
                    set->start_slot, set->count, BG_PVGPU_SAMPLERS_MAX);

    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (!find_object(draw, set->samplers[i], DRAW_SAMPLER, &samplers[i])) {
            return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
        }
    }
    memcpy(&draw->stages[set->stage].samplers[set->start_slot], samplers,
           set->count * sizeof(samplers[0]));
    touch(draw, &draw->stages[set->stage]);
    return pvgpu_ok();
}

/* ---- Buffers ---- */

/* 0 unbinds. */
static enum bg_pvgpu_error find_buffer(const struct pvgpu_context *context, uint32_t id,
                                       uint32_t bind, struct pvgpu_resource **buffer)
{
    *buffer = pvgpu_resource_find(context, id);
    if (id != 0 && *buffer == NULL) {
        return BG_PVGPU_ERROR_RESOURCE_NOT_FOUND;
    }
    return *buffer == NULL ||
                   ((*buffer)->type == BG_PVGPU_RESOURCE_BUFFER && ((*buffer)->bind_flags & bind))
               ? BG_PVGPU_OK
               : BG_PVGPU_ERROR_INVALID_PARAMETER;
}

/* What a shader sees of it; an offset beyond its end leaves nothing. */
static struct draw_constants constants_of(struct pvgpu_resource *buffer, uint32_t offset,
                                          uint32_t size)
{
    uint64_t rest;

    if (buffer == NULL || offset >= buffer->size) {
        return (struct draw_constants){.buffer = NULL};
    }
    rest = buffer->size - offset;
    rest = size != 0 && size < rest ? size : rest;
    return (struct draw_constants){
        .buffer = buffer,
        .offset = offset,
        .size = rest < BG_PVGPU_CONSTANT_BUFFER_SIZE_MAX ? rest : BG_PVGPU_CONSTANT_BUFFER_SIZE_MAX,
    };
}

PVGPU_HANDLER(draw_set_constant_buffer)
{
    const struct bg_pvgpu_set_constant_buffer *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct pvgpu_resource *buffer;
    enum bg_pvgpu_error error;

    (void)size;
    if (set->stage >= BG_PVGPU_STAGES || set->slot >= BG_PVGPU_CONSTANT_BUFFERS_MAX ||
        set->offset % 256 != 0) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    error = find_buffer(context, set->buffer_id, BG_PVGPU_BIND_CONSTANT_BUFFER, &buffer);
    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    draw->stages[set->stage].constants[set->slot] = constants_of(buffer, set->offset, set->size);
    touch(draw, &draw->stages[set->stage]);
    return pvgpu_ok();
}

PVGPU_HANDLER(draw_set_vertex_buffer)
{
    const struct bg_pvgpu_set_vertex_buffer *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct draw_vertices vertices[BG_PVGPU_VERTEX_BUFFERS_MAX];
    enum bg_pvgpu_error error = check_list(
        size, offsetof(struct bg_pvgpu_set_vertex_buffer, buffers), sizeof(set->buffers[0]),
        set->start_slot, set->count, BG_PVGPU_VERTEX_BUFFERS_MAX);

    for (uint32_t i = 0; error == BG_PVGPU_OK && i < set->count; i++) {
        vertices[i].offset = set->buffers[i].offset;
        vertices[i].stride = set->buffers[i].stride;
        error = vertices[i].stride <= BG_PVGPU_VERTEX_STRIDE_MAX
                    ? find_buffer(context, set->buffers[i].buffer_id, BG_PVGPU_BIND_VERTEX_BUFFER,
                                  &vertices[i].buffer)
                    : BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    memcpy(&draw->vertices[set->start_slot], vertices, set->count * sizeof(vertices[0]));
    draw->dirty |= DRAW_DIRTY_VERTICES;
    return pvgpu_ok();
}

PVGPU_HANDLER(draw_set_index_buffer)
{
    const struct bg_pvgpu_set_index_buffer *set = command;
    struct vulkan_draw *draw = draw_of(context);
    bool wide = set->format == BG_PVGPU_FORMAT_R32_UINT;
    struct pvgpu_resource *buffer;
    enum bg_pvgpu_error error =
        find_buffer(context, set->buffer_id, BG_PVGPU_BIND_INDEX_BUFFER, &buffer);

    (void)size;
    if (error != BG_PVGPU_OK) {
        return pvgpu_fail(error);
    }
    if (buffer != NULL && !wide && set->format != BG_PVGPU_FORMAT_R16_UINT) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    if (set->offset % (wide ? 4 : 2) != 0) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    draw->indices = buffer;
    draw->index_offset = set->offset;
    draw->index_type = wide ? VK_INDEX_TYPE_UINT32 : VK_INDEX_TYPE_UINT16;
    draw->dirty |= DRAW_DIRTY_INDICES;
    return pvgpu_ok();
}

/* ---- Topology ---- */

static bool topology_is_there(const struct vulkan_draw *draw, const struct state_topology *topology)
{
    const struct interface_limits *limits = &draw->shader_limits;

    if (topology->patch_points > 0) {
        return limits->tessellation && topology->patch_points <= limits->patch_points;
    }
    return topology->vertices <= 3 || limits->geometry;
}

PVGPU_HANDLER(draw_set_primitive_topology)
{
    const struct bg_pvgpu_set_primitive_topology *set = command;
    struct vulkan_draw *draw = draw_of(context);
    struct state_topology topology = {.vertices = 0};

    (void)size;
    if (set->topology != BG_PVGPU_TOPOLOGY_UNDEFINED &&
        (!state_read_topology(&topology, set->topology) || !topology_is_there(draw, &topology))) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (topology.class != draw->topology.class || topology.vertices != draw->topology.vertices ||
        topology.patch_points != draw->topology.patch_points) {
        draw->dirty |= DRAW_DIRTY_PIPELINE;
    }
    draw->topology = topology;
    draw->dirty |= DRAW_DIRTY_TOPOLOGY;
    return pvgpu_ok();
}

/* ---- What goes ---- */

void vulkan_draw_follow_targets(struct vulkan_renderer *renderer)
{
    renderer->draw->dirty |= DRAW_DIRTY_PIPELINE;
}

void vulkan_draw_follow_constants(struct vulkan_renderer *renderer,
                                  const struct vulkan_resource *resource)
{
    struct vulkan_draw *draw = renderer->draw;

    for (uint32_t i = 0; i < BG_PVGPU_STAGES; i++) {
        for (uint32_t slot = 0; slot < BG_PVGPU_CONSTANT_BUFFERS_MAX; slot++) {
            const struct pvgpu_resource *bound = draw->stages[i].constants[slot].buffer;

            if (bound != NULL && vulkan_resource_of(bound) == resource) {
                touch(draw, &draw->stages[i]);
            }
        }
    }
}

void vulkan_draw_forget_view(struct vulkan_renderer *renderer, const struct pvgpu_view *view)
{
    struct vulkan_draw *draw = renderer->draw;

    draw->dirty |= DRAW_DIRTY_PIPELINE; /* it may be a target */
    for (uint32_t i = 0; i < BG_PVGPU_STAGES; i++) {
        struct draw_stage *stage = &draw->stages[i];

        for (uint32_t slot = 0; slot < BG_PVGPU_SHADER_RESOURCES_MAX; slot++) {
            if (stage->resources[slot] == view) {
                stage->resources[slot] = NULL;
                touch(draw, stage);
            }
        }
        for (uint32_t slot = 0; slot < BG_PVGPU_UNORDERED_ACCESS_MAX; slot++) {
            if (stage->unordered[slot] == view) {
                stage->unordered[slot] = NULL;
                touch(draw, stage);
            }
        }
    }
}

void vulkan_draw_forget_resource(struct vulkan_renderer *renderer,
                                 const struct pvgpu_resource *resource)
{
    struct vulkan_draw *draw = renderer->draw;

    for (uint32_t i = 0; i < BG_PVGPU_STAGES; i++) {
        for (uint32_t slot = 0; slot < BG_PVGPU_CONSTANT_BUFFERS_MAX; slot++) {
            if (draw->stages[i].constants[slot].buffer == resource) {
                draw->stages[i].constants[slot].buffer = NULL;
                touch(draw, &draw->stages[i]);
            }
        }
    }
    for (uint32_t i = 0; i < BG_PVGPU_VERTEX_BUFFERS_MAX; i++) {
        if (draw->vertices[i].buffer == resource) {
            draw->vertices[i].buffer = NULL;
            draw->dirty |= DRAW_DIRTY_VERTICES;
        }
    }
    if (draw->indices == resource) {
        draw->indices = NULL;
    }
}
