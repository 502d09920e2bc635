/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the pvgpu driver. */
#ifndef FIRMWARE_VGPU_PVGPU_INTERNAL_H
#define FIRMWARE_VGPU_PVGPU_INTERNAL_H

#include "baregpu/barrier.h"
#include "baregpu/pvgpu.h"
#include "firmware/common/owner.h"

#define PVGPU_LOW(value) ((uint32_t)(value))
#define PVGPU_HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

/* ---- Commands ---- */

/* Waits until the ring has room for `size` more bytes. Returns 0 or what a call that queues a
 * command returns. */
int pvgpu_make_room(struct bg_pvgpu *gpu, uint32_t size);

/* Queues a command whose payload is the words of `before`, then `count` words of any alignment,
 * filled up with zeroes. Returns as pvgpu_make_room. */
int pvgpu_command(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, const uint32_t *before,
                  uint32_t before_count, const void *words, uint32_t count);

/* The same for a call that has taken the device (firmware/common/owner.h), as all below. */
int pvgpu_put(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, const uint32_t *before,
              uint32_t before_count, const void *words, uint32_t count);

/* The same with these words alone, one at least. */
#define PVGPU_COMMAND(gpu, type, resource_id, ...)                                                 \
    pvgpu_command(gpu, type, resource_id, (const uint32_t[]){__VA_ARGS__},                         \
                  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), NULL, 0)

/* As pvgpu_command, for one that creates an object, which gets the number behind *last. */
int pvgpu_create(struct bg_pvgpu *gpu, uint32_t type, uint32_t *last, const uint32_t *before,
                 uint32_t before_count, const void *words, uint32_t count, uint32_t *id);

/* A view of a target, or for unordered access. */
int pvgpu_create_view(struct bg_pvgpu *gpu, uint32_t type,
                      const struct bg_pvgpu_view_options *options, uint32_t *id);

/* What a call for a feature that the backend does not have returns. */
static inline int pvgpu_refuse(const struct bg_pvgpu *gpu)
{
    return gpu->loss != 0 ? gpu->loss : BG_ERR_UNSUPPORTED;
}

/* ---- pvgpu_health.c ---- */

/* Why the backend does not serve this guest, if it says so (docs/pvgpu.md, Errors); else 0. */
int pvgpu_refusal(const struct bg_pvgpu *gpu);

/* The backend is lost: notes what it did last, and returns `error`. */
int pvgpu_lose(struct bg_pvgpu *gpu, int error, uint32_t code);

/* Reads host_fence_completed. Returns 0, or PROTOCOL: lost. */
int pvgpu_look_at_fences(struct bg_pvgpu *gpu);

/* ---- Parts ---- */

int pvgpu_restart(struct bg_pvgpu *gpu, uint64_t deadline_ns);
int pvgpu_submit(struct bg_pvgpu *gpu);
int pvgpu_fence(struct bg_pvgpu *gpu, uint64_t *fence);
int pvgpu_take_failure(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure);

/* Until `fence`, one of this session, has passed: 0, TIMEOUT, or the loss. Submits before. */
int pvgpu_wait_passed(struct bg_pvgpu *gpu, uint64_t fence, uint64_t deadline_ns);

/* A job's place in the heap: struct bg_pvgpu_compute_result, and room for an answer behind it. */
#define PVGPU_JOB_SIZE 256u

#define PVGPU_FENCE_SIZE 32u /* a FENCE in the ring */

int pvgpu_heap_init(struct bg_pvgpu *gpu, struct bg_pvgpu_block *blocks, uint32_t count);

/* No job is out. */
void pvgpu_jobs_reset(struct bg_pvgpu *gpu);

/* Ring positions, fences and failures as after a reset; PROTOCOL when they make no sense. */
int pvgpu_ring_start(struct bg_pvgpu *gpu);

#endif
