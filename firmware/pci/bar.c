/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers: their kind and size, and writing an address. */
#include "firmware/pci/internal.h"

/* Below a bridge only prefetchable memory may lie in the prefetchable window, which is the one
 * that reaches above 4 GiB (Bridge 3.2.5.8); on the root bus any 64-bit BAR may. */
static enum bg_pci_window_kind choose_window(const struct bg_pci_host *host,
                                             const struct bg_pci_device *device,
                                             const struct bg_pci_resource *bar)
{
    if (bar->is_io) {
        return BG_PCI_WINDOW_IO;
    }
    if (bar->is_64bit && (bar->is_prefetchable || device->parent < 0) &&
        pci_window_reaches(host, device, BG_PCI_WINDOW_MEM64)) {
        return BG_PCI_WINDOW_MEM64;
    }
    return BG_PCI_WINDOW_MEM32;
}

/* Writes all ones and returns what sticks: address bits that are wired to zero say the size (PCI
 * 6.2.5.1). Puts the old value back. */
static uint32_t probe_register(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                               uint32_t ones)
{
    uint32_t before = bg_pci_config_read32(host, bdf, reg);

    bg_pci_config_write32(host, bdf, reg, ones);
    uint32_t mask = bg_pci_config_read32(host, bdf, reg);
    bg_pci_config_write32(host, bdf, reg, before);
    return mask;
}

/* Returns the number of registers that the BAR takes. */
static unsigned size_bar(struct bg_pci_host *host, struct bg_pci_device *device, unsigned bar)
{
    struct bg_pci_resource *resource = &device->bars[bar];
    uint32_t flags = bg_pci_config_read32(host, device->bdf, REG_BAR(bar));
    uint32_t mask = probe_register(host, device->bdf, REG_BAR(bar), UINT32_MAX);
    uint64_t address_mask = mask & ~(flags & BAR_IO ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);
    unsigned taken = 1;

    resource->is_io = (flags & BAR_IO) != 0;
    if (!resource->is_io) {
        uint32_t type = flags & BAR_TYPE_MASK;

        resource->is_prefetchable = (flags & BAR_PREFETCHABLE) != 0;
        resource->is_64bit = type == BAR_TYPE_64;
        if ((type != BAR_TYPE_32 && type != BAR_TYPE_64) ||
            (resource->is_64bit && bar + 1 >= pci_bar_limit(device))) {
            const struct bg_pci_problem problem = {
                .kind = BG_PCI_PROBLEM_BAD_BAR, .bdf = device->bdf, .bar = bar};

            resource->state = BG_PCI_RESOURCE_FAILED;
            resource->is_64bit = false;
            pci_report(host, &problem);
            return taken;
        }
        if (resource->is_64bit) {
            address_mask |=
                (uint64_t)probe_register(host, device->bdf, REG_BAR(bar + 1), UINT32_MAX) << 32;
            taken = 2;
        }
    }
    resource->size = address_mask & -address_mask; /* the lowest bit that can be set */
    if (resource->size == 0) {
        return taken; /* no address bits: no BAR, whatever its flags */
    }
    resource->align = resource->size;
    resource->state = BG_PCI_RESOURCE_PENDING;
    return taken;
}

static void size_rom(const struct bg_pci_host *host, struct bg_pci_device *device)
{
    if (device->header_kind == BG_PCI_HEADER_CARDBUS) {
        return;
    }
    unsigned reg = pci_is_bridge(device) ? REG_ROM_BRIDGE : REG_ROM_DEVICE;
    /* The enable bit stays off throughout: a ROM shares its decoder with BARs (PCI 6.2.5.2). */
    uint32_t before = bg_pci_config_read32(host, device->bdf, reg) & ~ROM_ENABLE;

    bg_pci_config_write32(host, device->bdf, reg, before);
    uint32_t mask = probe_register(host, device->bdf, reg, ROM_ADDRESS_MASK) & ROM_ADDRESS_MASK;
    device->rom_size = mask & -mask;
}

void pci_probe_bars(struct bg_pci_host *host, struct bg_pci_device *device)
{
    unsigned bar = 0;

    while (bar < pci_bar_limit(device)) {
        bar += size_bar(host, device, bar);
    }
}

void pci_size_bars(struct bg_pci_host *host, struct bg_pci_device *device)
{
    pci_probe_bars(host, device);
    for (unsigned bar = 0; bar < pci_bar_limit(device); bar++) {
        if (device->bars[bar].state == BG_PCI_RESOURCE_PENDING) {
            device->bars[bar].window = (uint8_t)choose_window(host, device, &device->bars[bar]);
        }
    }
    size_rom(host, device);
}

void pci_write_bar(const struct bg_pci_host *host, const struct bg_pci_device *device, unsigned bar)
{
    const struct bg_pci_resource *resource = &device->bars[bar];
    /* Without an address: the top of the address space, where no window leads. The device keeps
     * its low bits at zero. */
    uint64_t value = resource->state == BG_PCI_RESOURCE_ASSIGNED ? resource->address : UINT64_MAX;

    bg_pci_config_write32(host, device->bdf, REG_BAR(bar), (uint32_t)value);
    if (resource->is_64bit) {
        bg_pci_config_write32(host, device->bdf, REG_BAR(bar + 1), (uint32_t)(value >> 32));
    }
}
