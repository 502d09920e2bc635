/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/commands.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct pvgpu_command_entry entries[] = {
    {BG_PVGPU_CMD_CREATE_RESOURCE, sizeof(struct bg_pvgpu_create_resource), PVGPU_KIND_WORK,
     pvgpu_create_resource},
    {BG_PVGPU_CMD_DESTROY_RESOURCE, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,
     pvgpu_destroy_resource},
    {BG_PVGPU_CMD_MAP_RESOURCE, sizeof(struct bg_pvgpu_map_resource), PVGPU_KIND_WORK,
     pvgpu_map_resource},
    {BG_PVGPU_CMD_UNMAP_RESOURCE, sizeof(struct bg_pvgpu_unmap_resource), PVGPU_KIND_WORK,
     pvgpu_unmap_resource},
    {BG_PVGPU_CMD_UPDATE_RESOURCE, sizeof(struct bg_pvgpu_update_resource), PVGPU_KIND_WORK,
     pvgpu_update_resource},
    {BG_PVGPU_CMD_COPY_RESOURCE, sizeof(struct bg_pvgpu_copy_resource), PVGPU_KIND_WORK,
     pvgpu_copy_resource},
    {BG_PVGPU_CMD_OPEN_RESOURCE, sizeof(struct bg_pvgpu_open_resource), PVGPU_KIND_STATE,
     pvgpu_open_resource},
    {BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, BG_PVGPU_CREATE_VIEW_SIZE_MIN, PVGPU_KIND_STATE,
     pvgpu_create_render_target_view},
    {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,
     pvgpu_destroy_render_target_view},
    {BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, sizeof(struct bg_pvgpu_create_depth_view),
     PVGPU_KIND_STATE, pvgpu_create_depth_stencil_view},
    {BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,
     pvgpu_destroy_depth_stencil_view},
    {BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, sizeof(struct bg_pvgpu_create_shader_view),
     PVGPU_KIND_STATE, pvgpu_create_shader_resource_view},
    {BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,
     pvgpu_destroy_shader_resource_view},
    {BG_PVGPU_CMD_SET_RENDER_TARGET, sizeof(struct bg_pvgpu_set_render_target), PVGPU_KIND_STATE,
     bg_pvgpu_set_render_target},
    {BG_PVGPU_CMD_SET_VIEWPORT, offsetof(struct bg_pvgpu_set_viewport, viewports), PVGPU_KIND_STATE,
     bg_pvgpu_set_viewport},
    {BG_PVGPU_CMD_SET_SCISSOR, offsetof(struct bg_pvgpu_set_scissor, rectangles), PVGPU_KIND_STATE,
     bg_pvgpu_set_scissor},
    {BG_PVGPU_CMD_CLEAR_RENDER_TARGET, sizeof(struct bg_pvgpu_clear_render_target), PVGPU_KIND_WORK,
     bg_pvgpu_clear_render_target},
    {BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, sizeof(struct bg_pvgpu_clear_depth_stencil), PVGPU_KIND_WORK,
     bg_pvgpu_clear_depth_stencil},
    {BG_PVGPU_CMD_FENCE, sizeof(struct bg_pvgpu_fence), PVGPU_KIND_FENCE, NULL},
    {BG_PVGPU_CMD_PRESENT, sizeof(struct bg_pvgpu_present), PVGPU_KIND_PRESENT, NULL},
    {BG_PVGPU_CMD_FLUSH, sizeof(struct bg_pvgpu_command), PVGPU_KIND_FLUSH, NULL},
    {BG_PVGPU_CMD_WAIT_FENCE, sizeof(struct bg_pvgpu_wait_fence), PVGPU_KIND_WAIT_FENCE, NULL},
    {BG_PVGPU_CMD_RESIZE_BUFFERS, sizeof(struct bg_pvgpu_resize_buffers), PVGPU_KIND_WORK, NULL},
    {BG_PVGPU_CMD_COPY_REGION, sizeof(struct bg_pvgpu_copy_region), PVGPU_KIND_WORK,
     pvgpu_copy_region},
    {BG_PVGPU_CMD_READ_RESOURCE, sizeof(struct bg_pvgpu_update_resource), PVGPU_KIND_WORK,
     pvgpu_read_resource},
    {BG_PVGPU_CMD_PRESENT_REGION, offsetof(struct bg_pvgpu_present_region, rectangles),
     PVGPU_KIND_PRESENT, NULL},
};

/* With a renderer that draws, besides its own. */
static const struct pvgpu_command_entry drawing_entries[] = {
    {BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, BG_PVGPU_CREATE_VIEW_SIZE_MIN, PVGPU_KIND_STATE,
     pvgpu_create_unordered_access_view},
    {BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW, sizeof(struct bg_pvgpu_command), PVGPU_KIND_WORK,
     pvgpu_destroy_unordered_access_view},
};

/* An operation that needs nothing may be a bare command. One with a place for its result writes
 * into the heap, behind all that is under way. */
static const struct pvgpu_command_entry bare_entry = {BG_PVGPU_CMD_COMPUTE_FIRST,
                                                      sizeof(struct bg_pvgpu_command),
                                                      PVGPU_KIND_STATE, pvgpu_run_compute};
static const struct pvgpu_command_entry compute_entry = {BG_PVGPU_CMD_COMPUTE_FIRST,
                                                         sizeof(struct bg_pvgpu_compute),
                                                         PVGPU_KIND_WORK, pvgpu_run_compute};

static const struct pvgpu_command_entry *find_compute(const struct bg_pvgpu_command *header)
{
    const struct operation_row *row = operation_find(header->type);

    if (row == NULL) {
        return NULL;
    }
    return row->needs == OPERATION_NEEDS_NOTHING && header->size < compute_entry.size
               ? &bare_entry
               : &compute_entry;
}

static const struct pvgpu_command_entry *find_in(const struct pvgpu_command_entry *list,
                                                 size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].type == type) {
            return &list[i];
        }
    }
    return NULL;
}

static const struct pvgpu_command_entry *find_type(const struct pvgpu_renderer_ops *renderer,
                                                   uint32_t type)
{
    const struct pvgpu_command_entry *entry = find_in(entries, COUNT(entries), type);

    if (entry == NULL && renderer->draws) {
        entry = find_in(drawing_entries, COUNT(drawing_entries), type)
                    ?: find_in(renderer->commands, renderer->command_count, type);
    }
    return entry;
}

/* Thousands of draws in a picture are the same few commands: their places are kept. */
static const struct pvgpu_command_entry *find_kept(struct pvgpu_context *context, uint32_t type)
{
    const struct pvgpu_command_entry **kept = &context->entries[type % PVGPU_ENTRIES_KEPT];

    if (*kept == NULL || (*kept)->type != type) {
        *kept = find_type(context->renderer->ops, type);
    }
    return *kept;
}

/* NULL for a command that there is not, or that is too short. */
static const struct pvgpu_command_entry *find_entry(struct pvgpu_context *context,
                                                    const struct bg_pvgpu_command *header)
{
    bool computes =
        header->type >= BG_PVGPU_CMD_COMPUTE_FIRST && header->type <= BG_PVGPU_CMD_COMPUTE_LAST;
    const struct pvgpu_command_entry *entry =
        computes ? find_compute(header) : find_kept(context, header->type);

    return entry != NULL && header->size >= entry->size ? entry : NULL;
}

enum pvgpu_command_kind pvgpu_command_classify(struct pvgpu_context *context,
                                               const struct bg_pvgpu_command *header)
{
    const struct pvgpu_command_entry *entry = find_entry(context, header);

    return entry != NULL ? entry->kind : PVGPU_KIND_UNKNOWN;
}

struct pvgpu_outcome pvgpu_command_run(struct pvgpu_context *context,
                                       struct bg_pvgpu_display *display,
                                       struct bg_pvgpu_control *control, const void *command,
                                       uint64_t now_ns)
{
    const struct bg_pvgpu_command *header = command;
    const struct pvgpu_command_entry *entry = find_entry(context, header);

    if (entry == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    if (entry->run != NULL) {
        return entry->run(context, command, header->size);
    }
    switch (entry->kind) {
    case PVGPU_KIND_PRESENT:
        return pvgpu_display_present(display, context, command, header->size, now_ns);
    case PVGPU_KIND_WORK:
        return pvgpu_display_resize(display, context, control, command);
    default:
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
}
