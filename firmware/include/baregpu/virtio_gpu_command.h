/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio-gpu device, each of its 26 commands by its name: virtio 1.4, 5.7. For displays,
 * framebuffers and a cursor without the protocol see baregpu/virtio_gpu.h.
 *
 * A command takes an operation, the caller's. NULL: the call sends the command, waits for the
 * answer for at most `timeout_ns` of the options, and returns its result. Else the command is
 * queued, the device is told at the next bg_virtio_gpu_kick or _wait, and the result comes later;
 * many commands make one notification. Out-parameters are written when the operation ends well, so
 * they live as long as it. The device works on commands in the order of their queueing, except for
 * fences (below).
 *
 * Errors are enum bg_error. Without effect on the device: INVALID and RANGE (arguments), BUSY
 * (the operation is in use), UNSUPPORTED (a feature that was not negotiated), TOO_LARGE, TIMEOUT
 * (while waiting for a free slot). From the device: IO (unspecified), DEVICE_MEMORY, NOT_FOUND (no
 * such resource, context or scanout), INVALID; op->response tells its own word. TIMEOUT: no answer;
 * the command may still be carried out. PROTOCOL: an answer that is too short, of another type, or
 * with another fence. A device that breaks the rules of its queues, needs a reset or is gone fails
 * all commands, these and later ones, until bg_virtio_gpu_restart.
 *
 * Waiting is polling, or sleeping between interrupts, as device->wait says (baregpu/wait.h).
 *
 * All memory for commands is taken from the HAL in bg_virtio_gpu_open. Calls on one device are not
 * reentrant and not for interrupt handlers; from `done` commands may be queued. One that comes into
 * another returns BUSY, and neither does anything nor changes its operation.
 */
#ifndef BAREGPU_VIRTIO_GPU_COMMAND_H
#define BAREGPU_VIRTIO_GPU_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "baregpu/virtio.h"
#include "baregpu/virtqueue.h"
#include "protocol/decls.h"
#include "protocol/virtio_gpu.h"

BG_BEGIN_DECLS

/* ---- Operations ---- */

#define BG_VIRTIO_GPU_OP_FENCE (1u << 0) /* the answer comes when the work is done */
#define BG_VIRTIO_GPU_OP_RING (1u << 1)  /* on the timeline ring_idx of the command's context */

struct bg_virtio_gpu_op {
    /* Written by the caller before the command; all zeroes is fine. One that is still BUSY is
     * refused as such, and goes on. */
    uint32_t flags;   /* VIRTIO_GPU_OP_* */
    uint8_t ring_idx; /* with BG_VIRTIO_GPU_OP_RING: 0 to 63 */
    /* Called once, when a command that was queued ends by an answer, by an error of the device, or
     * by bg_virtio_gpu_restart or _close; not after a time-out of bg_virtio_gpu_wait, nor for what
     * is refused at once. May queue commands. May be NULL. */
    void (*done)(struct bg_virtio_gpu_op *op);
    void *context; /* for `done` */
    /* Written by the driver. */
    int error;         /* BG_ERR_BUSY until the end, then the result */
    uint32_t response; /* enum bg_virtio_gpu_ctrl_type; 0 when there was none */
    uint64_t fence_id; /* with BG_VIRTIO_GPU_OP_FENCE */
    uint32_t ctx_id;
    uint16_t slot; /* private */
};

/*
 * Fences of a timeline pass in the order of their ids. Timelines are named by context and ring; the
 * commands without BG_VIRTIO_GPU_OP_RING share one for each context (context 0: none).
 */
struct bg_virtio_gpu_fence {
    uint32_t ctx_id;
    uint16_t ring; /* BG_VIRTIO_GPU_NO_RING, or ring_idx */
    uint64_t id;
};

#define BG_VIRTIO_GPU_NO_RING 0xFFFFu

/* ---- The device ---- */

#define BG_VIRTIO_GPU_SLOTS_MAX 64u        /* commands in flight; QEMU's queue has 64 entries */
#define BG_VIRTIO_GPU_CURSOR_SLOTS_MAX 16u /* likewise for the cursor queue */
#define BG_VIRTIO_GPU_TIMELINES_MAX 64u    /* with a fence in flight at one time */
#define BG_VIRTIO_GPU_CAPSETS_MAX 64u      /* that are looked at; there are 6 in virtio 1.4 */
#define BG_VIRTIO_GPU_TIMEOUT_DEFAULT_NS 5000000000ull
#define BG_VIRTIO_GPU_STAGING_DEFAULT 65536u

struct bg_virtio_gpu_options {
    uint64_t without_features; /* VIRTIO_GPU_F_* and VIRTIO_F_* not to be used */
    uint64_t timeout_ns;       /* 0: the default */
    uint32_t staging_size;     /* bytes, for data that is copied for the device and for capability
                                * sets; 0: the default */
    uint16_t queue_size_max;   /* entries; 0: BG_VIRTIO_GPU_SLOTS_MAX * 4 */
};

/* Private. */
struct bg_virtio_gpu_slot {
    struct bg_virtio_gpu *gpu;
    struct bg_virtio_gpu_op *op; /* NULL: nobody waits any more */
    bool is_used, is_cursor, has_staging, is_fenced;
    uint32_t command, expected_type, expected_size;
    uint16_t timeline;
    uint64_t fence_id;
    void *out;
    size_t out_size;
    uint32_t *out_length;
    uint8_t *request, *response;
    uint64_t request_bus, response_bus;
};

/* Private. */
struct bg_virtio_gpu_timeline {
    uint32_t ctx_id;
    uint16_t ring;
    uint16_t in_flight;
    uint64_t passed; /* all fences up to this one */
};

struct bg_virtio_gpu_mapping;

/* The fields down to `error` may be read. */
struct bg_virtio_gpu {
    struct bg_virtio_device *device;
    uint32_t scanout_count;
    uint32_t capset_count;                       /* at most BG_VIRTIO_GPU_CAPSETS_MAX */
    uint32_t blob_alignment;                     /* bytes; 1 without the feature */
    struct bg_virtio_shared_memory host_visible; /* size 0: there is none */
    struct bg_virtio_gpu_display_one displays[BG_VIRTIO_GPU_MAX_SCANOUTS]; /* as last asked for */
    uint32_t protocol_errors; /* answers that were against the specification */
    uint32_t abandoned;       /* commands given up by a time-out that the device still has */
    int error;                /* why nothing works any more; 0 while it does */
    /* Private. */
    uint64_t timeout_ns;
    uint32_t owner; /* the call under way */
    uint64_t wanted_features;
    struct bg_virtqueue control, cursor;
    bool control_kick, cursor_kick;
    uint8_t *memory;
    uint64_t memory_bus;
    size_t memory_size;
    uint8_t *staging;
    uint64_t staging_bus;
    uint32_t staging_size;
    bool staging_used;
    uint64_t free_slots, free_cursor_slots; /* bit by bit */
    uint16_t slot_count, cursor_slot_count;
    uint32_t next_resource_id;
    uint64_t next_fence_id;
    struct bg_virtio_gpu_slot slots[BG_VIRTIO_GPU_SLOTS_MAX + BG_VIRTIO_GPU_CURSOR_SLOTS_MAX];
    struct bg_virtio_gpu_timeline timelines[BG_VIRTIO_GPU_TIMELINES_MAX];
    struct bg_virtio_gpu_mapping *mappings; /* by offset */
    uint64_t normal_end, device_begin;      /* how far each type of memory has been used there */
    bool is_device_memory;                  /* the last one's type */
    struct bg_virtio_gpu_display_one polled_displays[BG_VIRTIO_GPU_MAX_SCANOUTS]; /* last told */
    bool has_polled_displays;
    bool is_display_event_open;         /* acknowledged to the device, not yet told to the caller */
    struct bg_virtio_device own_device; /* of bg_virtio_gpu_open_pci */
};

/*
 * Starts a device that bg_virtio_pci_open or bg_virtio_mmio_open has found: features, both queues,
 * DRIVER_OK. `options` may be NULL. `device` lives as long as `gpu`. Errors: INVALID (not a GPU,
 * options), PROTOCOL (a configuration outside the specification), NO_MEMORY, those of
 * bg_virtio_start, bg_virtqueue_create and bg_virtio_ready. After an error the device has been
 * reset and nothing is kept; but when it does not come out of its reset, the memory is left to it.
 */
int bg_virtio_gpu_open(struct bg_virtio_gpu *gpu, struct bg_virtio_device *device,
                       const struct bg_virtio_gpu_options *options);

/* Finds, opens and starts the GPU at `function`, or the host's first one (NULL). Errors: NOT_FOUND,
 * those of bg_virtio_pci_open and bg_virtio_gpu_open. */
int bg_virtio_gpu_open_pci(struct bg_virtio_gpu *gpu, const struct bg_pci_host *host,
                           const struct bg_pci_device *function,
                           const struct bg_virtio_gpu_options *options);

/* Resets the device and gives all memory back. Operations in flight end with UNAVAILABLE. TIMEOUT:
 * the device would not stop, and the memory is left to it. */
int bg_virtio_gpu_close(struct bg_virtio_gpu *gpu);

/* Resets the device and starts it again with the same memory: its resources, contexts and scanouts
 * are gone. Operations in flight end with UNAVAILABLE. Errors: as bg_virtio_gpu_open's. */
int bg_virtio_gpu_restart(struct bg_virtio_gpu *gpu);

static inline bool bg_virtio_gpu_has(const struct bg_virtio_gpu *gpu, uint64_t feature)
{
    return bg_virtio_has_feature(gpu->device, feature);
}

/* A resource id that was not used yet. */
uint32_t bg_virtio_gpu_new_resource_id(struct bg_virtio_gpu *gpu);

/* Tells the device about queued commands: at most one notification for each queue. Returns how many
 * were sent, or an error. */
int bg_virtio_gpu_kick(struct bg_virtio_gpu *gpu);

/* Ends operations whose answers are there. Returns how many, or the error of a device that does not
 * work any more. */
int bg_virtio_gpu_poll(struct bg_virtio_gpu *gpu);

/* Kicks and waits for the end of `op`; returns its result. TIMEOUT at deadline_ns (bg_hal_time_ns):
 * the operation is given up, and *op may be reused. */
int bg_virtio_gpu_wait(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                       uint64_t deadline_ns);

/* The fence of an operation that was queued with BG_VIRTIO_GPU_OP_FENCE. */
struct bg_virtio_gpu_fence bg_virtio_gpu_fence_of(const struct bg_virtio_gpu_op *op);

/* True when the device has told that the fence, or a later one of its timeline, has passed. */
bool bg_virtio_gpu_fence_passed(struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_fence *fence);

/* Waits for it: 0, TIMEOUT, or the error of a device that does not work any more. */
int bg_virtio_gpu_fence_wait(struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_fence *fence,
                             uint64_t deadline_ns);

/* "BG_VIRTIO_GPU_CMD_SET_SCANOUT", "BG_VIRTIO_GPU_RESP_ERR_UNSPEC", "unknown type"; never NULL. */
const char *bg_virtio_gpu_type_name(uint32_t type);

/* The error that a response's type stands for: 0 for VIRTIO_GPU_RESP_OK_*; PROTOCOL for what is no
 * response. */
int bg_virtio_gpu_response_error(uint32_t type);

/* ---- Data that goes with a command ---- */

#define BG_VIRTIO_GPU_COPY UINT64_MAX
#define BG_VIRTIO_GPU_SHARE (UINT64_MAX - 1)

/*
 * `bus_address` BG_VIRTIO_GPU_COPY: `bytes` are copied; at most staging_size of them.
 * BG_VIRTIO_GPU_SHARE: they are the caller's memory, which the device reads in place and which is
 * shared with it meanwhile (struct bg_hal_dma); UNSUPPORTED where the device's dma does not share,
 * and NO_MEMORY where nothing more can be. Else they are in memory of bg_hal_dma_alloc at this
 * address. The last two are of any size below 4 GiB, and the device's until it has answered, or
 * bg_virtio_gpu_restart or _close returned 0: a device that does not come out of its reset has
 * them.
 *
 * What a device keeps, the backing of a resource and guest blobs, is memory of bg_hal_dma_alloc.
 */
struct bg_virtio_gpu_data {
    const void *bytes;
    uint64_t bus_address;
    size_t size;
};

/* `entries` of struct bg_virtio_gpu_mem_entry, copied. */
static inline struct bg_virtio_gpu_data
bg_virtio_gpu_entries(const struct bg_virtio_gpu_mem_entry *entries, size_t count)
{
    return BG_STRUCT(bg_virtio_gpu_data){entries, BG_VIRTIO_GPU_COPY, count * sizeof(*entries)};
}

/* ---- 2D commands (5.7.6.8) ---- */

int bg_virtio_gpu_cmd_get_display_info(
    struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
    struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS]);

/* Up to `capacity` bytes; *length is the number copied. Needs F_EDID. */
int bg_virtio_gpu_cmd_get_edid(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                               uint32_t scanout, void *edid, size_t capacity, uint32_t *length);

/* `format` is one of enum bg_virtio_gpu_formats. */
int bg_virtio_gpu_cmd_resource_create_2d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                         uint32_t resource_id, uint32_t format, uint32_t width,
                                         uint32_t height);
int bg_virtio_gpu_cmd_resource_unref(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                     uint32_t resource_id);

/* resource_id 0 turns the scanout off; the rectangle is not used then and may be NULL. */
int bg_virtio_gpu_cmd_set_scanout(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  uint32_t scanout, uint32_t resource_id,
                                  const struct bg_virtio_gpu_rect *rect);
int bg_virtio_gpu_cmd_resource_flush(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                     uint32_t resource_id, const struct bg_virtio_gpu_rect *rect);

/* `offset` is where the rectangle's first pixel lies in the backing, in bytes. */
int bg_virtio_gpu_cmd_transfer_to_host_2d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t resource_id,
                                          const struct bg_virtio_gpu_rect *rect, uint64_t offset);

/* `entries` is an array of struct bg_virtio_gpu_mem_entry, of any length. */
int bg_virtio_gpu_cmd_resource_attach_backing(struct bg_virtio_gpu *gpu,
                                              struct bg_virtio_gpu_op *op, uint32_t resource_id,
                                              const struct bg_virtio_gpu_data *entries);
int bg_virtio_gpu_cmd_resource_detach_backing(struct bg_virtio_gpu *gpu,
                                              struct bg_virtio_gpu_op *op, uint32_t resource_id);

struct bg_virtio_gpu_capset {
    uint32_t id; /* VIRTIO_GPU_CAPSET_* */
    uint32_t max_version;
    uint32_t max_size; /* bytes */
};

/* `index` is below capset_count. */
int bg_virtio_gpu_cmd_get_capset_info(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                      uint32_t index, struct bg_virtio_gpu_capset *capset);

/* Up to `capacity` bytes, which is the set's max_size and at most staging_size - 24; *length is the
 * number that the device gave. */
int bg_virtio_gpu_cmd_get_capset(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                 uint32_t capset_id, uint32_t version, void *capset,
                                 size_t capacity, uint32_t *length);

/* Needs F_RESOURCE_UUID. */
int bg_virtio_gpu_cmd_resource_assign_uuid(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                           uint32_t resource_id,
                                           uint8_t uuid[BG_VIRTIO_GPU_UUID_SIZE]);

struct bg_virtio_gpu_blob {
    uint32_t ctx_id; /* with HOST3D: whose object blob_id is */
    uint32_t memory; /* VIRTIO_GPU_BLOB_MEM_* */
    uint32_t flags;  /* VIRTIO_GPU_BLOB_FLAG_* */
    uint64_t blob_id;
    uint64_t size; /* bytes, a multiple of blob_alignment */
};

/* Needs F_RESOURCE_BLOB, and F_VIRGL for memory of the host. `entries` may be NULL. */
int bg_virtio_gpu_cmd_resource_create_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                           uint32_t resource_id,
                                           const struct bg_virtio_gpu_blob *blob,
                                           const struct bg_virtio_gpu_data *entries);

struct bg_virtio_gpu_blob_layout {
    uint32_t width, height; /* of the picture in the blob */
    uint32_t format;        /* enum bg_virtio_gpu_formats */
    uint32_t strides[4], offsets[4];
};

/* Needs F_RESOURCE_BLOB. resource_id 0 as for set_scanout. */
int bg_virtio_gpu_cmd_set_scanout_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                       uint32_t scanout, uint32_t resource_id,
                                       const struct bg_virtio_gpu_rect *rect,
                                       const struct bg_virtio_gpu_blob_layout *layout);

/* ---- 3D commands (5.7.6.9): all need F_VIRGL ---- */

/* `capset_id` chooses the kind of context with F_CONTEXT_INIT, and is 0 without. `name` is for the
 * host's log: up to 64 bytes, may be NULL. */
int bg_virtio_gpu_cmd_ctx_create(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                 uint32_t ctx_id, uint32_t capset_id, const char *name);
int bg_virtio_gpu_cmd_ctx_destroy(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  uint32_t ctx_id);
int bg_virtio_gpu_cmd_ctx_attach_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id);
int bg_virtio_gpu_cmd_ctx_detach_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id);

/* The values are those of the context's protocol (for virgl: Gallium's). */
struct bg_virtio_gpu_resource_3d {
    uint32_t target, format, bind;
    uint32_t width, height, depth;
    uint32_t array_size, last_level, nr_samples;
    uint32_t flags; /* VIRTIO_GPU_RESOURCE_FLAG_* */
};

int bg_virtio_gpu_cmd_resource_create_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                         uint32_t resource_id,
                                         const struct bg_virtio_gpu_resource_3d *resource);

struct bg_virtio_gpu_transfer_3d {
    struct bg_virtio_gpu_box box;
    uint64_t offset; /* in the backing, bytes */
    uint32_t level, stride, layer_stride;
};

int bg_virtio_gpu_cmd_transfer_to_host_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id,
                                          const struct bg_virtio_gpu_transfer_3d *transfer);
int bg_virtio_gpu_cmd_transfer_from_host_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                            uint32_t ctx_id, uint32_t resource_id,
                                            const struct bg_virtio_gpu_transfer_3d *transfer);
int bg_virtio_gpu_cmd_submit_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                uint32_t ctx_id, const struct bg_virtio_gpu_data *commands);

/* Need F_RESOURCE_BLOB and the host-visible region: RANGE for an `offset` outside it. A resource
 * must not be mapped twice. *cache is VIRTIO_GPU_MAP_CACHE_*. */
int bg_virtio_gpu_cmd_resource_map_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                        uint32_t resource_id, uint64_t offset, uint32_t *cache);
int bg_virtio_gpu_cmd_resource_unmap_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t resource_id);

/* ---- Cursor commands (5.7.6.10), on a queue of their own: no fences there ---- */

struct bg_virtio_gpu_cursor_state {
    uint32_t scanout, x, y;
    uint32_t resource_id; /* 64 x 64, already filled (fenced); 0 hides the cursor */
    uint32_t hot_x, hot_y;
};

int bg_virtio_gpu_cmd_update_cursor(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                    const struct bg_virtio_gpu_cursor_state *cursor);

/* Only scanout, x and y count; but give resource_id too, QEMU hides the cursor without. */
int bg_virtio_gpu_cmd_move_cursor(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  const struct bg_virtio_gpu_cursor_state *cursor);

BG_END_DECLS

#endif
