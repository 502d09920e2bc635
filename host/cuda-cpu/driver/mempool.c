/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory in the order of streams. It is there at once when it is allocated, and gone in its
 * stream's turn when it is freed; so a pool keeps nothing back, and has nothing but its numbers.
 */
#include "host/cuda-cpu/driver/mempool.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/stream.h"

struct mempool {
    struct object object;
    unsigned allocations;
    bool destroyed;
    uint64_t used, used_high, threshold, maximum; /* bytes; maximum 0: no other than the device's */
    int reuse[3];
};

/* The device's own one, which is always there once somebody asked, and the one in its place. */
static struct mempool *own, *current;

void mempool_take(struct mempool *pool, uint64_t size)
{
    pool->allocations++;
    pool->used += size;
    pool->used_high = pool->used > pool->used_high ? pool->used : pool->used_high;
}

void mempool_give(struct mempool *pool, uint64_t size)
{
    pool->used -= size;
    if (--pool->allocations == 0 && pool->destroyed) {
        free(pool);
    }
}

static struct mempool *create(void)
{
    struct mempool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL || !object_add(&pool->object, OBJECT_MEMPOOL)) {
        free(pool);
        return NULL;
    }
    for (size_t i = 0; i < 3; i++) {
        pool->reuse[i] = 1;
    }
    return pool;
}

static void destroy(struct mempool *pool)
{
    object_remove(&pool->object);
    pool->destroyed = true;
    if (pool->allocations == 0) {
        free(pool);
    }
}

static struct mempool *default_pool(void)
{
    if (own == NULL) {
        own = create();
    }
    return own;
}

void mempool_close(void)
{
    if (own != NULL) {
        destroy(own);
    }
    own = current = NULL;
}

static struct mempool *current_pool(void)
{
    return current != NULL ? current : default_pool();
}

/* ---- Pools ---- */

static CUresult create_pool(CUmemoryPool *handle, const CUmemPoolProps *properties)
{
    struct mempool *pool;

    if (handle == NULL || properties == NULL ||
        properties->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
        properties->location.type != CU_MEM_LOCATION_TYPE_DEVICE || properties->location.id != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (properties->handleTypes != CU_MEM_HANDLE_TYPE_NONE) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    pool = create();
    if (pool == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pool->maximum = properties->maxSize;
    *handle = (CUmemoryPool)pool;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *properties)
{
    return IN_DRIVER(create_pool(pool, properties));
}

static CUresult destroy_pool(CUmemoryPool handle)
{
    struct mempool *pool = object_find(handle, OBJECT_MEMPOOL);

    if (pool == NULL || pool == own) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (pool == current) {
        current = NULL;
    }
    destroy(pool);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolDestroy(CUmemoryPool pool)
{
    return IN_DRIVER(destroy_pool(pool));
}

static CUresult trim(CUmemoryPool handle)
{
    return object_find(handle, OBJECT_MEMPOOL) != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t size)
{
    (void)size;
    return IN_DRIVER(trim(pool));
}

static CUresult answer_pool(CUmemoryPool *handle, CUdevice device, struct mempool *(*find)(void))
{
    struct mempool *pool;

    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    pool = find();
    *handle = (CUmemoryPool)pool;
    return pool != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice device)
{
    return IN_DRIVER(answer_pool(pool, device, default_pool));
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device)
{
    return IN_DRIVER(answer_pool(pool, device, current_pool));
}

static CUresult set_pool(CUdevice device, CUmemoryPool handle)
{
    struct mempool *pool = object_find(handle, OBJECT_MEMPOOL);

    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (pool == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    current = pool;
    return CUDA_SUCCESS;
}

CUresult cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool)
{
    return IN_DRIVER(set_pool(device, pool));
}

/* ---- Attributes ---- */

static CUresult get_attribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value)
{
    const struct mempool *pool = object_find(handle, OBJECT_MEMPOOL);

    if (pool == NULL || value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        *(int *)value = pool->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES];
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        *(cuuint64_t *)value = pool->threshold;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
        *(cuuint64_t *)value = pool->used;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        *(cuuint64_t *)value = pool->used_high;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
    return IN_DRIVER(get_attribute(pool, attribute, value));
}

static CUresult set_attribute(CUmemoryPool handle, CUmemPool_attribute attribute, const void *value)
{
    struct mempool *pool = object_find(handle, OBJECT_MEMPOOL);

    if (pool == NULL || value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        pool->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES] =
            *(const int *)value;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        pool->threshold = *(const cuuint64_t *)value;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        if (*(const cuuint64_t *)value != 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        pool->used_high = pool->used;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
    return IN_DRIVER(set_attribute(pool, attribute, value));
}

/* The one device has it, and keeps it. */
static bool is_own_device(const CUmemLocation *location)
{
    return location->type == CU_MEM_LOCATION_TYPE_DEVICE && location->id == 0;
}

static CUresult set_access(CUmemoryPool handle, const CUmemAccessDesc *access, size_t count)
{
    if (object_find(handle, OBJECT_MEMPOOL) == NULL || (access == NULL && count > 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_own_device(&access[i].location)) {
            return CUDA_ERROR_INVALID_DEVICE;
        }
        if (access[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

CUresult cuMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc *access, size_t count)
{
    return IN_DRIVER(set_access(pool, access, count));
}

static CUresult get_access(CUmemAccess_flags *flags, CUmemoryPool handle,
                           const CUmemLocation *location)
{
    if (object_find(handle, OBJECT_MEMPOOL) == NULL || flags == NULL || location == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_own_device(location)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolGetAccess(CUmemAccess_flags *flags, CUmemoryPool pool, CUmemLocation *location)
{
    return IN_DRIVER(get_access(flags, pool, location));
}

/* ---- Memory ---- */

static CUresult alloc_from(struct context *context, CUdeviceptr *pointer, size_t size,
                           struct mempool *pool, CUstream handle)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);
    uint64_t start;

    if (pointer == NULL || size == 0 || pool == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (pool->maximum != 0 && size > pool->maximum - pool->used) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = allocation_create(context, size, ALLOCATION_DEVICE, 0, &start);
    if (result == CUDA_SUCCESS) {
        allocation_find(start)->pool = pool;
        mempool_take(pool, size);
        *pointer = start;
    }
    return result;
}

CUresult cuMemAllocAsync(CUdeviceptr *pointer, size_t size, CUstream stream)
{
    return IN_CONTEXT(alloc_from(context, pointer, size, current_pool(), stream));
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *pointer, size_t size, CUmemoryPool pool,
                                 CUstream stream)
{
    return IN_CONTEXT(
        alloc_from(context, pointer, size, object_find(pool, OBJECT_MEMPOOL), stream));
}

struct free_task {
    struct task task;
    struct task_after after;
    uint64_t start, id;
};

static void free_hidden(struct task_after *after)
{
    struct free_task *task =
        (struct free_task *)((char *)after - offsetof(struct free_task, after));

    allocation_free_hidden(task->start, task->id);
    task_release(&task->task);
}

/* Other streams should be done with it; but where one is not, it must not write to what is somebody
 * else's by then. */
static CUresult run_free(struct task *base)
{
    struct free_task *task = (struct free_task *)base;
    struct allocation *allocation;

    driver_lock();
    allocation = allocation_find(task->start);
    if (allocation != NULL && allocation->id == task->id) {
        allocation_hide(allocation);
        task_retain(base);
        task_call_after(&task->after);
    }
    driver_unlock();
    return CUDA_SUCCESS;
}

static CUresult free_async(struct context *context, CUdeviceptr pointer, CUstream handle)
{
    struct allocation *allocation = allocation_find(pointer);
    struct free_task *task;
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS || pointer == 0) {
        return result;
    }
    if (stream->capture != NULL) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (allocation == NULL || allocation->start != pointer || allocation->is_going ||
        allocation->kind != ALLOCATION_DEVICE || allocation->context != context) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    task = task_create(sizeof(*task), context, run_free);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    allocation->is_going = true;
    task->task.always = true;
    task->after.call = free_hidden;
    task->start = pointer;
    task->id = allocation->id;
    return stream_do(stream, &task->task, false);
}

CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream)
{
    return IN_CONTEXT(free_async(context, pointer, stream));
}
