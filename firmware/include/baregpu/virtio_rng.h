/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entropy device (virtio 1.4, 5.4): random bytes from the host. Also the shortest example of a
 * driver on baregpu/virtio.h and baregpu/virtqueue.h. Calls on one device are not reentrant and not
 * for interrupt handlers; a read that comes into another returns BUSY.
 */
#ifndef BAREGPU_VIRTIO_RNG_H
#define BAREGPU_VIRTIO_RNG_H

#include "baregpu/virtqueue.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* Bytes asked for at once. */
#define BG_VIRTIO_RNG_BUFFER_SIZE 1024u

/* Owned by the caller, private. */
struct bg_virtio_rng {
    struct bg_virtio_device *device;
    struct bg_virtqueue requests;
    uint8_t *buffer;
    uint64_t buffer_address;
    bool is_in_flight; /* the buffer is the device's */
    uint32_t owner;    /* the call under way */
};

/*
 * Brings up `device`, which is open (bg_virtio_pci_open, bg_virtio_mmio_open) and stays the
 * caller's, and in use until bg_virtio_rng_close. Errors: INVALID (not an entropy device), those of
 * bg_virtio_start and bg_virtqueue_create, NO_MEMORY.
 */
int bg_virtio_rng_open(struct bg_virtio_rng *rng, struct bg_virtio_device *device,
                       uint64_t deadline_ns);

/*
 * Fills `to` with `size` random bytes, and waits for them as device->wait says. Errors: TIMEOUT
 * (the call may be made again), IO, PROTOCOL, UNAVAILABLE as bg_virtqueue_wait; then nothing in
 * `to` is to be used.
 */
int bg_virtio_rng_read(struct bg_virtio_rng *rng, void *to, size_t size, uint64_t deadline_ns);

/* Resets the device and frees the memory. TIMEOUT: the device does not answer, and its memory stays
 * allocated. */
int bg_virtio_rng_close(struct bg_virtio_rng *rng, uint64_t deadline_ns);

BG_END_DECLS

#endif
