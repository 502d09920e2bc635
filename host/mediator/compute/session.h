/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one guest device owns on the GPU: its allocations, named by handles, and how much of its
 * memory limit they use. One thread at a time.
 */
#ifndef MEDIATOR_SESSION_H
#define MEDIATOR_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/compute/gpu.h"

/* A handle is a generation above a slot: a freed handle is not taken for the slot's next owner.
 * Twelve bits of slot bound the table to some 100 KiB; slot 0 is unused, so no handle is 0. */
#define SESSION_SLOT_BITS 12
#define SESSION_SLOTS (1u << SESSION_SLOT_BITS)

struct session_allocation {
    gpu_address address; /* 0: free slot */
    uint64_t size;
    uint32_t generation;
    uint32_t next_free;
};

struct session {
    struct gpu *gpu;
    struct cuda_session *cuda; /* of host/mediator/cuda; NULL: the guest has none */

    /* The carrier's; all may be NULL. */
    void *owner;
    void (*interrupt)(void *owner); /* of the guest; any thread */
    void (*waits)(void *owner,
                  bool begins);    /* around waits for streams, whose limit is their own */
    bool (*may_wait)(void *owner); /* while they last; false: for too long for others */
    uint64_t time_limit_ns;        /* of a kernel on a GPU; 0: none */

    uint64_t memory_limit; /* bytes */
    uint64_t memory_used;
    uint32_t first_generation;
    uint32_t slots_used;            /* slots from 1 to this were used at some time */
    uint32_t first_free, last_free; /* of them, oldest first; 0 ends the list */
    struct session_allocation slots[SESSION_SLOTS];
};

/* NULL without memory. The GPU stays the caller's. */
struct session *session_create(struct gpu *gpu, uint64_t memory_limit);

/* Before the first handle: where their generations begin. A guest need not notice that its session
 * was lost between two requests; with another seed in the next one, the handles that it still has
 * name nothing there, rather than somebody's new memory. */
void session_seed_handles(struct session *session, uint64_t seed);

/* Frees every allocation. Its CUDA session has ended (cuda_end). */
void session_destroy(struct session *session);

/* size > 0. */
enum bg_compute_status session_alloc(struct session *session, uint64_t size, uint32_t *handle);
enum bg_compute_status session_free(struct session *session, uint32_t handle);

/* Frees every handle's memory; the handles are not given out again. */
void session_free_all(struct session *session);

/* Memory without a handle, within the same limit. size > 0. */
enum bg_compute_status session_take(struct session *session, uint64_t size, gpu_address *address);
enum bg_compute_status session_give(struct session *session, gpu_address address, uint64_t size);

/* Memory of another kind that is held for the guest: counted within the same limit, from the charge
 * until it is really given back. BG_COMPUTE_OUT_OF_MEMORY, and nothing charged, when it is too
 * much. */
enum bg_compute_status session_charge(struct session *session, uint64_t size);
void session_release(struct session *session, uint64_t size);

/* BG_COMPUTE_INVALID_HANDLE, or BG_COMPUTE_OUT_OF_RANGE when offset and size leave the allocation.
 */
enum bg_compute_status session_resolve(struct session *session, uint32_t handle, uint64_t offset,
                                       uint64_t size, gpu_address *address);

#endif
