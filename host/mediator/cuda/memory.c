/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/memory.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/stream.h"

#define RANGES_FIRST 64u

/* ---- Ranges ---- */

static bool lies_in(uint64_t start, uint64_t length, uint64_t address, uint64_t size)
{
    return address >= start && address - start <= length && size <= length - (address - start);
}

/* How many begin at this address or below. */
static uint32_t count_to(const struct cuda_session *cuda, uint64_t address)
{
    uint32_t low = 0, high = cuda->range_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (cuda->ranges[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct cuda_range *find(const struct cuda_session *cuda, uint64_t address)
{
    uint32_t count = count_to(cuda, address);

    return count > 0 ? &cuda->ranges[count - 1] : NULL;
}

bool cuda_memory_has(const struct cuda_session *cuda, uint64_t address, uint64_t size)
{
    const struct cuda_range *range = find(cuda, address);
    const struct operation_heap *heap = &cuda->heap;

    return (range != NULL && lies_in(range->address, range->size, address, size)) ||
           (heap->memory != NULL && lies_in(heap->address, heap->size, address, size));
}

uint64_t cuda_heap_address(const struct cuda_session *cuda, uint64_t offset, uint64_t size)
{
    const struct operation_heap *heap = &cuda->heap;

    return heap->memory != NULL && lies_in(0, heap->size, offset, size) ? heap->address + offset
                                                                        : 0;
}

static CUresult make_room(struct cuda_session *cuda)
{
    uint32_t capacity = cuda->range_capacity ? cuda->range_capacity * 2 : RANGES_FIRST;
    struct cuda_range *ranges;

    if (cuda->range_count < cuda->range_capacity) {
        return CUDA_SUCCESS;
    }
    if (cuda->range_count == BG_CUDA_ALLOCATIONS_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    ranges = realloc(cuda->ranges, capacity * sizeof(*ranges));
    if (ranges == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    cuda->ranges = ranges;
    cuda->range_capacity = capacity;
    return CUDA_SUCCESS;
}

/* There is room. */
static void add(struct cuda_session *cuda, const struct cuda_range *range)
{
    uint32_t place = count_to(cuda, range->address);

    memmove(&cuda->ranges[place + 1], &cuda->ranges[place],
            (cuda->range_count - place) * sizeof(*range));
    cuda->ranges[place] = *range;
    cuda->range_count++;
}

static void remove_at(struct cuda_session *cuda, uint32_t place)
{
    cuda->range_count--;
    memmove(&cuda->ranges[place], &cuda->ranges[place + 1],
            (cuda->range_count - place) * sizeof(*cuda->ranges));
}

CUresult cuda_memory_add_variable(struct cuda_session *cuda, uint64_t address, uint64_t size,
                                  struct cuda_module *module)
{
    const struct cuda_range *range = find(cuda, address);
    CUresult result;

    if (range != NULL && range->address == address && range->module == module) {
        return CUDA_SUCCESS;
    }
    result = make_room(cuda);
    if (result == CUDA_SUCCESS) {
        add(cuda, &(struct cuda_range){address, size, module});
    }
    return result;
}

void cuda_memory_remove_variables(struct cuda_session *cuda, const struct cuda_module *module)
{
    for (uint32_t i = cuda->range_count; i > 0; i--) {
        if (cuda->ranges[i - 1].module == module) {
            remove_at(cuda, i - 1);
        }
    }
}

/* ---- Allocations ---- */

CUresult cuda_memory_charge(struct cuda_session *cuda, uint64_t size)
{
    if (!cuda_leave_has_room(cuda)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (session_charge(cuda->session, size) == BG_COMPUTE_OK) {
        return CUDA_SUCCESS;
    }
    cuda_leave_settle(cuda);
    return session_charge(cuda->session, size) == BG_COMPUTE_OK ? CUDA_SUCCESS
                                                                : CUDA_ERROR_OUT_OF_MEMORY;
}

/* The CPU device has no more than the session's limit, and may have what was freed for as long as
 * anything works that was there before. What another guest left there must not be seen: the CPU
 * device's is zero. */
static CUresult take_memory(struct cuda_session *cuda, uint64_t size, CUstream stream,
                            CUdeviceptr *address)
{
    const struct cuda_driver *driver = cuda->driver;
    CUresult result = driver->cuMemAllocAsync(address, size, stream);

    if (cuda_leave_makes_room(cuda, result)) {
        result = driver->cuMemAllocAsync(address, size, stream);
    }
    if (result != CUDA_SUCCESS || driver->on_cpu) {
        return result;
    }
    result = driver->cuMemsetD8Async(*address, 0, size, stream);
    if (result != CUDA_SUCCESS) {
        driver->cuMemFreeAsync(*address, stream);
    }
    return result;
}

static CUresult allocate(struct cuda_session *cuda, uint64_t size, uint32_t handle,
                         CUdeviceptr *address)
{
    bool is_ordered = handle != BG_CUDA_NONE;
    CUstream stream = cuda->own;
    CUresult result = is_ordered ? cuda_stream_take(cuda, handle, &stream) : CUDA_SUCCESS;

    result = result ?: make_room(cuda) ?: cuda_memory_charge(cuda, size);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_check(cuda, take_memory(cuda, size, stream, address));
    if (result != CUDA_SUCCESS) {
        session_release(cuda->session, size);
        return result;
    }
    add(cuda, &(struct cuda_range){*address, size, NULL});
    if (!is_ordered) {
        return cuda_stream_wait(cuda, stream);
    }
    cuda->streams[handle].is_busy = true; /* again, where other memory was waited for */
    return CUDA_SUCCESS;
}

CUDA_COMMAND(cuda_run_memory_alloc)
{
    const struct bg_cuda_memory_alloc *alloc = call->params;
    CUdeviceptr address = 0;
    CUresult result;

    if (alloc->size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = allocate(cuda, alloc->size, alloc->stream, &address);
    return result
               ?: cuda_answer(call, &(struct bg_cuda_range){address, alloc->size},
                              sizeof(struct bg_cuda_range));
}

CUDA_COMMAND(cuda_run_memory_free)
{
    const struct bg_cuda_memory_free *gone = call->params;
    uint32_t stream = gone->stream == BG_CUDA_NONE ? BG_CUDA_ALL : gone->stream;
    const struct cuda_range *range = find(cuda, gone->address);
    uint64_t size;

    if (range == NULL || range->address != gone->address || range->module != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream != BG_CUDA_ALL && !cuda_stream_exists(cuda, stream)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    size = range->size;
    cuda->changes++;
    remove_at(cuda, (uint32_t)(range - cuda->ranges));
    return cuda_leave_memory(cuda, gone->address, size, stream);
}

CUDA_COMMAND(cuda_run_memory_info)
{
    const struct session *session = cuda->session;
    struct bg_cuda_memory_info info = {
        .free = session->memory_limit - session->memory_used,
        .total = session->memory_limit,
    };

    return cuda_answer(call, &info, sizeof(info));
}

void cuda_memory_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < cuda->range_count; i++) {
        if (cuda->ranges[i].module == NULL) {
            cuda->driver->cuMemFree(cuda->ranges[i].address);
            session_release(cuda->session, cuda->ranges[i].size);
        }
    }
    free(cuda->ranges);
}
