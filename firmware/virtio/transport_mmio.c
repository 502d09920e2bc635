/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio over MMIO (virtio 1.4, 4.2): version 2, and the legacy version 1. */
#include "baregpu/mmio.h"
#include "baregpu/virtio.h"

#define LEGACY_PAGE_SIZE 4096u
#define CONFIG_SIZE_MAX 4096u

static uint32_t read_register(struct bg_virtio_device *device, uint32_t reg)
{
    return bg_mmio_read32(device->transport.mmio.registers, reg);
}

static void write_register(struct bg_virtio_device *device, uint32_t reg, uint32_t value)
{
    bg_mmio_write32(device->transport.mmio.registers, reg, value);
}

static void write_register_pair(struct bg_virtio_device *device, uint32_t low, uint64_t value)
{
    write_register(device, low, (uint32_t)value);
    write_register(device, low + 4, (uint32_t)(value >> 32));
}

static uint64_t read_register_pair(struct bg_virtio_device *device, uint32_t low)
{
    uint64_t value = read_register(device, low);

    return value | (uint64_t)read_register(device, low + 4) << 32;
}

/* ---- Status, features, configuration ---- */

static uint8_t read_status(struct bg_virtio_device *device)
{
    return (uint8_t)read_register(device, BG_VIRTIO_MMIO_STATUS);
}

static void write_status(struct bg_virtio_device *device, uint8_t status)
{
    write_register(device, BG_VIRTIO_MMIO_STATUS, status);
}

static uint64_t read_features(struct bg_virtio_device *device)
{
    uint64_t features;

    write_register(device, BG_VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    features = read_register(device, BG_VIRTIO_MMIO_DEVICE_FEATURES);
    if (device->is_legacy) {
        return features;
    }
    write_register(device, BG_VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return features | (uint64_t)read_register(device, BG_VIRTIO_MMIO_DEVICE_FEATURES) << 32;
}

static void write_features(struct bg_virtio_device *device, uint64_t features)
{
    if (!device->is_legacy) {
        write_register(device, BG_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        write_register(device, BG_VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
    }
    write_register(device, BG_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    write_register(device, BG_VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
}

static uint64_t config_size(struct bg_virtio_device *device)
{
    uint64_t size = device->transport.mmio.size - BG_VIRTIO_MMIO_CONFIG;

    return size < CONFIG_SIZE_MAX ? size : CONFIG_SIZE_MAX;
}

static uint32_t config_generation(struct bg_virtio_device *device)
{
    return device->is_legacy ? 0 : read_register(device, BG_VIRTIO_MMIO_CONFIG_GENERATION);
}

static uint32_t read_config(struct bg_virtio_device *device, uint32_t offset, unsigned width)
{
    return bg_mmio_read(device->transport.mmio.registers, BG_VIRTIO_MMIO_CONFIG + offset, width);
}

static void write_config(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                         uint32_t value)
{
    bg_mmio_write(device->transport.mmio.registers, BG_VIRTIO_MMIO_CONFIG + offset, width, value);
}

/* ---- Queues ---- */

static void select_queue(struct bg_virtio_device *device, uint16_t index)
{
    write_register(device, BG_VIRTIO_MMIO_QUEUE_SEL, index);
}

static uint32_t queue_size_max(struct bg_virtio_device *device, uint16_t index)
{
    select_queue(device, index);
    return read_register(device, BG_VIRTIO_MMIO_QUEUE_SIZE_MAX);
}

/* 4.2.3.2 */
static int queue_enable(struct bg_virtio_device *device, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target)
{
    select_queue(device, index);
    if (read_register(device, BG_VIRTIO_MMIO_QUEUE_READY) != 0) {
        return BG_ERR_BUSY;
    }
    write_register(device, BG_VIRTIO_MMIO_QUEUE_SIZE, layout->size);
    write_register_pair(device, BG_VIRTIO_MMIO_QUEUE_DESC_LOW, layout->descriptor_address);
    write_register_pair(device, BG_VIRTIO_MMIO_QUEUE_DRIVER_LOW, layout->driver_address);
    write_register_pair(device, BG_VIRTIO_MMIO_QUEUE_DEVICE_LOW, layout->device_address);
    bg_barrier_write_outer(); /* the device finds the rings as they were prepared */
    write_register(device, BG_VIRTIO_MMIO_QUEUE_READY, 1);
    target->offset = BG_VIRTIO_MMIO_QUEUE_NOTIFY;
    target->id = index;
    return 0;
}

/* 4.2.4: the whole queue in one piece, by its page number. */
static int legacy_queue_enable(struct bg_virtio_device *device, uint16_t index,
                               const struct bg_virtio_queue_layout *layout,
                               struct bg_virtio_notify_target *target)
{
    uint64_t page = layout->descriptor_address / LEGACY_PAGE_SIZE;

    select_queue(device, index);
    if (read_register(device, BG_VIRTIO_MMIO_QUEUE_PFN) != 0) {
        return BG_ERR_BUSY;
    }
    if (page == 0 || page > UINT32_MAX || layout->descriptor_address % LEGACY_PAGE_SIZE != 0) {
        return BG_ERR_RANGE;
    }
    write_register(device, BG_VIRTIO_MMIO_GUEST_PAGE_SIZE, LEGACY_PAGE_SIZE);
    write_register(device, BG_VIRTIO_MMIO_QUEUE_SIZE, layout->size);
    write_register(device, BG_VIRTIO_MMIO_QUEUE_ALIGN, layout->legacy_align);
    bg_barrier_write_outer();
    write_register(device, BG_VIRTIO_MMIO_QUEUE_PFN, (uint32_t)page);
    target->offset = BG_VIRTIO_MMIO_QUEUE_NOTIFY;
    target->id = index;
    return 0;
}

static void queue_reset_begin(struct bg_virtio_device *device, uint16_t index)
{
    select_queue(device, index);
    write_register(device, BG_VIRTIO_MMIO_QUEUE_RESET, 1);
}

/* 4.2.2.1: QueueReset is 1 as long as it goes on, then it and QueueReady are 0. QEMU (10.0) offers
 * the feature over MMIO, too, but has no such register there. */
static int queue_reset_poll(struct bg_virtio_device *device, uint16_t index)
{
    select_queue(device, index);
    if (read_register(device, BG_VIRTIO_MMIO_QUEUE_RESET) != 0) {
        return 0;
    }
    return read_register(device, BG_VIRTIO_MMIO_QUEUE_READY) == 0 ? 1 : BG_ERR_UNSUPPORTED;
}

/* The register has 32 bits with BG_VIRTIO_F_NOTIFICATION_DATA and without (4.2.3.3). */
static void notify(struct bg_virtio_device *device, const struct bg_virtio_notify_target *target,
                   uint32_t value)
{
    bg_mmio_notify32(device->transport.mmio.registers, target->offset, value);
}

/* ---- More ---- */

static int find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                              struct bg_virtio_shared_memory *region)
{
    write_register(device, BG_VIRTIO_MMIO_SHM_SEL, id);
    region->size = read_register_pair(device, BG_VIRTIO_MMIO_SHM_LEN_LOW);
    region->address = read_register_pair(device, BG_VIRTIO_MMIO_SHM_BASE_LOW);
    if (region->size == UINT64_MAX || region->size == 0) {
        return BG_ERR_NOT_FOUND;
    }
    return region->address > UINT64_MAX - region->size ? BG_ERR_PROTOCOL : 0;
}

static int legacy_find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                                     struct bg_virtio_shared_memory *region)
{
    (void)device, (void)id, (void)region;
    return BG_ERR_NOT_FOUND;
}

static uint32_t take_interrupt(struct bg_virtio_device *device)
{
    uint32_t bits =
        bg_mmio_read_status32(device->transport.mmio.registers, BG_VIRTIO_MMIO_INTERRUPT_STATUS) &
        (BG_VIRTIO_ISR_QUEUE | BG_VIRTIO_ISR_CONFIG); /* 4.2.2.2: no undefined bits */

    if (bits != 0) {
        write_register(device, BG_VIRTIO_MMIO_INTERRUPT_ACK, bits);
    }
    return bits;
}

/* ---- Opening ---- */

#define SHARED_OPS                                                                                 \
    .read_status = read_status, .write_status = write_status, .read_features = read_features,      \
    .write_features = write_features, .config_size = config_size,                                  \
    .config_generation = config_generation, .read_config = read_config,                            \
    .write_config = write_config, .queue_size_max = queue_size_max,                                \
    .queue_reset_begin = queue_reset_begin, .queue_reset_poll = queue_reset_poll,                  \
    .notify = notify, .take_interrupt = take_interrupt

static const struct bg_virtio_transport_ops mmio_ops = {
    .name = "mmio",
    SHARED_OPS,
    .queue_enable = queue_enable,
    .find_shared_memory = find_shared_memory,
};

static const struct bg_virtio_transport_ops mmio_legacy_ops = {
    .name = "mmio-legacy",
    SHARED_OPS,
    .queue_enable = legacy_queue_enable,
    .find_shared_memory = legacy_find_shared_memory,
};

int bg_virtio_mmio_open(struct bg_virtio_device *device, uint64_t address, uint64_t size)
{
    if (size < BG_VIRTIO_MMIO_CONFIG) {
        return BG_ERR_INVALID;
    }
    struct bg_virtio_mmio mmio = {.size = size};

    mmio.registers = bg_hal_map(address, size, BG_HAL_MEMORY_DEVICE);
    if (mmio.registers == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    /* In this order, and no other register before (4.2.3.1.1). */
    if (bg_mmio_read32(mmio.registers, BG_VIRTIO_MMIO_MAGIC_VALUE) != BG_VIRTIO_MMIO_MAGIC) {
        return BG_ERR_NOT_FOUND;
    }
    uint32_t version = bg_mmio_read32(mmio.registers, BG_VIRTIO_MMIO_VERSION);

    if (version != BG_VIRTIO_MMIO_VERSION_MODERN && version != BG_VIRTIO_MMIO_VERSION_LEGACY) {
        return BG_ERR_UNSUPPORTED;
    }
    uint32_t id = bg_mmio_read32(mmio.registers, BG_VIRTIO_MMIO_DEVICE_ID);

    if (id == 0) {
        return BG_ERR_NOT_FOUND;
    }
    bool is_legacy = version == BG_VIRTIO_MMIO_VERSION_LEGACY;
    int error = bg_virtio_open(device, is_legacy ? &mmio_legacy_ops : &mmio_ops, id, NULL);

    device->is_legacy = is_legacy;
    device->transport.mmio = mmio;
    return error;
}
