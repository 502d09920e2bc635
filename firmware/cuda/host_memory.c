/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the guest's that the device has as well: the heap. Where there is none, cuMemAllocHost
 * gives bookkeeping memory, which is ordinary memory to all copies.
 */
#include "firmware/cuda/capture.h"

struct cuda_host {
    struct cuda_host *next;
    struct cuda_context *context;
    uint8_t *bytes;
    size_t size;
    unsigned flags;
    bool is_registered;            /* the program's own */
    struct bg_pvgpu_memory memory; /* of the heap */
};

#define ALLOC_FLAGS                                                                                \
    ((unsigned)(CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |                             \
                CU_MEMHOSTALLOC_WRITECOMBINED))
#define REGISTER_FLAGS                                                                             \
    ((unsigned)(CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP |                       \
                CU_MEMHOSTREGISTER_IOMEMORY | CU_MEMHOSTREGISTER_READ_ONLY))

bool cuda_host_offset(const struct cuda_device *device, const void *memory, uint64_t size,
                      uint64_t *offset)
{
    *offset = (uint64_t)((uintptr_t)memory - (uintptr_t)device->heap);
    return device->heap != NULL && *offset < device->heap_size &&
           size <= device->heap_size - *offset;
}

/* The place in the list of the one with this address in it; what is there is NULL: none. */
static struct cuda_host **find(struct cuda_device *device, const void *memory)
{
    struct cuda_host **place = &device->hosts;

    while (*place != NULL &&
           (uintptr_t)memory - (uintptr_t)(*place)->bytes >= (uintptr_t)(*place)->size) {
        place = &(*place)->next;
    }
    return place;
}

bool cuda_host_range(struct cuda_device *device, CUdeviceptr address, CUdeviceptr *start,
                     uint64_t *size)
{
    uint64_t heap_start = device->info.heap_address, offset;
    const struct cuda_host *host;

    if (heap_start == 0 || address < heap_start || address - heap_start >= device->heap_size) {
        return false;
    }
    host = *find(device, device->heap + (address - heap_start));
    if (host == NULL || !cuda_host_offset(device, host->bytes, host->size, &offset)) {
        return false;
    }
    *start = heap_start + offset;
    *size = host->size;
    return true;
}

/* ---- Allocations ---- */

static CUresult take_bytes(struct cuda_device *device, struct cuda_host *host)
{
    if (device->heap == NULL) {
        host->bytes = cuda_alloc(host->size);
    } else if (device->carrier->host_alloc(device, host->size, &host->memory) == 0) {
        host->bytes = host->memory.bytes;
        memset(host->bytes, 0, host->size);
    }
    return host->bytes != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult add(struct cuda_context *context, const struct cuda_host *asked,
                    struct cuda_host **result)
{
    struct cuda_host *host = cuda_alloc(sizeof(*host));

    if (host == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *host = *asked;
    host->context = context;
    if (host->bytes == NULL && take_bytes(context->device, host) != CUDA_SUCCESS) {
        cuda_free(host);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    host->next = context->device->hosts;
    context->device->hosts = host;
    *result = host;
    return CUDA_SUCCESS;
}

static void destroy(struct cuda_device *device, struct cuda_host **place)
{
    struct cuda_host *host = *place;

    *place = host->next;
    if (!host->is_registered && device->heap != NULL) {
        device->carrier->host_free(device, &host->memory);
    } else if (!host->is_registered) {
        cuda_free(host->bytes);
    }
    cuda_free(host);
}

void cuda_host_free_all(struct cuda_context *context)
{
    struct cuda_host **place = &context->device->hosts;

    while (*place != NULL) {
        if ((*place)->context == context) {
            destroy(context->device, place);
        } else {
            place = &(*place)->next;
        }
    }
}

CUresult cuMemHostAlloc(void **memory, size_t size, unsigned flags)
{
    struct cuda_context *context;
    struct cuda_host *host;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (memory == NULL || size == 0 || (flags & ~ALLOC_FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = add(context, &(struct cuda_host){.size = size, .flags = flags}, &host);
    if (result == CUDA_SUCCESS) {
        *memory = host->bytes;
    }
    return result;
}

CUresult cuMemAllocHost(void **memory, size_t size)
{
    return cuMemHostAlloc(memory, size, CU_MEMHOSTALLOC_DEVICEMAP);
}

/* Waits: copies may be using it. */
static CUresult release(void *memory, bool is_registered, CUresult otherwise)
{
    struct cuda_context *context;
    struct cuda_host **place;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    place = find(context->device, memory);
    if (*place == NULL || (*place)->bytes != memory || (*place)->is_registered != is_registered) {
        return otherwise;
    }
    result = cuda_context_wait(context);
    destroy(context->device, find(context->device, memory));
    return result;
}

CUresult cuMemFreeHost(void *memory)
{
    return release(memory, false, CUDA_ERROR_INVALID_VALUE);
}

/* ---- Registration: of the heap's memory only, no other can be shared ---- */

CUresult cuMemHostRegister(void *memory, size_t size, unsigned flags)
{
    struct cuda_context *context;
    struct cuda_host *host;
    uint64_t offset;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (memory == NULL || size == 0 || (flags & ~REGISTER_FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!cuda_host_offset(context->device, memory, size, &offset)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (*find(context->device, memory) != NULL ||
        *find(context->device, (uint8_t *)memory + size - 1) != NULL) {
        return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    }
    return add(
        context,
        &(struct cuda_host){.bytes = memory, .size = size, .flags = flags, .is_registered = true},
        &host);
}

CUresult cuMemHostUnregister(void *memory)
{
    return release(memory, true, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

/* ---- What it is asked ---- */

CUresult cuMemHostGetDevicePointer(CUdeviceptr *pointer, void *memory, unsigned flags)
{
    struct cuda_context *context;
    struct cuda_device *device;
    uint64_t offset;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    device = context->device;
    if (pointer == NULL || flags != 0 || *find(device, memory) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (device->info.heap_address == 0 || !cuda_host_offset(device, memory, 1, &offset)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    *pointer = device->info.heap_address + offset;
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetFlags(unsigned *flags, void *memory)
{
    struct cuda_context *context;
    const struct cuda_host *host;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    host = *find(context->device, memory);
    if (flags == NULL || host == NULL || host->is_registered) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = host->flags;
    return CUDA_SUCCESS;
}
