/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy device (virtio 1.4, 5.4). */
#include "baregpu/virtio_rng.h"

#include "firmware/common/mem.h"

#define REQUEST_QUEUE 0 /* 5.4.2 */
#define BUFFER_ALIGN 64u

static void release(struct virtio_rng *rng)
{
    virtqueue_destroy(&rng->requests);
    if (rng->buffer != NULL) {
        hal_dma_free(rng->buffer, VIRTIO_RNG_BUFFER_SIZE);
        rng->buffer = NULL;
    }
}

static int set_up(struct virtio_rng *rng, uint64_t deadline_ns)
{
    const struct virtqueue_options options = {.index = REQUEST_QUEUE};
    int error = virtio_start(rng->device, VIRTIO_FEATURES_QUEUE, 0, deadline_ns);

    if (error == 0) {
        error = virtqueue_create(&rng->requests, rng->device, &options);
    }
    if (error == 0) {
        rng->buffer = hal_dma_alloc(VIRTIO_RNG_BUFFER_SIZE, BUFFER_ALIGN, &rng->buffer_address);
        error = rng->buffer != NULL ? virtio_ready(rng->device) : BAREGPU_ERR_NO_MEMORY;
    }
    return error;
}

int virtio_rng_open(struct virtio_rng *rng, struct virtio_device *device, uint64_t deadline_ns)
{
    memset(rng, 0, sizeof(*rng));
    if (device->id != VIRTIO_ID_ENTROPY) {
        return BAREGPU_ERR_INVALID;
    }
    rng->device = device;
    int error = set_up(rng, deadline_ns);

    if (error < 0) {
        virtio_fail(device);
        if (virtio_reset(device, deadline_ns) == 0) {
            release(rng); /* else the device may still write to it */
        }
    }
    return error;
}

/* The buffer is the device's until it comes back, however long that takes. */
static int request(struct virtio_rng *rng)
{
    const struct virtqueue_segment segment = {rng->buffer_address, VIRTIO_RNG_BUFFER_SIZE};
    int error = virtqueue_add(&rng->requests, &segment, 0, 1, rng);

    if (error == 0) {
        rng->is_in_flight = true;
        error = virtqueue_kick(&rng->requests);
    }
    return error;
}

int virtio_rng_read(struct virtio_rng *rng, void *to, size_t size, uint64_t deadline_ns)
{
    uint8_t *bytes = to;

    while (size != 0) {
        struct virtqueue_used used;
        int result = rng->is_in_flight ? 0 : request(rng);

        if (result >= 0) {
            result = virtqueue_wait(&rng->requests, &used, deadline_ns);
        }
        if (result < 0) {
            return result;
        }
        rng->is_in_flight = false;
        if (used.written == 0) {
            return BAREGPU_ERR_PROTOCOL; /* 5.4.6.2: one byte at least */
        }
        size_t count = used.written < size ? used.written : size;

        memcpy(bytes, rng->buffer, count);
        bytes += count;
        size -= count;
    }
    return 0;
}

int virtio_rng_close(struct virtio_rng *rng, uint64_t deadline_ns)
{
    int error = virtio_reset(rng->device, deadline_ns);

    if (error == 0) {
        release(rng);
    }
    return error;
}
