/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session has of Vulkan, and how its commands get to the GPU: recorded into one of several
 * command buffers, submitted when somebody waits for them or they are many. All images are in
 * VK_IMAGE_LAYOUT_GENERAL, so that order and visibility are all that barriers are about.
 *
 * One thread, the consumer's.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_RECORDER_H
#define MEDIATOR_PVGPU_VULKAN_RECORDER_H

#include "host/mediator/compute/session.h"
#include "host/mediator/pvgpu/context.h"
#include "host/mediator/pvgpu/renderer.h"
#include "host/mediator/pvgpu/vulkan/device.h"

/* Being recorded, and submitted ones: two pictures in flight, each in two parts. */
#define VULKAN_BATCHES 4u

/*
 * When a thing was last written and read, counted in barriers: what has no barrier behind it is not
 * seen by what follows.
 */
struct vulkan_marks {
    uint64_t written, read; /* vulkan_renderer.epoch then; 0: never */
};

/* pvgpu_resource.object */
struct vulkan_resource {
    VkBuffer buffer; /* one of both */
    VkImage image;
    VkDeviceMemory memory;
    uint64_t charged;
    VkFormat format; /* an image's */
    VkImageAspectFlags aspects;
    struct vulkan_marks marks;

    /* constants.c's: new contents of all of it, in memory of the batch that is recorded. */
    VkBuffer renamed; /* VK_NULL_HANDLE: none */
    uint32_t renamed_at, renamed_size;
    struct vulkan_resource *next_renamed;
};

/* pvgpu_view.object */
struct vulkan_view {
    VkImageView image;
    VkImageViewType type;
    VkFormat format;           /* VK_FORMAT_UNDEFINED: of a buffer without one */
    VkBufferView texels;       /* of a buffer with a format */
    VkDeviceSize offset, size; /* bytes of any buffer, to be a storage buffer */
    struct vulkan_resource *resource;
};

/* Memory of the host that the GPU reads and writes, charged to the session (resource.h). */
struct vulkan_stage {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint8_t *bytes;
    uint64_t size;
};

struct vulkan_batch {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkDescriptorPool descriptors; /* draw's; VK_NULL_HANDLE until it makes one; reset with it */
    uint64_t submission;          /* the last of it; 0: none */

    struct vulkan_stage constants; /* constants.c's; none until it makes one */
    uint32_t constants_used;       /* bytes */
};

/* Waits for its submission to be destroyed. */
struct vulkan_garbage {
    VkObjectType type;
    uint64_t handle;
    uint64_t charged; /* to the session until then */
    uint64_t submission;
};

struct vulkan_heap {
    uint8_t *memory; /* operation_heap's */
    VkBuffer buffer; /* VK_NULL_HANDLE: not imported, copies go by staging */
    VkDeviceMemory imported;
    uint64_t offset; /* of the heap in it */
    struct vulkan_marks marks;
    uint64_t written; /* the submission that writes into it last */
};

/* Memory that pictures are shown from, as a buffer: the one there is, and the one before. */
#define VULKAN_PICTURES 2u

struct vulkan_pictures {
    uint8_t *memory; /* NULL: none */
    uint64_t size;
    VkBuffer buffer;
    VkDeviceMemory imported;
};

/* Waits for a rendering to its view. */
struct vulkan_clear {
    const struct pvgpu_view *view;
    VkImageAspectFlags aspects;
    VkClearValue value;
};

#define VULKAN_CLEARS_MAX (BG_PVGPU_RENDER_TARGETS_MAX + 1)

/* A draw of indices, or of vertices. */
struct vulkan_draw_call {
    bool indexed;
    bool alone; /* not in a run: it uses the number of a primitive, or of a draw */
    uint32_t first, count;
    int32_t base_vertex; /* of indices */
    uint32_t instances, first_instance;
};

/* Draws that nothing stands between wait for each other, to be one command of VK_EXT_multi_draw: a
 * driver looks at the state once for all of them. */
#define VULKAN_RUN_MAX 512u /* any device's maxMultiDrawCount is more */

struct vulkan_run {
    uint32_t count;
    bool indexed;
    uint32_t instances, first_instance;
    union {
        VkMultiDrawInfoEXT vertices[VULKAN_RUN_MAX];
        VkMultiDrawIndexedInfoEXT indices[VULKAN_RUN_MAX];
    };
};

struct vulkan_renderer {
    struct pvgpu_renderer base;
    struct vulkan *vulkan;
    struct session *session;
    struct vulkan_heap heap;
    struct vulkan_pictures pictures[VULKAN_PICTURES];
    bool lost; /* nothing works any more; session->gpu says why */

    struct vulkan_batch batches[VULKAN_BATCHES];
    uint32_t batch;      /* that is recorded into */
    bool recording;      /* something is in it */
    bool rendering;      /* between vkCmdBeginRendering and its end */
    bool host_reads;     /* what it copies into the host's memory */
    uint32_t draws;      /* in it */
    uint64_t submitted;  /* the last submission */
    uint64_t done;       /* the last one that was seen to have ended */
    uint32_t looks;      /* at whether one has */
    uint64_t epoch;      /* from 1 on */
    uint64_t recordings; /* counts command buffers: bound state is that buffer's */

    struct vulkan_resource *renamed; /* a list */

    struct vulkan_run run; /* while something is rendered */

    struct vulkan_clear clears[VULKAN_CLEARS_MAX]; /* while nothing is rendered */
    uint32_t clear_count;

    struct vulkan_garbage *garbage; /* oldest first: a ring */
    uint32_t garbage_first, garbage_count, garbage_capacity;

    struct vulkan_draw *draw; /* what drawing adds (draw.h) */
};

/* What vulkan_renderer_create makes. */
static inline struct vulkan_renderer *vulkan_of(const struct pvgpu_context *context)
{
    return (struct vulkan_renderer *)context->drawing;
}

static inline struct vulkan_resource *vulkan_resource_of(const struct pvgpu_resource *resource)
{
    return resource->object;
}

static inline struct vulkan_view *vulkan_view_of(const struct pvgpu_view *view)
{
    return view->object;
}

/* ---- Recording ---- */

/* The one that is recorded, or will be next. */
static inline struct vulkan_batch *vulkan_batch_of(struct vulkan_renderer *renderer)
{
    return &renderer->batches[renderer->batch];
}

/* To record what is no draw: a rendering that is open ends. VK_NULL_HANDLE: `lost`. */
VkCommandBuffer vulkan_record(struct vulkan_renderer *renderer);

/* The same, with a rendering that is open. */
VkCommandBuffer vulkan_record_on(struct vulkan_renderer *renderer);

/*
 * Whether what was last done with something needs a barrier before it is read (written) now. A draw
 * asks for all that it uses, its targets included, records one barrier if anything needs it, then
 * marks all: a mark from before a barrier would hide that the draw reads.
 */
bool vulkan_conflicts(const struct vulkan_renderer *renderer, const struct vulkan_marks *marks,
                      bool write);
void vulkan_mark(struct vulkan_renderer *renderer, struct vulkan_marks *marks, bool write);
/* Ends the rendering; what came before is seen by all that follows. */
void vulkan_barrier(struct vulkan_renderer *renderer);

/* ---- Rendering ---- */

/*
 * Whether the targets that are set need a barrier before they are drawn into. Not while rendering
 * to them goes on: draws into them keep their order. Asked once for each draw, before anything is
 * marked: submits when there are many of them.
 */
bool vulkan_targets_conflict(struct vulkan_renderer *renderer, const struct pvgpu_context *context);

/* To draw into the targets that are set; rendering begins unless it goes on. Marks the targets,
 * between which and what came before there is a barrier by now (vulkan_targets_conflict).
 * VK_NULL_HANDLE: `lost`. Targets none: a rendering without attachments. */
VkCommandBuffer vulkan_record_draw(struct vulkan_renderer *renderer,
                                   const struct pvgpu_context *context);

/* Into the rendering that goes on, with all state that is recorded. */
void vulkan_add_draw(struct vulkan_renderer *renderer, const struct vulkan_draw_call *call);
/* Before other state is recorded. */
void vulkan_end_run(struct vulkan_renderer *renderer);

/* The targets changed, or one of them goes. */
void vulkan_end_rendering(struct vulkan_renderer *renderer);

/*
 * Clears cost a rendering of their own, and a barrier, unless the next that is recorded is one to
 * their views. So they wait for it; who records anything else that may use what they clear, asks
 * first, before its own marks.
 */
void vulkan_clear_view(struct vulkan_renderer *renderer, const struct pvgpu_view *view,
                       VkImageAspectFlags aspects, VkClearValue value);
void vulkan_do_clears(struct vulkan_renderer *renderer);

/* ---- Constants ---- */

/*
 * New contents for all of a constant buffer that draws of the open rendering may still read, as
 * `bytes` has them now: they lie beside the old ones, and nothing is waited for. False: no
 * rendering is open, or there is no room; then they are copied, which ends the rendering.
 */
bool vulkan_rename(struct vulkan_renderer *renderer, const struct pvgpu_resource *resource,
                   const uint8_t *bytes);
/* What a shader that reads the buffer has bound. */
VkDescriptorBufferInfo vulkan_find_constants(const struct vulkan_resource *resource);
/* The buffer itself gets its new contents; before anything but a shader uses it. */
void vulkan_settle(struct vulkan_renderer *renderer, struct vulkan_resource *resource);
/* All buffers do: at the end of a batch. */
void vulkan_settle_all(struct vulkan_renderer *renderer);
/* The memory of all batches goes; no buffer has new contents. */
void vulkan_discard_constants(struct vulkan_renderer *renderer);
/* The buffer goes. */
void vulkan_forget_renamed(struct vulkan_renderer *renderer, struct vulkan_resource *resource);

/* ---- Submission ---- */

/* Starts what is recorded. The last submission; 0: there was none. */
uint64_t vulkan_submit(struct vulkan_renderer *renderer);
/* Its end is seen within some looks, at once when the waiter has told of it. */
bool vulkan_is_done(struct vulkan_renderer *renderer, uint64_t submission);
/* Waits for it. */
void vulkan_wait(struct vulkan_renderer *renderer, uint64_t submission);

/* The heap may be read by this thread: waits for what writes into it. */
void vulkan_settle_heap(struct vulkan_renderer *renderer);
/* Whether it may without a wait. */
bool vulkan_heap_is_settled(const struct vulkan_renderer *renderer);

/* Destroys an object when what was recorded until now has ended, and releases its charge. */
void vulkan_discard(struct vulkan_renderer *renderer, VkObjectType type, uint64_t handle,
                    uint64_t charged);
#define VULKAN_HANDLE(object) ((uint64_t)(uintptr_t)(object))

/* ---- Results ---- */

/* A failed call as the ring's error; takes note of a lost device. `what` for the log. */
struct pvgpu_outcome vulkan_check(struct vulkan_renderer *renderer, VkResult result,
                                  const char *what);

/* ---- Memory ---- */

/* Device memory of one of the types that `needs` allows, with these properties if there is one. */
VkResult vulkan_allocate(const struct vulkan *vulkan, const VkMemoryRequirements *needs,
                         VkMemoryPropertyFlags wanted, VkDeviceMemory *memory);

#endif
