/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over buses and bridges: what is there, and which numbers it gets. */
#include "firmware/common/owner.h"
#include "firmware/pci/internal.h"

#define BUSES 256u /* that PCI can count */
#define SLOTS 32u  /* of a bus */

/* Nobody answers with all ones; some bridges give zeros (PCI 6.1, vendor id). */
bool pci_function_is_present(const struct bg_pci_host *host, uint16_t bdf)
{
    uint16_t vendor_id = bg_pci_config_read16(host, bdf, BG_PCI_REG_VENDOR_ID);

    return vendor_id != 0xFFFFu && vendor_id != 0;
}

void pci_read_identity(const struct bg_pci_host *host, struct bg_pci_device *device)
{
    uint16_t bdf = device->bdf;
    uint32_t class_revision = bg_pci_config_read32(host, bdf, REG_REVISION);

    device->vendor_id = bg_pci_config_read16(host, bdf, BG_PCI_REG_VENDOR_ID);
    device->device_id = bg_pci_config_read16(host, bdf, BG_PCI_REG_DEVICE_ID);
    device->revision = (uint8_t)class_revision;
    device->class_code = class_revision >> 8;
    device->header_kind = bg_pci_config_read8(host, bdf, REG_HEADER_TYPE) & HEADER_TYPE_MASK;
    if (device->header_kind > BG_PCI_HEADER_BRIDGE) {
        device->header_kind = BG_PCI_HEADER_CARDBUS; /* reserved types: listed, not configured */
    }
    if (device->header_kind == BG_PCI_HEADER_DEVICE) {
        device->subsystem_vendor_id =
            bg_pci_config_read16(host, bdf, BG_PCI_REG_SUBSYSTEM_VENDOR_ID);
        device->subsystem_id = bg_pci_config_read16(host, bdf, BG_PCI_REG_SUBSYSTEM_ID);
    }
    uint8_t pin = bg_pci_config_read8(host, bdf, REG_INTERRUPT_PIN);
    device->interrupt_pin = pin <= 4 ? pin : 0;
}

/* Which windows a bridge implements: the optional ones read back as zero when written (Bridge
 * 3.2.5.6 and 3.2.5.9). Only 64-bit prefetchable windows are used. */
static void probe_windows(const struct bg_pci_host *host, struct bg_pci_device *bridge)
{
    uint16_t bdf = bridge->bdf;

    bg_pci_config_write8(host, bdf, REG_IO_BASE, 0xF0);
    bridge->has_io_window = (bg_pci_config_read8(host, bdf, REG_IO_BASE) & 0xF0u) != 0;
    bg_pci_config_write16(host, bdf, REG_PREFETCH_BASE, 0xFFF0);
    uint16_t base = bg_pci_config_read16(host, bdf, REG_PREFETCH_BASE);
    bridge->has_mem64_window =
        (base & 0xFFF0u) != 0 && (base & PREFETCH_TYPE_MASK) == PREFETCH_TYPE_64;
}

/* An entry that is not used: one that was removed, behind that of the parent, or the next. */
static struct bg_pci_device *free_entry(struct bg_pci_host *host, int parent)
{
    for (size_t i = (size_t)(parent + 1); i < host->device_count; i++) {
        if (host->config.devices[i].is_removed) {
            return &host->config.devices[i];
        }
    }
    return host->device_count == host->config.device_capacity
               ? NULL
               : &host->config.devices[host->device_count++];
}

/* Zeroes the entry: memset is not needed for one struct. */
struct bg_pci_device *pci_add_device(struct bg_pci_host *host, uint16_t bdf, int parent)
{
    struct bg_pci_device *device = free_entry(host, parent);

    if (device == NULL) {
        return NULL;
    }

    *device = (struct bg_pci_device){.bdf = bdf, .parent = (int16_t)parent};
    device->depth = parent < 0 ? 0 : (uint8_t)(host->config.devices[parent].depth + 1);
    return device;
}

static void scan_bus(struct bg_pci_host *host, unsigned bus, int parent);

static void write_bus_numbers(const struct bg_pci_host *host, const struct bg_pci_device *bridge)
{
    bg_pci_config_write8(host, bridge->bdf, REG_PRIMARY_BUS, (uint8_t)BG_PCI_BUS(bridge->bdf));
    bg_pci_config_write8(host, bridge->bdf, REG_SECONDARY_BUS, bridge->secondary_bus);
    bg_pci_config_write8(host, bridge->bdf, REG_SUBORDINATE_BUS, bridge->subordinate_bus);
}

/* Numbers depth first: while the buses behind are counted the bridge forwards all that are left. */
static void scan_bridge(struct bg_pci_host *host, struct bg_pci_device *bridge)
{
    probe_windows(host, bridge);
    if (bridge->depth >= BG_PCI_BRIDGE_DEPTH_MAX || host->next_bus > host->bus_limit) {
        pci_report_function(host,
                            bridge->depth >= BG_PCI_BRIDGE_DEPTH_MAX ? BG_PCI_PROBLEM_TOO_DEEP
                                                                     : BG_PCI_PROBLEM_NO_BUS,
                            bridge->bdf);
        write_bus_numbers(host, bridge);
        return;
    }
    bridge->secondary_bus = (uint8_t)host->next_bus++;
    bridge->subordinate_bus = (uint8_t)host->bus_limit;
    write_bus_numbers(host, bridge);
    scan_bus(host, bridge->secondary_bus, (int)(bridge - host->config.devices));
    bridge->subordinate_bus = (uint8_t)(host->next_bus - 1);
    write_bus_numbers(host, bridge);
}

/* Returns the header type, or -1 when nobody is there. */
static int scan_function(struct bg_pci_host *host, uint16_t bdf, int parent)
{
    if (!pci_function_is_present(host, bdf)) {
        return -1;
    }
    int header_type = bg_pci_config_read8(host, bdf, REG_HEADER_TYPE);
    struct bg_pci_device *device = pci_add_device(host, bdf, parent);

    if (device == NULL) {
        pci_report_function(host, BG_PCI_PROBLEM_TABLE_FULL, bdf);
        return header_type;
    }
    pci_read_identity(host, device);
    if (pci_is_bridge(device)) {
        scan_bridge(host, device);
    }
    pci_size_bars(host, device);
    return header_type;
}

/* A link leads to device 0 only (PCIe 7.3.1); others would be the same device answering again. */
static unsigned slots_behind(const struct bg_pci_host *host, int parent)
{
    const struct bg_pci_device *bridge = &host->config.devices[parent];
    int express = bg_pci_capability_find(host, bridge, BG_PCI_CAP_EXPRESS, 0);

    if (express < 0) {
        return SLOTS;
    }
    unsigned type = EXPRESS_TYPE(
        bg_pci_config_read16(host, bridge->bdf, (unsigned)express + EXPRESS_REG_CAPABILITIES));
    return type == EXPRESS_TYPE_ROOT_PORT || type == EXPRESS_TYPE_DOWNSTREAM ? 1 : SLOTS;
}

/* A host bridge that is not the bus's own, which is 0.0, has a root bus of its own (QEMU's pxb). */
static bool has_root_bus(const struct bg_pci_host *host, uint16_t bdf)
{
    return (bdf & 0xFFu) != 0 &&
           bg_pci_config_read32(host, bdf, REG_REVISION) >> 16 == CLASS_HOST_BRIDGE;
}

/*
 * Before any function of a bus is looked at, all of them stop: one that decodes while its BARs are
 * sized claims addresses of others, and a bridge with old numbers claims buses of others. Returns
 * to how many further root buses they lead.
 */
static unsigned quiet_bus(const struct bg_pci_host *host, unsigned bus, unsigned slots)
{
    unsigned roots = 0;

    for (unsigned devfn = 0; devfn < slots * 8; devfn++) {
        uint16_t bdf = (uint16_t)(bus << 8 | devfn);

        if (!pci_function_is_present(host, bdf)) {
            devfn |= BG_PCI_FUNCTION(devfn) == 0 ? 7 : 0; /* then there is no other (PCI 3.2.2.3) */
            continue;
        }
        uint8_t header_type = bg_pci_config_read8(host, bdf, REG_HEADER_TYPE);

        bg_pci_config_write16(host, bdf, BG_PCI_REG_COMMAND, 0);
        roots += has_root_bus(host, bdf);
        if ((header_type & HEADER_TYPE_MASK) == BG_PCI_HEADER_BRIDGE) {
            bg_pci_config_write8(host, bdf, REG_SECONDARY_BUS, 0);
            bg_pci_config_write8(host, bdf, REG_SUBORDINATE_BUS, 0);
        }
        if (BG_PCI_FUNCTION(devfn) == 0 && !(header_type & HEADER_MULTI_FUNCTION)) {
            devfn |= 7;
        }
    }
    return roots;
}

static void scan_slots(struct bg_pci_host *host, unsigned bus, unsigned slots, int parent)
{
    for (unsigned slot = 0; slot < slots; slot++) {
        int header_type = scan_function(host, BG_PCI_BDF(bus, slot, 0), parent);

        if (header_type < 0 || !(header_type & (int)HEADER_MULTI_FUNCTION)) {
            continue;
        }
        for (unsigned function = 1; function < 8; function++) {
            scan_function(host, BG_PCI_BDF(bus, slot, function), parent);
        }
    }
}

static void scan_bus(struct bg_pci_host *host, unsigned bus, int parent)
{
    unsigned slots = slots_behind(host, parent);

    quiet_bus(host, bus, slots);
    scan_slots(host, bus, slots, parent);
}

static bool bus_is_present(const struct bg_pci_host *host, unsigned bus)
{
    unsigned slot = 0;

    while (slot < SLOTS && !pci_function_is_present(host, BG_PCI_BDF(bus, slot, 0))) {
        slot++;
    }
    return slot < SLOTS;
}

/* While no bridge forwards anything, each bus that answers is a root bus. Behind the last: none. */
static unsigned next_root(const struct bg_pci_host *host, unsigned bus)
{
    do {
        bus++;
    } while (bus <= host->config.bus_last && !bus_is_present(host, bus));
    return bus;
}

/* Each root bus's bridges have the numbers up to the next one. */
static void scan_roots(struct bg_pci_host *host)
{
    const unsigned end = host->config.bus_last + 1u;
    unsigned roots = 0; /* that are to be found yet */

    for (unsigned bus = host->config.bus_first, next; bus < end; bus = next) {
        roots += quiet_bus(host, bus, SLOTS);
        next = roots == 0 ? end : next_root(host, bus);
        roots -= next < end;
        host->next_bus = bus + 1;
        host->bus_limit = next - 1;
        scan_slots(host, bus, SLOTS, BG_PCI_NO_PARENT);
    }
    /* One without a device does not answer either. */
    for (; roots > 0 && end < BUSES; roots--) {
        pci_report_function(host, BG_PCI_PROBLEM_NO_ROOT, BG_PCI_BDF(host->config.bus_first, 0, 0));
    }
}

static int enumerate(struct bg_pci_host *host)
{
    host->device_count = 0;
    host->problem_count = 0;
    host->is_adopted = false;
    scan_roots(host);
    pci_assign_resources(host);
    return host->problem_count == 0 ? 0 : BG_ERR_NO_SPACE;
}

int bg_pci_host_enumerate(struct bg_pci_host *host)
{
    return OWNED(host, enumerate(host));
}

/* A bridge among it finds no bus: those behind this bridge were counted before it was there. */
void pci_scan_behind(struct bg_pci_host *host, size_t bridge)
{
    const struct bg_pci_device *above = &host->config.devices[bridge];
    unsigned next_bus = host->next_bus;

    if (above->secondary_bus == 0) {
        return;
    }
    host->bus_limit = above->subordinate_bus;
    host->next_bus = above->subordinate_bus + 1u;
    scan_bus(host, above->secondary_bus, (int)bridge);
    host->bus_limit = host->config.bus_last;
    host->next_bus = next_bus;
}
