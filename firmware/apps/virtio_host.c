/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/virtio_host.h"

#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>

#include "firmware/apps/pci_host.h"
#include "platform/machine.h"

uint64_t virtio_host_deadline(void)
{
    return hal_time_ns() + VIRTIO_HOST_TIMEOUT_NS;
}

/* ---- PCI ---- */

/* As virtio_host_open; takes what it skips off *n. */
static int open_pci(struct virtio_device *device, uint32_t id, unsigned *n,
                    struct virtio_place *place)
{
    struct pci_host *host = machine.pci_present ? pci_host_get() : NULL;
    struct pci_device *function = NULL;

    while (host != NULL && (function = virtio_pci_find(host, id, function)) != NULL) {
        if ((*n)-- == 0) {
            snprintf(place->text, sizeof(place->text), "pci %02x:%02x.%x",
                     PCI_BUS(function->bdf), PCI_SLOT(function->bdf),
                     PCI_FUNCTION(function->bdf));
            place->function = function;
            return virtio_pci_open(device, host, function);
        }
    }
    return BAREGPU_ERR_NOT_FOUND;
}

/* ---- MMIO (virtio 1.4, 4.2.1) ---- */

static uint64_t read_cells(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++) {
        value = value << 32 | fdt32_to_cpu(cells[i]);
    }
    return value;
}

/* The first range of the node's "reg", where its parent is the root. */
static bool read_range(const void *tree, int node, uint64_t *address, uint64_t *size)
{
    int length, parent = fdt_parent_offset(tree, node);
    int address_cells = fdt_address_cells(tree, parent), size_cells = fdt_size_cells(tree, parent);
    const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);

    if (reg == NULL || address_cells < 1 || address_cells > 2 || size_cells < 1 ||
        size_cells > 2 || length < (int)sizeof(*reg) * (address_cells + size_cells)) {
        return false;
    }
    *address = read_cells(reg, address_cells);
    *size = read_cells(reg + address_cells, size_cells);
    return true;
}

static int open_mmio(struct virtio_device *device, uint32_t id, unsigned *n,
                     struct virtio_place *place)
{
    const void *tree = (const void *)(uintptr_t)machine.devicetree.base;
    uint64_t address, size;

    for (int node = fdt_node_offset_by_compatible(tree, -1, "virtio,mmio"); node >= 0;
         node = fdt_node_offset_by_compatible(tree, node, "virtio,mmio")) {
        if (!read_range(tree, node, &address, &size)) {
            continue;
        }
        int error = virtio_mmio_open(device, address, size);

        /* A slot without a device is no error, and neither is another device (4.2.2.2). */
        if (error == BAREGPU_ERR_NOT_FOUND || (error == 0 && device->id != id)) {
            continue;
        }
        if ((*n)-- == 0) {
            snprintf(place->text, sizeof(place->text), "mmio 0x%" PRIx64, address);
            place->function = NULL;
            return error;
        }
    }
    return BAREGPU_ERR_NOT_FOUND;
}

int virtio_host_open(struct virtio_device *device, uint32_t id, unsigned n,
                     struct virtio_place *place)
{
    struct virtio_place unused;

    if (place == NULL) {
        place = &unused;
    }
    unsigned left = n;
    int error = open_pci(device, id, &left, place);

    if (error == BAREGPU_ERR_NOT_FOUND && left <= n) {
        error = open_mmio(device, id, &left, place);
    }
    return error;
}
