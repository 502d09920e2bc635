/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration access, the walk over buses and bridges, lookup, decoding. */
#include "baregpu/pci_ecam.h"

#include "baregpu/mmio.h"
#include "firmware/pci/internal.h"

#define IO_ADDRESS_END 0x10000ull
#define ADDRESS_32_END 0x100000000ull

/* ---- Configuration access ---- */

static uint32_t mmio_config_read(void *ecam, uint64_t offset, unsigned width)
{
    switch (width) {
    case 1:
        return mmio_read8(ecam, offset);
    case 2:
        return mmio_read16(ecam, offset);
    default:
        return mmio_read32(ecam, offset);
    }
}

static void mmio_config_write(void *ecam, uint64_t offset, unsigned width, uint32_t value)
{
    switch (width) {
    case 1:
        mmio_write8(ecam, offset, (uint8_t)value);
        break;
    case 2:
        mmio_write16(ecam, offset, (uint16_t)value);
        break;
    default:
        mmio_write32(ecam, offset, value);
        break;
    }
}

const struct pci_config_ops pci_config_mmio = {mmio_config_read, mmio_config_write};

int64_t pci_config_offset(const struct pci_host *host, uint16_t bdf, unsigned reg, unsigned width)
{
    if ((width != 1 && width != 2 && width != 4) || reg % width != 0 ||
        reg >= PCI_CONFIG_SPACE_SIZE) {
        return BAREGPU_ERR_INVALID;
    }
    if (PCI_BUS(bdf) < host->config.bus_first || PCI_BUS(bdf) > host->config.bus_last) {
        return BAREGPU_ERR_RANGE;
    }
    /* pci_host_init made bus_last lie inside ecam_size. */
    return (int64_t)(bdf - PCI_BDF(host->config.bus_first, 0, 0)) * PCI_CONFIG_SPACE_SIZE + reg;
}

static uint32_t config_read(const struct pci_host *host, uint16_t bdf, unsigned reg, unsigned width)
{
    int64_t offset = pci_config_offset(host, bdf, reg, width);

    if (offset < 0) {
        return UINT32_MAX;
    }
    return host->config.ops->read(host->config.ecam, (uint64_t)offset, width);
}

static int config_write(const struct pci_host *host, uint16_t bdf, unsigned reg, unsigned width,
                        uint32_t value)
{
    int64_t offset = pci_config_offset(host, bdf, reg, width);

    if (offset < 0) {
        return (int)offset;
    }
    host->config.ops->write(host->config.ecam, (uint64_t)offset, width, value);
    return 0;
}

uint8_t pci_config_read8(const struct pci_host *host, uint16_t bdf, unsigned reg)
{
    return (uint8_t)config_read(host, bdf, reg, 1);
}

uint16_t pci_config_read16(const struct pci_host *host, uint16_t bdf, unsigned reg)
{
    return (uint16_t)config_read(host, bdf, reg, 2);
}

uint32_t pci_config_read32(const struct pci_host *host, uint16_t bdf, unsigned reg)
{
    return config_read(host, bdf, reg, 4);
}

int pci_config_write8(const struct pci_host *host, uint16_t bdf, unsigned reg, uint8_t value)
{
    return config_write(host, bdf, reg, 1, value);
}

int pci_config_write16(const struct pci_host *host, uint16_t bdf, unsigned reg, uint16_t value)
{
    return config_write(host, bdf, reg, 2, value);
}

int pci_config_write32(const struct pci_host *host, uint16_t bdf, unsigned reg, uint32_t value)
{
    return config_write(host, bdf, reg, 4, value);
}

/* ---- Setup ---- */

static bool window_is_valid(const struct pci_window *window, uint64_t end)
{
    return window->size == 0 ||
           (window->bus_base < end && window->size <= end - window->bus_base &&
            window->size - 1 <= UINT64_MAX - window->cpu_base);
}

int pci_host_init(struct pci_host *host, const struct pci_host_config *config)
{
    uint64_t buses = config->ecam_size / PCI_BUS_SPACE_SIZE;

    if (buses == 0 || config->bus_first > config->bus_last ||
        (config->devices == NULL && config->device_capacity != 0) ||
        config->device_capacity > INT16_MAX ||
        !window_is_valid(&config->windows[PCI_WINDOW_IO], ADDRESS_32_END) ||
        !window_is_valid(&config->windows[PCI_WINDOW_MEM32], ADDRESS_32_END) ||
        !window_is_valid(&config->windows[PCI_WINDOW_MEM64], UINT64_MAX)) {
        return BAREGPU_ERR_INVALID;
    }
    host->config = *config;
    if (host->config.ops == NULL) {
        host->config.ops = &pci_config_mmio;
    }
    if (buses <= (uint64_t)(config->bus_last - config->bus_first)) {
        host->config.bus_last = (uint8_t)(config->bus_first + buses - 1);
    }
    struct pci_window *io = &host->config.windows[PCI_WINDOW_IO];
    if (io->bus_base >= IO_ADDRESS_END) {
        io->size = 0;
    } else if (io->size > IO_ADDRESS_END - io->bus_base) {
        io->size = IO_ADDRESS_END - io->bus_base;
    }
    host->device_count = 0;
    host->next_bus = 0;
    host->problem_count = 0;
    return 0;
}

void pci_report(struct pci_host *host, const struct pci_problem *problem)
{
    char text[192];

    host->problem_count++;
    if (host->config.report != NULL) {
        pci_describe_problem(host, problem, text, sizeof(text));
        host->config.report(host->config.report_context, problem, text);
    }
}

/* ---- Enumeration ---- */

static void report_simple(struct pci_host *host, enum pci_problem_kind kind, uint16_t bdf)
{
    const struct pci_problem problem = {.kind = kind, .bdf = bdf};

    pci_report(host, &problem);
}

/* Nobody answers with all ones; some bridges give zeros (PCI 6.1, vendor id). */
static bool function_is_present(const struct pci_host *host, uint16_t bdf)
{
    uint16_t vendor_id = pci_config_read16(host, bdf, PCI_REG_VENDOR_ID);

    return vendor_id != 0xFFFFu && vendor_id != 0;
}

static void read_identity(const struct pci_host *host, struct pci_device *device)
{
    uint16_t bdf = device->bdf;
    uint32_t class_revision = pci_config_read32(host, bdf, REG_REVISION);

    device->vendor_id = pci_config_read16(host, bdf, PCI_REG_VENDOR_ID);
    device->device_id = pci_config_read16(host, bdf, PCI_REG_DEVICE_ID);
    device->revision = (uint8_t)class_revision;
    device->class_code = class_revision >> 8;
    device->header_kind = pci_config_read8(host, bdf, REG_HEADER_TYPE) & HEADER_TYPE_MASK;
    if (device->header_kind > PCI_HEADER_BRIDGE) {
        device->header_kind = PCI_HEADER_CARDBUS; /* reserved types: listed, not configured */
    }
    if (device->header_kind == PCI_HEADER_DEVICE) {
        device->subsystem_vendor_id = pci_config_read16(host, bdf, PCI_REG_SUBSYSTEM_VENDOR_ID);
        device->subsystem_id = pci_config_read16(host, bdf, PCI_REG_SUBSYSTEM_ID);
    }
    uint8_t pin = pci_config_read8(host, bdf, REG_INTERRUPT_PIN);
    device->interrupt_pin = pin <= 4 ? pin : 0;
}

/* Which windows a bridge implements: the optional ones read back as zero when written (Bridge
 * 3.2.5.6 and 3.2.5.9). Only 64-bit prefetchable windows are used. */
static void probe_windows(const struct pci_host *host, struct pci_device *bridge)
{
    uint16_t bdf = bridge->bdf;

    pci_config_write8(host, bdf, REG_IO_BASE, 0xF0);
    bridge->has_io_window = (pci_config_read8(host, bdf, REG_IO_BASE) & 0xF0u) != 0;
    pci_config_write16(host, bdf, REG_PREFETCH_BASE, 0xFFF0);
    uint16_t base = pci_config_read16(host, bdf, REG_PREFETCH_BASE);
    bridge->has_mem64_window =
        (base & 0xFFF0u) != 0 && (base & PREFETCH_TYPE_MASK) == PREFETCH_TYPE_64;
}

/* An entry that is not used: one that was removed, behind that of the parent, or the next. */
static struct pci_device *free_entry(struct pci_host *host, int parent)
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
static struct pci_device *add_device(struct pci_host *host, uint16_t bdf, int parent)
{
    struct pci_device *device = free_entry(host, parent);

    if (device == NULL) {
        return NULL;
    }

    *device = (struct pci_device){.bdf = bdf, .parent = (int16_t)parent};
    device->depth = parent < 0 ? 0 : (uint8_t)(host->config.devices[parent].depth + 1);
    return device;
}

static void scan_bus(struct pci_host *host, unsigned bus, int parent);

static void write_bus_numbers(const struct pci_host *host, const struct pci_device *bridge)
{
    pci_config_write8(host, bridge->bdf, REG_PRIMARY_BUS, (uint8_t)PCI_BUS(bridge->bdf));
    pci_config_write8(host, bridge->bdf, REG_SECONDARY_BUS, bridge->secondary_bus);
    pci_config_write8(host, bridge->bdf, REG_SUBORDINATE_BUS, bridge->subordinate_bus);
}

/* Numbers depth first: while the buses behind are counted the bridge forwards all that are left. */
static void scan_bridge(struct pci_host *host, struct pci_device *bridge)
{
    probe_windows(host, bridge);
    if (bridge->depth >= PCI_BRIDGE_DEPTH_MAX || host->next_bus > host->bus_limit) {
        report_simple(host,
                      bridge->depth >= PCI_BRIDGE_DEPTH_MAX ? PCI_PROBLEM_TOO_DEEP
                                                            : PCI_PROBLEM_NO_BUS,
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
static int scan_function(struct pci_host *host, uint16_t bdf, int parent)
{
    if (!function_is_present(host, bdf)) {
        return -1;
    }
    int header_type = pci_config_read8(host, bdf, REG_HEADER_TYPE);
    struct pci_device *device = add_device(host, bdf, parent);

    if (device == NULL) {
        report_simple(host, PCI_PROBLEM_TABLE_FULL, bdf);
        return header_type;
    }
    read_identity(host, device);
    if (pci_is_bridge(device)) {
        scan_bridge(host, device);
    }
    pci_size_bars(host, device);
    return header_type;
}

/* A link leads to device 0 only (PCIe 7.3.1); others would be the same device answering again. */
static unsigned slots_behind(const struct pci_host *host, int parent)
{
    if (parent < 0) {
        return 32;
    }
    const struct pci_device *bridge = &host->config.devices[parent];
    int express = pci_capability_find(host, bridge, PCI_CAP_EXPRESS, 0);

    if (express < 0) {
        return 32;
    }
    unsigned type = EXPRESS_TYPE(
        pci_config_read16(host, bridge->bdf, (unsigned)express + EXPRESS_REG_CAPABILITIES));
    return type == EXPRESS_TYPE_ROOT_PORT || type == EXPRESS_TYPE_DOWNSTREAM ? 1 : 32;
}

/* Before any function of a bus is looked at, all of them stop: one that decodes while its BARs are
 * sized claims addresses of others, and a bridge with old numbers claims buses of others. */
static void quiet_bus(const struct pci_host *host, unsigned bus, unsigned slots)
{
    for (unsigned devfn = 0; devfn < slots * 8; devfn++) {
        uint16_t bdf = (uint16_t)(bus << 8 | devfn);

        if (!function_is_present(host, bdf)) {
            devfn |= PCI_FUNCTION(devfn) == 0 ? 7 : 0; /* then there is no other (PCI 3.2.2.3) */
            continue;
        }
        uint8_t header_type = pci_config_read8(host, bdf, REG_HEADER_TYPE);

        pci_config_write16(host, bdf, PCI_REG_COMMAND, 0);
        if ((header_type & HEADER_TYPE_MASK) == PCI_HEADER_BRIDGE) {
            pci_config_write8(host, bdf, REG_SECONDARY_BUS, 0);
            pci_config_write8(host, bdf, REG_SUBORDINATE_BUS, 0);
        }
        if (PCI_FUNCTION(devfn) == 0 && !(header_type & HEADER_MULTI_FUNCTION)) {
            devfn |= 7;
        }
    }
}

static void scan_bus(struct pci_host *host, unsigned bus, int parent)
{
    unsigned slots = slots_behind(host, parent);

    quiet_bus(host, bus, slots);
    for (unsigned slot = 0; slot < slots; slot++) {
        int header_type = scan_function(host, PCI_BDF(bus, slot, 0), parent);

        if (header_type < 0 || !(header_type & (int)HEADER_MULTI_FUNCTION)) {
            continue;
        }
        for (unsigned function = 1; function < 8; function++) {
            scan_function(host, PCI_BDF(bus, slot, function), parent);
        }
    }
}

int pci_host_enumerate(struct pci_host *host)
{
    host->device_count = 0;
    host->problem_count = 0;
    host->next_bus = host->config.bus_first + 1u;
    host->bus_limit = host->config.bus_last;
    scan_bus(host, host->config.bus_first, PCI_NO_PARENT);
    pci_assign_resources(host);
    return host->problem_count == 0 ? 0 : BAREGPU_ERR_NO_SPACE;
}

/* A bridge among it finds no bus: those behind this bridge were counted before it was there. */
void pci_scan_behind(struct pci_host *host, size_t bridge)
{
    const struct pci_device *above = &host->config.devices[bridge];
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

/* ---- Lookup ---- */

static struct pci_device *first_after(const struct pci_host *host, const struct pci_device *after)
{
    struct pci_device *devices = host->config.devices;

    return after == NULL ? devices : devices + (after - devices) + 1;
}

static struct pci_device *end_of(const struct pci_host *host)
{
    return host->config.devices + host->device_count;
}

struct pci_device *pci_find_id(const struct pci_host *host, uint16_t vendor_id, uint16_t device_id,
                               const struct pci_device *after)
{
    for (struct pci_device *device = first_after(host, after); device < end_of(host); device++) {
        if (!device->is_removed && device->vendor_id == vendor_id &&
            device->device_id == device_id) {
            return device;
        }
    }
    return NULL;
}

struct pci_device *pci_find_class(const struct pci_host *host, uint32_t class_code_wanted,
                                  uint32_t mask, const struct pci_device *after)
{
    for (struct pci_device *device = first_after(host, after); device < end_of(host); device++) {
        if (!device->is_removed && (device->class_code & mask) == class_code_wanted) {
            return device;
        }
    }
    return NULL;
}

struct pci_device *pci_find_capability(const struct pci_host *host, uint8_t capability_id,
                                       const struct pci_device *after)
{
    for (struct pci_device *device = first_after(host, after); device < end_of(host); device++) {
        if (!device->is_removed && pci_capability_find(host, device, capability_id, 0) > 0) {
            return device;
        }
    }
    return NULL;
}

struct pci_device *pci_find_extended_capability(const struct pci_host *host, uint16_t capability_id,
                                                const struct pci_device *after)
{
    for (struct pci_device *device = first_after(host, after); device < end_of(host); device++) {
        if (!device->is_removed &&
            pci_extended_capability_find(host, device, capability_id, 0) > 0) {
            return device;
        }
    }
    return NULL;
}

/* ---- Using a device ---- */

static bool has_failed_bar(const struct pci_device *device, bool is_io)
{
    for (unsigned bar = 0; bar < PCI_BAR_COUNT; bar++) {
        const struct pci_resource *resource = &device->bars[bar];

        if (resource->is_io == is_io && resource->state == PCI_RESOURCE_FAILED) {
            return true;
        }
    }
    return false;
}

int pci_device_enable(const struct pci_host *host, const struct pci_device *device, uint16_t bits)
{
    if (((bits & PCI_COMMAND_MEMORY) != 0 && has_failed_bar(device, false)) ||
        ((bits & PCI_COMMAND_IO) != 0 && has_failed_bar(device, true))) {
        return BAREGPU_ERR_NO_SPACE;
    }
    uint16_t command = pci_config_read16(host, device->bdf, PCI_REG_COMMAND);

    return pci_config_write16(host, device->bdf, PCI_REG_COMMAND, command | bits);
}

int pci_device_disable(const struct pci_host *host, const struct pci_device *device, uint16_t bits)
{
    uint16_t command = pci_config_read16(host, device->bdf, PCI_REG_COMMAND);

    return pci_config_write16(host, device->bdf, PCI_REG_COMMAND, command & (uint16_t)~bits);
}

int pci_bar_cpu_address(const struct pci_host *host, const struct pci_device *device, unsigned bar,
                        uint64_t *address)
{
    if (bar >= PCI_BAR_COUNT || device->bars[bar].state == PCI_RESOURCE_ABSENT) {
        return BAREGPU_ERR_NOT_FOUND;
    }
    const struct pci_resource *resource = &device->bars[bar];

    if (resource->state != PCI_RESOURCE_ASSIGNED) {
        return BAREGPU_ERR_NO_SPACE;
    }
    const struct pci_window *window = &host->config.windows[resource->window];

    *address = window->cpu_base + (resource->address - window->bus_base);
    return 0;
}

int pci_bar_map(const struct pci_host *host, const struct pci_device *device, unsigned bar,
                enum hal_memory_type type, void **registers)
{
    uint64_t address;
    int error = pci_bar_cpu_address(host, device, bar, &address);

    if (error < 0) {
        return error;
    }
    *registers = hal_map(address, device->bars[bar].size, type);
    return *registers == NULL ? BAREGPU_ERR_NO_MEMORY : 0;
}

unsigned pci_intx_route(const struct pci_host *host, const struct pci_device *device,
                        unsigned *root_slot)
{
    unsigned pin = device->interrupt_pin;

    while (pin != 0 && device->parent >= 0) {
        pin = (pin - 1 + PCI_SLOT(device->bdf)) % 4 + 1;
        device = &host->config.devices[device->parent];
    }
    *root_slot = PCI_SLOT(device->bdf);
    return pin;
}
