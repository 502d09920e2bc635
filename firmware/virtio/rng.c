/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy device (virtio 1.4, 5.4). */
#include "baregpu/virtio_rng.h"

#include "firmware/common/mem.h"
#include "firmware/common/owner.h"

#define REQUEST_QUEUE 0 /* 5.4.2 */
#define BUFFER_ALIGN 64u

static void release(struct bg_virtio_rng *rng)
{
    bg_virtqueue_destroy(&rng->requests);
    if (rng->buffer != NULL) {
        bg_hal_dma_free(rng->buffer, BG_VIRTIO_RNG_BUFFER_SIZE);
        rng->buffer = NULL;
    }
}

static int set_up(struct bg_virtio_rng *rng, uint64_t deadline_ns)
{
    const struct bg_virtqueue_options options = {.index = REQUEST_QUEUE};
    int error = bg_virtio_start(rng->device, BG_VIRTIO_FEATURES_QUEUE, 0, deadline_ns)
                    ?: bg_virtqueue_create(&rng->requests, rng->device, &options);

    if (error == 0) {
        rng->buffer =
            bg_hal_dma_alloc(BG_VIRTIO_RNG_BUFFER_SIZE, BUFFER_ALIGN, &rng->buffer_address);
        error = rng->buffer != NULL ? bg_virtio_ready(rng->device) : BG_ERR_NO_MEMORY;
    }
    return error;
}

int bg_virtio_rng_open(struct bg_virtio_rng *rng, struct bg_virtio_device *device,
                       uint64_t deadline_ns)
{
    memset(rng, 0, sizeof(*rng));
    if (device->id != BG_VIRTIO_ID_ENTROPY) {
        return BG_ERR_INVALID;
    }
    rng->device = device;
    int error = set_up(rng, deadline_ns);

    if (error < 0) {
        bg_virtio_fail(device);
        if (bg_virtio_reset(device, deadline_ns) == 0) {
            release(rng); /* else the device may still write to it */
        }
    }
    return error;
}

/* The buffer is the device's until it comes back, however long that takes. */
static int request(struct bg_virtio_rng *rng)
{
    const struct bg_virtqueue_segment segment = {rng->buffer_address, BG_VIRTIO_RNG_BUFFER_SIZE};
    int error = bg_virtqueue_add(&rng->requests, &segment, 0, 1, rng);

    if (error == 0) {
        rng->is_in_flight = true;
        error = bg_virtqueue_kick(&rng->requests);
    }
    return error;
}

static int fill(struct bg_virtio_rng *rng, void *to, size_t size, uint64_t deadline_ns)
{
    uint8_t *bytes = to;

    while (size != 0) {
        struct bg_virtqueue_used used;
        int result = rng->is_in_flight ? 0 : request(rng);

        if (result >= 0) {
            result = bg_virtqueue_wait(&rng->requests, &used, deadline_ns);
        }
        if (result < 0) {
            return result;
        }
        rng->is_in_flight = false;
        if (used.written == 0) {
            return BG_ERR_PROTOCOL; /* 5.4.6.2: one byte at least */
        }
        size_t count = used.written < size ? used.written : size;

        memcpy(bytes, rng->buffer, count);
        bytes += count;
        size -= count;
    }
    return 0;
}

int bg_virtio_rng_read(struct bg_virtio_rng *rng, void *to, size_t size, uint64_t deadline_ns)
{
    return OWNED(rng, fill(rng, to, size, deadline_ns));
}

int bg_virtio_rng_close(struct bg_virtio_rng *rng, uint64_t deadline_ns)
{
    int error = bg_virtio_reset(rng->device, deadline_ns);

    if (error == 0) {
        release(rng);
    }
    return error;
}
