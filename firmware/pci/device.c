/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that was found: lookup, decoding, its BARs and its interrupt pin. */
#include "firmware/pci/internal.h"

/* ---- Lookup ---- */

struct bg_pci_device *pci_next_device(const struct bg_pci_host *host,
                                      const struct bg_pci_device *after)
{
    struct bg_pci_device *devices = host->config.devices;
    size_t i = after == NULL ? 0 : (size_t)(after - devices) + 1;

    while (i < host->device_count && devices[i].is_removed) {
        i++;
    }
    return i < host->device_count ? &devices[i] : NULL;
}

struct bg_pci_device *bg_pci_find_id(const struct bg_pci_host *host, uint16_t vendor_id,
                                     uint16_t device_id, const struct bg_pci_device *after)
{
    struct bg_pci_device *device = pci_next_device(host, after);

    while (device != NULL && (device->vendor_id != vendor_id || device->device_id != device_id)) {
        device = pci_next_device(host, device);
    }
    return device;
}

struct bg_pci_device *bg_pci_find_class(const struct bg_pci_host *host, uint32_t class_code_wanted,
                                        uint32_t mask, const struct bg_pci_device *after)
{
    struct bg_pci_device *device = pci_next_device(host, after);

    while (device != NULL && (device->class_code & mask) != class_code_wanted) {
        device = pci_next_device(host, device);
    }
    return device;
}

struct bg_pci_device *bg_pci_find_capability(const struct bg_pci_host *host, uint8_t capability_id,
                                             const struct bg_pci_device *after)
{
    struct bg_pci_device *device = pci_next_device(host, after);

    while (device != NULL && bg_pci_capability_find(host, device, capability_id, 0) < 0) {
        device = pci_next_device(host, device);
    }
    return device;
}

struct bg_pci_device *bg_pci_find_extended_capability(const struct bg_pci_host *host,
                                                      uint16_t capability_id,
                                                      const struct bg_pci_device *after)
{
    struct bg_pci_device *device = pci_next_device(host, after);

    while (device != NULL && bg_pci_extended_capability_find(host, device, capability_id, 0) < 0) {
        device = pci_next_device(host, device);
    }
    return device;
}

/* ---- Using a device ---- */

static bool has_failed_bar(const struct bg_pci_device *device, bool is_io)
{
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        const struct bg_pci_resource *resource = &device->bars[bar];

        if (resource->is_io == is_io && resource->state == BG_PCI_RESOURCE_FAILED) {
            return true;
        }
    }
    return false;
}

int bg_pci_device_enable(const struct bg_pci_host *host, const struct bg_pci_device *device,
                         uint16_t bits)
{
    uint16_t command = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND);
    uint16_t new_bits = bits & (uint16_t)~command;

    if (((new_bits & BG_PCI_COMMAND_MEMORY) != 0 && has_failed_bar(device, false)) ||
        ((new_bits & BG_PCI_COMMAND_IO) != 0 && has_failed_bar(device, true))) {
        return BG_ERR_NO_SPACE;
    }
    return bg_pci_config_write16(host, device->bdf, BG_PCI_REG_COMMAND, command | bits);
}

int bg_pci_device_disable(const struct bg_pci_host *host, const struct bg_pci_device *device,
                          uint16_t bits)
{
    uint16_t command = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND);

    return bg_pci_config_write16(host, device->bdf, BG_PCI_REG_COMMAND, command & (uint16_t)~bits);
}

int bg_pci_bar_cpu_address(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           unsigned bar, uint64_t *address)
{
    if (bar >= BG_PCI_BAR_COUNT || device->bars[bar].state == BG_PCI_RESOURCE_ABSENT) {
        return BG_ERR_NOT_FOUND;
    }
    const struct bg_pci_resource *resource = &device->bars[bar];

    if (resource->state != BG_PCI_RESOURCE_ASSIGNED) {
        return BG_ERR_NO_SPACE;
    }
    const struct bg_pci_window *window = &host->config.windows[resource->window];

    *address = window->cpu_base + (resource->address - window->bus_base);
    return 0;
}

int bg_pci_bar_map(const struct bg_pci_host *host, const struct bg_pci_device *device, unsigned bar,
                   enum bg_hal_memory_type type, void **registers)
{
    uint64_t address;
    int error = bg_pci_bar_cpu_address(host, device, bar, &address);

    if (error < 0) {
        return error;
    }
    *registers = bg_hal_map(address, device->bars[bar].size, type);
    return *registers == NULL ? BG_ERR_NO_MEMORY : 0;
}

unsigned bg_pci_intx_route(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           unsigned *root_slot)
{
    unsigned pin = device->interrupt_pin;

    while (pin != 0 && device->parent >= 0) {
        pin = (pin - 1 + BG_PCI_SLOT(device->bdf)) % 4 + 1;
        device = &host->config.devices[device->parent];
    }
    *root_slot = BG_PCI_SLOT(device->bdf);
    return pin;
}
