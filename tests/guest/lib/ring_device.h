/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device inside the guest: the device's side of one queue, of either format, which runs on
 * a CPU of its own. With it the rings are crossed by two CPUs of the guest, without a host between.
 */
#ifndef TESTS_GUEST_LIB_RING_DEVICE_H
#define TESTS_GUEST_LIB_RING_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/virtio.h"

#define RING_DEVICE_SEGMENTS_MAX 8

struct ring_segment {
    uint8_t *memory;
    uint32_t length;
    bool is_writable;
};

/* A chain as the device sees it. */
struct ring_chain {
    struct ring_segment segments[RING_DEVICE_SEGMENTS_MAX];
    unsigned segment_count;
    uint16_t id;
    uint16_t descriptors; /* in the ring: how far a packed ring goes on */
};

struct ring_device {
    /* Set by the user before ring_device_open. */
    uint64_t offered; /* features, VERSION_1 besides */
    uint16_t queue_size;
    bool is_asleep_by_interrupt; /* by WFI and an SGI on both sides; else they spin */
    uint32_t (*handler)(struct ring_device *device, const struct ring_chain *chain); /* written */
    void *context;

    struct bg_virtio_device virtio; /* the driver's end */

    /* Doorbells: counters that the other side waits for. */
    uint32_t kicks;
    uint32_t interrupts;
    uint32_t driver_cpu;
    uint32_t device_cpu;

    /* The device's own. */
    uint64_t features;
    uint8_t status;
    struct bg_virtio_queue_layout layout;
    uint16_t available;
    uint16_t used;
    bool available_wrap;
    bool used_wrap;
    uint64_t chains;
    uint64_t sleeps;
    const char *violation; /* what the driver did wrong; NULL */
};

/* Opens the driver's end, device->virtio. 0 or a negative error. */
int ring_device_open(struct ring_device *device);

/*
 * Works until *is_over (which whoever sets follows by ring_device_kick), on the calling CPU; sleeps
 * while there is nothing to do. False: no kick came in time, or the driver violated the rules.
 */
bool ring_device_run(struct ring_device *device, const uint32_t *is_over, uint64_t silence_ns);

/* Serves what there is, once; returns how many chains, or -1 when the driver violated the rules. */
int ring_device_serve(struct ring_device *device);

void ring_device_kick(struct ring_device *device);

/*
 * The driver waits for an interrupt since it read *counter as `seen`. False: none came in time.
 */
bool ring_device_wait(const struct ring_device *device, const uint32_t *counter, uint32_t seen,
                      uint64_t silence_ns);

#endif
