/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/virtio.h"

#include <inttypes.h>
#include <stdio.h>

#include "firmware/apps/open/pci.h"
#include "firmware/platform/machine.h"

uint64_t virtio_host_deadline(void)
{
    return bg_hal_time_ns() + VIRTIO_HOST_TIMEOUT_NS;
}

/* ---- PCI ---- */

/* Takes what it skips off *n. */
static bool find_pci(uint32_t id, unsigned *n, struct virtio_place *place)
{
    struct bg_pci_host *host = machine.pci_present ? machine_pci() : NULL;
    struct bg_pci_device *function = NULL;

    while (host != NULL && (function = bg_virtio_pci_find(host, id, function)) != NULL) {
        if ((*n)-- == 0) {
            snprintf(place->text, sizeof(place->text), "pci %02x:%02x.%x",
                     BG_PCI_BUS(function->bdf), BG_PCI_SLOT(function->bdf),
                     BG_PCI_FUNCTION(function->bdf));
            place->function = function;
            return true;
        }
    }
    return false;
}

bool virtio_host_find_pci(uint32_t id, unsigned n, struct virtio_place *place)
{
    return find_pci(id, &n, place);
}

/* ---- MMIO (virtio 1.4, 4.2.1) ---- */

static int open_mmio(struct bg_virtio_device *device, uint32_t id, unsigned *n,
                     struct virtio_place *place)
{
    for (uint32_t i = 0; i < machine.virtio_mmio_count; i++) {
        const struct machine_virtio_mmio *slot = &machine.virtio_mmio[i];
        int error = bg_virtio_mmio_open(device, slot->range.base, slot->range.size);

        /* A slot without a device is no error, and neither is another device (4.2.2.2). */
        if (error == BG_ERR_NOT_FOUND || (error == 0 && device->id != id)) {
            continue;
        }
        if ((*n)-- == 0) {
            snprintf(place->text, sizeof(place->text), "mmio 0x%" PRIx64, slot->range.base);
            place->function = NULL;
            place->interrupt = slot->interrupt.intid;
            place->trigger = slot->interrupt.edge ? BG_HAL_TRIGGER_EDGE : BG_HAL_TRIGGER_LEVEL;
            return error;
        }
    }
    return BG_ERR_NOT_FOUND;
}

int virtio_host_open(struct bg_virtio_device *device, uint32_t id, unsigned n,
                     struct virtio_place *place)
{
    struct virtio_place unused;

    if (place == NULL) {
        place = &unused;
    }
    unsigned left = n;

    return find_pci(id, &left, place) ? bg_virtio_pci_open(device, machine_pci(), place->function)
                                      : open_mmio(device, id, &left, place);
}
