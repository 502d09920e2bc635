/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses for BARs and bridge windows.
 *
 * Bottom up, each bridge's window gets a size: its children laid out from offset 0. Then the root
 * bus is laid out in the machine's windows. Then, top down, offsets become addresses. A layout
 * takes the child with the largest alignment first and puts it at the lowest place that is free,
 * so that small children fill the gaps that large ones leave.
 *
 * When a bridge's window does not fit, the largest BAR behind it is given up and everything is laid
 * out again: the others get their addresses.
 */
#include "firmware/pci/internal.h"

/* What a bridge's registers can express (Bridge 3.2.5.6, 3.2.5.8). */
#define BRIDGE_IO_GRANULE 0x1000ull
#define BRIDGE_MEMORY_GRANULE 0x100000ull

/* Bus address 0 reads as "not assigned" in many drivers, and low I/O is for legacy devices. */
#define LOWEST_IO_ADDRESS 0x1000ull
#define LOWEST_MEMORY_ADDRESS 0x100000ull

/* The resources of one device: BARs, then, for a bridge, its windows. */
#define SLOT_COUNT (BG_PCI_BAR_COUNT + BG_PCI_WINDOW_COUNT)

struct layout {
    struct bg_pci_host *host;
    int parent;
    enum bg_pci_window_kind window;
    uint64_t base, end; /* where children may lie; end is exclusive */
};

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static struct bg_pci_resource *resource_at(struct bg_pci_device *device, unsigned slot)
{
    return slot < BG_PCI_BAR_COUNT ? &device->bars[slot]
                                   : &device->forwarded[slot - BG_PCI_BAR_COUNT];
}

/* The next child of the layout in a given state; start with *index = 0 and *slot = 0. */
static struct bg_pci_resource *next_child(const struct layout *layout,
                                          enum bg_pci_resource_state state, size_t *index,
                                          unsigned *slot)
{
    for (; *index < layout->host->device_count; ++*index, *slot = 0) {
        struct bg_pci_device *device = &layout->host->config.devices[*index];

        if (device->parent != layout->parent) {
            continue;
        }
        while (*slot < SLOT_COUNT) {
            struct bg_pci_resource *resource = resource_at(device, (*slot)++);

            if (resource->state == state && resource->window == layout->window) {
                return resource;
            }
        }
    }
    return NULL;
}

static struct bg_pci_resource *largest_pending(const struct layout *layout, size_t *owner)
{
    struct bg_pci_resource *largest = NULL;
    struct bg_pci_resource *resource;
    size_t index = 0;
    unsigned slot = 0;

    while ((resource = next_child(layout, BG_PCI_RESOURCE_PENDING, &index, &slot)) != NULL) {
        if (largest == NULL || resource->align > largest->align ||
            (resource->align == largest->align && resource->size > largest->size)) {
            largest = resource;
            *owner = index;
        }
    }
    return largest;
}

/* The lowest free place, or false. Moves behind whatever is in the way until nothing is. */
static bool place(const struct layout *layout, struct bg_pci_resource *resource)
{
    uint64_t address = layout->base;
    bool moved = true;

    while (moved) {
        uint64_t aligned = align_up(address, resource->align);

        if (aligned < address || aligned >= layout->end || resource->size > layout->end - aligned) {
            return false;
        }
        address = aligned;
        moved = false;
        const struct bg_pci_resource *other;
        size_t index = 0;
        unsigned slot = 0;

        while ((other = next_child(layout, BG_PCI_RESOURCE_ASSIGNED, &index, &slot)) != NULL) {
            if (address < other->address + other->size &&
                other->address < address + resource->size) {
                address = other->address + other->size;
                moved = true;
            }
        }
    }
    resource->address = address;
    resource->state = BG_PCI_RESOURCE_ASSIGNED;
    return true;
}

/* Puts a bus's children back to pending, for another layout. */
static void unplace(const struct layout *layout)
{
    struct bg_pci_resource *resource;
    size_t index = 0;
    unsigned slot = 0;

    while ((resource = next_child(layout, BG_PCI_RESOURCE_ASSIGNED, &index, &slot)) != NULL) {
        resource->state = BG_PCI_RESOURCE_PENDING;
    }
}

static bool bridge_has_window(const struct bg_pci_device *bridge, enum bg_pci_window_kind window)
{
    return window == BG_PCI_WINDOW_IO      ? bridge->has_io_window
           : window == BG_PCI_WINDOW_MEM64 ? bridge->has_mem64_window
                                           : true;
}

bool pci_window_reaches(const struct bg_pci_host *host, const struct bg_pci_device *device,
                        enum bg_pci_window_kind window)
{
    for (int parent = device->parent; parent >= 0; parent = host->config.devices[parent].parent) {
        if (!bridge_has_window(&host->config.devices[parent], window)) {
            return false;
        }
    }
    return host->config.windows[window].size != 0;
}

static void fail_bar(struct bg_pci_host *host, struct bg_pci_device *device, unsigned bar,
                     enum bg_pci_problem_kind kind)
{
    struct bg_pci_resource *resource = &device->bars[bar];
    const struct bg_pci_problem problem = {
        .kind = kind,
        .bdf = device->bdf,
        .bar = bar,
        .size = resource->size,
        .window = (enum bg_pci_window_kind)resource->window,
    };

    resource->state = BG_PCI_RESOURCE_FAILED;
    pci_report(host, &problem);
}

/* BARs that no window of this kind leads to. */
static void fail_unreachable(struct bg_pci_host *host, enum bg_pci_window_kind window)
{
    for (size_t i = 0; i < host->device_count; i++) {
        struct bg_pci_device *device = &host->config.devices[i];
        bool is_reached = pci_window_reaches(host, device, window);

        for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT && !is_reached; bar++) {
            if (device->bars[bar].state == BG_PCI_RESOURCE_PENDING &&
                device->bars[bar].window == window) {
                fail_bar(host, device, bar, BG_PCI_PROBLEM_NO_WINDOW);
            }
        }
    }
}

/* Lays out what is behind one bridge and makes that the size of its window. */
static void size_window(struct bg_pci_host *host, size_t index, enum bg_pci_window_kind window)
{
    struct bg_pci_resource *forwarded = &host->config.devices[index].forwarded[window];
    uint64_t granule = window == BG_PCI_WINDOW_IO ? BRIDGE_IO_GRANULE : BRIDGE_MEMORY_GRANULE;
    struct layout layout = {host, (int)index, window, 0, UINT64_MAX & ~(granule - 1)};
    struct bg_pci_resource *child;
    size_t owner;

    *forwarded = (struct bg_pci_resource){.align = granule, .window = (uint8_t)window};
    unplace(&layout);
    while ((child = largest_pending(&layout, &owner)) != NULL) {
        if (!place(&layout, child)) {
            /* 2^64 bytes behind one bridge: too large for any machine, so say the size that makes
             * the root layout give up the largest BAR. */
            forwarded->size = layout.end;
            forwarded->state = BG_PCI_RESOURCE_PENDING;
            return;
        }
        if (child->align > forwarded->align) {
            forwarded->align = child->align;
        }
        uint64_t end = align_up(child->address + child->size, granule);
        if (end > forwarded->size) {
            forwarded->size = end;
        }
        forwarded->state = BG_PCI_RESOURCE_PENDING;
    }
}

static void fail_largest_behind(struct bg_pci_host *host, size_t bridge,
                                enum bg_pci_window_kind window)
{
    struct bg_pci_device *owner = NULL;
    unsigned bar_found = 0;

    for (size_t i = bridge + 1; i < host->device_count; i++) {
        struct bg_pci_device *device = &host->config.devices[i];

        for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT && pci_is_behind(host, device, bridge);
             bar++) {
            const struct bg_pci_resource *resource = &device->bars[bar];

            if (resource->window == window &&
                (resource->state == BG_PCI_RESOURCE_PENDING ||
                 resource->state == BG_PCI_RESOURCE_ASSIGNED) &&
                (owner == NULL || resource->size > owner->bars[bar_found].size)) {
                owner = device;
                bar_found = bar;
            }
        }
    }
    if (owner != NULL) {
        fail_bar(host, owner, bar_found, BG_PCI_PROBLEM_WINDOW_FULL);
    }
}

static struct layout root_layout(struct bg_pci_host *host, enum bg_pci_window_kind window)
{
    const struct bg_pci_window *space = &host->config.windows[window];
    uint64_t lowest = window == BG_PCI_WINDOW_IO ? LOWEST_IO_ADDRESS : LOWEST_MEMORY_ADDRESS;
    struct layout layout = {host, BG_PCI_NO_PARENT, window, space->bus_base,
                            space->bus_base + space->size};

    if (layout.base < lowest) {
        layout.base = lowest;
    }
    return layout;
}

/* One attempt at the root bus. Returns false when a bridge's window did not fit: one BAR behind it
 * was given up, and there has to be another attempt. */
static bool lay_out_root(struct bg_pci_host *host, enum bg_pci_window_kind window)
{
    struct layout layout = root_layout(host, window);
    struct bg_pci_resource *resource;
    size_t owner = 0;

    /* Behind a bridge comes after it in the array: backwards is bottom up. */
    for (size_t i = host->device_count; i-- > 0;) {
        if (pci_is_bridge(&host->config.devices[i])) {
            size_window(host, i, window);
        }
    }
    unplace(&layout);
    while ((resource = largest_pending(&layout, &owner)) != NULL) {
        struct bg_pci_device *device = &host->config.devices[owner];

        if (place(&layout, resource)) {
            continue;
        }
        if (resource == &device->forwarded[window]) {
            fail_largest_behind(host, owner, window);
            return false;
        }
        fail_bar(host, device, (unsigned)(resource - device->bars), BG_PCI_PROBLEM_WINDOW_FULL);
    }
    return true;
}

static void resolve_device(const struct bg_pci_host *host, struct bg_pci_device *device,
                           enum bg_pci_window_kind window)
{
    uint64_t base = host->config.devices[device->parent].forwarded[window].address;

    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        struct bg_pci_resource *resource = resource_at(device, slot);

        if (resource->state == BG_PCI_RESOURCE_ASSIGNED && resource->window == window) {
            resource->address += base;
        }
    }
}

/* Offsets inside a bridge's window become addresses; bridges come before what is behind them. */
static void resolve(struct bg_pci_host *host, enum bg_pci_window_kind window)
{
    for (size_t i = 0; i < host->device_count; i++) {
        if (host->config.devices[i].parent >= 0) {
            resolve_device(host, &host->config.devices[i], window);
        }
    }
}

/* A base above the limit forwards nothing (Bridge 3.2.5.6). */
static void program_bridge(const struct bg_pci_host *host, const struct bg_pci_device *bridge)
{
    const struct bg_pci_resource *io = &bridge->forwarded[BG_PCI_WINDOW_IO];
    const struct bg_pci_resource *mem32 = &bridge->forwarded[BG_PCI_WINDOW_MEM32];
    const struct bg_pci_resource *mem64 = &bridge->forwarded[BG_PCI_WINDOW_MEM64];
    uint64_t base = io->state == BG_PCI_RESOURCE_ASSIGNED ? io->address : 0xF000;
    uint64_t last = io->state == BG_PCI_RESOURCE_ASSIGNED ? io->address + io->size - 1 : 0;
    uint16_t bdf = bridge->bdf;

    bg_pci_config_write8(host, bdf, REG_IO_BASE, (uint8_t)(base >> 8 & 0xF0));
    bg_pci_config_write8(host, bdf, REG_IO_LIMIT, (uint8_t)(last >> 8 & 0xF0));
    bg_pci_config_write16(host, bdf, REG_IO_BASE_UPPER, 0);
    bg_pci_config_write16(host, bdf, REG_IO_LIMIT_UPPER, 0);

    base = mem32->state == BG_PCI_RESOURCE_ASSIGNED ? mem32->address : 0xFFF00000;
    last = mem32->state == BG_PCI_RESOURCE_ASSIGNED ? mem32->address + mem32->size - 1 : 0;
    bg_pci_config_write16(host, bdf, REG_MEMORY_BASE, (uint16_t)(base >> 16 & 0xFFF0));
    bg_pci_config_write16(host, bdf, REG_MEMORY_LIMIT, (uint16_t)(last >> 16 & 0xFFF0));

    base = mem64->state == BG_PCI_RESOURCE_ASSIGNED ? mem64->address : 0xFFF00000;
    last = mem64->state == BG_PCI_RESOURCE_ASSIGNED ? mem64->address + mem64->size - 1 : 0;
    bg_pci_config_write16(host, bdf, REG_PREFETCH_BASE, (uint16_t)(base >> 16 & 0xFFF0));
    bg_pci_config_write16(host, bdf, REG_PREFETCH_LIMIT, (uint16_t)(last >> 16 & 0xFFF0));
    bg_pci_config_write32(host, bdf, REG_PREFETCH_BASE_UPPER, (uint32_t)(base >> 32));
    bg_pci_config_write32(host, bdf, REG_PREFETCH_LIMIT_UPPER, (uint32_t)(last >> 32));
}

void pci_assign_resources(struct bg_pci_host *host)
{
    for (int window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        fail_unreachable(host, (enum bg_pci_window_kind)window);
        while (!lay_out_root(host, (enum bg_pci_window_kind)window)) {
        }
        resolve(host, (enum bg_pci_window_kind)window);
    }
    for (size_t i = 0; i < host->device_count; i++) {
        struct bg_pci_device *device = &host->config.devices[i];

        for (unsigned bar = 0; bar < pci_bar_limit(device); bar++) {
            if (device->bars[bar].state != BG_PCI_RESOURCE_ABSENT) {
                pci_write_bar(host, device, bar);
            }
        }
        if (pci_is_bridge(device)) {
            program_bridge(host, device);
        }
    }
    /* Only when everything has its address may bridges forward. */
    for (size_t i = 0; i < host->device_count; i++) {
        if (pci_is_bridge(&host->config.devices[i])) {
            bg_pci_config_write16(host, host->config.devices[i].bdf, BG_PCI_REG_COMMAND,
                                  BG_PCI_COMMAND_IO | BG_PCI_COMMAND_MEMORY |
                                      BG_PCI_COMMAND_BUS_MASTER);
        }
    }
}

/* ---- What is plugged in later ---- */

/* Where a bridge's own windows may lie, among those of its neighbours. */
static struct layout layout_around(struct bg_pci_host *host, size_t bridge,
                                   enum bg_pci_window_kind window)
{
    int parent = host->config.devices[bridge].parent;

    if (parent < 0) {
        return root_layout(host, window);
    }
    const struct bg_pci_resource *above = &host->config.devices[parent].forwarded[window];
    bool is_open = above->state == BG_PCI_RESOURCE_ASSIGNED;

    return (struct layout){host, parent, window, is_open ? above->address : 0,
                           is_open ? above->address + above->size : 0};
}

static void assign_window_behind(struct bg_pci_host *host, size_t bridge,
                                 enum bg_pci_window_kind window)
{
    struct layout around = layout_around(host, bridge, window);
    struct bg_pci_resource *forwarded = &host->config.devices[bridge].forwarded[window];

    fail_unreachable(host, window);
    size_window(host, bridge, window);
    while (forwarded->state == BG_PCI_RESOURCE_PENDING && !place(&around, forwarded)) {
        fail_largest_behind(host, bridge, window);
        size_window(host, bridge, window);
    }
    for (size_t i = bridge + 1; i < host->device_count; i++) {
        if (host->config.devices[i].parent == (int)bridge) {
            resolve_device(host, &host->config.devices[i], window);
        }
    }
}

void pci_assign_behind(struct bg_pci_host *host, size_t bridge)
{
    for (int window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        assign_window_behind(host, bridge, (enum bg_pci_window_kind)window);
    }
    for (size_t i = bridge + 1; i < host->device_count; i++) {
        struct bg_pci_device *device = &host->config.devices[i];

        for (unsigned bar = 0; device->parent == (int)bridge && bar < pci_bar_limit(device);
             bar++) {
            if (device->bars[bar].state != BG_PCI_RESOURCE_ABSENT) {
                pci_write_bar(host, device, bar);
            }
        }
    }
    program_bridge(host, &host->config.devices[bridge]);
}

void pci_close_bridge(struct bg_pci_host *host, size_t bridge)
{
    struct bg_pci_device *device = &host->config.devices[bridge];

    for (int window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        device->forwarded[window] = (struct bg_pci_resource){0};
    }
    program_bridge(host, device);
}
