/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/allocation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/mempool.h"

#define ALIGNMENT 512u
#define LARGE_PAGE ((uintptr_t)2 << 20)

/* By address. */
static struct {
    struct allocation *items;
    size_t count, capacity;
    uint64_t used; /* bytes of the device */
    uint64_t next_id;
} table;

/* The number of allocations that begin at or before an address. */
static size_t count_up_to(uint64_t address)
{
    size_t low = 0, high = table.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table.items[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct allocation *find(uint64_t address)
{
    size_t place = count_up_to(address);
    struct allocation *allocation;

    if (place == 0) {
        return NULL;
    }
    allocation = &table.items[place - 1];
    return address - allocation->start < allocation->size ? allocation : NULL;
}

struct allocation *allocation_find(uint64_t address)
{
    struct allocation *allocation = find(address);

    return allocation != NULL && !allocation->is_hidden ? allocation : NULL;
}

static bool is_of_device(enum allocation_kind kind)
{
    return kind == ALLOCATION_DEVICE || kind == ALLOCATION_MANAGED || kind == ALLOCATION_ARRAY;
}

static bool reserve(void)
{
    size_t capacity = table.capacity ? table.capacity * 2 : 64;
    struct allocation *items;

    if (table.count < table.capacity) {
        return true;
    }
    items = realloc(table.items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    table.items = items;
    table.capacity = capacity;
    return true;
}

static CUresult add(const struct allocation *allocation)
{
    size_t place = count_up_to(allocation->start);
    bool read_only = allocation->kind == ALLOCATION_REGISTERED &&
                     allocation->flags & CU_MEMHOSTREGISTER_READ_ONLY;

    if (!reserve() ||
        !memory_add(&allocation->context->memory, allocation->start, allocation->size, read_only)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (allocation->kind != ALLOCATION_DEVICE &&
        allocation->kind != ALLOCATION_ARRAY) { /* the host writes there */
        context_written(allocation->context, (const void *)(uintptr_t)allocation->start,
                        allocation->size);
    }
    memmove(&table.items[place + 1], &table.items[place],
            (table.count - place) * sizeof(*table.items));
    table.items[place] = *allocation;
    table.items[place].id = ++table.next_id;
    table.count++;
    table.used += is_of_device(allocation->kind) ? allocation->size : 0;
    return CUDA_SUCCESS;
}

/* Most of what kernels do in large arrays is to walk through them: then finding pages is a quarter
 * of the time. Where the kernel has no such pages, nothing is lost. */
static void ask_for_large_pages(void *block, uint64_t size)
{
    uintptr_t start = ((uintptr_t)block + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uintptr_t end = ((uintptr_t)block + size) / LARGE_PAGE * LARGE_PAGE;

    if (end > start) {
        madvise((void *)start, end - start, MADV_HUGEPAGE);
    }
}

CUresult allocation_create(struct context *context, uint64_t size, enum allocation_kind kind,
                           unsigned flags, uint64_t *start)
{
    struct allocation allocation = {.size = size, .kind = kind, .flags = flags, .context = context};
    CUresult result;

    if (size > UINT64_MAX - ALIGNMENT ||
        (is_of_device(kind) && size > driver_settings()->memory - table.used)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    /* Large blocks come from the kernel, which zeroes a page when it is first touched. */
    allocation.block = calloc(1, size + ALIGNMENT);
    if (allocation.block == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    ask_for_large_pages(allocation.block, size);
    allocation.start =
        ((uint64_t)(uintptr_t)allocation.block + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    result = add(&allocation);
    if (result != CUDA_SUCCESS) {
        free(allocation.block);
        return result;
    }
    *start = allocation.start;
    return CUDA_SUCCESS;
}

void allocation_free(const struct allocation *allocation)
{
    size_t place = (size_t)(allocation - table.items);

    if (!allocation->is_hidden) {
        memory_remove(&allocation->context->memory, allocation->start);
    }
    free(allocation->block);
    table.used -= is_of_device(allocation->kind) ? allocation->size : 0;
    if (allocation->pool != NULL) {
        mempool_give(allocation->pool, allocation->size);
    }
    memmove(&table.items[place], &table.items[place + 1],
            (table.count - place - 1) * sizeof(*table.items));
    if (--table.count == 0) {
        free(table.items);
        table.items = NULL;
        table.capacity = 0;
    }
}

void allocation_hide(struct allocation *allocation)
{
    memory_remove(&allocation->context->memory, allocation->start);
    allocation->is_hidden = true;
}

void allocation_free_hidden(uint64_t start, uint64_t id)
{
    const struct allocation *allocation = find(start);

    if (allocation != NULL && allocation->id == id) {
        allocation_free(allocation);
    }
}

void allocation_free_all(const struct context *context)
{
    for (size_t i = table.count; i > 0; i--) {
        if (table.items[i - 1].context == context) {
            allocation_free(&table.items[i - 1]);
        }
    }
}

/* ---- The API ---- */

static CUresult get_info(size_t *available, size_t *total)
{
    if (available == NULL || total == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *total = driver_settings()->memory;
    *available = *total - table.used;
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo(size_t *available, size_t *total)
{
    return IN_CONTEXT(get_info(available, total));
}

static CUresult alloc(struct context *context, CUdeviceptr *pointer, size_t size,
                      enum allocation_kind kind, unsigned flags)
{
    uint64_t start;
    CUresult result;

    if (pointer == NULL || size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = allocation_create(context, size, kind, flags, &start);
    if (result == CUDA_SUCCESS) {
        *pointer = start;
    }
    return result;
}

CUresult cuMemAlloc(CUdeviceptr *pointer, size_t size)
{
    return IN_CONTEXT(alloc(context, pointer, size, ALLOCATION_DEVICE, 0));
}

CUresult cuMemAllocManaged(CUdeviceptr *pointer, size_t size, unsigned flags)
{
    if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(alloc(context, pointer, size, ALLOCATION_MANAGED, flags));
}

static CUresult alloc_pitch(struct context *context, CUdeviceptr *pointer, size_t *pitch,
                            size_t width, size_t height, unsigned element_size)
{
    size_t size;

    if (pitch == NULL || width == 0 || height == 0 || width > SIZE_MAX - ALIGNMENT ||
        (element_size != 4 && element_size != 8 && element_size != 16)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *pitch = (width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (__builtin_mul_overflow(*pitch, height, &size)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return alloc(context, pointer, size, ALLOCATION_DEVICE, 0);
}

CUresult cuMemAllocPitch(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height,
                         unsigned element_size)
{
    return IN_CONTEXT(alloc_pitch(context, pointer, pitch, width, height, element_size));
}

/* Waits: a kernel may be using it. */
static CUresult free_start(uint64_t start, bool device)
{
    struct allocation *allocation = allocation_find(start);
    CUresult result;

    if (start == 0) {
        return CUDA_SUCCESS;
    }
    if (allocation == NULL || allocation->start != start ||
        allocation->kind == ALLOCATION_REGISTERED || allocation->kind == ALLOCATION_ARRAY ||
        allocation->is_going || is_of_device(allocation->kind) != device) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = context_wait(allocation->context);
    allocation = allocation_find(start);
    if (allocation != NULL && allocation->start == start) {
        allocation_free(allocation);
    }
    return result;
}

CUresult cuMemFree(CUdeviceptr pointer)
{
    return IN_CONTEXT(free_start(pointer, true));
}

/* ---- Memory of the host ---- */

static CUresult alloc_host(struct context *context, void **memory, size_t size, unsigned flags)
{
    CUdeviceptr pointer;
    CUresult result;

    if (memory == NULL || (flags & ~(CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |
                                     CU_MEMHOSTALLOC_WRITECOMBINED)) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = alloc(context, &pointer, size, ALLOCATION_HOST, flags);
    if (result == CUDA_SUCCESS) {
        *memory = (void *)(uintptr_t)pointer;
    }
    return result;
}

CUresult cuMemHostAlloc(void **memory, size_t size, unsigned flags)
{
    return IN_CONTEXT(alloc_host(context, memory, size, flags));
}

CUresult cuMemAllocHost(void **memory, size_t size)
{
    return cuMemHostAlloc(memory, size, 0);
}

CUresult cuMemFreeHost(void *memory)
{
    return IN_CONTEXT(free_start((uint64_t)(uintptr_t)memory, false));
}

static CUresult get_host_flags(unsigned *flags, void *memory)
{
    const struct allocation *allocation = allocation_find((uint64_t)(uintptr_t)memory);

    if (flags == NULL || allocation == NULL || allocation->kind != ALLOCATION_HOST) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = allocation->flags | CU_MEMHOSTALLOC_DEVICEMAP;
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetFlags(unsigned *flags, void *memory)
{
    return IN_CONTEXT(get_host_flags(flags, memory));
}

static int populate(uint64_t start, uint64_t end, int advice)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGE_SIZE);

    start = start / page * page;
    return madvise((void *)(uintptr_t)start, end - start, advice);
}

/* A GPU's driver pins the pages, and so finds those that are not there, or not to be written. Linux
 * before 5.14 cannot be asked. A host (extension.h) registers what it has mapped itself, of which
 * nobody may ever touch most. */
static bool is_mapped(uint64_t start, uint64_t end, unsigned flags)
{
    static uint64_t own;
    int advice = flags & CU_MEMHOSTREGISTER_READ_ONLY ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;

    return driver_has_host() || populate(start, end, advice) == 0 ||
           (errno == EINVAL &&
            populate((uintptr_t)&own, (uintptr_t)(&own + 1), MADV_POPULATE_READ) != 0);
}

static CUresult register_host(struct context *context, void *memory, size_t size, unsigned flags)
{
    struct allocation allocation = {
        .start = (uint64_t)(uintptr_t)memory,
        .size = size,
        .kind = ALLOCATION_REGISTERED,
        .flags = flags,
        .context = context,
    };
    size_t place;

    if (memory == NULL || size == 0 || size > UINT64_MAX - allocation.start ||
        (flags & ~(CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP |
                   CU_MEMHOSTREGISTER_READ_ONLY)) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    place = count_up_to(allocation.start + size - 1);
    if (place > 0 &&
        table.items[place - 1].start + table.items[place - 1].size > allocation.start) {
        return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    }
    if (!is_mapped(allocation.start, allocation.start + size, flags)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return add(&allocation);
}

CUresult cuMemHostRegister(void *memory, size_t size, unsigned flags)
{
    return IN_CONTEXT(register_host(context, memory, size, flags));
}

static CUresult unregister_host(void *memory)
{
    uint64_t start = (uint64_t)(uintptr_t)memory;
    struct allocation *allocation = allocation_find(start);
    CUresult result;

    if (allocation == NULL || allocation->start != start ||
        allocation->kind != ALLOCATION_REGISTERED) {
        return memory == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    }
    result = context_wait(allocation->context);
    allocation = allocation_find(start);
    if (allocation != NULL && allocation->start == start) {
        allocation_free(allocation);
    }
    return result;
}

CUresult cuMemHostUnregister(void *memory)
{
    return IN_CONTEXT(unregister_host(memory));
}

static CUresult get_device_pointer(CUdeviceptr *pointer, void *memory, unsigned flags)
{
    const struct allocation *allocation = allocation_find((uint64_t)(uintptr_t)memory);

    if (pointer == NULL || flags != 0 || allocation == NULL || is_of_device(allocation->kind)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *pointer = (CUdeviceptr)(uintptr_t)memory;
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetDevicePointer(CUdeviceptr *pointer, void *memory, unsigned flags)
{
    return IN_CONTEXT(get_device_pointer(pointer, memory, flags));
}
