/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's virtio devices: those on PCI, and those that the devicetree lists. */
#ifndef FIRMWARE_APPS_OPEN_VIRTIO_H
#define FIRMWARE_APPS_OPEN_VIRTIO_H

#include "baregpu/virtio.h"

/* Long enough for a device on a busy machine, short enough for a person. */
#define VIRTIO_HOST_TIMEOUT_NS 10000000000u

/* Where a device is, for a person: "pci 00:01.0", "mmio 0xa003e00". */
struct virtio_place {
    char text[32];
    const struct bg_pci_device *function; /* NULL: MMIO */
    uint32_t interrupt;                   /* MMIO: its line; 0: the devicetree does not say */
    enum bg_hal_trigger trigger;
};

/*
 * Opens the device number `n` (from 0) with this virtio id: PCI's come first, in the order of the
 * bus, then MMIO's in the order of the devicetree. NOT_FOUND: there are not that many. Other
 * errors: it is there, but cannot be opened. `place` may be NULL.
 */
int virtio_host_open(struct bg_virtio_device *device, uint32_t id, unsigned n,
                     struct virtio_place *place);

/* Where the one of these on PCI is, for a driver that opens it itself (machine_pci,
 * place->function). False: there are not that many. */
bool virtio_host_find_pci(uint32_t id, unsigned n, struct virtio_place *place);

/* From now. */
uint64_t virtio_host_deadline(void);

#endif
