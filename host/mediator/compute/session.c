/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/compute/session.h"

#include <stdio.h>
#include <stdlib.h>

#define GENERATION_LIMIT (1u << (32 - SESSION_SLOT_BITS))
#define FIRST_GENERATION_LIMIT (GENERATION_LIMIT / 2)

static void slot_put_free(struct session *session, uint32_t slot)
{
    session->slots[slot].next_free = 0;
    if (session->last_free) {
        session->slots[session->last_free].next_free = slot;
    } else {
        session->first_free = slot;
    }
    session->last_free = slot;
}

static uint32_t slot_take_free(struct session *session)
{
    uint32_t slot = session->first_free;

    if (session->slots_used < SESSION_SLOTS - 1) {
        slot = ++session->slots_used;
        session->slots[slot].generation = session->first_generation;
        return slot;
    }
    if (slot) {
        session->first_free = session->slots[slot].next_free;
        if (!session->first_free) {
            session->last_free = 0;
        }
    }
    return slot;
}

struct session *session_create(struct gpu *gpu, uint64_t memory_limit)
{
    struct session *session = calloc(1, sizeof(*session));

    if (session == NULL) {
        return NULL;
    }
    session->gpu = gpu;
    session->memory_limit = memory_limit;
    return session;
}

void session_seed_handles(struct session *session, uint64_t seed)
{
    session->first_generation = (uint32_t)(seed % FIRST_GENERATION_LIMIT);
}

void session_destroy(struct session *session)
{
    struct gpu *gpu = session->gpu;

    for (uint32_t slot = 1; slot <= session->slots_used; slot++) {
        struct session_allocation *allocation = &session->slots[slot];

        if (allocation->address) {
            gpu_free(gpu, allocation->address, allocation->size);
        }
    }
    free(session);
}

void session_free_all(struct session *session)
{
    for (uint32_t slot = 1; slot <= session->slots_used; slot++) {
        if (session->slots[slot].address) {
            session_free(session, session->slots[slot].generation << SESSION_SLOT_BITS | slot);
        }
    }
}

static struct session_allocation *find(struct session *session, uint32_t handle)
{
    struct session_allocation *allocation = &session->slots[handle & (SESSION_SLOTS - 1)];

    if (!allocation->address || allocation->generation != handle >> SESSION_SLOT_BITS) {
        return NULL;
    }
    return allocation;
}

enum bg_compute_status session_charge(struct session *session, uint64_t size)
{
    struct gpu *gpu = session->gpu;
    uint64_t left = session->memory_limit - session->memory_used;

    if (size > left) {
        snprintf(gpu->error, sizeof(gpu->error),
                 "%llu bytes wanted, %llu of the session's %llu are left", (unsigned long long)size,
                 (unsigned long long)left, (unsigned long long)session->memory_limit);
        return BG_COMPUTE_OUT_OF_MEMORY;
    }
    session->memory_used += size;
    return BG_COMPUTE_OK;
}

void session_release(struct session *session, uint64_t size)
{
    session->memory_used -= size;
}

enum bg_compute_status session_take(struct session *session, uint64_t size, gpu_address *address)
{
    struct gpu *gpu = session->gpu;
    enum bg_compute_status status = session_charge(session, size);

    if (status != BG_COMPUTE_OK) {
        return status;
    }
    *address = 0;
    status = gpu_alloc(gpu, size, address);
    if (status != BG_COMPUTE_OK) {
        session_release(session, size);
    }
    return status;
}

enum bg_compute_status session_give(struct session *session, gpu_address address, uint64_t size)
{
    session_release(session, size);
    return gpu_free(session->gpu, address, size);
}

enum bg_compute_status session_alloc(struct session *session, uint64_t size, uint32_t *handle)
{
    struct gpu *gpu = session->gpu;
    enum bg_compute_status status;
    gpu_address address;

    if (!session->first_free && session->slots_used == SESSION_SLOTS - 1) {
        snprintf(gpu->error, sizeof(gpu->error), "all %u handles are in use", SESSION_SLOTS - 1);
        return BG_COMPUTE_OUT_OF_MEMORY;
    }
    status = session_take(session, size, &address);
    if (status != BG_COMPUTE_OK) {
        return status;
    }
    uint32_t slot = slot_take_free(session);
    session->slots[slot].address = address;
    session->slots[slot].size = size;
    *handle = session->slots[slot].generation << SESSION_SLOT_BITS | slot;
    return BG_COMPUTE_OK;
}

enum bg_compute_status session_free(struct session *session, uint32_t handle)
{
    struct session_allocation *allocation = find(session, handle);

    if (allocation == NULL) {
        return BG_COMPUTE_INVALID_HANDLE;
    }
    gpu_address address = allocation->address;
    allocation->address = 0;
    allocation->generation++;
    if (allocation->generation < GENERATION_LIMIT) { /* else the slot retires: no handle twice */
        slot_put_free(session, handle & (SESSION_SLOTS - 1));
    }
    return session_give(session, address, allocation->size);
}

enum bg_compute_status session_resolve(struct session *session, uint32_t handle, uint64_t offset,
                                       uint64_t size, gpu_address *address)
{
    struct session_allocation *allocation = find(session, handle);

    if (allocation == NULL) {
        return BG_COMPUTE_INVALID_HANDLE;
    }
    if (offset > allocation->size || size > allocation->size - offset) {
        return BG_COMPUTE_OUT_OF_RANGE;
    }
    *address = allocation->address + offset;
    return BG_COMPUTE_OK;
}
