/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses of a device operations may name: a table, sorted by address. */
#include "firmware/cuda/mempool.h"

#define ROOM_FIRST 64u

/* How many begin at the address or before. */
static uint32_t count_up_to(const struct cuda_device *device, CUdeviceptr address)
{
    uint32_t low = 0, high = device->range_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (device->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool grow(struct cuda_device *device)
{
    uint32_t room = device->range_room != 0 ? device->range_room * 2 : ROOM_FIRST;
    struct cuda_range *ranges = cuda_alloc(room * sizeof(*ranges));

    if (ranges == NULL) {
        return false;
    }
    if (device->range_count != 0) {
        memcpy(ranges, device->ranges, device->range_count * sizeof(*ranges));
    }
    cuda_free(device->ranges);
    device->ranges = ranges;
    device->range_room = room;
    return true;
}

bool cuda_range_add(struct cuda_device *device, const struct cuda_range *range)
{
    uint32_t at = count_up_to(device, range->start);

    if (device->range_count == device->range_room && !grow(device)) {
        return false;
    }
    memmove(&device->ranges[at + 1], &device->ranges[at],
            (device->range_count - at) * sizeof(*range));
    device->ranges[at] = *range;
    device->range_count++;
    return true;
}

static void leave_pool(const struct cuda_range *range)
{
    if (range->pool != NULL) {
        cuda_mempool_give(range->pool, range->size);
    }
}

void cuda_range_remove_all(struct cuda_device *device)
{
    for (uint32_t i = 0; i < device->range_count; i++) {
        leave_pool(&device->ranges[i]);
    }
    device->range_count = 0;
}

void cuda_range_remove(struct cuda_device *device, CUdeviceptr start)
{
    uint32_t behind = count_up_to(device, start);

    if (behind > 0 && device->ranges[behind - 1].start == start) {
        leave_pool(&device->ranges[behind - 1]);
        memmove(&device->ranges[behind - 1], &device->ranges[behind],
                (device->range_count - behind) * sizeof(*device->ranges));
        device->range_count--;
    }
}

struct cuda_range *cuda_range_find(struct cuda_device *device, CUdeviceptr address)
{
    uint32_t behind = count_up_to(device, address);
    struct cuda_range *range = behind > 0 ? &device->ranges[behind - 1] : NULL;

    return range != NULL && address - range->start < range->size ? range : NULL;
}

bool cuda_range_has(struct cuda_device *device, CUdeviceptr address, uint64_t size)
{
    const struct cuda_range *range = cuda_range_find(device, address);
    uint64_t heap_start = device->info.heap_address;

    if (range != NULL) {
        return size <= range->size - (address - range->start);
    }
    return heap_start != 0 && address >= heap_start && address - heap_start < device->heap_size &&
           size <= device->heap_size - (address - heap_start);
}
