// SPDX-License-Identifier: BSD-2-Clause
/* Opening, closing and restarting a virtio-gpu device: virtio 1.4, 5.7.2 to 5.7.5. */
#include "firmware/virtio/gpu/internal.h"

#include "baregpu/hal.h"

#define STAGING_ALIGN 64u
#define MEMORY_ALIGN 4096u
#define QUEUE_SIZE_DEFAULT (VIRTIO_GPU_SLOTS_MAX * 4)
#define CHAIN_SEGMENTS 4u /* request, data, response; and one to spare */

#define GPU_FEATURES                                                                               \
    (VIRTIO_GPU_F_VIRGL | VIRTIO_GPU_F_EDID | VIRTIO_GPU_F_RESOURCE_UUID |                         \
     VIRTIO_GPU_F_RESOURCE_BLOB | VIRTIO_GPU_F_CONTEXT_INIT | VIRTIO_GPU_F_BLOB_ALIGNMENT)

static int read_config32(struct virtio_gpu *gpu, uint32_t offset, uint32_t *value)
{
    return virtio_config_read32(gpu->device, offset, value);
}

/* 5.7.3: what a feature requires has to be there with it. */
static uint64_t usable_features(uint64_t wanted)
{
    if (!(wanted & VIRTIO_GPU_F_VIRGL)) {
        wanted &= ~VIRTIO_GPU_F_CONTEXT_INIT;
    }
    if (!(wanted & VIRTIO_GPU_F_RESOURCE_BLOB)) {
        wanted &= ~VIRTIO_GPU_F_BLOB_ALIGNMENT;
    }
    return wanted;
}

static int read_alignment(struct virtio_gpu *gpu, uint32_t *alignment)
{
    *alignment = 1;
    if (!virtio_gpu_has(gpu, VIRTIO_GPU_F_RESOURCE_BLOB | VIRTIO_GPU_F_BLOB_ALIGNMENT)) {
        return 0;
    }
    return read_config32(gpu, offsetof(struct virtio_gpu_config, blob_alignment), alignment);
}

/* Nothing is taken over before all of it has been checked. */
static int read_configuration(struct virtio_gpu *gpu)
{
    uint32_t scanouts, capsets, alignment;
    int error = read_config32(gpu, offsetof(struct virtio_gpu_config, num_scanouts), &scanouts);

    if (error == 0) {
        error = read_config32(gpu, offsetof(struct virtio_gpu_config, num_capsets), &capsets);
    }
    if (error == 0) {
        error = read_alignment(gpu, &alignment);
    }
    if (error < 0) {
        return error == BAREGPU_ERR_RANGE ? BAREGPU_ERR_PROTOCOL : error;
    }
    if (scanouts == 0 || scanouts > VIRTIO_GPU_MAX_SCANOUTS || alignment == 0 ||
        (alignment & (alignment - 1)) != 0) {
        return BAREGPU_ERR_PROTOCOL;
    }
    gpu->scanout_count = scanouts;
    gpu->capset_count = capsets < VIRTIO_GPU_CAPSETS_MAX ? capsets : VIRTIO_GPU_CAPSETS_MAX;
    gpu->blob_alignment = alignment;
    return 0;
}

/* 5.7.5: the host-visible region is there or not; another error is the device's. */
static int find_host_visible(struct virtio_gpu *gpu)
{
    struct virtio_shared_memory region = {0};
    int error = virtio_find_shared_memory(gpu->device, VIRTIO_GPU_SHM_ID_HOST_VISIBLE, &region);

    if (error < 0) {
        region.size = 0;
    }
    if (region.address != gpu->host_visible.address || region.size != gpu->host_visible.size) {
        gpu->normal_end = 0;
        gpu->device_begin = region.size;
    }
    gpu->host_visible = region;
    return error == BAREGPU_ERR_NOT_FOUND ? 0 : error;
}

static int negotiate(struct virtio_gpu *gpu)
{
    int error = virtio_start(gpu->device, gpu->wanted_features, 0, hal_time_ns() + gpu->timeout_ns);

    if (error == 0) {
        /* A dependent feature without the one it needs is left out, which takes a second start. */
        uint64_t usable = usable_features(gpu->device->features);

        if (usable != gpu->device->features) {
            error = virtio_start(gpu->device, usable, 0, hal_time_ns() + gpu->timeout_ns);
        }
    }
    if (error == 0) {
        error = read_configuration(gpu);
    }
    return error < 0 ? error : find_host_visible(gpu);
}

static int create_queues(struct virtio_gpu *gpu, uint16_t size_max)
{
    struct virtqueue_options options = {
        .index = VIRTIO_GPU_QUEUE_CONTROL,
        .size_max = size_max ? size_max : QUEUE_SIZE_DEFAULT,
        .indirect_segments = CHAIN_SEGMENTS,
    };
    int error = virtqueue_create(&gpu->control, gpu->device, &options);

    if (error < 0) {
        return error;
    }
    options.index = VIRTIO_GPU_QUEUE_CURSOR;
    options.size_max = size_max && size_max < VIRTIO_GPU_CURSOR_SLOTS_MAX * 2
                           ? size_max
                           : VIRTIO_GPU_CURSOR_SLOTS_MAX * 2;
    return virtqueue_create(&gpu->cursor, gpu->device, &options);
}

static void place_slot(struct virtio_gpu *gpu, unsigned index, size_t *offset, size_t request_size,
                       size_t response_size)
{
    struct virtio_gpu_slot *slot = &gpu->slots[index];

    slot->request = gpu->memory + *offset;
    slot->request_bus = gpu->memory_bus + *offset;
    *offset += request_size;
    slot->response = gpu->memory + *offset;
    slot->response_bus = gpu->memory_bus + *offset;
    *offset += response_size;
}

static int allocate(struct virtio_gpu *gpu)
{
    size_t offset = 0;
    size_t slots_size;

    gpu->slot_count = VIRTIO_GPU_SLOTS_MAX;
    if (gpu->control.size < gpu->slot_count) {
        gpu->slot_count = gpu->control.size;
    }
    gpu->cursor_slot_count = VIRTIO_GPU_CURSOR_SLOTS_MAX;
    if (gpu->cursor.size < gpu->cursor_slot_count) {
        gpu->cursor_slot_count = gpu->cursor.size;
    }
    slots_size = gpu->slot_count * (GPU_REQUEST_SIZE + GPU_RESPONSE_SIZE) +
                 gpu->cursor_slot_count * (GPU_CURSOR_REQUEST_SIZE + GPU_CURSOR_RESPONSE_SIZE);
    slots_size = (slots_size + STAGING_ALIGN - 1) / STAGING_ALIGN * STAGING_ALIGN;
    gpu->memory_size = slots_size + gpu->staging_size;
    gpu->memory = hal_dma_alloc(gpu->memory_size, MEMORY_ALIGN, &gpu->memory_bus);
    if (gpu->memory == NULL) {
        return BAREGPU_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < gpu->slot_count; i++) {
        place_slot(gpu, i, &offset, GPU_REQUEST_SIZE, GPU_RESPONSE_SIZE);
    }
    for (unsigned i = 0; i < gpu->cursor_slot_count; i++) {
        place_slot(gpu, VIRTIO_GPU_SLOTS_MAX + i, &offset, GPU_CURSOR_REQUEST_SIZE,
                   GPU_CURSOR_RESPONSE_SIZE);
    }
    gpu->staging = gpu->memory + slots_size;
    gpu->staging_bus = gpu->memory_bus + slots_size;
    gpu_free_slots(gpu);
    return 0;
}

static void free_memory(struct virtio_gpu *gpu)
{
    virtqueue_destroy(&gpu->control);
    virtqueue_destroy(&gpu->cursor);
    if (gpu->memory != NULL) {
        hal_dma_free(gpu->memory, gpu->memory_size);
        gpu->memory = NULL;
    }
}

int virtio_gpu_open(struct virtio_gpu *gpu, struct virtio_device *device,
                    const struct virtio_gpu_options *options)
{
    static const struct virtio_gpu_options defaults;
    int error;

    if (options == NULL) {
        options = &defaults;
    }
    if (device->id != VIRTIO_ID_GPU ||
        (options->staging_size != 0 && options->staging_size < GPU_RESPONSE_SIZE)) {
        return BAREGPU_ERR_INVALID;
    }
    if (device != &gpu->own_device) {
        memset(gpu, 0, sizeof(*gpu));
    }
    gpu->device = device;
    gpu->timeout_ns = options->timeout_ns ? options->timeout_ns : VIRTIO_GPU_TIMEOUT_DEFAULT_NS;
    gpu->staging_size = options->staging_size ? options->staging_size : VIRTIO_GPU_STAGING_DEFAULT;
    gpu->wanted_features =
        usable_features((GPU_FEATURES | VIRTIO_FEATURES_QUEUE) & ~options->without_features);
    gpu->next_resource_id = 1;
    gpu->next_fence_id = 1;
    error = negotiate(gpu);
    if (error == 0) {
        error = create_queues(gpu, options->queue_size_max);
    }
    if (error == 0) {
        error = allocate(gpu);
    }
    if (error == 0) {
        error = virtio_ready(device);
    }
    if (error < 0) {
        gpu->error = error;
        virtio_fail(device); /* for the device to know; the reset forgets it */
        if (virtio_reset(device, hal_time_ns() + gpu->timeout_ns) == 0) {
            free_memory(gpu);
        }
    }
    return error;
}

int virtio_gpu_open_pci(struct virtio_gpu *gpu, const struct pci_host *host,
                        const struct pci_device *function, const struct virtio_gpu_options *options)
{
    int error;

    memset(gpu, 0, sizeof(*gpu));
    if (function == NULL) {
        function = virtio_pci_find(host, VIRTIO_ID_GPU, NULL);
        if (function == NULL) {
            return BAREGPU_ERR_NOT_FOUND;
        }
    }
    error = virtio_pci_open(&gpu->own_device, host, function);
    if (error < 0) {
        return error;
    }
    error = gpu->own_device.id == VIRTIO_ID_GPU ? virtio_gpu_open(gpu, &gpu->own_device, options)
                                                : BAREGPU_ERR_NOT_FOUND;
    if (error < 0 &&
        virtio_close(&gpu->own_device, hal_time_ns() + VIRTIO_GPU_TIMEOUT_DEFAULT_NS) == 0) {
        free_memory(gpu);
    }
    return error;
}

int virtio_gpu_close(struct virtio_gpu *gpu)
{
    int error;

    if (gpu->device == NULL) {
        return BAREGPU_ERR_INVALID;
    }
    error = virtio_close(gpu->device, hal_time_ns() + gpu->timeout_ns);
    gpu->error = BAREGPU_ERR_UNAVAILABLE;
    gpu_end_all(gpu, BAREGPU_ERR_UNAVAILABLE);
    if (error == 0) {
        free_memory(gpu);
    }
    return error;
}

int virtio_gpu_restart(struct virtio_gpu *gpu)
{
    int error;

    if (gpu->memory == NULL) {
        return BAREGPU_ERR_INVALID;
    }
    gpu->error = BAREGPU_ERR_UNAVAILABLE; /* until it works again */
    gpu->mappings = NULL;
    gpu_end_all(gpu, BAREGPU_ERR_UNAVAILABLE);
    error = negotiate(gpu);
    if (error == 0) {
        error = virtqueue_restart(&gpu->control);
    }
    if (error == 0) {
        error = virtqueue_restart(&gpu->cursor);
    }
    if (error == 0) {
        gpu_free_slots(gpu);
        error = virtio_ready(gpu->device);
    }
    if (error < 0) {
        virtio_fail(gpu->device);
    }
    gpu->error = error;
    return error;
}

uint32_t virtio_gpu_new_resource_id(struct virtio_gpu *gpu)
{
    uint32_t id = gpu->next_resource_id++;

    if (gpu->next_resource_id == 0) { /* 0 means none: 5.7.6.8 */
        gpu->next_resource_id = 1;
    }
    return id;
}
