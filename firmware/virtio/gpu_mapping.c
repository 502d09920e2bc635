// SPDX-License-Identifier: BSD-2-Clause
/* Host blobs in the host-visible region: virtio 1.4, 5.7.6.9. */
#include "firmware/virtio/gpu_display.h"

#include "baregpu/hal.h"

#define PAGE_SIZE 4096u /* what hosts map at least */

/* Both are powers of two. */
static uint64_t alignment(const struct virtio_gpu *gpu)
{
    return gpu->blob_alignment > PAGE_SIZE ? gpu->blob_alignment : PAGE_SIZE;
}

static bool is_mapped(const struct virtio_gpu *gpu, uint32_t resource_id)
{
    const struct virtio_gpu_mapping *mapping = gpu->mappings;

    while (mapping != NULL && mapping->resource_id != resource_id) {
        mapping = mapping->next;
    }
    return mapping != NULL;
}

/* The first hole that is large enough: *offset, and the link where the mapping belongs. */
static struct virtio_gpu_mapping **find_hole(struct virtio_gpu *gpu, uint64_t size,
                                             uint64_t *offset)
{
    struct virtio_gpu_mapping **link = &gpu->mappings;

    *offset = 0;
    while (*link != NULL && (*link)->offset - *offset < size) {
        *offset = (*link)->offset + (*link)->size;
        link = &(*link)->next;
    }
    return *offset <= gpu->host_visible.size && gpu->host_visible.size - *offset >= size ? link
                                                                                         : NULL;
}

static enum hal_memory_type memory_type(uint32_t cache)
{
    switch (cache & VIRTIO_GPU_MAP_CACHE_MASK) {
    case VIRTIO_GPU_MAP_CACHE_UNCACHED:
    case VIRTIO_GPU_MAP_CACHE_WC:
        return HAL_MEMORY_DEVICE;
    default: /* NONE: the device does not care */
        return HAL_MEMORY_NORMAL;
    }
}

int virtio_gpu_blob_map(struct virtio_gpu *gpu, struct virtio_gpu_mapping *mapping,
                        uint32_t resource_id, uint64_t size)
{
    uint64_t aligned = (size + alignment(gpu) - 1) & ~(alignment(gpu) - 1);
    struct virtio_gpu_mapping **link;
    int error;

    if (size == 0 || aligned < size || is_mapped(gpu, resource_id)) {
        return BAREGPU_ERR_INVALID;
    }
    if (gpu->host_visible.size == 0) {
        return BAREGPU_ERR_UNSUPPORTED;
    }
    *mapping = (struct virtio_gpu_mapping){.resource_id = resource_id, .size = aligned};
    link = find_hole(gpu, aligned, &mapping->offset);
    if (link == NULL) {
        return BAREGPU_ERR_NO_SPACE;
    }
    error =
        virtio_gpu_cmd_resource_map_blob(gpu, NULL, resource_id, mapping->offset, &mapping->cache);
    if (error < 0) {
        return error;
    }
    mapping->memory =
        hal_map(gpu->host_visible.address + mapping->offset, aligned, memory_type(mapping->cache));
    if (mapping->memory == NULL) {
        virtio_gpu_cmd_resource_unmap_blob(gpu, NULL, resource_id);
        return BAREGPU_ERR_NO_MEMORY;
    }
    mapping->next = *link;
    *link = mapping;
    return 0;
}

int virtio_gpu_blob_unmap(struct virtio_gpu *gpu, struct virtio_gpu_mapping *mapping)
{
    struct virtio_gpu_mapping **link = &gpu->mappings;
    int error;

    while (*link != NULL && *link != mapping) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return BAREGPU_ERR_INVALID;
    }
    error = virtio_gpu_cmd_resource_unmap_blob(gpu, NULL, mapping->resource_id);
    if (error == 0) {
        *link = mapping->next;
        mapping->memory = NULL;
    }
    return error;
}
