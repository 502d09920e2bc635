/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvgpu: a GPU behind shared memory. Commands are written into a ring that the host's backend reads
 * directly; bulk data lies in the heap beside it, where both sides have it without a copy.
 *
 *     bg_pvgpu_open                   finds the device, waits for its backend, negotiates
 *     bg_pvgpu_heap_alloc             memory for operands and pixels
 *     bg_pvgpu_resource_create, ...   commands: queued, not yet seen by the backend
 *     bg_pvgpu_fence                  a mark behind them
 *     bg_pvgpu_submit                 the backend sees them (bg_pvgpu_fence_wait also does that)
 *     bg_pvgpu_fence_wait             they are done
 *
 * protocol/pvgpu.h and pvgpu_command.h say what commands mean and what is checked by the backend;
 * this driver checks only what it could break itself.
 *
 * All storage is the caller's: struct bg_pvgpu, and the heap's table of blocks. Calls on one device
 * are not reentrant and not for interrupt handlers: one that comes into another returns BUSY and
 * does nothing. Bg_pvgpu_quick_* and the short commands of pvgpu_draw.h do not look, since their
 * instructions count; nor does bg_pvgpu_wait, whose `look` may make calls.
 * Nothing uses floating-point registers: floats are passed in memory. Every wait ends at its
 * deadline_ns, an absolute bg_hal_time_ns.
 *
 * Errors of calls are enum bg_error. Every call that queues a command returns
 *   TIMEOUT      the ring stayed full for room_timeout_ns; the command was not queued
 *   UNAVAILABLE  the backend is lost (see below)
 *   QUARANTINED, POOL, LIMITED  the same, because it does not serve this guest
 *   PROTOCOL     the backend broke the protocol; treated as a loss
 *   UNSUPPORTED  the backend does not have the command (bg_pvgpu_has); it was not queued
 * and what is said at the call. A command that fails later, at the backend, is a failure:
 * bg_pvgpu_fence_wait reports it, once.
 *
 * Loss: when the backend dies, shuts down or breaks the protocol, what was queued is gone,
 * resources and handles are gone, and all calls that need the backend return the same error until
 * bg_pvgpu_restart. The heap with its allocations and contents stays. Each fence is accounted for:
 * bg_pvgpu_fence_has_passed tells which completed before; the others never will.
 *
 * Drawing, where the backend has it, is in pvgpu_draw.h.
 *
 * The device and its backend are not trusted: their words are read once and checked. What the
 * backend writes into the heap is the caller's to check.
 */
#ifndef BAREGPU_PVGPU_H
#define BAREGPU_PVGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/barrier.h"
#include "baregpu/compute.h"
#include "baregpu/error.h"
#include "baregpu/pci_ecam.h"
#include "baregpu/wait.h"
#include "protocol/decls.h"
#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

BG_BEGIN_DECLS

/* ---- The device ---- */

/* A stretch of the heap, used or free. Private. */
struct bg_pvgpu_block {
    uint32_t offset, size;
    uint32_t previous, next; /* in the order of addresses; BG_PVGPU_NO_BLOCK at the ends */
    uint32_t state;
};

#define BG_PVGPU_NO_BLOCK UINT32_MAX

/* Memory in the heap: bg_pvgpu_heap_alloc. */
struct bg_pvgpu_memory {
    void *bytes;     /* where the CPU has it: Normal memory */
    uint32_t offset; /* what commands name it by */
    uint32_t size;   /* bytes, as asked for */
    uint32_t block;  /* private */
};

/* A command that failed. */
struct bg_pvgpu_failure {
    uint64_t position; /* in the stream of commands, in bytes: bg_pvgpu_position before its call */
    uint32_t code;     /* enum bg_pvgpu_error */
    uint32_t type;     /* enum bg_pvgpu_command_type; 0: not known */
    uint32_t resource_id; /* of its header; 0 also when that was overwritten meanwhile */
    uint32_t detail;      /* of pvgpu_error_record */
    uint32_t missed;      /* failures before this one of which nothing is known: too many at once */
};

/* Compute operations under way at a time. */
#define BG_PVGPU_JOBS_MAX 64u

/* Owned by the caller; written by the calls below only. The fields up to `wait` may be read. */
struct bg_pvgpu {
    const struct bg_pci_host *host; /* both NULL after bg_pvgpu_attach */
    const struct bg_pci_device *device;
    uint64_t features;               /* PVGPU_FEATURE_* of the backend */
    uint32_t ring_size, heap_size;   /* bytes */
    uint8_t *heap;                   /* where the heap's offset 0 is mapped */
    int loss;                        /* 0, or what calls return since the backend is lost */
    uint32_t loss_code;              /* enum bg_pvgpu_error: what was said about it */
    uint32_t losses;                 /* since bg_pvgpu_open */
    uint64_t doorbells;              /* rung; the others were not necessary */
    struct bg_pvgpu_failure failure; /* that bg_pvgpu_fence_wait returned IO for */
    uint32_t last_status;     /* enum bg_compute_status of the last job that was waited for */
    uint64_t room_timeout_ns; /* may be changed */
    /* How waits wait; set by the caller at any time. Room in the ring is polled for. */
    struct bg_wait_strategy wait;
    /* Private. */
    void *registers;
    struct bg_pvgpu_control *control;
    uint8_t *ring;
    uint32_t ring_mask;
    uint64_t written;     /* position behind the last command */
    uint64_t published;   /* of it, what the backend knows */
    uint64_t consumed;    /* the consumer_ptr seen last */
    uint64_t quick_end;   /* up to here there is room, in one piece, for commands written quickly */
    uint64_t rung;        /* what was published when the doorbell was rung last */
    uint64_t fence_first; /* of this session */
    uint64_t fence_last;  /* handed out */
    uint64_t fence_seen;  /* host_fence_completed seen last */
    uint64_t cursor;      /* position in the command that is being written */
    uint64_t error_seen;  /* failures told; without CONTROL_WORDS the last one's code and place */
    uint32_t last_resource, last_view, last_object; /* ids handed out in this session */
    struct bg_pvgpu_block *blocks;
    uint32_t block_count, unused_block;
    struct bg_pvgpu_memory job_memory; /* the jobs' results */
    uint64_t job_fences[BG_PVGPU_JOBS_MAX];
    uint64_t jobs_in_use, jobs_abandoned;     /* bits */
    struct bg_interrupt_source *fence_source; /* bg_pvgpu_interrupt_open's; NULL: none */
    uint32_t suppressed;                      /* PVGPU_IRQ_*, while nobody sleeps */
    uint32_t owner;                           /* the call under way */
};

struct bg_pvgpu_options {
    const struct bg_pci_device *device; /* NULL: the first pvgpu of the host */
    /* The heap's bookkeeping, used until bg_pvgpu_close: n allocations need at most 2 n + 3. */
    struct bg_pvgpu_block *blocks;
    uint32_t block_count;
    uint64_t room_timeout_ns; /* 0: BG_PVGPU_ROOM_TIMEOUT_NS */
};

/* The ring holds some 100 000 commands, but one of them may be a long computation. */
#define BG_PVGPU_ROOM_TIMEOUT_NS 30000000000ull

/*
 * Turns on memory decoding, maps registers (BAR 0) and shared memory (BAR 2, Normal cacheable),
 * resets the device, waits for a backend, and takes over its features. The host is enumerated.
 * Returns 0; NOT_FOUND (no such device, or BARs that are not as they should be); UNSUPPORTED
 * (another major version, or a backend without the base commands); INVALID (options); PROTOCOL (the
 * control region contradicts itself); UNAVAILABLE (no backend until the deadline), QUARANTINED,
 * POOL, LIMITED (one that does not serve this guest): bg_pvgpu_restart may be called later; or what
 * bg_pci_device_enable and bg_pci_bar_map return.
 */
int bg_pvgpu_open(struct bg_pvgpu *gpu, const struct bg_pci_host *host,
                  const struct bg_pvgpu_options *options, uint64_t deadline_ns);

/* The same for registers and shared memory (`shmem_size` bytes of it) that the caller has found and
 * mapped; options->device is not used. */
int bg_pvgpu_attach(struct bg_pvgpu *gpu, void *registers, void *shmem, uint64_t shmem_size,
                    const struct bg_pvgpu_options *options, uint64_t deadline_ns);

/*
 * Starts over with an empty ring and a new session of the backend, after a loss or at any time.
 * Waits for a backend that is not there yet. Afterwards no resource, view, handle or job of before
 * exists. Returns as bg_pvgpu_open; after an error it may be called again.
 */
int bg_pvgpu_restart(struct bg_pvgpu *gpu, uint64_t deadline_ns);

/* Resets the device, so that the backend frees all; gpu is not used any more. Returns 0, or TIMEOUT
 * when the backend did not say so in time: it may still write into the heap. */
int bg_pvgpu_close(struct bg_pvgpu *gpu, uint64_t deadline_ns);

/* 0, or the loss. Reads memory only. */
int bg_pvgpu_check(struct bg_pvgpu *gpu);

/* Are all these features (PVGPU_FEATURE_*) there? */
static inline bool bg_pvgpu_has(const struct bg_pvgpu *gpu, uint64_t features)
{
    return (gpu->features & features) == features;
}

/* ---- Heap: memory that both sides have ---- */

#define BG_PVGPU_HEAP_ALIGN 64u /* every allocation: cache lines are not shared */

/*
 * First fit. `align` is a power of two; less than BG_PVGPU_HEAP_ALIGN means that. The content is
 * what was there before. Errors: INVALID (size 0, align), DEVICE_MEMORY (no such stretch), NO_SPACE
 * (the table of blocks is full).
 */
int bg_pvgpu_heap_alloc(struct bg_pvgpu *gpu, uint64_t size, uint32_t align,
                        struct bg_pvgpu_memory *memory);

/* What was allocated and is not in use by a command any more. INVALID for anything else. */
int bg_pvgpu_heap_free(struct bg_pvgpu *gpu, const struct bg_pvgpu_memory *memory);

struct bg_pvgpu_heap_statistics {
    uint32_t allocations;
    uint32_t used, largest_free; /* bytes */
};

void bg_pvgpu_heap_statistics(const struct bg_pvgpu *gpu, struct bg_pvgpu_heap_statistics *out);

/* ---- Submission, fences, failures ---- */

/* Has the backend see all that was queued; rings the doorbell only if it sleeps. */
int bg_pvgpu_submit(struct bg_pvgpu *gpu);

/* Queues a FENCE; *fence is its value, greater than all before, also across restarts. */
int bg_pvgpu_fence(struct bg_pvgpu *gpu, uint64_t *fence);

/*
 * Has everything before this fence completed? Also while the backend is lost. Does not submit. A
 * fence from before the last bg_pvgpu_restart counts as not passed: ask before.
 */
bool bg_pvgpu_fence_has_passed(struct bg_pvgpu *gpu, uint64_t fence);

/*
 * Submits, and waits for a fence. 0: it has passed and nothing failed. IO: it has passed, and a
 * command failed that was not reported yet: gpu->failure says which; further ones are reported by
 * further waits. TIMEOUT: not yet; may be waited for again. UNAVAILABLE, PROTOCOL: it never will.
 * INVALID: no such fence was handed out.
 */
int bg_pvgpu_fence_wait(struct bg_pvgpu *gpu, uint64_t fence, uint64_t deadline_ns);

/* bg_pvgpu_fence and bg_pvgpu_fence_wait. */
int bg_pvgpu_finish(struct bg_pvgpu *gpu, uint64_t deadline_ns);

/*
 * Waits as bg_pvgpu_fence_wait does, for something else that the backend announces by the fence
 * interrupt: until loop->look, with loop->context, says that it is there; the rest of `loop` is not
 * used. Does not submit. Returns as bg_wait_until.
 */
int bg_pvgpu_wait(struct bg_pvgpu *gpu, const struct bg_wait_loop *loop, uint64_t deadline_ns);

/* The next failure that was not reported yet: 1 and *failure, or 0. Does not wait. */
int bg_pvgpu_take_failure(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure);

/* Where in the stream the next command will be. */
static inline uint64_t bg_pvgpu_position(const struct bg_pvgpu *gpu)
{
    return gpu->written;
}

/* "resource not found"; never NULL. */
const char *bg_pvgpu_error_name(uint32_t code);

/* Queues WAIT_FENCE: the backend waits for a fence. In the one ring an earlier one has passed, and
 * a later one is a failure (TIMEOUT); it is there for rings to come. */
int bg_pvgpu_backend_wait(struct bg_pvgpu *gpu, uint64_t fence);

/* Has the backend start what it may have gathered: draws, which ours gathers until a fence, a
 * present, or a few hundred of them. */
int bg_pvgpu_flush(struct bg_pvgpu *gpu);

/* ---- Resources: ids are handed out by the driver, 1 and up in each session ---- */

struct bg_pvgpu_resource_options {
    uint32_t type;   /* enum bg_pvgpu_resource_type */
    uint32_t format; /* enum bg_pvgpu_format; buffers: 0 */
    uint32_t width;  /* texels; buffers: bytes */
    uint32_t height, depth;
    uint32_t mip_levels; /* 0: all */
    uint32_t bind_flags; /* PVGPU_BIND_* */
    uint32_t misc_flags; /* PVGPU_MISC_* */
    /* The first content, from the heap; size 0: zeroes. */
    uint32_t heap_offset, data_size;
    uint32_t sample_count; /* 0: 1; others with BG_PVGPU_FEATURE_MSAA */
};

/* NO_SPACE: 2^32 - 1 ids were handed out in this session. */
int bg_pvgpu_resource_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_resource_options *options,
                             uint32_t *id);

/* The usual ones: zeroed, a 2D texture with one level for everything that its format allows. */
int bg_pvgpu_buffer_create(struct bg_pvgpu *gpu, uint32_t size, uint32_t *id);
int bg_pvgpu_texture_create(struct bg_pvgpu *gpu, uint32_t format, uint32_t width, uint32_t height,
                            uint32_t *id);

int bg_pvgpu_resource_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* A second id for a resource that was created with BG_PVGPU_MISC_SHARED. */
int bg_pvgpu_resource_open(struct bg_pvgpu *gpu, uint32_t source, uint32_t *id);

/* `type` is an enum bg_pvgpu_map_type. The content is at heap_offset when a fence has passed. */
int bg_pvgpu_resource_map(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource, uint32_t type,
                          uint32_t heap_offset);

/* data_size 0: all of it, from where it was mapped. */
int bg_pvgpu_resource_unmap(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                            uint32_t heap_offset, uint32_t data_size);

/* Texels; buffers: x and width in bytes. Width, height and depth 0: all that there is. */
struct bg_pvgpu_box {
    uint32_t x, y, z;
    uint32_t width, height, depth;
};

/* Where texels lie in the heap. */
struct bg_pvgpu_layout {
    uint32_t heap_offset;
    uint32_t size;                   /* nothing outside is touched; 0: what the box takes */
    uint32_t row_pitch, depth_pitch; /* bytes; 0: packed */
};

/* From the heap to a resource, and back (the latter with BG_PVGPU_FEATURE_REGIONS). `box` NULL: all
 * of the subresource. */
int bg_pvgpu_resource_update(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                             const struct bg_pvgpu_box *box, const struct bg_pvgpu_layout *layout);
int bg_pvgpu_resource_read(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                           const struct bg_pvgpu_box *box, const struct bg_pvgpu_layout *layout);

/* All levels of resources that are alike; or from several samples to one, which resolves them. */
int bg_pvgpu_resource_copy(struct bg_pvgpu *gpu, uint32_t dst, uint32_t src);

struct bg_pvgpu_place {
    uint32_t id, subresource;
    uint32_t x, y, z;
};

/* A box of src's subresource, from its x, y, z on; sizes 0: all. BG_PVGPU_FEATURE_REGIONS. */
int bg_pvgpu_resource_copy_region(struct bg_pvgpu *gpu, const struct bg_pvgpu_place *dst,
                                  const struct bg_pvgpu_place *src, uint32_t width, uint32_t height,
                                  uint32_t depth);

/* Bytes of a texel, of a block for a compressed format; 0 for one that the backend does not know.
 */
uint32_t bg_pvgpu_format_size(uint32_t format);

/* Bytes of one mip level packed in the heap (of one layer), for level BG_PVGPU_ALL_LEVELS of all
 * that there is; 0 when there is no such level or the format is not known. */
uint64_t bg_pvgpu_level_size(const struct bg_pvgpu_resource_options *options, uint32_t level);

#define BG_PVGPU_ALL_LEVELS UINT32_MAX

/* ---- Views, clears, state ---- */

struct bg_pvgpu_view_options {
    uint32_t resource_id;
    uint32_t format; /* 0: the resource's */
    uint32_t mip_level;
    uint32_t first_slice, slice_count; /* of 3D textures; count 0: all from the first on */
};

/* Ids of views are a space of their own. */
int bg_pvgpu_render_target_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id);
int bg_pvgpu_render_target_view_destroy(struct bg_pvgpu *gpu, uint32_t id);
int bg_pvgpu_depth_stencil_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id);
int bg_pvgpu_depth_stencil_view_destroy(struct bg_pvgpu *gpu, uint32_t id);

/* `rgba`: four floats. */
int bg_pvgpu_clear_render_target(struct bg_pvgpu *gpu, uint32_t view, const float *rgba);

/* `flags`: PVGPU_CLEAR_*. `depth`: one float. */
int bg_pvgpu_clear_depth_stencil(struct bg_pvgpu *gpu, uint32_t view, uint32_t flags,
                                 const float *depth, uint32_t stencil);

/* INVALID above BG_PVGPU_RENDER_TARGETS_MAX and BG_PVGPU_VIEWPORTS_MAX. View 0: none. */
int bg_pvgpu_set_render_target(struct bg_pvgpu *gpu, uint32_t count, const uint32_t *views,
                               uint32_t depth_stencil_view);
int bg_pvgpu_set_viewport(struct bg_pvgpu *gpu, uint32_t count,
                          const struct bg_pvgpu_viewport *viewports);
int bg_pvgpu_set_scissor(struct bg_pvgpu *gpu, uint32_t count,
                         const struct bg_pvgpu_rectangle *rectangles);

/* ---- Display ---- */

struct bg_pvgpu_display {
    uint32_t width, height;
    uint32_t refresh_hz; /* never 0 */
    uint32_t format;     /* enum bg_pvgpu_format */
};

/* As the display is now; the host may change it at any time. PROTOCOL: it makes no sense. */
int bg_pvgpu_get_display(struct bg_pvgpu *gpu, struct bg_pvgpu_display *display);

/* Shows level 0 of a 2D texture, sync_interval (0 to BG_PVGPU_SYNC_INTERVAL_MAX) refreshes after
 * the last one at the earliest. The texture may change behind it. */
int bg_pvgpu_present(struct bg_pvgpu *gpu, uint32_t texture, uint32_t sync_interval);

/* The same where only these rectangles changed, 1 to BG_PVGPU_PRESENT_RECTANGLES_MAX of them (else
 * INVALID). BG_PVGPU_FEATURE_REGIONS. */
int bg_pvgpu_present_region(struct bg_pvgpu *gpu, uint32_t texture, uint32_t sync_interval,
                            uint32_t count, const struct bg_pvgpu_rectangle *rectangles);

/* A new size of the display, and of `texture` if that is not 0. Zeroes: as it is. */
int bg_pvgpu_resize_buffers(struct bg_pvgpu *gpu, uint32_t texture, uint32_t width, uint32_t height,
                            uint32_t format, uint32_t buffer_count);

/* ---- Compute (BG_PVGPU_FEATURE_COMPUTE): the operations of protocol/compute.h ---- */

/*
 * An operation under way. With `job` NULL a call waits for its result until deadline_ns, and
 * returns it; else it returns when the operation is queued, and bg_pvgpu_job_wait gives the result,
 * once for every job. LIMITED: BG_PVGPU_JOBS_MAX jobs are out. An operation's failure is what
 * bg_compute_status_error makes of its status, which is in job->status and gpu->last_status; it is
 * none that bg_pvgpu_fence_wait reports.
 */
struct bg_pvgpu_job {
    uint64_t fence;             /* behind it */
    uint32_t slot, answer_size; /* private */
    /* After bg_pvgpu_job_wait. */
    uint32_t status; /* enum bg_compute_status */
    uint32_t results[2];
    uint32_t data_size;
    uint32_t exec_time_us;
};

/* Submits and waits. 0 or the operation's error: the job is over; IO: the backend did not take the
 * command at all, and bg_pvgpu_take_failure tells why. BUSY: not at the deadline; it may be waited
 * for again. UNAVAILABLE, PROTOCOL: it was lost, and is over. */
int bg_pvgpu_job_wait(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job, uint64_t deadline_ns);

/* Nobody will wait for it; its place is free again once it is done. */
void bg_pvgpu_job_abandon(struct bg_pvgpu *gpu, const struct bg_pvgpu_job *job);

int bg_pvgpu_nop(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job, uint64_t deadline_ns);

/* *sum = a + b modulo 2^32 */
int bg_pvgpu_add_basic(struct bg_pvgpu *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                       uint64_t deadline_ns);

int bg_pvgpu_get_info(struct bg_pvgpu *gpu, struct bg_compute_device_info *info,
                      uint64_t deadline_ns);

/* GPU memory. Handles live as long as the session. */
int bg_pvgpu_memory_alloc(struct bg_pvgpu *gpu, uint64_t size, uint32_t *handle,
                          uint64_t deadline_ns);
int bg_pvgpu_memory_free(struct bg_pvgpu *gpu, uint32_t handle, uint64_t deadline_ns);

/* Any length, between heap and GPU memory in any combination; ranges may overlap. */
int bg_pvgpu_memory_copy(struct bg_pvgpu *gpu, struct bg_compute_operand to,
                         struct bg_compute_operand from, uint64_t size, struct bg_pvgpu_job *job,
                         uint64_t deadline_ns);

/* c[i] = a[i] + b[i] for `count` elements of enum bg_compute_element_type. */
int bg_pvgpu_vector_add(struct bg_pvgpu *gpu, uint32_t element_type, struct bg_compute_operand c,
                        struct bg_compute_operand a, struct bg_compute_operand b, uint64_t count,
                        struct bg_pvgpu_job *job, uint64_t deadline_ns);

/* Waits for all operations. */
int bg_pvgpu_synchronize(struct bg_pvgpu *gpu, uint64_t deadline_ns);

/* Any operation. `params`: param_count uint32, at most BG_PVGPU_COMPUTE_PARAMS_MAX (else INVALID).
 * Request data and the answer's place are ranges of the heap; size 0: none. */
struct bg_pvgpu_compute_options {
    uint32_t operation; /* enum bg_compute_operation */
    const uint32_t *params;
    uint32_t param_count;
    uint32_t data_offset, data_size;
    uint32_t answer_offset, answer_size;
};

/* `job` may not be NULL. */
int bg_pvgpu_compute(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
                     struct bg_pvgpu_job *job);

/* ---- Commands of one's own, built in place ---- */

/* The payload's place in the ring; it may continue at the ring's start. Multiples of 16 bytes. */
struct bg_pvgpu_space {
    uint32_t *words[2];
    uint32_t size[2]; /* bytes; size[1] is mostly 0 */
};

/*
 * Reserves a command with payload_size bytes of payload (rounded up to 16), and writes its header.
 * Fill the payload, every word of it, then call bg_pvgpu_command_end; no other call in between.
 * TOO_LARGE: above BG_PVGPU_COMMAND_SIZE_MAX with its header.
 */
int bg_pvgpu_command_begin(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id,
                           uint32_t flags, uint32_t payload_size, struct bg_pvgpu_space *space);
void bg_pvgpu_command_end(struct bg_pvgpu *gpu);

/*
 * The same for one that is sent so often that instructions count. Quick_begin gives `size` bytes of
 * the ring, a multiple of 16, header included, where a whole command is to be written; NULL: there
 * is no such place as far as quick_look has looked. Quick_end has the backend see the command, and
 * all that was queued before; false: the backend sleeps, and bg_pvgpu_submit is to be called.
 */
static inline void *bg_pvgpu_quick_begin(const struct bg_pvgpu *gpu, uint32_t size)
{
    return (int64_t)(gpu->quick_end - gpu->written) < (int64_t)size
               ? NULL
               : __builtin_assume_aligned(gpu->ring + ((uint32_t)gpu->written & gpu->ring_mask),
                                          BG_PVGPU_COMMAND_ALIGN);
}

/* Looks for room; false when bg_pvgpu_command_begin is to be called for this one: at the ring's
 * end, when the ring is full, when the backend is lost or does not say whether it sleeps. */
bool bg_pvgpu_quick_look(struct bg_pvgpu *gpu, uint32_t size);

static inline bool bg_pvgpu_quick_end(struct bg_pvgpu *gpu, uint32_t size)
{
    gpu->written += size;
    bg_store_publish64(&gpu->control->producer_ptr, gpu->written);
    bg_barrier_full(); /* producer_ptr before backend_sleeping: protocol/pvgpu.h, Doorbell */
    if (bg_load_once32(&gpu->control->backend_sleeping) != 0) {
        return false;
    }
    gpu->published = gpu->written;
    return true;
}

/* ---- Interrupts: optional (pvgpu_interrupt.h) ---- */

BG_END_DECLS

#endif
