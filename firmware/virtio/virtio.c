/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing a device up, its health, its configuration space; the same on every transport. */
#include "baregpu/virtio.h"

#include "baregpu/virtio_interrupt.h"
#include "firmware/common/mem.h"

/* How often a configuration read is tried again while the device changes it (2.5.1). A person that
 * resizes a window changes it a hundred times per second, a try takes microseconds. */
#define CONFIG_TRIES_MAX 100

#define GONE 0xFFu /* what reads give when the device is gone; all status bits at once */

int virtio_open(struct virtio_device *device, const struct virtio_transport_ops *ops,
                uint32_t id, void *context)
{
    if (ops == NULL || id == 0) {
        return BAREGPU_ERR_INVALID;
    }
    memset(device, 0, sizeof(*device));
    device->ops = ops;
    device->id = id;
    device->transport.other = context;
    return 0;
}

/* ---- Bringing up (3.1.1) ---- */

static void add_status(struct virtio_device *device, uint8_t bits)
{
    device->status |= bits;
    device->ops->write_status(device, device->status);
}

void virtio_fail(struct virtio_device *device)
{
    /* Not before ACKNOWLEDGE: the reset may still go on, and is to be waited for (4.1.4.3.2). */
    if (device->ops != NULL && device->status != 0) {
        add_status(device, VIRTIO_STATUS_FAILED);
    }
}

int virtio_reset(struct virtio_device *device, uint64_t deadline_ns)
{
    if (device->ops == NULL) {
        return BAREGPU_ERR_INVALID;
    }
    device->status = 0;
    device->features = 0;
    device->ops->write_status(device, 0);
    /* Complete when the status reads 0 (2.4.2), and never before (4.1.4.3.2). */
    while (device->ops->read_status(device) != 0) {
        if (hal_time_ns() >= deadline_ns) {
            return BAREGPU_ERR_TIMEOUT;
        }
        hal_wait(deadline_ns);
    }
    device->epoch++;
    return 0;
}

/* The subset of the wanted features that may be accepted, or an error. */
static int choose_features(struct virtio_device *device, uint64_t wanted, uint64_t required)
{
    uint64_t always = VIRTIO_F_VERSION_1; /* 6.1 */

    if (device->is_legacy) {
        always = 0;
        wanted |= VIRTIO_F_ANY_LAYOUT; /* which must be accepted (6.3) */
    }
    device->offered = device->ops->read_features(device);
    required |= always;
    if ((device->offered & required) != required) {
        return BAREGPU_ERR_UNSUPPORTED;
    }
    device->features = device->offered & (wanted | required);
    return 0;
}

static int negotiate(struct virtio_device *device, uint64_t wanted, uint64_t required)
{
    add_status(device, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(device, VIRTIO_STATUS_DRIVER);
    int error = choose_features(device, wanted, required);

    if (error < 0) {
        return error;
    }
    device->ops->write_features(device, device->features);
    if (device->is_legacy) {
        return 0; /* has no FEATURES_OK (3.1.2) */
    }
    add_status(device, VIRTIO_STATUS_FEATURES_OK);
    /* Read again: cleared, when the device does not support this subset. */
    if (!(device->ops->read_status(device) & VIRTIO_STATUS_FEATURES_OK)) {
        return BAREGPU_ERR_UNSUPPORTED;
    }
    return 0;
}

/* The reset has unmapped all vectors (4.1.5.1.2). */
static void map_config_vector(struct virtio_device *device)
{
    struct virtio_interrupt *interrupt = device->interrupt;

    if (interrupt != NULL && interrupt->kind == PCI_INTERRUPT_MSIX &&
        !device->ops->set_config_vector(
            device, interrupt->options.vectors[VIRTIO_INTERRUPT_CONFIG].entry)) {
        interrupt->refused++;
    }
}

int virtio_start(struct virtio_device *device, uint64_t wanted, uint64_t required,
                 uint64_t deadline_ns)
{
    int error = virtio_reset(device, deadline_ns);

    if (error == 0) {
        error = negotiate(device, wanted, required);
    }
    if (error == 0) {
        map_config_vector(device);
    }
    if (error < 0) {
        device->features = 0;
        virtio_fail(device);
    }
    return error;
}

static bool is_started(const struct virtio_device *device)
{
    return (device->status & (VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED)) == VIRTIO_STATUS_DRIVER;
}

int virtio_ready(struct virtio_device *device)
{
    if (!is_started(device)) {
        return BAREGPU_ERR_INVALID;
    }
    add_status(device, VIRTIO_STATUS_DRIVER_OK);
    return virtio_check(device);
}

int virtio_check(struct virtio_device *device)
{
    if (device->ops == NULL) {
        return BAREGPU_ERR_INVALID;
    }
    uint8_t status = device->ops->read_status(device);

    if (status == GONE) {
        return BAREGPU_ERR_UNAVAILABLE;
    }
    if (status & VIRTIO_STATUS_NEEDS_RESET) {
        return BAREGPU_ERR_IO;
    }
    return (status & device->status) == device->status ? 0 : BAREGPU_ERR_PROTOCOL;
}

/* ---- Configuration space (2.5) ---- */

static int check_config_range(struct virtio_device *device, uint32_t offset, unsigned width,
                              size_t count)
{
    if (device->ops == NULL || (width != 1 && width != 2 && width != 4) || offset % width != 0) {
        return BAREGPU_ERR_INVALID;
    }
    uint64_t size = device->ops->config_size(device);

    if (offset > size || count > (size - offset) / width) {
        return BAREGPU_ERR_RANGE;
    }
    return 0;
}

/* Reads the fields once. Returns whether they differ from what `to` held. */
static bool read_fields(struct virtio_device *device, uint32_t offset, unsigned width,
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

int virtio_config_read(struct virtio_device *device, uint32_t offset, unsigned width, void *to,
                       size_t count)
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
    return BAREGPU_ERR_BUSY;
}

int virtio_config_read8(struct virtio_device *device, uint32_t offset, uint8_t *value)
{
    return virtio_config_read(device, offset, 1, value, 1);
}

int virtio_config_read16(struct virtio_device *device, uint32_t offset, uint16_t *value)
{
    return virtio_config_read(device, offset, 2, value, 1);
}

int virtio_config_read32(struct virtio_device *device, uint32_t offset, uint32_t *value)
{
    return virtio_config_read(device, offset, 4, value, 1);
}

int virtio_config_read64(struct virtio_device *device, uint32_t offset, uint64_t *value)
{
    return virtio_config_read(device, offset, 4, value, 2);
}

int virtio_config_write(struct virtio_device *device, uint32_t offset, unsigned width,
                        uint32_t value)
{
    int error = check_config_range(device, offset, width, 1);

    if (error == 0) {
        device->ops->write_config(device, offset, width, value);
    }
    return error;
}

/* ---- More ---- */

int virtio_find_shared_memory(struct virtio_device *device, uint8_t id,
                              struct virtio_shared_memory *region)
{
    return device->ops != NULL ? device->ops->find_shared_memory(device, id, region)
                               : BAREGPU_ERR_INVALID;
}

uint32_t virtio_take_interrupt(struct virtio_device *device)
{
    /* A handler may run while virtio_close clears it. */
    const struct virtio_transport_ops *ops = device->ops;

    return ops != NULL ? ops->take_interrupt(device) : 0;
}

int virtio_close(struct virtio_device *device, uint64_t deadline_ns)
{
    int error = virtio_reset(device, deadline_ns);

    if (error == 0 && device->ops->close != NULL) {
        device->ops->close(device);
    }
    if (error == 0) {
        device->ops = NULL;
    }
    return error;
}
