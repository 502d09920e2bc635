/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entropy device (virtio 1.4, 5.4): random bytes from the host. Also the shortest example of a
 * driver on baregpu/virtio.h and baregpu/virtqueue.h. Calls on one device are not reentrant and not
 * for interrupt handlers.
 */
#ifndef BAREGPU_VIRTIO_RNG_H
#define BAREGPU_VIRTIO_RNG_H

#include "baregpu/virtqueue.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* Bytes asked for at once. */
#define VIRTIO_RNG_BUFFER_SIZE 1024u

/* Owned by the caller, private. */
struct virtio_rng {
    struct virtio_device *device;
    struct virtqueue requests;
    uint8_t *buffer;
    uint64_t buffer_address;
    bool is_in_flight; /* the buffer is the device's */
};

/*
 * Brings up `device`, which is open (virtio_pci_open, virtio_mmio_open) and stays the caller's, and
 * in use until virtio_rng_close. Errors: INVALID (not an entropy device), those of virtio_start and
 * virtqueue_create, NO_MEMORY.
 */
int virtio_rng_open(struct virtio_rng *rng, struct virtio_device *device, uint64_t deadline_ns);

/*
 * Fills `to` with `size` random bytes, and waits for them as device->wait says. Errors: TIMEOUT (the call may be made again), IO, PROTOCOL,
 * UNAVAILABLE as virtqueue_wait; then nothing in `to` is to be used.
 */
int virtio_rng_read(struct virtio_rng *rng, void *to, size_t size, uint64_t deadline_ns);

/* Resets the device and frees the memory. TIMEOUT: the device does not answer, and its memory stays
 * allocated. */
int virtio_rng_close(struct virtio_rng *rng, uint64_t deadline_ns);

BG_END_DECLS

#endif
