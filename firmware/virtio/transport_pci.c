/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio over PCI (virtio 1.4, 4.1): modern devices, and transitional ones driven as modern. */
#include "baregpu/mmio.h"
#include "baregpu/virtio.h"

/* Parts of a structure behind this are not mapped (4.1.4: a driver may limit it to 4 KiB). */
#define STRUCTURE_LENGTH_MAX 4096u

#define COMMON(field) ((uint32_t)offsetof(struct bg_virtio_pci_common_cfg, field))

/* ---- Access to a structure ---- */

/* Where the configuration access capability points (4.1.4.9). */
struct access_window {
    uint8_t bar;
    uint32_t offset, length;
};

static struct access_window save_window(const struct bg_virtio_pci *pci)
{
    uint16_t bdf = pci->function->bdf;
    unsigned capability = pci->access_capability;

    return (struct access_window){
        bg_pci_config_read8(pci->host, bdf, capability + offsetof(struct bg_virtio_pci_cap, bar)),
        bg_pci_config_read32(pci->host, bdf,
                             capability + offsetof(struct bg_virtio_pci_cap, offset)),
        bg_pci_config_read32(pci->host, bdf,
                             capability + offsetof(struct bg_virtio_pci_cap, length)),
    };
}

static void set_window(const struct bg_virtio_pci *pci, const struct access_window *window)
{
    uint16_t bdf = pci->function->bdf;
    unsigned capability = pci->access_capability;

    bg_pci_config_write8(pci->host, bdf, capability + offsetof(struct bg_virtio_pci_cap, bar),
                         window->bar);
    bg_pci_config_write32(pci->host, bdf, capability + offsetof(struct bg_virtio_pci_cap, length),
                          window->length);
    bg_pci_config_write32(pci->host, bdf, capability + offsetof(struct bg_virtio_pci_cap, offset),
                          window->offset);
}

/* Points it at a register; returns where that is then. */
static unsigned aim(const struct bg_virtio_pci *pci, const struct bg_virtio_pci_region *region,
                    uint64_t offset, unsigned width)
{
    const struct access_window window = {region->bar, region->offset + (uint32_t)offset, width};

    set_window(pci, &window);
    return pci->access_capability + (unsigned)offsetof(struct bg_virtio_pci_cfg_cap, pci_cfg_data);
}

static uint32_t region_read(const struct bg_virtio_pci *pci,
                            const struct bg_virtio_pci_region *region, uint64_t offset,
                            unsigned width)
{
    return region->base != NULL ? bg_mmio_read(region->base, offset, width)
                                : bg_pci_config_read(pci->host, pci->function->bdf,
                                                     aim(pci, region, offset, width), width);
}

static void region_write(const struct bg_virtio_pci *pci, const struct bg_virtio_pci_region *region,
                         uint64_t offset, unsigned width, uint32_t value)
{
    if (region->base != NULL) {
        bg_mmio_write(region->base, offset, width, value);
    } else {
        bg_pci_config_write(pci->host, pci->function->bdf, aim(pci, region, offset, width), width,
                            value);
    }
}

static uint32_t common_read(struct bg_virtio_device *device, uint32_t offset, unsigned width)
{
    return region_read(&device->transport.pci, &device->transport.pci.common, offset, width);
}

static void common_write(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                         uint32_t value)
{
    region_write(&device->transport.pci, &device->transport.pci.common, offset, width, value);
}

/* Fields of 64 bits are written as two of 32 (4.1.3.1). */
static void common_write64(struct bg_virtio_device *device, uint32_t offset, uint64_t value)
{
    common_write(device, offset, 4, (uint32_t)value);
    common_write(device, offset + 4, 4, (uint32_t)(value >> 32));
}

/* ---- Ops: status, features, configuration ---- */

static uint8_t read_status(struct bg_virtio_device *device)
{
    return (uint8_t)common_read(device, COMMON(device_status), 1);
}

static void write_status(struct bg_virtio_device *device, uint8_t status)
{
    common_write(device, COMMON(device_status), 1, status);
}

static uint64_t read_features(struct bg_virtio_device *device)
{
    uint64_t features, unusable = 0, length = device->transport.pci.common.length;

    common_write(device, COMMON(device_feature_select), 4, 0);
    features = common_read(device, COMMON(device_feature), 4);
    common_write(device, COMMON(device_feature_select), 4, 1);
    features |= (uint64_t)common_read(device, COMMON(device_feature), 4) << 32;
    /* Features whose registers the structure is too short for are none. */
    if (length < COMMON(queue_notif_config_data) + 2) {
        unusable |= BG_VIRTIO_F_NOTIF_CONFIG_DATA;
    }
    if (length < COMMON(queue_reset) + 2) {
        unusable |= BG_VIRTIO_F_RING_RESET;
    }
    return features & ~unusable;
}

static void write_features(struct bg_virtio_device *device, uint64_t features)
{
    common_write(device, COMMON(driver_feature_select), 4, 0);
    common_write(device, COMMON(driver_feature), 4, (uint32_t)features);
    common_write(device, COMMON(driver_feature_select), 4, 1);
    common_write(device, COMMON(driver_feature), 4, (uint32_t)(features >> 32));
}

static uint64_t config_size(struct bg_virtio_device *device)
{
    return device->transport.pci.config.length;
}

static uint32_t config_generation(struct bg_virtio_device *device)
{
    return common_read(device, COMMON(config_generation), 1);
}

static uint32_t read_config(struct bg_virtio_device *device, uint32_t offset, unsigned width)
{
    return region_read(&device->transport.pci, &device->transport.pci.config, offset, width);
}

static void write_config(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                         uint32_t value)
{
    region_write(&device->transport.pci, &device->transport.pci.config, offset, width, value);
}

/* ---- Ops: queues ---- */

static void select_queue(struct bg_virtio_device *device, uint16_t index)
{
    common_write(device, COMMON(queue_select), 2, index);
}

static uint32_t queue_size_max(struct bg_virtio_device *device, uint16_t index)
{
    if (index >= common_read(device, COMMON(num_queues), 2)) {
        return 0;
    }
    select_queue(device, index);
    return common_read(device, COMMON(queue_size), 2);
}

/* Where the selected queue's doorbell is (4.1.4.4), checked against the structure's length. */
static int find_doorbell(struct bg_virtio_device *device, uint16_t index,
                         struct bg_virtio_notify_target *target)
{
    const struct bg_virtio_pci *pci = &device->transport.pci;
    unsigned width = bg_virtio_has_feature(device, BG_VIRTIO_F_NOTIFICATION_DATA) ? 4 : 2;
    uint64_t offset =
        (uint64_t)common_read(device, COMMON(queue_notify_off), 2) * pci->notify_multiplier;

    if (pci->notify.length < width || offset > pci->notify.length - width ||
        (pci->notify.offset + offset) % width != 0) {
        return BG_ERR_PROTOCOL;
    }
    target->offset = offset;
    target->id = index;
    if (bg_virtio_has_feature(device, BG_VIRTIO_F_NOTIF_CONFIG_DATA)) {
        target->id = (uint16_t)common_read(device, COMMON(queue_notif_config_data), 2);
    }
    return 0;
}

static int queue_enable(struct bg_virtio_device *device, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target)
{
    select_queue(device, index);
    if (common_read(device, COMMON(queue_enable), 2) != 0) {
        return BG_ERR_BUSY;
    }
    int error = find_doorbell(device, index, target);

    if (error < 0) {
        return error;
    }
    /* All fields before queue_enable (4.1.4.3.2); the MSI-X vector was, if there is one. */
    common_write(device, COMMON(queue_size), 2, layout->size);
    common_write64(device, COMMON(queue_desc_lo), layout->descriptor_address);
    common_write64(device, COMMON(queue_driver_lo), layout->driver_address);
    common_write64(device, COMMON(queue_device_lo), layout->device_address);
    bg_barrier_write_outer(); /* the device finds the rings as they were prepared */
    common_write(device, COMMON(queue_enable), 2, 1);
    return 0;
}

static void queue_reset_begin(struct bg_virtio_device *device, uint16_t index)
{
    select_queue(device, index);
    common_write(device, COMMON(queue_reset), 2, 1);
}

/* 4.1.4.3.1: queue_reset is 1 as long as it goes on, then it and queue_enable are 0. */
static int queue_reset_poll(struct bg_virtio_device *device, uint16_t index)
{
    select_queue(device, index);
    if (common_read(device, COMMON(queue_reset), 2) != 0) {
        return 0;
    }
    return common_read(device, COMMON(queue_enable), 2) == 0 ? 1 : BG_ERR_UNSUPPORTED;
}

static void notify(struct bg_virtio_device *device, const struct bg_virtio_notify_target *target,
                   uint32_t value)
{
    const struct bg_virtio_pci *pci = &device->transport.pci;
    bool is_wide = bg_virtio_has_feature(device, BG_VIRTIO_F_NOTIFICATION_DATA); /* 4.1.5.2.1 */

    if (pci->notify.base == NULL) {
        bg_barrier_write_outer();
        region_write(pci, &pci->notify, target->offset, is_wide ? 4 : 2, value);
    } else if (is_wide) {
        bg_mmio_notify32(pci->notify.base, target->offset, value);
    } else {
        bg_mmio_notify16(pci->notify.base, target->offset, (uint16_t)value);
    }
}

static uint32_t take_interrupt(struct bg_virtio_device *device)
{
    const struct bg_virtio_pci *pci = &device->transport.pci;
    struct access_window window;
    uint32_t bits;

    if (pci->isr.base == NULL) {
        window = save_window(pci); /* the interrupted code may be about to use it */
    }
    bits = region_read(pci, &pci->isr, 0, 1); /* the read clears it (4.1.4.5) */
    if (pci->isr.base == NULL) {
        set_window(pci, &window);
    }
    bg_barrier_read_outer();
    return bits & (BG_VIRTIO_ISR_QUEUE | BG_VIRTIO_ISR_CONFIG);
}

/* 4.1.5.1.2: what cannot be mapped reads back as no vector. */
static bool set_config_vector(struct bg_virtio_device *device, uint16_t entry)
{
    common_write(device, COMMON(config_msix_vector), 2, entry);
    return common_read(device, COMMON(config_msix_vector), 2) == entry;
}

static bool set_queue_vector(struct bg_virtio_device *device, uint16_t index, uint16_t entry)
{
    select_queue(device, index);
    common_write(device, COMMON(queue_msix_vector), 2, entry);
    return common_read(device, COMMON(queue_msix_vector), 2) == entry;
}

static void close(struct bg_virtio_device *device)
{
    bg_pci_device_disable(device->transport.pci.host, device->transport.pci.function,
                          BG_PCI_COMMAND_BUS_MASTER);
}

/* ---- Capabilities (4.1.4) ---- */

/* What a structure must be like. */
struct shape {
    uint64_t length_min, length_max;
    unsigned align;
};

static const struct shape common_shape = {BG_VIRTIO_PCI_COMMON_LENGTH_MIN, STRUCTURE_LENGTH_MAX, 4};
static const struct shape notify_shape = {2, UINT64_MAX, 2};
static const struct shape isr_shape = {1, 1, 1};
static const struct shape config_shape = {1, STRUCTURE_LENGTH_MAX, 4};

struct capability {
    unsigned offset; /* in configuration space */
    uint8_t length;  /* cap_len */
    uint8_t type, bar, id;
    uint64_t region_offset, region_length;
};

/* Copies a virtio capability. False: a shorter thing, or one with a reserved BAR; to be ignored
 * (4.1.4.1). */
static bool read_capability(const struct bg_virtio_pci *pci, unsigned offset,
                            struct capability *out)
{
    uint16_t bdf = pci->function->bdf;
#define FIELD(bits, type, field)                                                                   \
    bg_pci_config_read##bits(pci->host, bdf, offset + (unsigned)offsetof(struct type, field))
    out->offset = offset;
    out->length = FIELD(8, bg_virtio_pci_cap, cap_len);
    if (out->length < sizeof(struct bg_virtio_pci_cap) || offset + out->length > 256) {
        return false;
    }
    out->type = FIELD(8, bg_virtio_pci_cap, cfg_type);
    out->bar = FIELD(8, bg_virtio_pci_cap, bar);
    out->id = FIELD(8, bg_virtio_pci_cap, id);
    out->region_offset = FIELD(32, bg_virtio_pci_cap, offset);
    out->region_length = FIELD(32, bg_virtio_pci_cap, length);
    if (out->type == BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG) {
        if (out->length < sizeof(struct bg_virtio_pci_cap64)) {
            return false;
        }
        out->region_offset |= (uint64_t)FIELD(32, bg_virtio_pci_cap64, offset_hi) << 32;
        out->region_length |= (uint64_t)FIELD(32, bg_virtio_pci_cap64, length_hi) << 32;
    }
#undef FIELD
    return out->type == BG_VIRTIO_PCI_CAP_PCI_CFG || out->bar < BG_PCI_BAR_COUNT;
}

/* The virtio capability behind configuration offset *after; false at the end. A list that leads
 * nowhere ends where it breaks. */
static bool next_capability(const struct bg_virtio_pci *pci, unsigned *after,
                            struct capability *out)
{
    for (;;) {
        int offset = bg_pci_capability_find(pci->host, pci->function, BG_PCI_CAP_VENDOR, *after);

        if (offset < 0) {
            return false;
        }
        *after = (unsigned)offset;
        if (read_capability(pci, *after, out)) {
            return true;
        }
    }
}

static bool is_inside_bar(const struct bg_virtio_pci *pci, const struct capability *capability)
{
    uint64_t size = pci->function->bars[capability->bar].size;

    return pci->function->bars[capability->bar].state != BG_PCI_RESOURCE_ABSENT &&
           capability->region_offset <= size &&
           capability->region_length <= size - capability->region_offset;
}

/*
 * Decoding of the BAR's kind is on, so it can be accessed. Refused while any BAR of this kind has
 * no address.
 */
static bool is_decoded(const struct bg_virtio_pci *pci, unsigned bar)
{
    uint16_t bit = pci->function->bars[bar].is_io ? BG_PCI_COMMAND_IO : BG_PCI_COMMAND_MEMORY;

    return bg_pci_device_enable(pci->host, pci->function, bit) == 0;
}

/*
 * Takes this capability for a structure, unless an earlier one was taken: the first that can be
 * used is the device's choice (4.1.4.1). One that is too short, badly aligned or not inside its BAR
 * can not be used. Returns 0 or NO_MEMORY.
 */
static int take_structure(const struct bg_virtio_pci *pci, struct bg_virtio_pci_region *region,
                          const struct capability *capability, const struct shape *shape)
{
    uint64_t address, length = capability->region_length;

    if (region->length != 0 || length < shape->length_min ||
        capability->region_offset % shape->align != 0 || !is_inside_bar(pci, capability)) {
        return 0;
    }
    if (length > shape->length_max) {
        length = shape->length_max;
    }
    if (is_decoded(pci, capability->bar) &&
        bg_pci_bar_cpu_address(pci->host, pci->function, capability->bar, &address) == 0) {
        region->base =
            bg_hal_map(address + capability->region_offset, length, BG_HAL_MEMORY_DEVICE);
        if (region->base == NULL) {
            return BG_ERR_NO_MEMORY;
        }
    } else if (pci->access_capability == 0) {
        return 0; /* there is no other way to it */
    }
    region->bar = capability->bar;
    region->offset = (uint32_t)capability->region_offset;
    region->length = length;
    return 0;
}

static int take_capability(struct bg_virtio_pci *pci, const struct capability *capability)
{
    switch (capability->type) {
    case BG_VIRTIO_PCI_CAP_COMMON_CFG:
        return take_structure(pci, &pci->common, capability, &common_shape);
    case BG_VIRTIO_PCI_CAP_NOTIFY_CFG:
        if (capability->length < sizeof(struct bg_virtio_pci_notify_cap)) {
            return 0;
        }
        if (pci->notify.length == 0) {
            pci->notify_multiplier = bg_pci_config_read32(
                pci->host, pci->function->bdf,
                capability->offset +
                    (unsigned)offsetof(struct bg_virtio_pci_notify_cap, notify_off_multiplier));
        }
        return take_structure(pci, &pci->notify, capability, &notify_shape);
    case BG_VIRTIO_PCI_CAP_ISR_CFG:
        return take_structure(pci, &pci->isr, capability, &isr_shape);
    case BG_VIRTIO_PCI_CAP_DEVICE_CFG:
        return take_structure(pci, &pci->config, capability, &config_shape);
    default:
        return 0; /* shared memory is looked up when asked for; the rest is reserved (4.1.4.1) */
    }
}

static int take_capabilities(struct bg_virtio_pci *pci)
{
    struct capability capability;
    unsigned at = 0;

    while (pci->access_capability == 0 && next_capability(pci, &at, &capability)) {
        if (capability.type == BG_VIRTIO_PCI_CAP_PCI_CFG &&
            capability.length >= sizeof(struct bg_virtio_pci_cfg_cap)) {
            pci->access_capability = (uint16_t)capability.offset;
        }
    }
    at = 0;
    while (next_capability(pci, &at, &capability)) {
        int error = take_capability(pci, &capability);

        if (error < 0) {
            return error;
        }
    }
    /* 4.1.4.3.1, 4.1.4.4.1, 4.1.4.5.1: there is at least one of each. */
    return pci->common.length != 0 && pci->notify.length != 0 && pci->isr.length != 0
               ? 0
               : BG_ERR_PROTOCOL;
}

static int find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                              struct bg_virtio_shared_memory *region)
{
    const struct bg_virtio_pci *pci = &device->transport.pci;
    struct capability capability;
    uint64_t address;
    unsigned at = 0;

    while (next_capability(pci, &at, &capability)) {
        if (capability.type != BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG || capability.id != id) {
            continue;
        }
        if (!is_inside_bar(pci, &capability) || capability.region_length == 0) {
            return BG_ERR_PROTOCOL;
        }
        int error = bg_pci_bar_cpu_address(pci->host, pci->function, capability.bar, &address);

        if (error < 0) {
            return BG_ERR_NOT_FOUND; /* the BAR got no address: the region can not be had */
        }
        region->address = address + capability.region_offset;
        region->size = capability.region_length;
        return 0;
    }
    return BG_ERR_NOT_FOUND;
}

/* ---- Finding and opening ---- */

static const struct bg_virtio_transport_ops pci_ops = {
    .name = "pci",
    .read_status = read_status,
    .write_status = write_status,
    .read_features = read_features,
    .write_features = write_features,
    .config_size = config_size,
    .config_generation = config_generation,
    .read_config = read_config,
    .write_config = write_config,
    .queue_size_max = queue_size_max,
    .queue_enable = queue_enable,
    .queue_reset_begin = queue_reset_begin,
    .queue_reset_poll = queue_reset_poll,
    .notify = notify,
    .find_shared_memory = find_shared_memory,
    .take_interrupt = take_interrupt,
    .set_config_vector = set_config_vector,
    .set_queue_vector = set_queue_vector,
    .close = close,
};

uint32_t bg_virtio_pci_device_id(const struct bg_pci_device *function)
{
    if (function->vendor_id != BG_VIRTIO_PCI_VENDOR_ID ||
        function->header_kind != BG_PCI_HEADER_DEVICE ||
        function->device_id < BG_VIRTIO_PCI_TRANSITIONAL_FIRST ||
        function->device_id > BG_VIRTIO_PCI_MODERN_LAST) {
        return 0;
    }
    return function->device_id <= BG_VIRTIO_PCI_TRANSITIONAL_LAST
               ? function->subsystem_id /* 4.1.2.3 */
               : function->device_id - BG_VIRTIO_PCI_MODERN_BASE;
}

struct bg_pci_device *bg_virtio_pci_find(const struct bg_pci_host *host, uint32_t id,
                                         const struct bg_pci_device *after)
{
    size_t i = after == NULL ? 0 : (size_t)(after - host->config.devices) + 1;

    for (; id != 0 && i < host->device_count; i++) {
        if (bg_virtio_pci_device_id(&host->config.devices[i]) == id) {
            return &host->config.devices[i];
        }
    }
    return NULL;
}

int bg_virtio_pci_open(struct bg_virtio_device *device, const struct bg_pci_host *host,
                       const struct bg_pci_device *function)
{
    struct bg_virtio_pci pci = {.host = host, .function = function};
    uint32_t id = bg_virtio_pci_device_id(function);

    if (id == 0 || bg_pci_capability_find(host, function, BG_PCI_CAP_VENDOR, 0) < 0) {
        return BG_ERR_NOT_FOUND;
    }
    int error =
        take_capabilities(&pci) ?: bg_pci_device_enable(host, function, BG_PCI_COMMAND_BUS_MASTER);

    if (error == 0) {
        error = bg_virtio_open(device, &pci_ops, id, NULL);
        device->transport.pci = pci;
        device->dma = host->config.dma;
    }
    return error;
}
