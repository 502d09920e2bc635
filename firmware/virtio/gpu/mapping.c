/* SPDX-License-Identifier: BSD-2-Clause */
/* Host blobs in the host-visible region: virtio 1.4, 5.7.6.9. */
#include "baregpu/hal.h"
#include "baregpu/virtio_gpu.h"

#define PAGE_SIZE 4096u /* what hosts map at least */

/* Both are powers of two. */
static uint64_t alignment(const struct bg_virtio_gpu *gpu)
{
    return gpu->blob_alignment > PAGE_SIZE ? gpu->blob_alignment : PAGE_SIZE;
}

static bool is_mapped(const struct bg_virtio_gpu *gpu, uint32_t resource_id,
                      const struct bg_virtio_gpu_mapping *place)
{
    const struct bg_virtio_gpu_mapping *mapping = gpu->mappings;

    while (mapping != NULL && mapping->resource_id != resource_id && mapping != place) {
        mapping = mapping->next;
    }
    return mapping != NULL;
}

static enum bg_hal_memory_type memory_type(uint32_t cache)
{
    switch (cache & BG_VIRTIO_GPU_MAP_CACHE_MASK) {
    case BG_VIRTIO_GPU_MAP_CACHE_UNCACHED:
    case BG_VIRTIO_GPU_MAP_CACHE_WC:
        return BG_HAL_MEMORY_DEVICE;
    default: /* NONE: the device does not care */
        return BG_HAL_MEMORY_NORMAL;
    }
}

/* ---- Places: Normal memory grows from the start of the region, Device memory from its end ---- */

/*
 * A hole for mapping->size: sets mapping->offset and returns the link where the mapping belongs;
 * NULL when there is none.
 */
static struct bg_virtio_gpu_mapping **find_hole(struct bg_virtio_gpu *gpu,
                                                struct bg_virtio_gpu_mapping *mapping,
                                                enum bg_hal_memory_type type)
{
    const uint64_t low_bits = alignment(gpu) - 1;
    const uint64_t region_end = gpu->host_visible.size & ~low_bits;
    struct bg_virtio_gpu_mapping **link = &gpu->mappings, **found = NULL;
    uint64_t first = 0, last = region_end, begin = 0;

    if (type == BG_HAL_MEMORY_NORMAL) {
        last = gpu->device_begin & ~low_bits;
    } else {
        first = (gpu->normal_end + low_bits) & ~low_bits;
    }
    for (;; link = &(*link)->next) {
        uint64_t end = *link != NULL ? (*link)->offset : region_end;

        begin = begin > first ? begin : first;
        end = end < last ? end : last;
        if (end > begin && end - begin >= mapping->size) {
            found = link;
            mapping->offset = type == BG_HAL_MEMORY_NORMAL ? begin : end - mapping->size;
            if (type == BG_HAL_MEMORY_NORMAL) {
                return found;
            }
        }
        if (*link == NULL) {
            return found; /* the last one */
        }
        begin = (*link)->offset + (*link)->size;
    }
}

static void give_place(struct bg_virtio_gpu_mapping **link, struct bg_virtio_gpu_mapping *mapping)
{
    mapping->next = *link;
    *link = mapping;
}

static void take_place(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping)
{
    struct bg_virtio_gpu_mapping **link = &gpu->mappings;

    while (*link != mapping) {
        link = &(*link)->next;
    }
    *link = mapping->next;
    mapping->size = 0;
    mapping->memory = NULL;
}

/* ---- Mapping ---- */

/* Has the device unmap it. After an error it keeps its place: the device may still have it. */
static int unmap(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping)
{
    struct bg_virtio_gpu_op op = {0};
    int error;

    mapping->memory = NULL; /* also for whom the wait calls back */
    error = bg_virtio_gpu_cmd_resource_unmap_blob(gpu, &op, mapping->resource_id)
                ?: bg_virtio_gpu_wait(gpu, &op, bg_hal_time_ns() + gpu->timeout_ns);
    if (op.response == BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID) {
        error = 0; /* there is nothing left that could be mapped */
    }
    if (error == 0) {
        take_place(gpu, mapping);
    }
    return error;
}

/* Has the device map it at a place for memory of this type, and say its type. */
static int map_at_place(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping,
                        enum bg_hal_memory_type type)
{
    struct bg_virtio_gpu_mapping **link = find_hole(gpu, mapping, type);
    int error;

    if (link == NULL) {
        mapping->size = 0;
        return BG_ERR_NO_SPACE;
    }
    give_place(link, mapping);
    error = bg_virtio_gpu_cmd_resource_map_blob(gpu, NULL, mapping->resource_id, mapping->offset,
                                                &mapping->cache);
    if (error == BG_ERR_TIMEOUT || error == BG_ERR_PROTOCOL) {
        (void)unmap(gpu, mapping); /* it may be mapped or not */
    } else if (error < 0) {
        take_place(gpu, mapping);
    }
    return error;
}

static int make_accessible(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping,
                           enum bg_hal_memory_type type)
{
    const uint64_t end = mapping->offset + mapping->size;

    if (type == BG_HAL_MEMORY_NORMAL && end > gpu->normal_end) {
        gpu->normal_end = end;
    }
    if (type == BG_HAL_MEMORY_DEVICE && mapping->offset < gpu->device_begin) {
        gpu->device_begin = mapping->offset;
    }
    mapping->memory = bg_hal_map(gpu->host_visible.address + mapping->offset, mapping->size, type);
    return mapping->memory != NULL ? 0 : BG_ERR_NO_MEMORY;
}

/* Maps `size` bytes among the memory of a type. Returns 1, without effect, when the device says
 * that the blob is of the other type. */
static int map_as(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping, uint64_t size,
                  enum bg_hal_memory_type type)
{
    int error;

    mapping->size = size;
    error = map_at_place(gpu, mapping, type);
    if (error < 0) {
        return error;
    }
    if (memory_type(mapping->cache) != type) {
        return unmap(gpu, mapping) ?: 1;
    }
    error = make_accessible(gpu, mapping, type);
    if (error < 0) {
        (void)unmap(gpu, mapping);
    }
    return error;
}

int bg_virtio_gpu_blob_map(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping,
                           uint32_t resource_id, uint64_t size)
{
    const uint64_t aligned = (size + alignment(gpu) - 1) & ~(alignment(gpu) - 1);
    int result;

    if (is_mapped(gpu, resource_id, mapping)) {
        return BG_ERR_INVALID;
    }
    *mapping = (struct bg_virtio_gpu_mapping){.resource_id = resource_id};
    if (size == 0 || aligned < size) {
        return BG_ERR_INVALID;
    }
    if (gpu->host_visible.size == 0) {
        return BG_ERR_UNSUPPORTED;
    }
    /* The type comes with the answer; the last blob's is a good guess. */
    result = map_as(gpu, mapping, aligned,
                    gpu->is_device_memory ? BG_HAL_MEMORY_DEVICE : BG_HAL_MEMORY_NORMAL);
    if (result == 1 || result == BG_ERR_NO_SPACE) {
        gpu->is_device_memory = !gpu->is_device_memory;
        result = map_as(gpu, mapping, aligned,
                        gpu->is_device_memory ? BG_HAL_MEMORY_DEVICE : BG_HAL_MEMORY_NORMAL);
    }
    return result == 1 ? BG_ERR_NO_SPACE : result;
}

int bg_virtio_gpu_blob_unmap(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping)
{
    const struct bg_virtio_gpu_mapping *known = gpu->mappings;

    while (known != NULL && known != mapping) {
        known = known->next;
    }
    return known != NULL ? unmap(gpu, mapping) : BG_ERR_INVALID;
}
