/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a session's resources are, and what works on them: memory of the session's compute device
 * (memory.c), or Vulkan (vulkan/), which draws, too. Every session begins in the memory, where
 * copies and pictures are cheaper; move.c moves it at the first command that needs drawing.
 *
 * What comes here was checked: ids, boxes, formats and ranges are right, memory alone may lack.
 * Everything happens in the order it was asked for, and need not have happened on return; heap
 * memory is the renderer's until `finish`, or until what a submission waits for has ended. The
 * consumer's thread.
 */
#ifndef MEDIATOR_PVGPU_RENDERER_H
#define MEDIATOR_PVGPU_RENDERER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

struct pvgpu_context;
struct pvgpu_resource;
struct pvgpu_view;

/* How a command ended: an error of the ring, or BG_PVGPU_OK. */
struct pvgpu_outcome {
    enum bg_pvgpu_error code;
    uint32_t detail; /* 0: the caller puts the command's type */
};

enum pvgpu_command_kind {
    PVGPU_KIND_UNKNOWN, /* not one that we have, or too short */
    PVGPU_KIND_STATE,   /* over at once, touches no GPU */
    PVGPU_KIND_WORK,    /* needs the GPU, and may take long */
    PVGPU_KIND_PRESENT, /* WORK with a time to run at */
    PVGPU_KIND_FENCE,
    PVGPU_KIND_WAIT_FENCE,
    PVGPU_KIND_FLUSH,
};

/* A command's handler gets the whole command, at least as long as its entry's size. */
#define PVGPU_HANDLER(name)                                                                        \
    struct pvgpu_outcome name(struct pvgpu_context *context, const void *command, uint32_t size)

struct pvgpu_command_entry {
    uint32_t type;
    uint32_t size; /* at least */
    enum pvgpu_command_kind kind;
    PVGPU_HANDLER((*run)); /* NULL: commands.c runs it */
    bool draws;            /* needs the renderer that draws, where the session has one */
};

/* A box in texels of a subresource; a buffer's: bytes. */
struct pvgpu_box {
    uint32_t x, y, z, width, height, depth;
};

struct pvgpu_place {
    struct pvgpu_resource *resource;
    uint32_t level, layer;
    struct pvgpu_box box; /* not empty; of compressed texels, whole blocks or up to the side */
};

/* Whether boxes of the same size have texels in common. copy.c */
bool pvgpu_places_overlap(const struct pvgpu_place *a, const struct pvgpu_place *b);

/* A place's bytes in the heap: rows and slices do not overlap. */
struct pvgpu_heap_side {
    uint64_t offset;
    uint64_t row_pitch, slice_pitch;
};

struct pvgpu_renderer_ops {
    /* Memory for what `resource` describes, charged to the session; it reads as zero. */
    struct pvgpu_outcome (*create)(struct pvgpu_context *context, struct pvgpu_resource *resource);
    /* What uses it goes on until it has ended. */
    void (*destroy)(struct pvgpu_context *context, struct pvgpu_resource *resource);

    /* A view of a live resource, which stays for as long as its views. */
    struct pvgpu_outcome (*create_view)(struct pvgpu_context *context, struct pvgpu_view *view);
    void (*destroy_view)(struct pvgpu_context *context, struct pvgpu_view *view);

    /* The context's targets are others from now on. */
    void (*set_targets)(struct pvgpu_context *context);

    struct pvgpu_outcome (*upload)(struct pvgpu_context *context, const struct pvgpu_place *to,
                                   const struct pvgpu_heap_side *from);
    struct pvgpu_outcome (*read)(struct pvgpu_context *context, const struct pvgpu_heap_side *to,
                                 const struct pvgpu_place *from);
    /* Boxes of the same size, texels of the same size. Overlapping ones as by memmove. From several
     * samples to one they are resolved. */
    struct pvgpu_outcome (*copy)(struct pvgpu_context *context, const struct pvgpu_place *to,
                                 const struct pvgpu_place *from);

    struct pvgpu_outcome (*clear_colour)(struct pvgpu_context *context,
                                         const struct pvgpu_view *view, const float colour[4]);
    /* flags: BG_PVGPU_CLEAR_*, at least one, of what the view has. */
    struct pvgpu_outcome (*clear_depth)(struct pvgpu_context *context,
                                        const struct pvgpu_view *view, uint32_t flags, float depth,
                                        uint8_t stencil);

    /* Host memory that pictures are shown from. False: they take a way more, and work. */
    bool (*share)(struct pvgpu_context *context, uint8_t *memory, uint64_t size);
    void (*unshare)(struct pvgpu_context *context, uint8_t *memory);
    /* Level 0's part `from` into such memory, as it is shown (format.h): at picture, with rows of
     * `stride` bytes. */
    struct pvgpu_outcome (*show)(struct pvgpu_context *context, const struct pvgpu_place *from,
                                 uint8_t *picture, uint32_t stride);

    /* Starts what was asked for. What it returns ends behind all of that (is_done), 0 at once. */
    uint64_t (*submit)(struct pvgpu_context *context);
    bool (*is_done)(struct pvgpu_context *context, uint64_t submission);
    /* Waits for all. An error of what was started before, once. */
    struct pvgpu_outcome (*finish)(struct pvgpu_context *context);

    /* BG_PVGPU_FEATURE_DRAW: layers, samples, cubes, all formats; and the commands that draw. The
     * rest is NULL without. */
    bool draws;
    const struct pvgpu_command_entry *commands;
    uint32_t command_count;

    /* Whether the device has such resources, as far as memory goes; the session may be in the other
     * renderer yet. */
    bool (*has)(struct pvgpu_context *context, const struct pvgpu_resource *resource);
    /* As `create`, with what the resource holds in the memory renderer, where it stays. Of one
     * layer and one sample. */
    struct pvgpu_outcome (*adopt)(struct pvgpu_context *context, struct pvgpu_resource *resource);
    /* What `commands` made goes. */
    void (*reset)(struct pvgpu_context *context);
};

/* The first member of each implementation's. */
struct pvgpu_renderer {
    const struct pvgpu_renderer_ops *ops;
};

/* In the memory of the session's compute device; draws nothing. Its resources have addresses,
 * those of others objects. */
extern struct pvgpu_renderer pvgpu_memory_renderer;

#endif
