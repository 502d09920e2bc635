/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/commands.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROW(name, least, what, handler)                                                            \
    .type = BG_PVGPU_CMD_##name, .size = (least), .kind = PVGPU_KIND_##what, .run = (handler)

static const struct pvgpu_command_entry entries[] = {
    {ROW(CREATE_RESOURCE, sizeof(struct bg_pvgpu_create_resource), WORK, pvgpu_create_resource)},
    {ROW(DESTROY_RESOURCE, sizeof(struct bg_pvgpu_command), WORK, pvgpu_destroy_resource)},
    {ROW(MAP_RESOURCE, sizeof(struct bg_pvgpu_map_resource), WORK, pvgpu_map_resource)},
    {ROW(UNMAP_RESOURCE, sizeof(struct bg_pvgpu_unmap_resource), WORK, pvgpu_unmap_resource)},
    {ROW(UPDATE_RESOURCE, sizeof(struct bg_pvgpu_update_resource), WORK, pvgpu_update_resource)},
    {ROW(COPY_RESOURCE, sizeof(struct bg_pvgpu_copy_resource), WORK, pvgpu_copy_resource)},
    {ROW(OPEN_RESOURCE, sizeof(struct bg_pvgpu_open_resource), STATE, pvgpu_open_resource)},
    {ROW(CREATE_RENDER_TARGET_VIEW, BG_PVGPU_CREATE_VIEW_SIZE_MIN, STATE,
         pvgpu_create_render_target_view)},
    {ROW(DESTROY_RENDER_TARGET_VIEW, sizeof(struct bg_pvgpu_command), WORK,
         pvgpu_destroy_render_target_view)},
    {ROW(CREATE_DEPTH_STENCIL_VIEW, sizeof(struct bg_pvgpu_create_depth_view), STATE,
         pvgpu_create_depth_stencil_view)},
    {ROW(DESTROY_DEPTH_STENCIL_VIEW, sizeof(struct bg_pvgpu_command), WORK,
         pvgpu_destroy_depth_stencil_view)},
    {ROW(CREATE_SHADER_RESOURCE_VIEW, sizeof(struct bg_pvgpu_create_shader_view), STATE,
         pvgpu_create_shader_resource_view),
     .draws = true},
    {ROW(DESTROY_SHADER_RESOURCE_VIEW, sizeof(struct bg_pvgpu_command), WORK,
         pvgpu_destroy_shader_resource_view)},
    {ROW(SET_RENDER_TARGET, sizeof(struct bg_pvgpu_set_render_target), STATE,
         bg_pvgpu_set_render_target)},
    {ROW(SET_VIEWPORT, offsetof(struct bg_pvgpu_set_viewport, viewports), STATE,
         bg_pvgpu_set_viewport)},
    {ROW(SET_SCISSOR, offsetof(struct bg_pvgpu_set_scissor, rectangles), STATE,
         bg_pvgpu_set_scissor)},
    {ROW(CLEAR_RENDER_TARGET, sizeof(struct bg_pvgpu_clear_render_target), WORK,
         bg_pvgpu_clear_render_target)},
    {ROW(CLEAR_DEPTH_STENCIL, sizeof(struct bg_pvgpu_clear_depth_stencil), WORK,
         bg_pvgpu_clear_depth_stencil)},
    {ROW(FENCE, sizeof(struct bg_pvgpu_fence), FENCE, NULL)},
    {ROW(PRESENT, sizeof(struct bg_pvgpu_present), PRESENT, NULL)},
    {ROW(FLUSH, sizeof(struct bg_pvgpu_command), FLUSH, NULL)},
    {ROW(WAIT_FENCE, sizeof(struct bg_pvgpu_wait_fence), WAIT_FENCE, NULL)},
    {ROW(RESIZE_BUFFERS, sizeof(struct bg_pvgpu_resize_buffers), WORK, NULL)},
    {ROW(COPY_REGION, sizeof(struct bg_pvgpu_copy_region), WORK, pvgpu_copy_region)},
    {ROW(READ_RESOURCE, sizeof(struct bg_pvgpu_update_resource), WORK, pvgpu_read_resource)},
    {ROW(PRESENT_REGION, offsetof(struct bg_pvgpu_present_region, rectangles), PRESENT, NULL)},
};

/* With a renderer that draws, besides its own. */
static const struct pvgpu_command_entry drawing_entries[] = {
    {ROW(CREATE_UNORDERED_ACCESS_VIEW, BG_PVGPU_CREATE_VIEW_SIZE_MIN, STATE,
         pvgpu_create_unordered_access_view),
     .draws = true},
    {ROW(DESTROY_UNORDERED_ACCESS_VIEW, sizeof(struct bg_pvgpu_command), WORK,
         pvgpu_destroy_unordered_access_view),
     .draws = true},
};

/* An operation that needs nothing may be a bare command. One with a place for its result writes
 * into the heap, behind all that is under way. */
static const struct pvgpu_command_entry bare_entry = {
    ROW(COMPUTE_FIRST, sizeof(struct bg_pvgpu_command), STATE, pvgpu_run_compute)};
static const struct pvgpu_command_entry compute_entry = {
    ROW(COMPUTE_FIRST, sizeof(struct bg_pvgpu_compute), WORK, pvgpu_run_compute)};

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

static const struct pvgpu_command_entry *find_type(const struct pvgpu_renderer *drawing,
                                                   uint32_t type)
{
    const struct pvgpu_command_entry *entry = find_in(entries, COUNT(entries), type);

    if (entry == NULL && drawing != NULL) {
        entry = find_in(drawing_entries, COUNT(drawing_entries), type)
                    ?: find_in(drawing->ops->commands, drawing->ops->command_count, type);
    }
    return entry;
}

/* Thousands of draws in a picture are the same few commands: their places are kept. */
static const struct pvgpu_command_entry *find_kept(struct pvgpu_context *context, uint32_t type)
{
    const struct pvgpu_command_entry **kept = &context->entries[type % PVGPU_ENTRIES_KEPT];

    if (*kept == NULL || (*kept)->type != type) {
        *kept = find_type(context->drawing, type);
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

/* ---- What needs drawing ---- */

/* Only draws read and write it: it is made early, when there is little to move yet. */
#define DRAWN_BINDS                                                                                \
    (BG_PVGPU_BIND_VERTEX_BUFFER | BG_PVGPU_BIND_INDEX_BUFFER | BG_PVGPU_BIND_CONSTANT_BUFFER |    \
     BG_PVGPU_BIND_UNORDERED_ACCESS)

static bool format_draws(const struct pvgpu_format_info *format)
{
    return format != NULL && format->draws;
}

static bool resource_draws(const struct bg_pvgpu_create_resource *create)
{
    return (create->bind_flags & DRAWN_BINDS) ||
           format_draws(pvgpu_format_of_resource(create->format, create->bind_flags)) ||
           create->sample_count > 1 || (create->misc_flags & BG_PVGPU_MISC_TEXTURE_CUBE) ||
           (create->type == BG_PVGPU_RESOURCE_TEXTURE_2D && create->depth > 1);
}

/* Whether the session has to move before the command runs. */
static bool moves(const struct pvgpu_context *context, const struct pvgpu_command_entry *entry,
                  const void *command)
{
    const struct bg_pvgpu_create_view *view = command;

    if (context->drawing == NULL || context->renderer == context->drawing) {
        return false;
    }
    return entry->draws ||
           (entry->type == BG_PVGPU_CMD_CREATE_RESOURCE && resource_draws(command)) ||
           (entry->type == BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW &&
            format_draws(pvgpu_format_find(view->format)));
}

/* ---- ---- */

enum pvgpu_command_kind pvgpu_command_classify(struct pvgpu_context *context, const void *command)
{
    const struct pvgpu_command_entry *entry = find_entry(context, command);

    if (entry == NULL) {
        return PVGPU_KIND_UNKNOWN;
    }
    return moves(context, entry, command) ? PVGPU_KIND_WORK : entry->kind;
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
    if (moves(context, entry, command)) {
        struct pvgpu_outcome outcome = pvgpu_move(context);

        if (outcome.code != BG_PVGPU_OK) {
            return outcome;
        }
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
