/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the pvgpu driver. */
#ifndef BAREGPU_PVGPU_INTERNAL_H
#define BAREGPU_PVGPU_INTERNAL_H

#include "baregpu/barrier.h"
#include "baregpu/pvgpu.h"

#define PVGPU_LOW(value) ((uint32_t)(value))
#define PVGPU_HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

/* ---- Commands, written where the backend reads them: 16 bytes at a time, which never wrap ---- */

/* Waits until the ring has room for `size` more bytes. Returns 0 or what a call that queues a
 * command returns. */
int pvgpu_make_room(struct bg_pvgpu *gpu, uint32_t size);

/*
 * Room for a command of `size` bytes, a multiple of 16, and its header. Then pvgpu_put for each 16
 * bytes of payload, then pvgpu_end. Returns as pvgpu_make_room.
 */
int pvgpu_begin(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, uint32_t flags,
                uint32_t size);

static inline void pvgpu_put(struct bg_pvgpu *gpu, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t *to = (uint32_t *)(void *)(gpu->ring + (gpu->cursor & gpu->ring_mask));

    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    gpu->cursor += 16;
}

/* The words of `before`, then `count` words of any alignment; the last 16 bytes are filled up with
 * zeroes. */
void pvgpu_put_words(struct bg_pvgpu *gpu, const uint32_t *before, uint32_t before_count,
                     const void *words, uint32_t count);

static inline void pvgpu_end(struct bg_pvgpu *gpu)
{
    gpu->written = gpu->cursor;
}

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
