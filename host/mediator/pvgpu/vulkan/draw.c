/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws and dispatches: what is bound is checked, ordered behind what wrote it, and recorded. */
#include <string.h>

#include "host/mediator/pvgpu/vulkan/draw.h"

/* ---- What a draw uses ---- */

/* Of one resource; true ends the walk. */
typedef bool use_fn(struct vulkan_renderer *renderer, struct vulkan_marks *marks, bool write);

static bool conflicts(struct vulkan_renderer *renderer, struct vulkan_marks *marks, bool write)
{
    return vulkan_conflicts(renderer, marks, write);
}

static bool mark(struct vulkan_renderer *renderer, struct vulkan_marks *marks, bool write)
{
    vulkan_mark(renderer, marks, write);
    return false;
}

/* NULL: nothing that has memory, or that a command writes: what is renamed the host wrote. */
static struct pvgpu_resource *resource_at(const struct draw_stage *stage, uint32_t binding)
{
    const struct pvgpu_view *view;

    if (binding < BG_PVGPU_CONSTANT_BUFFERS_MAX) {
        struct pvgpu_resource *buffer = stage->constants[binding].buffer;

        return buffer != NULL && vulkan_resource_of(buffer)->renamed != VK_NULL_HANDLE ? NULL
                                                                                       : buffer;
    }
    if (binding >= BG_PVGPU_BINDING_UNORDERED_ACCESS) {
        view = stage->unordered[binding - BG_PVGPU_BINDING_UNORDERED_ACCESS];
    } else if (binding < BG_PVGPU_BINDING_SAMPLER) {
        view = stage->resources[binding - BG_PVGPU_BINDING_SHADER_RESOURCE];
    } else {
        view = NULL;
    }
    return view != NULL ? view->resource : NULL;
}

static bool walk_stage(struct vulkan_renderer *renderer, const struct draw_stage *stage,
                       use_fn *use)
{
    const struct interface *interface;

    if (stage->shader == NULL) {
        return false;
    }
    interface = &stage->shader->shader.program.interface;
    for (uint32_t i = 0; i < interface->binding_count; i++) {
        uint32_t binding = interface->bindings[i].binding;
        const struct pvgpu_resource *resource = resource_at(stage, binding);

        if (resource != NULL && use(renderer, &vulkan_resource_of(resource)->marks,
                                    binding >= BG_PVGPU_BINDING_UNORDERED_ACCESS)) {
            return true;
        }
    }
    return false;
}

static bool walk_buffers(struct vulkan_renderer *renderer, bool indexed, use_fn *use)
{
    const struct vulkan_draw *draw = renderer->draw;

    for (uint32_t i = 0; i < BG_PVGPU_VERTEX_BUFFERS_MAX && draw->layout != NULL; i++) {
        const struct pvgpu_resource *buffer = draw->vertices[i].buffer;

        if (draw->layout->layout.slots[i].used && buffer != NULL &&
            use(renderer, &vulkan_resource_of(buffer)->marks, false)) {
            return true;
        }
    }
    return indexed && use(renderer, &vulkan_resource_of(draw->indices)->marks, false);
}

static bool walk_draw(struct vulkan_renderer *renderer, bool indexed, use_fn *use)
{
    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (walk_stage(renderer, &renderer->draw->stages[i], use)) {
            return true;
        }
    }
    return walk_buffers(renderer, indexed, use);
}

/* ---- State into the command buffer ---- */

static void set_viewports(const struct pvgpu_context *context, VkCommandBuffer commands,
                          bool hidden)
{
    const struct vulkan *vulkan = vulkan_of(context)->vulkan;
    const struct vulkan_draw *draw = draw_of(context);
    bool scissor = draw->rasterizer != NULL && draw->rasterizer->rasterizer.scissor;
    struct state_view_ports ports;

    state_set_view_ports(&ports, context->viewports, context->viewport_count,
                         scissor ? context->scissors : NULL, context->scissor_count);
    if (!vulkan->features.multiViewport) {
        ports.count = 1;
    }
    if (hidden) {
        memset(ports.scissors, 0, sizeof(ports.scissors));
    }
    vulkan->vkCmdSetViewportWithCount(commands, ports.count, ports.viewports);
    vulkan->vkCmdSetScissorWithCount(commands, ports.count, ports.scissors);
}

static void set_rasterizer(const struct vulkan *vulkan, const struct vulkan_draw *draw,
                           VkCommandBuffer commands)
{
    const struct state_rasterizer *state =
        draw->rasterizer != NULL ? &draw->rasterizer->rasterizer : &state_default_rasterizer;
    bool bias = state->bias != 0 || state->bias_slope != 0;

    vulkan->vkCmdSetCullMode(commands, state->cull);
    vulkan->vkCmdSetFrontFace(commands, state->front);
    vulkan->vkCmdSetDepthBiasEnable(commands, bias);
    vulkan->vkCmdSetDepthBias(commands, state->bias,
                              vulkan->features.depthBiasClamp ? state->bias_clamp : 0,
                              state->bias_slope);
}

static void set_stencil_face(const struct vulkan *vulkan, VkCommandBuffer commands,
                             VkStencilFaceFlags face, const VkStencilOpState *state,
                             uint32_t reference)
{
    vulkan->vkCmdSetStencilOp(commands, face, state->failOp, state->passOp, state->depthFailOp,
                              state->compareOp);
    vulkan->vkCmdSetStencilCompareMask(commands, face, state->compareMask);
    vulkan->vkCmdSetStencilWriteMask(commands, face, state->writeMask);
    vulkan->vkCmdSetStencilReference(commands, face, reference);
}

static void set_depth(const struct vulkan *vulkan, const struct vulkan_draw *draw,
                      VkCommandBuffer commands)
{
    const struct state_depth_stencil *state = draw->depth_stencil != NULL
                                                  ? &draw->depth_stencil->depth_stencil
                                                  : &state_default_depth_stencil;

    vulkan->vkCmdSetDepthTestEnable(commands, state->depth_test);
    vulkan->vkCmdSetDepthWriteEnable(commands, state->depth_write);
    vulkan->vkCmdSetDepthCompareOp(commands, state->depth_compare);
    vulkan->vkCmdSetStencilTestEnable(commands, state->stencil_test);
    set_stencil_face(vulkan, commands, VK_STENCIL_FACE_FRONT_BIT, &state->front,
                     draw->stencil_reference);
    set_stencil_face(vulkan, commands, VK_STENCIL_FACE_BACK_BIT, &state->back,
                     draw->stencil_reference);
}

static void set_vertices(const struct vulkan *vulkan, const struct vulkan_draw *draw,
                         VkCommandBuffer commands)
{
    VkBuffer buffers[BG_PVGPU_VERTEX_BUFFERS_MAX] = {VK_NULL_HANDLE};
    VkDeviceSize offsets[BG_PVGPU_VERTEX_BUFFERS_MAX] = {0};
    VkDeviceSize sizes[BG_PVGPU_VERTEX_BUFFERS_MAX] = {0};
    VkDeviceSize strides[BG_PVGPU_VERTEX_BUFFERS_MAX] = {0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < BG_PVGPU_VERTEX_BUFFERS_MAX && draw->layout != NULL; i++) {
        const struct draw_vertices *vertices = &draw->vertices[i];

        if (!draw->layout->layout.slots[i].used) {
            continue;
        }
        count = i + 1;
        strides[i] = vertices->stride;
        if (vertices->buffer != NULL && vertices->offset < vertices->buffer->size) {
            buffers[i] = vulkan_resource_of(vertices->buffer)->buffer;
            offsets[i] = vertices->offset;
            sizes[i] = vertices->buffer->size - vertices->offset;
        }
    }
    if (count > 0) {
        vulkan->vkCmdBindVertexBuffers2(commands, 0, count, buffers, offsets, sizes, strides);
    }
}

static void set_state(const struct pvgpu_context *context, VkCommandBuffer commands, bool indexed)
{
    const struct vulkan *vulkan = vulkan_of(context)->vulkan;
    struct vulkan_draw *draw = draw_of(context);

    if (draw->dirty & DRAW_DIRTY_VIEWPORTS) {
        set_viewports(context, commands, draw->masked);
    }
    if (draw->dirty & DRAW_DIRTY_RASTERIZER) {
        set_rasterizer(vulkan, draw, commands);
    }
    if (draw->dirty & DRAW_DIRTY_DEPTH) {
        set_depth(vulkan, draw, commands);
    }
    if (draw->dirty & DRAW_DIRTY_BLEND) {
        vulkan->vkCmdSetBlendConstants(commands, draw->blend_factor);
    }
    if (draw->dirty & DRAW_DIRTY_TOPOLOGY) {
        vulkan->vkCmdSetPrimitiveTopology(commands, draw->topology.topology);
        vulkan->vkCmdSetPrimitiveRestartEnable(commands, draw->topology.strip);
    }
    if (draw->dirty & DRAW_DIRTY_VERTICES) {
        set_vertices(vulkan, draw, commands);
    }
    if (indexed && draw->dirty & DRAW_DIRTY_INDICES) {
        vulkan->vkCmdBindIndexBuffer(commands, vulkan_resource_of(draw->indices)->buffer,
                                     draw->index_offset, draw->index_type);
    }
    draw->dirty &= indexed ? 0 : DRAW_DIRTY_INDICES;
}

/* Sets that were written, and all when the pipeline's layout is another. False: the pool is used
 * up. */
static bool set_descriptors(struct vulkan_renderer *renderer, VkCommandBuffer commands,
                            VkPipelineLayout layout, bool all)
{
    struct vulkan_draw *draw = renderer->draw;

    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        struct draw_stage *stage = &draw->stages[i];
        bool bind = all || stage->changed;

        if (stage->shader == NULL || stage->shader->shader.program.interface.binding_count == 0) {
            continue;
        }
        if (!draw_write_set(renderer, stage)) {
            return false;
        }
        if (bind) {
            renderer->vulkan->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                                                      layout, i, 1, &stage->set, 0, NULL);
        }
    }
    return true;
}

/* Whatever the last command buffer had bound, this one has nothing. */
static void follow_recording(struct vulkan_renderer *renderer)
{
    struct vulkan_draw *draw = renderer->draw;

    if (draw->recording == renderer->recordings) {
        return;
    }
    draw->recording = renderer->recordings;
    draw->dirty |= DRAW_DIRTY_ALL & ~(uint32_t)DRAW_DIRTY_PIPELINE;
    draw->bound = draw->bound_compute = VK_NULL_HANDLE;
    for (uint32_t i = 0; i < BG_PVGPU_STAGES; i++) {
        draw->stages[i].changed = true;
    }
}

/* ---- Checks ---- */

static bool stage_writes(const struct draw_stage *stage)
{
    return stage->shader != NULL && stage->shader->shader.writes;
}

/* Attributes lie where their components are aligned. */
static bool vertices_are_aligned(const struct vulkan_draw *draw)
{
    for (uint32_t i = 0; i < BG_PVGPU_VERTEX_BUFFERS_MAX && draw->layout != NULL; i++) {
        const struct state_slot *slot = &draw->layout->layout.slots[i];

        if (slot->used &&
            (draw->vertices[i].stride | draw->vertices[i].offset) % slot->alignment != 0) {
            return false;
        }
    }
    return true;
}

static bool geometry_fits(const struct vulkan_draw *draw)
{
    const struct draw_object *geometry = draw->stages[BG_PVGPU_STAGE_GEOMETRY].shader;

    return geometry == NULL || draw->topology.patch_points > 0 ||
           geometry->shader.program.interface.input_vertices == draw->topology.vertices;
}

/* Of one sample not all drivers ask the mask: the scissor leaves nothing then. */
static void follow_mask(struct vulkan_draw *draw)
{
    const struct draw_key *key = &draw->pipeline->key;
    bool masked = key->samples == 1 && (key->sample_mask & 1) == 0;

    if (draw->masked != masked) {
        draw->masked = masked;
        draw->dirty |= DRAW_DIRTY_VIEWPORTS;
    }
}

static struct pvgpu_outcome check(struct pvgpu_context *context, bool indexed)
{
    struct vulkan_draw *draw = draw_of(context);
    struct pvgpu_outcome outcome;

    if (draw->view_ports != context->view_ports) {
        draw->view_ports = context->view_ports;
        draw->dirty |= DRAW_DIRTY_VIEWPORTS;
    }
    if ((draw->topology.vertices == 0 && draw->topology.patch_points == 0) ||
        (indexed && draw->indices == NULL)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (draw->dirty & DRAW_DIRTY_VERTICES && !vertices_are_aligned(draw)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (draw->dirty & DRAW_DIRTY_PIPELINE) {
        if (!geometry_fits(draw)) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
        outcome = draw_find_pipeline(context, &draw->pipeline);
        if (outcome.code != BG_PVGPU_OK) {
            return outcome;
        }
        draw->dirty &= ~(uint32_t)DRAW_DIRTY_PIPELINE;
        follow_mask(draw);
    }
    return pvgpu_ok();
}

/* ---- Draws ---- */

/* Nothing that a draw uses was touched since the last one, which marked it. */
static bool is_settled(const struct vulkan_renderer *renderer, bool indexed)
{
    const struct vulkan_draw *draw = renderer->draw;
    const uint32_t uses = DRAW_DIRTY_SETS | DRAW_DIRTY_VERTICES | DRAW_DIRTY_INDICES;

    return renderer->rendering && draw->settled == renderer->epoch &&
           !(draw->dirty & (indexed ? uses : uses & ~(uint32_t)DRAW_DIRTY_INDICES)) &&
           !stage_writes(&draw->stages[BG_PVGPU_STAGE_PIXEL]);
}

/* What differs from the last draw's. False: the pool of descriptors is used up. */
static bool set_all(struct pvgpu_context *context, VkCommandBuffer commands, bool indexed)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct vulkan_draw *draw = renderer->draw;
    bool other = draw->bound != draw->pipeline->pipeline;

    if (!other && (draw->dirty & ~(indexed ? 0 : (uint32_t)DRAW_DIRTY_INDICES)) == 0) {
        return true;
    }
    vulkan_end_run(renderer);
    if (other) {
        renderer->vulkan->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                                            draw->pipeline->pipeline);
        draw->bound = draw->pipeline->pipeline;
    }
    if ((other || draw->dirty & DRAW_DIRTY_SETS) &&
        !set_descriptors(renderer, commands, draw->pipeline->layout, other)) {
        return false;
    }
    set_state(context, commands, indexed);
    return true;
}

/* Everything but the draw. False: the device is lost, or the pool of descriptors is used up. */
static bool record(struct pvgpu_context *context, bool indexed)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct vulkan_draw *draw = renderer->draw;
    bool conflict = vulkan_targets_conflict(renderer, context);
    bool settled = is_settled(renderer, indexed);
    VkCommandBuffer commands;

    if (conflict || (!settled && walk_draw(renderer, indexed, conflicts))) {
        vulkan_barrier(renderer);
    }
    commands = vulkan_record_draw(renderer, context);
    if (commands == VK_NULL_HANDLE) {
        return false;
    }
    follow_recording(renderer);
    if (!settled || draw->settled != renderer->epoch) {
        walk_draw(renderer, indexed, mark);
        draw->settled = renderer->epoch;
    }
    return set_all(context, commands, indexed);
}

static bool record_all(struct pvgpu_context *context, bool indexed)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    bool recorded = record(context, indexed);

    if (!recorded && !renderer->lost) {
        vulkan_submit(renderer); /* the next batch's pool is empty */
        recorded = record(context, indexed);
    }
    return recorded;
}

/* Why nothing can be recorded, after record_all(). */
static struct pvgpu_outcome explain(const struct vulkan_renderer *renderer)
{
    return pvgpu_fail(renderer->lost ? BG_PVGPU_ERROR_DEVICE_LOST : BG_PVGPU_ERROR_OUT_OF_MEMORY);
}

/* One primitive, of which no pixel is seen; none where a shader would write as it goes. */
static void draw_hidden(struct pvgpu_context *context)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan_draw *draw = renderer->draw;
    VkCommandBuffer commands = vulkan_batch_of(renderer)->commands;
    uint32_t vertices = draw->topology.vertices ?: draw->topology.patch_points;

    for (uint32_t i = 0; i < DRAW_GRAPHICS_STAGES; i++) {
        if (i != BG_PVGPU_STAGE_PIXEL && stage_writes(&draw->stages[i])) {
            vertices = 0;
        }
    }
    set_viewports(context, commands, true);
    renderer->vulkan->vkCmdDraw(commands, vertices, 1, 0, 0);
}

/*
 * A driver for a processor compiles where a shader is first used, in the midst of what was
 * submitted. There that comes alone, and ends before anything else begins, so that it is known what
 * took too long. The command buffer is another one afterwards.
 */
static bool compiles_late(const struct vulkan_renderer *renderer)
{
    return renderer->vulkan->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static void finish(struct vulkan_renderer *renderer)
{
    vulkan_wait(renderer, vulkan_submit(renderer));
}

static void compile(struct pvgpu_context *context, bool indexed)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct draw_pipeline *pipeline = renderer->draw->pipeline;

    if (pipeline->compiled || !compiles_late(renderer)) {
        return;
    }
    finish(renderer);
    draw_begin_compiling(context, &pipeline->key);
    if (record_all(context, indexed)) {
        draw_hidden(context);
    }
    finish(renderer);
    pvgpu_compiling_end(&context->compiling);
    pipeline->compiled = true;
}

static struct pvgpu_outcome prepare(struct pvgpu_context *context, bool indexed)
{
    struct pvgpu_outcome outcome = check(context, indexed);

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    compile(context, indexed);
    return record_all(context, indexed) ? pvgpu_ok() : explain(vulkan_of(context));
}

static struct pvgpu_outcome add(struct pvgpu_context *context, struct vulkan_draw_call call)
{
    struct pvgpu_outcome outcome = prepare(context, call.indexed);

    if (outcome.code == BG_PVGPU_OK) {
        call.alone = draw_of(context)->pipeline->counts;
        vulkan_add_draw(vulkan_of(context), &call);
    }
    return outcome;
}

PVGPU_HANDLER(draw_draw)
{
    const struct bg_pvgpu_draw *draw = command;

    (void)size;
    return add(context, (struct vulkan_draw_call){.first = draw->start_vertex,
                                                  .count = draw->vertex_count,
                                                  .instances = 1});
}

PVGPU_HANDLER(draw_draw_instanced)
{
    const struct bg_pvgpu_draw_instanced *draw = command;

    (void)size;
    return add(context, (struct vulkan_draw_call){.first = draw->start_vertex,
                                                  .count = draw->vertex_count,
                                                  .instances = draw->instance_count,
                                                  .first_instance = draw->start_instance});
}

PVGPU_HANDLER(draw_draw_indexed)
{
    const struct bg_pvgpu_draw_indexed *draw = command;

    (void)size;
    return add(context, (struct vulkan_draw_call){.indexed = true,
                                                  .first = draw->start_index,
                                                  .count = draw->index_count,
                                                  .base_vertex = draw->base_vertex,
                                                  .instances = 1});
}

PVGPU_HANDLER(draw_draw_indexed_instanced)
{
    const struct bg_pvgpu_draw_indexed_instanced *draw = command;

    (void)size;
    return add(context, (struct vulkan_draw_call){.indexed = true,
                                                  .first = draw->start_index,
                                                  .count = draw->index_count,
                                                  .base_vertex = draw->base_vertex,
                                                  .instances = draw->instance_count,
                                                  .first_instance = draw->start_instance});
}

/* ---- Dispatches ---- */

static VkCommandBuffer record_dispatch(struct vulkan_renderer *renderer, struct draw_stage *stage)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_draw *draw = renderer->draw;
    const struct draw_shader *shader = &stage->shader->shader;
    VkCommandBuffer commands;

    vulkan_do_clears(renderer);
    if (walk_stage(renderer, stage, conflicts)) {
        vulkan_barrier(renderer);
    }
    commands = vulkan_record(renderer);
    if (commands == VK_NULL_HANDLE) {
        return VK_NULL_HANDLE;
    }
    follow_recording(renderer);
    if (!draw_write_set(renderer, stage)) {
        return VK_NULL_HANDLE;
    }
    walk_stage(renderer, stage, mark);
    if (draw->bound_compute != shader->pipeline) {
        vulkan->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, shader->pipeline);
        draw->bound_compute = shader->pipeline;
    }
    if (shader->program.interface.binding_count > 0) {
        vulkan->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                        shader->pipeline_layout, BG_PVGPU_STAGE_COMPUTE, 1,
                                        &stage->set, 0, NULL);
    }
    return commands;
}

static VkCommandBuffer record_all_of_dispatch(struct vulkan_renderer *renderer,
                                              struct draw_stage *stage)
{
    VkCommandBuffer commands = record_dispatch(renderer, stage);

    if (commands == VK_NULL_HANDLE && !renderer->lost) {
        vulkan_submit(renderer); /* the next batch's pool is empty */
        commands = record_dispatch(renderer, stage);
    }
    return commands;
}

/* As compile(), by a dispatch of no groups. */
static void compile_dispatch(struct pvgpu_context *context, struct draw_stage *stage)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct draw_shader *shader = &stage->shader->shader;
    VkCommandBuffer commands;

    if (shader->compiled || !compiles_late(renderer)) {
        return;
    }
    finish(renderer);
    pvgpu_compiling_begin(&context->compiling, &shader->id, 1);
    commands = record_all_of_dispatch(renderer, stage);
    if (commands != VK_NULL_HANDLE) {
        renderer->vulkan->vkCmdDispatch(commands, 0, 0, 0);
    }
    finish(renderer);
    pvgpu_compiling_end(&context->compiling);
    shader->compiled = true;
}

PVGPU_HANDLER(draw_dispatch)
{
    const struct bg_pvgpu_dispatch *dispatch = command;
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct draw_stage *stage = &renderer->draw->stages[BG_PVGPU_STAGE_COMPUTE];
    VkCommandBuffer commands;

    (void)size;
    if (stage->shader == NULL || dispatch->groups_x > BG_PVGPU_DISPATCH_GROUPS_MAX ||
        dispatch->groups_y > BG_PVGPU_DISPATCH_GROUPS_MAX ||
        dispatch->groups_z > BG_PVGPU_DISPATCH_GROUPS_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    compile_dispatch(context, stage);
    commands = record_all_of_dispatch(renderer, stage);
    if (commands == VK_NULL_HANDLE) {
        return explain(renderer);
    }
    renderer->vulkan->vkCmdDispatch(commands, dispatch->groups_x, dispatch->groups_y,
                                    dispatch->groups_z);
    return pvgpu_ok();
}

/* ---- The table ---- */

#define PAIR(type, name, form, kind)                                                               \
    {BG_PVGPU_CMD_CREATE_##type, form, kind, draw_create_##name, true},                            \
    {                                                                                              \
        BG_PVGPU_CMD_DESTROY_##type, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,             \
            draw_destroy_##name, true                                                              \
    }
#define SET(type, name, form) {BG_PVGPU_CMD_##type, form, PVGPU_KIND_STATE, draw_##name, true}
#define WORK(type, name)                                                                           \
    {BG_PVGPU_CMD_##type, sizeof(struct bg_pvgpu_##name), PVGPU_KIND_WORK, draw_##name, true}

const struct pvgpu_command_entry vulkan_draw_commands[] = {
    WORK(DRAW, draw),
    WORK(DRAW_INDEXED, draw_indexed),
    WORK(DRAW_INSTANCED, draw_instanced),
    WORK(DRAW_INDEXED_INSTANCED, draw_indexed_instanced),
    WORK(DISPATCH, dispatch),
    SET(SET_CONSTANT_BUFFER, set_constant_buffer, sizeof(struct bg_pvgpu_set_constant_buffer)),
    SET(SET_VERTEX_BUFFER, set_vertex_buffer, offsetof(struct bg_pvgpu_set_vertex_buffer, buffers)),
    SET(SET_INDEX_BUFFER, set_index_buffer, sizeof(struct bg_pvgpu_set_index_buffer)),
    SET(SET_SHADER_RESOURCE, set_shader_resource,
        offsetof(struct bg_pvgpu_set_shader_resource, views)),
    SET(SET_SAMPLER, set_sampler, offsetof(struct bg_pvgpu_set_sampler, samplers)),
    SET(SET_UNORDERED_ACCESS, set_unordered_access,
        offsetof(struct bg_pvgpu_set_unordered_access, views)),
    SET(SET_SHADER, set_shader, sizeof(struct bg_pvgpu_set_shader)),
    SET(SET_INPUT_LAYOUT, set_input_layout, sizeof(struct bg_pvgpu_set_object)),
    SET(SET_PRIMITIVE_TOPOLOGY, set_primitive_topology,
        sizeof(struct bg_pvgpu_set_primitive_topology)),
    SET(SET_BLEND_STATE, set_blend_state, sizeof(struct bg_pvgpu_set_blend_state)),
    SET(SET_RASTERIZER_STATE, set_rasterizer_state, sizeof(struct bg_pvgpu_set_object)),
    SET(SET_DEPTH_STENCIL, set_depth_stencil, sizeof(struct bg_pvgpu_set_depth_stencil)),
    PAIR(BLEND_STATE, blend_state, sizeof(struct bg_pvgpu_create_blend_state), PVGPU_KIND_STATE),
    PAIR(RASTERIZER_STATE, rasterizer_state, sizeof(struct bg_pvgpu_create_rasterizer_state),
         PVGPU_KIND_STATE),
    PAIR(DEPTH_STENCIL_STATE, depth_stencil_state,
         sizeof(struct bg_pvgpu_create_depth_stencil_state), PVGPU_KIND_STATE),
    PAIR(SAMPLER, sampler, sizeof(struct bg_pvgpu_create_sampler), PVGPU_KIND_WORK),
    PAIR(INPUT_LAYOUT, input_layout, offsetof(struct bg_pvgpu_create_input_layout, elements),
         PVGPU_KIND_STATE),
    PAIR(SHADER, shader, sizeof(struct bg_pvgpu_create_shader), PVGPU_KIND_WORK),
};

_Static_assert(sizeof(vulkan_draw_commands) ==
                   VULKAN_DRAW_COMMANDS * sizeof(vulkan_draw_commands[0]),
               "the renderer knows how many");
