/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, closing and restarting a virtio-gpu device: virtio 1.4, 5.7.2 to 5.7.5. */
#include "firmware/virtio/gpu/internal.h"

#include "baregpu/hal.h"

#define STAGING_ALIGN 64u
#define MEMORY_ALIGN 4096u
#define QUEUE_SIZE_DEFAULT (BG_VIRTIO_GPU_SLOTS_MAX * 4)
#define CHAIN_SEGMENTS 4u /* request, data, response; and one to spare */

#define GPU_FEATURES                                                                               \
    (BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_EDID | BG_VIRTIO_GPU_F_RESOURCE_UUID |                \
     BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_CONTEXT_INIT |                                \
     BG_VIRTIO_GPU_F_BLOB_ALIGNMENT)

static int read_config32(struct bg_virtio_gpu *gpu, uint32_t offset, uint32_t *value)
{
    return bg_virtio_config_read32(gpu->device, offset, value);
}

/* 5.7.3: what a feature requires has to be there with it. */
static uint64_t usable_features(uint64_t wanted)
{
    if (!(wanted & BG_VIRTIO_GPU_F_VIRGL)) {
        wanted &= ~BG_VIRTIO_GPU_F_CONTEXT_INIT;
    }
    if (!(wanted & BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        wanted &= ~BG_VIRTIO_GPU_F_BLOB_ALIGNMENT;
    }
    return wanted;
}

static int read_alignment(struct bg_virtio_gpu *gpu, uint32_t *alignment)
{
    *alignment = 1;
    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT)) {
        return 0;
    }
    return read_config32(gpu, offsetof(struct bg_virtio_gpu_config, blob_alignment), alignment);
}

/* Nothing is taken over before all of it has been checked. */
static int read_configuration(struct bg_virtio_gpu *gpu)
{
    uint32_t scanouts, capsets, alignment;
    int error =
        read_config32(gpu, offsetof(struct bg_virtio_gpu_config, num_scanouts), &scanouts)
            ?: read_config32(gpu, offsetof(struct bg_virtio_gpu_config, num_capsets), &capsets)
            ?: read_alignment(gpu, &alignment);

    if (error < 0) {
        return error == BG_ERR_RANGE ? BG_ERR_PROTOCOL : error;
    }
    if (scanouts == 0 || scanouts > BG_VIRTIO_GPU_MAX_SCANOUTS || alignment == 0 ||
        (alignment & (alignment - 1)) != 0) {
        return BG_ERR_PROTOCOL;
    }
    gpu->scanout_count = scanouts;
    gpu->capset_count = capsets < BG_VIRTIO_GPU_CAPSETS_MAX ? capsets : BG_VIRTIO_GPU_CAPSETS_MAX;
    gpu->blob_alignment = alignment;
    return 0;
}

/* 5.7.5: the host-visible region is there or not; another error is the device's. */
static int find_host_visible(struct bg_virtio_gpu *gpu)
{
    struct bg_virtio_shared_memory region = {0};
    int error =
        bg_virtio_find_shared_memory(gpu->device, BG_VIRTIO_GPU_SHM_ID_HOST_VISIBLE, &region);

    if (error < 0) {
        region.size = 0;
    }
    if (region.address != gpu->host_visible.address || region.size != gpu->host_visible.size) {
        gpu->normal_end = 0;
        gpu->device_begin = region.size;
    }
    gpu->host_visible = region;
    return error == BG_ERR_NOT_FOUND ? 0 : error;
}

static int negotiate(struct bg_virtio_gpu *gpu)
{
    int error =
        bg_virtio_start(gpu->device, gpu->wanted_features, 0, bg_hal_time_ns() + gpu->timeout_ns);

    if (error == 0) {
        /* A dependent feature without the one it needs is left out, which takes a second start. */
        uint64_t usable = usable_features(gpu->device->features);

        if (usable != gpu->device->features) {
            error = bg_virtio_start(gpu->device, usable, 0, bg_hal_time_ns() + gpu->timeout_ns);
        }
    }
    return error ?: read_configuration(gpu) ?: find_host_visible(gpu);
}

static int create_queues(struct bg_virtio_gpu *gpu, uint16_t size_max)
{
    struct bg_virtqueue_options options = {
        .index = BG_VIRTIO_GPU_QUEUE_CONTROL,
        .size_max = size_max ? size_max : QUEUE_SIZE_DEFAULT,
        .indirect_segments = CHAIN_SEGMENTS,
        .shared_parts = CHAIN_SEGMENTS,
    };
    int error = bg_virtqueue_create(&gpu->control, gpu->device, &options);

    if (error < 0) {
        return error;
    }
    options.index = BG_VIRTIO_GPU_QUEUE_CURSOR;
    options.size_max = size_max && size_max < BG_VIRTIO_GPU_CURSOR_SLOTS_MAX * 2
                           ? size_max
                           : BG_VIRTIO_GPU_CURSOR_SLOTS_MAX * 2;
    return bg_virtqueue_create(&gpu->cursor, gpu->device, &options);
}

static void place_slot(struct bg_virtio_gpu *gpu, unsigned index, size_t *offset,
                       size_t request_size, size_t response_size)
{
    struct bg_virtio_gpu_slot *slot = &gpu->slots[index];

    slot->request = gpu->memory + *offset;
    slot->request_bus = gpu->memory_bus + *offset;
    *offset += request_size;
    slot->response = gpu->memory + *offset;
    slot->response_bus = gpu->memory_bus + *offset;
    *offset += response_size;
}

static int allocate(struct bg_virtio_gpu *gpu)
{
    size_t offset = 0;
    size_t slots_size;

    gpu->slot_count = BG_VIRTIO_GPU_SLOTS_MAX;
    if (gpu->control.size < gpu->slot_count) {
        gpu->slot_count = gpu->control.size;
    }
    gpu->cursor_slot_count = BG_VIRTIO_GPU_CURSOR_SLOTS_MAX;
    if (gpu->cursor.size < gpu->cursor_slot_count) {
        gpu->cursor_slot_count = gpu->cursor.size;
    }
    slots_size = gpu->slot_count * (GPU_REQUEST_SIZE + GPU_RESPONSE_SIZE) +
                 gpu->cursor_slot_count * (GPU_CURSOR_REQUEST_SIZE + GPU_CURSOR_RESPONSE_SIZE);
    slots_size = (slots_size + STAGING_ALIGN - 1) / STAGING_ALIGN * STAGING_ALIGN;
    gpu->memory_size = slots_size + gpu->staging_size;
    gpu->memory = bg_hal_dma_alloc(gpu->memory_size, MEMORY_ALIGN, &gpu->memory_bus);
    if (gpu->memory == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < gpu->slot_count; i++) {
        place_slot(gpu, i, &offset, GPU_REQUEST_SIZE, GPU_RESPONSE_SIZE);
    }
    for (unsigned i = 0; i < gpu->cursor_slot_count; i++) {
        place_slot(gpu, BG_VIRTIO_GPU_SLOTS_MAX + i, &offset, GPU_CURSOR_REQUEST_SIZE,
                   GPU_CURSOR_RESPONSE_SIZE);
    }
    gpu->staging = gpu->memory + slots_size;
    gpu->staging_bus = gpu->memory_bus + slots_size;
    gpu_free_slots(gpu);
    return 0;
}

static void free_memory(struct bg_virtio_gpu *gpu)
{
    bg_virtqueue_destroy(&gpu->control);
    bg_virtqueue_destroy(&gpu->cursor);
    if (gpu->memory != NULL) {
        bg_hal_dma_free(gpu->memory, gpu->memory_size);
        gpu->memory = NULL;
    }
}

int bg_virtio_gpu_open(struct bg_virtio_gpu *gpu, struct bg_virtio_device *device,
                       const struct bg_virtio_gpu_options *options)
{
    static const struct bg_virtio_gpu_options defaults;
    int error;

    if (options == NULL) {
        options = &defaults;
    }
    if (device->id != BG_VIRTIO_ID_GPU ||
        (options->staging_size != 0 && options->staging_size < GPU_RESPONSE_SIZE)) {
        return BG_ERR_INVALID;
    }
    if (device != &gpu->own_device) {
        memset(gpu, 0, sizeof(*gpu));
    }
    gpu->device = device;
    gpu->timeout_ns = options->timeout_ns ? options->timeout_ns : BG_VIRTIO_GPU_TIMEOUT_DEFAULT_NS;
    gpu->staging_size =
        options->staging_size ? options->staging_size : BG_VIRTIO_GPU_STAGING_DEFAULT;
    gpu->wanted_features =
        usable_features((GPU_FEATURES | BG_VIRTIO_FEATURES_QUEUE) & ~options->without_features);
    gpu->next_resource_id = 1;
    gpu->next_fence_id = 1;
    error = negotiate(gpu) ?: create_queues(gpu, options->queue_size_max)
                ?: allocate(gpu) ?: bg_virtio_ready(device);
    if (error < 0) {
        gpu->error = error;
        bg_virtio_fail(device); /* for the device to know; the reset forgets it */
        if (bg_virtio_reset(device, bg_hal_time_ns() + gpu->timeout_ns) == 0) {
            free_memory(gpu);
        }
    }
    return error;
}

int bg_virtio_gpu_open_pci(struct bg_virtio_gpu *gpu, const struct bg_pci_host *host,
                           const struct bg_pci_device *function,
                           const struct bg_virtio_gpu_options *options)
{
    int error;

    memset(gpu, 0, sizeof(*gpu));
    if (function == NULL) {
        function = bg_virtio_pci_find(host, BG_VIRTIO_ID_GPU, NULL);
        if (function == NULL) {
            return BG_ERR_NOT_FOUND;
        }
    }
    error = bg_virtio_pci_open(&gpu->own_device, host, function);
    if (error < 0) {
        return error;
    }
    error = gpu->own_device.id == BG_VIRTIO_ID_GPU
                ? bg_virtio_gpu_open(gpu, &gpu->own_device, options)
                : BG_ERR_NOT_FOUND;
    if (error < 0 && bg_virtio_close(&gpu->own_device,
                                     bg_hal_time_ns() + BG_VIRTIO_GPU_TIMEOUT_DEFAULT_NS) == 0) {
        free_memory(gpu);
    }
    return error;
}

static int stop(struct bg_virtio_gpu *gpu)
{
    int error;

    if (gpu->device == NULL) {
        return BG_ERR_INVALID;
    }
    error = bg_virtio_close(gpu->device, bg_hal_time_ns() + gpu->timeout_ns);
    gpu->error = BG_ERR_UNAVAILABLE;
    if (error == 0) {
        free_memory(gpu);
    }
    gpu_end_all(gpu, BG_ERR_UNAVAILABLE); /* without an error, what they shared is unshared */
    return error;
}

int bg_virtio_gpu_close(struct bg_virtio_gpu *gpu)
{
    return OWNED(gpu, stop(gpu));
}

static int restart(struct bg_virtio_gpu *gpu)
{
    int error;

    if (gpu->memory == NULL) {
        return BG_ERR_INVALID;
    }
    gpu->error = BG_ERR_UNAVAILABLE; /* until it works again */
    gpu->mappings = NULL;
    error = negotiate(gpu) ?: bg_virtqueue_restart(&gpu->control)
                ?: bg_virtqueue_restart(&gpu->cursor);
    gpu_end_all(gpu, BG_ERR_UNAVAILABLE); /* without an error, what they shared is unshared */
    if (error == 0) {
        gpu_free_slots(gpu);
        error = bg_virtio_ready(gpu->device);
    }
    if (error < 0) {
        bg_virtio_fail(gpu->device);
    }
    gpu->error = error;
    return error;
}

int bg_virtio_gpu_restart(struct bg_virtio_gpu *gpu)
{
    return OWNED(gpu, restart(gpu));
}

uint32_t bg_virtio_gpu_new_resource_id(struct bg_virtio_gpu *gpu)
{
    uint32_t id = gpu->next_resource_id++;

    if (gpu->next_resource_id == 0) { /* 0 means none: 5.7.6.8 */
        gpu->next_resource_id = 1;
    }
    return id;
}
