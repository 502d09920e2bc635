/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory in the order of streams. The worker has it all from the device's own pool; so pools here
 * are numbers, and the limit that a program may set.
 */
#include "firmware/cuda/mempool.h"

#include "firmware/cuda/capture.h"

#define REUSE_FIRST CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES
#define REUSES 3u

struct cuda_mempool {
    struct cuda_object object;
    struct cuda_device *device;
    bool is_default;
    uint64_t used, used_high, threshold;
    uint64_t maximum; /* bytes; 0: as much as the device has */
    int reuse[REUSES];
};

void cuda_mempool_give(CUmemoryPool handle, uint64_t size)
{
    struct cuda_mempool *pool = cuda_find(handle, CUDA_KIND_POOL);

    if (pool != NULL) {
        pool->used -= size;
    }
}

static void take(struct cuda_mempool *pool, uint64_t size)
{
    pool->used += size;
    pool->used_high = pool->used > pool->used_high ? pool->used : pool->used_high;
}

/* ---- Their lives ---- */

static struct cuda_mempool *create(struct cuda_device *device)
{
    struct cuda_mempool *pool = cuda_object_create(CUDA_KIND_POOL, sizeof(*pool), NULL);

    if (pool == NULL) {
        return NULL;
    }
    pool->device = device;
    for (unsigned i = 0; i < REUSES; i++) {
        pool->reuse[i] = 1;
    }
    return pool;
}

/* The device's own one, which is there from the first question on. */
static struct cuda_mempool *default_pool(struct cuda_device *device)
{
    struct cuda_mempool *pool = cuda_object_next(CUDA_KIND_POOL, NULL, NULL);

    while (pool != NULL && !(pool->is_default && pool->device == device)) {
        pool = cuda_object_next(CUDA_KIND_POOL, NULL, &pool->object);
    }
    if (pool == NULL && (pool = create(device)) != NULL) {
        pool->is_default = true;
    }
    return pool;
}

/* What the program has set, while that is there. */
static struct cuda_mempool *current_pool(struct cuda_device *device)
{
    struct cuda_mempool *pool = cuda_find(device->pool, CUDA_KIND_POOL);

    return pool != NULL ? pool : default_pool(device);
}

static bool is_device(const CUmemLocation *location)
{
    return location->type == CU_MEM_LOCATION_TYPE_DEVICE && cuda_device_of(location->id) != NULL;
}

static CUresult check_properties(const CUmemPoolProps *properties)
{
    if (properties->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
        !is_device(&properties->location)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return properties->handleTypes == CU_MEM_HANDLE_TYPE_NONE ? CUDA_SUCCESS
                                                              : CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuMemPoolCreate(CUmemoryPool *handle, const CUmemPoolProps *properties)
{
    struct cuda_mempool *pool;
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && (handle == NULL || properties == NULL)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: check_properties(properties);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    pool = create(cuda_device_of(properties->location.id));
    if (pool == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pool->maximum = properties->maxSize;
    *handle = pool->object.handle;
    return CUDA_SUCCESS;
}

static CUresult find(CUmemoryPool handle, struct cuda_mempool **pool)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *pool = cuda_find(handle, CUDA_KIND_POOL);
    return *pool != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* What is allocated from it stays until it is freed. */
CUresult cuMemPoolDestroy(CUmemoryPool handle)
{
    struct cuda_mempool *pool;
    CUresult result = find(handle, &pool);

    if (result != CUDA_SUCCESS || pool->is_default) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    cuda_object_destroy(&pool->object);
    return CUDA_SUCCESS;
}

/* What is free is the device's pool's, which decides. */
CUresult cuMemPoolTrimTo(CUmemoryPool handle, size_t size)
{
    struct cuda_mempool *pool;

    (void)size;
    return find(handle, &pool);
}

static CUresult answer_pool(CUmemoryPool *handle, CUdevice number,
                            struct cuda_mempool *(*of)(struct cuda_device *device))
{
    struct cuda_device *device = cuda_device_of(number);
    struct cuda_mempool *pool;
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (device == NULL) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    pool = of(device);
    if (pool == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *handle = pool->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice device)
{
    return answer_pool(pool, device, default_pool);
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device)
{
    return answer_pool(pool, device, current_pool);
}

CUresult cuDeviceSetMemPool(CUdevice number, CUmemoryPool handle)
{
    struct cuda_device *device = cuda_device_of(number);
    struct cuda_mempool *pool;
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && device == NULL) {
        result = CUDA_ERROR_INVALID_DEVICE;
    }
    result = result ?: find(handle, &pool);
    if (result == CUDA_SUCCESS && pool->device != device) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        device->pool = handle;
    }
    return result;
}

/* ---- Attributes ---- */

static CUresult get(const struct cuda_mempool *pool, CUmemPool_attribute attribute, void *value)
{
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        *(int *)value = pool->reuse[attribute - REUSE_FIRST];
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        *(cuuint64_t *)value = pool->threshold;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT: /* nothing is kept back */
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

static CUresult set(struct cuda_mempool *pool, CUmemPool_attribute attribute, const void *value)
{
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        pool->reuse[attribute - REUSE_FIRST] = *(const int *)value;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        pool->threshold = *(const cuuint64_t *)value;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH: /* to the present value, by 0 */
        if (*(const cuuint64_t *)value != 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        pool->used_high = pool->used;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuMemPoolGetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value)
{
    struct cuda_mempool *pool;
    CUresult result = find(handle, &pool);

    return result ?: value == NULL ? CUDA_ERROR_INVALID_VALUE : get(pool, attribute, value);
}

CUresult cuMemPoolSetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value)
{
    struct cuda_mempool *pool;
    CUresult result = find(handle, &pool);

    return result ?: value == NULL ? CUDA_ERROR_INVALID_VALUE : set(pool, attribute, value);
}

/* ---- Access: the pool's device has it, and keeps it; others have no way to it ---- */

static CUresult check_access(const struct cuda_mempool *pool, const CUmemAccessDesc *access)
{
    bool is_own = is_device(&access->location) && access->location.id == pool->device->number;

    if (!is_device(&access->location)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    return access->flags ==
                   (is_own ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE : CU_MEM_ACCESS_FLAGS_PROT_NONE)
               ? CUDA_SUCCESS
           : is_own ? CUDA_ERROR_INVALID_VALUE
                    : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuMemPoolSetAccess(CUmemoryPool handle, const CUmemAccessDesc *access, size_t count)
{
    struct cuda_mempool *pool;
    CUresult result = find(handle, &pool);

    if (result == CUDA_SUCCESS && access == NULL && count > 0) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = check_access(pool, &access[i]);
    }
    return result;
}

CUresult cuMemPoolGetAccess(CUmemAccess_flags *flags, CUmemoryPool handle, CUmemLocation *location)
{
    struct cuda_mempool *pool;
    CUresult result = find(handle, &pool);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (flags == NULL || location == NULL || !is_device(location)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = location->id == pool->device->number ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE
                                                  : CU_MEM_ACCESS_FLAGS_PROT_NONE;
    return CUDA_SUCCESS;
}

/* ---- Memory ---- */

static CUresult enter(CUstream handle, struct cuda_stream **stream)
{
    struct cuda_context *context;

    return cuda_enter_context(&context)
               ?: cuda_capture_stream_of(context, handle, stream)
               ?: cuda_capture_refuse(*stream);
}

static CUresult ask(struct cuda_stream *stream, uint64_t size, struct cuda_mempool *pool,
                    CUdeviceptr *pointer)
{
    struct cuda_context *context = stream->object.context;
    const struct bg_cuda_memory_alloc params = {.size = size, .stream = stream->number};
    struct bg_cuda_range answer;
    CUresult result = cuda_ask(context->device, BG_CUDA_MEMORY_ALLOC, &params, sizeof(params),
                               &answer, sizeof(answer));
    struct cuda_range range;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = (struct cuda_range){.start = answer.address,
                                .size = size,
                                .context = context,
                                .kind = CUDA_RANGE_ASYNC,
                                .pool = pool->object.handle};
    if (!cuda_range_add(context->device, &range)) {
        const struct bg_cuda_memory_free back = {.address = answer.address,
                                                 .stream = stream->number};

        CUDA_PUT(context->device, BG_CUDA_MEMORY_FREE, back);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    take(pool, size);
    *pointer = answer.address;
    return CUDA_SUCCESS;
}

static CUresult alloc(struct cuda_stream *stream, CUdeviceptr *pointer, size_t size,
                      struct cuda_mempool *pool)
{
    if (pool == NULL || pool->device != stream->object.context->device || pointer == NULL ||
        size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (pool->maximum != 0 && size > pool->maximum - pool->used) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return ask(stream, size, pool, pointer);
}

CUresult cuMemAllocAsync(CUdeviceptr *pointer, size_t size, CUstream handle)
{
    struct cuda_stream *stream;

    return enter(handle, &stream)
               ?: alloc(stream, pointer, size, current_pool(stream->object.context->device));
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *pointer, size_t size, CUmemoryPool pool,
                                 CUstream handle)
{
    struct cuda_stream *stream;

    return enter(handle, &stream) ?: alloc(stream, pointer, size, cuda_find(pool, CUDA_KIND_POOL));
}

CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream handle)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);
    struct cuda_device *device;
    const struct cuda_range *range;

    if (result != CUDA_SUCCESS || pointer == 0) {
        return result;
    }
    device = stream->object.context->device;
    range = cuda_range_find(device, pointer);
    if (range == NULL || range->start != pointer || range->kind == CUDA_RANGE_GLOBAL ||
        range->context != stream->object.context) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const struct bg_cuda_memory_free params = {.address = pointer, .stream = stream->number};

    cuda_range_remove(device, pointer);
    return CUDA_PUT_IN(device, stream->number, BG_CUDA_MEMORY_FREE, params);
}
