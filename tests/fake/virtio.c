/* SPDX-License-Identifier: BSD-2-Clause */
/* The transport of the fake device: registers, features, configuration. virtqueue.c has the
 * rings. */
#include "tests/fake/virtio.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/virtqueue.h"

static struct fake_virtio *fake_of(struct bg_virtio_device *device)
{
    return device->transport.other;
}

/* ---- Status and features ---- */

static void reset(struct fake_virtio *fake)
{
    for (unsigned i = 0; i < fake->queue_count; i++) {
        fake_virtqueue_reset(&fake->queues[i]);
    }
    fake->status = 0;
    fake->accepted = 0;
    fake->resets++;
    fake->isr = 0;
}

static uint8_t read_status(struct bg_virtio_device *device)
{
    struct fake_virtio *fake = fake_of(device);

    if (fake->is_gone) {
        return 0xFF;
    }
    if (fake->resets_pending != 0) {
        if (--fake->resets_pending == 0) {
            reset(fake);
        }
        return fake->resets_pending == 0 ? 0 : 0x0F;
    }
    return fake->status;
}

static void write_status(struct bg_virtio_device *device, uint8_t status)
{
    struct fake_virtio *fake = fake_of(device);

    if (status == 0) {
        fake->resets_pending = fake->reset_reads + 1;
        return;
    }
    if (fake->resets_pending != 0) {
        fake_violation(fake, "the status is written before the reset is complete");
        return;
    }
    if ((fake->status & ~BG_VIRTIO_STATUS_NEEDS_RESET) & ~status) {
        fake_violation(fake, "status bits are cleared"); /* 2.1.1 */
    }
    if ((status & ~fake->status & BG_VIRTIO_STATUS_FEATURES_OK) &&
        ((fake->accepted & fake->rejected) || (fake->accepted & ~fake->offered))) {
        status &= (uint8_t)~BG_VIRTIO_STATUS_FEATURES_OK;
    }
    fake->failures += (status & ~fake->status & BG_VIRTIO_STATUS_FAILED) != 0;
    fake->status = status | (fake->status & BG_VIRTIO_STATUS_NEEDS_RESET);
}

static uint64_t read_features(struct bg_virtio_device *device)
{
    return fake_of(device)->is_gone ? UINT64_MAX : fake_of(device)->offered;
}

static void write_features(struct bg_virtio_device *device, uint64_t features)
{
    struct fake_virtio *fake = fake_of(device);

    if (fake->status & BG_VIRTIO_STATUS_FEATURES_OK) {
        fake_violation(fake, "features are accepted after FEATURES_OK");
    }
    if (!(fake->status & BG_VIRTIO_STATUS_DRIVER)) {
        fake_violation(fake, "features are accepted before DRIVER");
    }
    fake->accepted = features;
}

/* ---- Configuration ---- */

static uint64_t config_size(struct bg_virtio_device *device)
{
    return fake_of(device)->config_size;
}

static uint32_t config_generation(struct bg_virtio_device *device)
{
    return fake_of(device)->generation;
}

static uint32_t read_config(struct bg_virtio_device *device, uint32_t offset, unsigned width)
{
    struct fake_virtio *fake = fake_of(device);
    uint32_t value = 0;

    if (offset % width != 0 || offset + width > fake->config_size) {
        fake_violation(fake, "a configuration read outside");
        return UINT32_MAX;
    }
    memcpy(&value, fake->config + offset, width);
    if (fake->config_changes != 0) {
        fake->config_changes--;
        for (size_t i = 0; i < fake->config_size; i++) {
            fake->config[i]++;
        }
        fake->generation++;
    }
    return value;
}

static void write_config(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                         uint32_t value)
{
    struct fake_virtio *fake = fake_of(device);

    if (offset % width != 0 || offset + width > fake->config_size) {
        fake_violation(fake, "a configuration write outside");
        return;
    }
    memcpy(fake->config + offset, &value, width);
}

/* ---- Queues ---- */

static uint32_t queue_size_max(struct bg_virtio_device *device, uint16_t index)
{
    struct fake_virtio *fake = fake_of(device);

    return index < fake->queue_count ? fake->queues[index].size_max : 0;
}

static int queue_enable(struct bg_virtio_device *device, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target)
{
    struct fake_virtio *fake = fake_of(device);

    if (!(fake->status & BG_VIRTIO_STATUS_FEATURES_OK)) {
        fake_violation(fake, "a queue is enabled before FEATURES_OK");
    }
    if (fake->queues[index].is_enabled) {
        return BG_ERR_BUSY;
    }
    fake_virtqueue_enable(fake, index, layout);
    *target = (struct bg_virtio_notify_target){.id = index};
    return 0;
}

static void queue_reset_begin(struct bg_virtio_device *device, uint16_t index)
{
    struct fake_virtio *fake = fake_of(device);

    fake->queues[index].is_resetting = true;
    fake->queue_resets_pending = fake->queue_reset_reads;
}

static int queue_reset_poll(struct bg_virtio_device *device, uint16_t index)
{
    struct fake_virtio *fake = fake_of(device);

    if (fake->queues[index].is_resetting && !fake->ignores_queue_reset &&
        fake->queue_resets_pending-- == 0) {
        fake_virtqueue_reset(&fake->queues[index]);
    }
    if (fake->ignores_queue_reset) {
        fake->queues[index].is_resetting = false;
        return BG_ERR_UNSUPPORTED;
    }
    return !fake->queues[index].is_resetting;
}

static void notify(struct bg_virtio_device *device, const struct bg_virtio_notify_target *target,
                   uint32_t value)
{
    struct fake_virtio *fake = fake_of(device);
    uint16_t index = (uint16_t)value;

    if (index != target->id || index >= fake->queue_count || !fake->queues[index].is_enabled) {
        fake_violation(fake, "a notification for no queue");
        return;
    }
    if (!(fake->status & BG_VIRTIO_STATUS_DRIVER_OK)) {
        fake_violation(fake, "a notification before DRIVER_OK");
    }
    fake->queues[index].last_notification = value;
    fake->queues[index].notifications++;
    __atomic_add_fetch(&fake->kicks, 1, __ATOMIC_SEQ_CST);
    if (!fake->waits_for_run) {
        fake_virtqueue_run(fake, index);
        fake_virtqueue_check_notification(fake, index);
    }
}

/* ---- More ---- */

static int find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                              struct bg_virtio_shared_memory *region)
{
    struct fake_virtio *fake = fake_of(device);

    if (id >= FAKE_VIRTIO_REGIONS_MAX || fake->regions[id].size == 0) {
        return BG_ERR_NOT_FOUND;
    }
    *region = fake->regions[id];
    return 0;
}

static uint32_t take_interrupt(struct bg_virtio_device *device)
{
    return __atomic_exchange_n(&fake_of(device)->isr, 0, __ATOMIC_SEQ_CST);
}

static const struct bg_virtio_transport_ops fake_ops = {
    .name = "fake",
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
};

void fake_virtio_init(struct fake_virtio *fake, uint64_t offered, unsigned queue_count,
                      uint16_t queue_size, fake_virtio_handler *handler, void *context)
{
    memset(fake, 0, sizeof(*fake));
    fake->offered = offered | BG_VIRTIO_F_VERSION_1;
    fake->queue_count = queue_count;
    fake->handler = handler;
    fake->context = context;
    for (unsigned i = 0; i < queue_count; i++) {
        fake->queues[i].size_max = queue_size;
    }
}

void fake_virtio_end(struct fake_virtio *fake)
{
    for (unsigned i = 0; i < fake->queue_count; i++) {
        fake_virtqueue_reset(&fake->queues[i]);
    }
}

int fake_virtio_open(struct fake_virtio *fake, struct bg_virtio_device *device, uint32_t id)
{
    return bg_virtio_open(device, &fake_ops, id, fake);
}

unsigned fake_virtio_run(struct fake_virtio *fake)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fake->queue_count; i++) {
        count += fake_virtqueue_run(fake, i);
    }
    return count;
}

bool fake_virtio_sleep(struct fake_virtio *fake)
{
    bool is_busy = false;

    for (unsigned i = 0; i < fake->queue_count; i++) {
        is_busy |= fake_virtqueue_sleep(fake, i);
    }
    return is_busy;
}

void fake_virtio_need_reset(struct fake_virtio *fake)
{
    fake->status |= BG_VIRTIO_STATUS_NEEDS_RESET;
    fake_virtio_config_changed(fake);
}

void fake_virtio_config_changed(struct fake_virtio *fake)
{
    fake->generation++;
    fake_virtio_interrupt(fake, BG_VIRTIO_ISR_CONFIG, -1);
}

void fake_virtio_interrupt(struct fake_virtio *fake, uint32_t bits, int queue)
{
    __atomic_or_fetch(&fake->isr, bits, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&fake->interrupts, 1, __ATOMIC_SEQ_CST);
    if (fake->interrupt != NULL) {
        fake->interrupt(fake->interrupt_context, queue);
    }
}
