/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that the kernel's own PCI code has set up: what is assigned is read, nothing is
 * assigned here. Only a BAR's size cannot be read (PCI 6.2.5.1): for that the function stops
 * decoding, for the length of a few accesses.
 */
#include "firmware/common/owner.h"
#include "firmware/pci/internal.h"

static struct bg_pci_device *find_listed(const struct bg_pci_host *host, uint16_t bdf)
{
    struct bg_pci_device *device = pci_next_device(host, NULL);

    while (device != NULL && device->bdf != bdf) {
        device = pci_next_device(host, device);
    }
    return device;
}

/* ---- BARs ---- */

static uint64_t read_address(const struct bg_pci_host *host, const struct bg_pci_device *device,
                             unsigned bar)
{
    const struct bg_pci_resource *resource = &device->bars[bar];
    uint64_t address = bg_pci_config_read32(host, device->bdf, REG_BAR(bar)) &
                       ~(resource->is_io ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);

    if (resource->is_64bit) {
        address |= (uint64_t)bg_pci_config_read32(host, device->bdf, REG_BAR(bar + 1)) << 32;
    }
    return address;
}

static bool lies_in(const struct bg_pci_window *window, const struct bg_pci_resource *resource)
{
    return resource->address >= window->bus_base && resource->size <= window->size &&
           resource->address - window->bus_base <= window->size - resource->size;
}

/* Address 0 is what a register has that nobody has written. */
static bool find_window(const struct bg_pci_host *host, struct bg_pci_resource *resource)
{
    unsigned first = resource->is_io ? BG_PCI_WINDOW_IO : BG_PCI_WINDOW_MEM32;
    unsigned last = resource->is_io ? BG_PCI_WINDOW_IO : BG_PCI_WINDOW_MEM64;

    for (unsigned window = first; window <= last && resource->address != 0; window++) {
        if (lies_in(&host->config.windows[window], resource)) {
            resource->window = (uint8_t)window;
            return true;
        }
    }
    return false;
}

static void take_address(struct bg_pci_host *host, struct bg_pci_device *device, unsigned bar)
{
    struct bg_pci_resource *resource = &device->bars[bar];

    resource->address = read_address(host, device, bar);
    if (find_window(host, resource)) {
        resource->state = BG_PCI_RESOURCE_ASSIGNED;
        return;
    }
    const struct bg_pci_problem problem = {
        .kind = BG_PCI_PROBLEM_NOT_ASSIGNED,
        .bdf = device->bdf,
        .bar = bar,
        .size = resource->size,
        .address = resource->address,
    };

    resource->state = BG_PCI_RESOURCE_FAILED;
    pci_report(host, &problem);
}

static void take_bars(struct bg_pci_host *host, struct bg_pci_device *device)
{
    uint16_t command = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND);

    bg_pci_config_write16(host, device->bdf, BG_PCI_REG_COMMAND,
                          command & (uint16_t)~(BG_PCI_COMMAND_IO | BG_PCI_COMMAND_MEMORY));
    pci_probe_bars(host, device);
    bg_pci_config_write16(host, device->bdf, BG_PCI_REG_COMMAND, command);
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        if (device->bars[bar].state == BG_PCI_RESOURCE_PENDING) {
            take_address(host, device, bar);
        }
    }
}

/* ---- Bridges above ---- */

static bool leads_to(const struct bg_pci_host *host, uint16_t bdf, uint8_t header_type,
                     unsigned bus)
{
    return (header_type & HEADER_TYPE_MASK) == BG_PCI_HEADER_BRIDGE &&
           bg_pci_config_read8(host, bdf, REG_SECONDARY_BUS) == bus;
}

/* False: no bridge leads to this bus, so it is a root bus. Buses below a bridge have higher numbers
 * than its own (Bridge 3.2.5.4). */
static bool find_bridge_to(const struct bg_pci_host *host, unsigned bus, uint16_t *bridge)
{
    unsigned end = bus << 8;

    for (unsigned bdf = BG_PCI_BDF(host->config.bus_first, 0, 0); bdf < end; bdf++) {
        if (!pci_function_is_present(host, (uint16_t)bdf)) {
            bdf |= BG_PCI_FUNCTION(bdf) == 0 ? 7 : 0; /* then there is no other (PCI 3.2.2.3) */
            continue;
        }
        uint8_t header_type = bg_pci_config_read8(host, (uint16_t)bdf, REG_HEADER_TYPE);

        if (leads_to(host, (uint16_t)bdf, header_type, bus)) {
            *bridge = (uint16_t)bdf;
            return true;
        }
        if (BG_PCI_FUNCTION(bdf) == 0 && !(header_type & HEADER_MULTI_FUNCTION)) {
            bdf |= 7;
        }
    }
    return false;
}

static int leave_out(struct bg_pci_host *host, enum bg_pci_problem_kind kind, uint16_t bdf)
{
    pci_report_function(host, kind, bdf);
    return BG_ERR_NO_SPACE;
}

/* Lists a function behind the bridges that lead to it, without its BARs. Returns its index. */
static int list_function(struct bg_pci_host *host, uint16_t bdf, unsigned depth)
{
    struct bg_pci_device *device = find_listed(host, bdf);
    int parent = BG_PCI_NO_PARENT;
    uint16_t bridge;

    if (device != NULL) {
        return (int)(device - host->config.devices);
    }
    if (depth > BG_PCI_BRIDGE_DEPTH_MAX) {
        return leave_out(host, BG_PCI_PROBLEM_TOO_DEEP, bdf);
    }
    if (find_bridge_to(host, BG_PCI_BUS(bdf), &bridge)) {
        parent = list_function(host, bridge, depth + 1);
        if (parent < 0) {
            return parent;
        }
    }
    device = pci_add_device(host, bdf, parent);
    if (device == NULL) {
        return leave_out(host, BG_PCI_PROBLEM_TABLE_FULL, bdf);
    }
    pci_read_identity(host, device);
    if (pci_is_bridge(device)) {
        device->secondary_bus = bg_pci_config_read8(host, bdf, REG_SECONDARY_BUS);
        device->subordinate_bus = bg_pci_config_read8(host, bdf, REG_SUBORDINATE_BUS);
    }
    return (int)(device - host->config.devices);
}

static int adopt(struct bg_pci_host *host, uint16_t bdf, struct bg_pci_device **device)
{
    if (bg_pci_config_offset(host, bdf, 0, 4) < 0) {
        return BG_ERR_RANGE;
    }
    if (host->device_count != 0 && !host->is_adopted) {
        return BG_ERR_INVALID;
    }
    if (!pci_function_is_present(host, bdf)) {
        return BG_ERR_NOT_FOUND;
    }
    bool is_listed = find_listed(host, bdf) != NULL;
    int index = list_function(host, bdf, 0);

    host->is_adopted = true;
    if (index < 0) {
        return index;
    }
    struct bg_pci_device *found = &host->config.devices[index];

    if (!is_listed && found->header_kind == BG_PCI_HEADER_DEVICE) {
        take_bars(host, found);
    }
    if (device != NULL) {
        *device = found;
    }
    return 0;
}

int bg_pci_host_adopt(struct bg_pci_host *host, uint16_t bdf, struct bg_pci_device **device)
{
    return OWNED(host, adopt(host, bdf, device));
}
