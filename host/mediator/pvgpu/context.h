/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pvgpu session holds between RESETs, and the commands that work on it. Everything that a
 * guest sent is a private copy by now; what these functions get is checked by them alone. One
 * thread. No waiting: PRESENT's pace is the caller's (display.h).
 */
#ifndef MEDIATOR_PVGPU_CONTEXT_H
#define MEDIATOR_PVGPU_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/compute/operation.h"
#include "host/mediator/compute/session.h"
#include "host/mediator/pvgpu/compiling.h"
#include "host/mediator/pvgpu/format.h"
#include "host/mediator/pvgpu/renderer.h"
#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

/* ---- Ids ---- */

/* From the guest's ids to our objects; open addressing, at most half full. */
#define PVGPU_ID_SLOTS 8192u

struct pvgpu_ids {
    uint32_t count;
    struct {
        uint32_t id; /* 0: free */
        void *object;
    } slots[PVGPU_ID_SLOTS];
};

void *pvgpu_ids_find(const struct pvgpu_ids *ids, uint32_t id);
/* The id is not 0 and not there, and count is below PVGPU_ID_SLOTS / 2. */
void pvgpu_ids_add(struct pvgpu_ids *ids, uint32_t id, void *object);
void pvgpu_ids_remove(struct pvgpu_ids *ids, uint32_t id);

/* ---- Resources ---- */

struct pvgpu_level {
    uint64_t offset;                       /* from its layer's start */
    uint64_t row_pitch, slice_pitch, size; /* of rows of blocks, where there are such */
    uint32_t width, height, depth;         /* texels; a buffer's: bytes */
};

/* A subresource that is mapped. */
struct pvgpu_map {
    uint32_t subresource;
    uint32_t type; /* enum bg_pvgpu_map_type */
    uint32_t offset;
};

/* A resource's memory: as long as an id or a view names it. */
struct pvgpu_resource {
    uint32_t ids, views;
    uint32_t type;                          /* enum bg_pvgpu_resource_type */
    const struct pvgpu_format_info *format; /* a buffer's: bytes */
    uint32_t bind_flags, misc_flags;
    uint32_t levels, layers, samples;
    uint64_t layer_size, size;
    gpu_address address; /* the memory renderer's */
    void *object;        /* another renderer's */
    struct pvgpu_level level[BG_PVGPU_MIP_LEVELS_MAX];
    struct pvgpu_map *maps; /* in no order */
    uint32_t map_count;
};

struct pvgpu_view {
    uint32_t bind;      /* what it is for: one of BG_PVGPU_BIND_* */
    uint32_t dimension; /* enum bg_pvgpu_view_dimension: of what is made of it */
    struct pvgpu_resource *resource;
    const struct pvgpu_format_info *format;
    uint32_t mip_level, mip_levels;    /* of a buffer: elements */
    uint32_t first_slice, slice_count; /* of depth, or layers */
    void *object;                      /* the renderer's */
};

/* ---- The session ---- */

/* A power of two: the types of one range do not meet. */
#define PVGPU_ENTRIES_KEPT 1024u

struct pvgpu_context {
    struct session *session; /* the memory's owner; its GPU does the work */
    struct operation_heap heap;
    struct pvgpu_renderer *renderer; /* where the resources are */
    struct pvgpu_renderer *drawing;  /* that draws for this session; NULL: none. Constant from the
                                        first command on */
    const struct pvgpu_command_entry *entries[PVGPU_ENTRIES_KEPT]; /* commands.c's */
    struct pvgpu_ids resources, views;

    char error_text[BG_PVGPU_ERROR_TEXT_SIZE]; /* why the last SHADER_COMPILE was one */
    struct pvgpu_compiling compiling;          /* what the driver does */

    /* Set by commands, for drawing. */
    struct pvgpu_view *targets[BG_PVGPU_RENDER_TARGETS_MAX];
    struct pvgpu_view *depth_target;
    uint32_t target_count, viewport_count, scissor_count;
    uint32_t view_ports; /* how often viewports or scissors were set */
    struct bg_pvgpu_viewport viewports[BG_PVGPU_VIEWPORTS_MAX];
    struct bg_pvgpu_rectangle scissors[BG_PVGPU_VIEWPORTS_MAX];
};

struct pvgpu_outcome pvgpu_ok(void);
struct pvgpu_outcome pvgpu_fail(enum bg_pvgpu_error code);
/* What a GPU's failure is to the ring. */
struct pvgpu_outcome pvgpu_fail_compute(enum bg_compute_status status);

/* SHADER_COMPILE; `text` says why, and is the guest's to read. */
struct pvgpu_outcome pvgpu_fail_shader(struct pvgpu_context *context, const char *text);

/* Frees all that the guest made; the session's handles, too. */
void pvgpu_context_reset(struct pvgpu_context *context);

/* Whether [offset, offset + size) lies in the heap. */
bool pvgpu_heap_has(const struct pvgpu_context *context, uint64_t offset, uint64_t size);

/* A live resource, or NULL. */
struct pvgpu_resource *pvgpu_resource_find(const struct pvgpu_context *context, uint32_t id);

/* `bytes` of the heap, packed, from the subresource's start on; whole texels. At most all of it. */
struct pvgpu_outcome pvgpu_resource_fill(struct pvgpu_context *context,
                                         struct pvgpu_resource *resource, uint32_t subresource,
                                         uint64_t heap_offset, uint64_t bytes);

/* New memory, zeroed, in the place of the old, of one level. The old stays on failure. */
struct pvgpu_outcome pvgpu_resource_resize(struct pvgpu_context *context,
                                           struct pvgpu_resource *resource, uint32_t width,
                                           uint32_t height, const struct pvgpu_format_info *format);

/* One user of the resource less, counted before in `ids` or `views`: without any it goes. */
void pvgpu_resource_release(struct pvgpu_context *context, struct pvgpu_resource *resource);

/* move.c */

/* Moves all that there is to the renderer that draws, where it is not yet; between them it is
 * charged twice. On failure nothing changed. */
struct pvgpu_outcome pvgpu_move(struct pvgpu_context *context);
/* Nothing is left: the session begins anew, in the memory. */
void pvgpu_move_back(struct pvgpu_context *context);

/* The commands. */

/* resource.c */
PVGPU_HANDLER(pvgpu_create_resource);
PVGPU_HANDLER(pvgpu_destroy_resource);
PVGPU_HANDLER(pvgpu_open_resource);
PVGPU_HANDLER(pvgpu_create_render_target_view);
PVGPU_HANDLER(pvgpu_create_depth_stencil_view);
PVGPU_HANDLER(pvgpu_create_shader_resource_view);
PVGPU_HANDLER(pvgpu_destroy_render_target_view);
PVGPU_HANDLER(pvgpu_destroy_depth_stencil_view);
PVGPU_HANDLER(pvgpu_destroy_shader_resource_view);
PVGPU_HANDLER(pvgpu_create_unordered_access_view);
PVGPU_HANDLER(pvgpu_destroy_unordered_access_view);
/* copy.c */
PVGPU_HANDLER(pvgpu_map_resource);
PVGPU_HANDLER(pvgpu_unmap_resource);
PVGPU_HANDLER(pvgpu_update_resource);
PVGPU_HANDLER(pvgpu_read_resource);
PVGPU_HANDLER(pvgpu_copy_resource);
PVGPU_HANDLER(pvgpu_copy_region);
/* targets.c */
PVGPU_HANDLER(bg_pvgpu_set_render_target);
PVGPU_HANDLER(bg_pvgpu_set_viewport);
PVGPU_HANDLER(bg_pvgpu_set_scissor);
PVGPU_HANDLER(bg_pvgpu_clear_render_target);
PVGPU_HANDLER(bg_pvgpu_clear_depth_stencil);
/* compute.c */
PVGPU_HANDLER(pvgpu_run_compute);

#endif
