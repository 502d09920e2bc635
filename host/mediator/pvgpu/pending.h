/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What waits for the GPU of a session that draws: fences that the guest is to see, pictures that
 * the device is to show. They are told in the order in which they came. The consumer's thread.
 */
#ifndef MEDIATOR_PVGPU_PENDING_H
#define MEDIATOR_PVGPU_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pvgpu.h"

/* More than a guest has in flight that waits for its pictures. */
#define PVGPU_PENDING_MAX 64u

struct pvgpu_pending_item {
    uint64_t submission; /* told when this has ended */
    uint64_t fence;      /* 0: a picture */
    struct bg_pvgpu_scanout picture;
};

struct pvgpu_pending {
    struct pvgpu_pending_item items[PVGPU_PENDING_MAX]; /* a ring */
    uint32_t first, count;
    uint64_t since_ns; /* since when the first one is what is waited for */
    uint64_t used_ns;  /* the process's processor time then */
    uint64_t look_ns;  /* when to look whether that is too long */
};

struct pvgpu_worker;

/* Both start what was asked for before, and are told at once when that has ended. */
void pvgpu_pending_add_fence(struct pvgpu_worker *worker, uint64_t fence);
void pvgpu_pending_add_picture(struct pvgpu_worker *worker, const struct bg_pvgpu_scanout *picture);

/* Whether such a fence, or a later one, will be told. */
bool pvgpu_pending_has_fence(const struct pvgpu_worker *worker, uint64_t fence);

/* Whether look has something to tell: cheap, for polling. */
bool pvgpu_pending_is_ready(struct pvgpu_worker *worker);

/* Tells what has ended; ends the session when the GPU is lost, or does not come to an end. */
void pvgpu_pending_look(struct pvgpu_worker *worker);

/* When to look at the latest, though nothing has ended by then; UINT64_MAX: nothing is pending. */
uint64_t pvgpu_pending_get_limit_ns(const struct pvgpu_worker *worker);

/* Waits for all that was asked for, and tells it. An error of what computed. */
struct pvgpu_outcome pvgpu_pending_finish(struct pvgpu_worker *worker);

/* Fences that are still there will never be told; pictures are. */
void pvgpu_pending_reset(struct pvgpu_worker *worker);

#endif
