/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing a device up, its health, its configuration space; the same on every transport. */
#include "baregpu/virtio.h"

#include "baregpu/virtio_interrupt.h"
#include "firmware/common/mem.h"

/* How often a configuration read is tried again while the device changes it (2.5.1). A person that
 * resizes a window changes it a hundred times per second, a try takes microseconds. */
#define CONFIG_TRIES_MAX 100

#define GONE 0xFFu /* what reads give when the device is gone; all status bits at once */

int bg_virtio_open(struct bg_virtio_device *device, const struct bg_virtio_transport_ops *ops,
                   uint32_t id, void *context)
{
    if (ops == NULL || id == 0) {
        return BG_ERR_INVALID;
    }
    memset(device, 0, sizeof(*device));
    device->ops = ops;
    device->id = id;
    device->transport.other = context;
    return 0;
}

/* ---- Bringing up (3.1.1) ---- */

static void add_status(struct bg_virtio_device *device, uint8_t bits)
{
    device->status |= bits;
    device->ops->write_status(device, device->status);
}

void bg_virtio_fail(struct bg_virtio_device *device)
{
    /* Not before ACKNOWLEDGE: the reset may still go on, and is to be waited for (4.1.4.3.2). */
    if (device->ops != NULL && device->status != 0) {
        add_status(device, BG_VIRTIO_STATUS_FAILED);
    }
}

int bg_virtio_reset(struct bg_virtio_device *device, uint64_t deadline_ns)
{
    if (device->ops == NULL) {
        return BG_ERR_INVALID;
    }
    device->status = 0;
    device->features = 0;
    device->ops->write_status(device, 0);
    /* Complete when the status reads 0 (2.4.2), and never before (4.1.4.3.2). */
    while (device->ops->read_status(device) != 0) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    device->epoch++;
    return 0;
}

/* The subset of the wanted features that may be accepted, or an error. */
static int choose_features(struct bg_virtio_device *device, uint64_t wanted, uint64_t required)
{
    uint64_t always = BG_VIRTIO_F_VERSION_1; /* 6.1 */

    if (device->is_legacy) {
        always = 0;
        wanted |= BG_VIRTIO_F_ANY_LAYOUT; /* which must be accepted (6.3) */
    }
    if (device->dma != NULL && device->dma->is_translated) {
        always |= BG_VIRTIO_F_ACCESS_PLATFORM; /* without it: physical addresses only (6.1) */
    }
    device->offered = device->ops->read_features(device);
    required |= always;
    if ((device->offered & required) != required) {
        return BG_ERR_UNSUPPORTED;
    }
    device->features = device->offered & (wanted | required);
    return 0;
}

static int negotiate(struct bg_virtio_device *device, uint64_t wanted, uint64_t required)
{
    add_status(device, BG_VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(device, BG_VIRTIO_STATUS_DRIVER);
    int error = choose_features(device, wanted, required);

    if (error < 0) {
        return error;
    }
    device->ops->write_features(device, device->features);
    if (device->is_legacy) {
        return 0; /* has no FEATURES_OK (3.1.2) */
    }
    add_status(device, BG_VIRTIO_STATUS_FEATURES_OK);
    /* Read again: cleared, when the device does not support this subset. */
    if (!(device->ops->read_status(device) & BG_VIRTIO_STATUS_FEATURES_OK)) {
        return BG_ERR_UNSUPPORTED;
    }
    return 0;
}

/* The reset has unmapped all vectors (4.1.5.1.2). */
static void map_config_vector(struct bg_virtio_device *device)
{
    struct bg_virtio_interrupt *interrupt = device->interrupt;

    if (interrupt != NULL && interrupt->kind == BG_PCI_INTERRUPT_MSIX &&
        !device->ops->set_config_vector(
            device, interrupt->options.vectors[BG_VIRTIO_INTERRUPT_CONFIG].entry)) {
        interrupt->refused++;
    }
}

int bg_virtio_start(struct bg_virtio_device *device, uint64_t wanted, uint64_t required,
                    uint64_t deadline_ns)
{
    int error = bg_virtio_reset(device, deadline_ns) ?: negotiate(device, wanted, required);

    if (error == 0) {
        map_config_vector(device);
    } else {
        device->features = 0;
        bg_virtio_fail(device);
    }
    return error;
}

static bool is_started(const struct bg_virtio_device *device)
{
    return (device->status & (BG_VIRTIO_STATUS_DRIVER | BG_VIRTIO_STATUS_FAILED)) ==
           BG_VIRTIO_STATUS_DRIVER;
}

int bg_virtio_ready(struct bg_virtio_device *device)
{
    if (!is_started(device)) {
        return BG_ERR_INVALID;
    }
    add_status(device, BG_VIRTIO_STATUS_DRIVER_OK);
    return bg_virtio_check(device);
}

int bg_virtio_check(struct bg_virtio_device *device)
{
    if (device->ops == NULL) {
        return BG_ERR_INVALID;
    }
    uint8_t status = device->ops->read_status(device);

    if (status == GONE) {
        return BG_ERR_UNAVAILABLE;
    }
    if (status & BG_VIRTIO_STATUS_NEEDS_RESET) {
        return BG_ERR_IO;
    }
    return (status & device->status) == device->status ? 0 : BG_ERR_PROTOCOL;
}

/* ---- Configuration space (2.5) ---- */

static int check_config_range(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                              size_t count)
{
    if (device->ops == NULL || (width != 1 && width != 2 && width != 4) || offset % width != 0) {
        return BG_ERR_INVALID;
    }
    uint64_t size = device->ops->config_size(device);

    if (offset > size || count > (size - offset) / width) {
        return BG_ERR_RANGE;
    }
    return 0;
}

/* Reads the fields once. Returns whether they differ from what `to` held. */
static bool read_fields(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                        uint8_t *to, size_t count)
{
    bool is_changed = false;

    for (size_t i = 0; i < count; i++, to += width) {
        uint32_t value = device->ops->read_config(device, offset + (uint32_t)(i * width), width);

        is_changed |= memcmp(to, &value, width) != 0;
        memcpy(to, &value, width); /* little-endian, as the configuration is */
    }
    return is_changed;
}

int bg_virtio_config_read(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                          void *to, size_t count)
{
    int error = check_config_range(device, offset, width, count);

    if (error < 0) {
        return error;
    }
    if (device->is_legacy) {
        read_fields(device, offset, width, to, count);
    }
    for (unsigned i = 0; i < CONFIG_TRIES_MAX; i++) {
        uint32_t before = device->ops->config_generation(device);
        bool is_changed = read_fields(device, offset, width, to, count);

        /* A legacy device has no generation: until two reads give the same (2.5.4). */
        if (device->is_legacy ? !is_changed : device->ops->config_generation(device) == before) {
            return 0;
        }
    }
    return BG_ERR_BUSY;
}

int bg_virtio_config_read8(struct bg_virtio_device *device, uint32_t offset, uint8_t *value)
{
    return bg_virtio_config_read(device, offset, 1, value, 1);
}

int bg_virtio_config_read16(struct bg_virtio_device *device, uint32_t offset, uint16_t *value)
{
    return bg_virtio_config_read(device, offset, 2, value, 1);
}

int bg_virtio_config_read32(struct bg_virtio_device *device, uint32_t offset, uint32_t *value)
{
    return bg_virtio_config_read(device, offset, 4, value, 1);
}

int bg_virtio_config_read64(struct bg_virtio_device *device, uint32_t offset, uint64_t *value)
{
    return bg_virtio_config_read(device, offset, 4, value, 2);
}

int bg_virtio_config_write(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                           uint32_t value)
{
    int error = check_config_range(device, offset, width, 1);

    if (error == 0) {
        device->ops->write_config(device, offset, width, value);
    }
    return error;
}

/* ---- More ---- */

int bg_virtio_find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                                 struct bg_virtio_shared_memory *region)
{
    return device->ops != NULL ? device->ops->find_shared_memory(device, id, region)
                               : BG_ERR_INVALID;
}

uint32_t bg_virtio_take_interrupt(struct bg_virtio_device *device)
{
    /* A handler may run while bg_virtio_close clears it. */
    const struct bg_virtio_transport_ops *ops = device->ops;

    return ops != NULL ? ops->take_interrupt(device) : 0;
}

int bg_virtio_close(struct bg_virtio_device *device, uint64_t deadline_ns)
{
    int error = bg_virtio_reset(device, deadline_ns);

    if (error == 0 && device->ops->close != NULL) {
        device->ops->close(device);
    }
    if (error == 0) {
        device->ops = NULL;
    }
    return error;
}
