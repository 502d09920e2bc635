/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/ring_device.h"

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

/* ---- Doorbells ---- */

static void ring_doorbell(const struct ring_device *device, uint32_t *counter, uint32_t cpu)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELEASE);
    if (device->is_asleep_by_interrupt) {
        cpu_wake(cpu);
    }
}

void ring_device_kick(struct ring_device *device)
{
    ring_doorbell(device, &device->kicks, device->device_cpu);
}

bool ring_device_wait(const struct ring_device *device, const uint32_t *counter, uint32_t seen,
                      uint64_t silence_ns)
{
    uint64_t deadline_ns = timer_deadline_ns(silence_ns);
    uint32_t spins = 0;

    while (bg_load_acquire32(counter) == seen) {
        if (timer_has_passed(deadline_ns)) {
            return false;
        }
        if (device->is_asleep_by_interrupt) {
            cpu_sleep(deadline_ns);
        } else {
            lock_pause(&spins);
        }
    }
    return true;
}

/* ---- The driver's end: what a transport does ---- */

static struct ring_device *of(struct bg_virtio_device *virtio)
{
    return virtio->transport.other;
}

static uint8_t read_status(struct bg_virtio_device *virtio)
{
    return of(virtio)->status;
}

static void write_status(struct bg_virtio_device *virtio, uint8_t status)
{
    of(virtio)->status = status;
}

static uint64_t read_features(struct bg_virtio_device *virtio)
{
    return of(virtio)->offered | BG_VIRTIO_F_VERSION_1;
}

static void write_features(struct bg_virtio_device *virtio, uint64_t features)
{
    of(virtio)->features = features;
}

static uint32_t queue_size_max(struct bg_virtio_device *virtio, uint16_t index)
{
    return index == 0 ? of(virtio)->queue_size : 0;
}

static int queue_enable(struct bg_virtio_device *virtio, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target)
{
    struct ring_device *device = of(virtio);

    device->layout = *layout;
    device->available = device->used = 0;
    device->available_wrap = device->used_wrap = true;
    target->id = index;
    return BG_OK;
}

static void notify(struct bg_virtio_device *virtio, const struct bg_virtio_notify_target *target,
                   uint32_t value)
{
    (void)target;
    (void)value;
    ring_device_kick(of(virtio));
}

static const struct bg_virtio_transport_ops ring_device_ops = {
    .name = "cpu",
    .read_status = read_status,
    .write_status = write_status,
    .read_features = read_features,
    .write_features = write_features,
    .queue_size_max = queue_size_max,
    .queue_enable = queue_enable,
    .notify = notify,
};

int ring_device_open(struct ring_device *device)
{
    return bg_virtio_open(&device->virtio, &ring_device_ops, BG_VIRTIO_ID_ENTROPY, device);
}

/* ---- Taking a chain (virtio 1.4, 2.7.13 and 2.8.21) ---- */

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static bool violated(struct ring_device *device, const char *how)
{
    device->violation = how;
    return false;
}

static bool add_segment(struct ring_device *device, struct ring_chain *chain, uint64_t address,
                        uint32_t length, uint16_t flags)
{
    if (chain->segment_count == RING_DEVICE_SEGMENTS_MAX) {
        return violated(device, "a chain is too long");
    }
    if (length == 0) {
        return violated(device, "a segment is empty");
    }
    chain->segments[chain->segment_count++] =
        (struct ring_segment){at(address), length, flags & BG_VIRTQ_DESC_F_WRITE};
    return true;
}

/* Both formats' tables: a descriptor's address, length and writability lie alike but for flags. */
static bool add_table(struct ring_device *device, struct ring_chain *chain, uint64_t address,
                      uint32_t length, bool is_packed)
{
    const struct bg_virtq_desc *split = at(address);
    const struct bg_pvirtq_desc *packed = at(address);

    for (uint32_t i = 0; i < length / sizeof(*split); i++) {
        if (is_packed ? !add_segment(device, chain, packed[i].addr, packed[i].len, packed[i].flags)
                      : !add_segment(device, chain, split[i].addr, split[i].len, split[i].flags)) {
            return false;
        }
    }
    return true;
}

/* 1, 0 when there is none, -1 after a violation. */
static int take_split(struct ring_device *device, struct ring_chain *chain)
{
    const struct bg_virtq_desc *table = at(device->layout.descriptor_address);
    const struct bg_virtq_avail *available = at(device->layout.driver_address);
    uint16_t next;

    if (bg_load_acquire16(&available->idx) == device->available) {
        return 0;
    }
    next = available->ring[device->available++ % device->layout.size];
    chain->id = next;
    for (;;) {
        const struct bg_virtq_desc *descriptor = &table[next];

        if (next >= device->layout.size) {
            return violated(device, "a descriptor outside the table") - 1;
        }
        if (descriptor->flags & BG_VIRTQ_DESC_F_INDIRECT) {
            return add_table(device, chain, descriptor->addr, descriptor->len, false) ? 1 : -1;
        }
        if (!add_segment(device, chain, descriptor->addr, descriptor->len, descriptor->flags)) {
            return -1;
        }
        if (!(descriptor->flags & BG_VIRTQ_DESC_F_NEXT)) {
            return 1;
        }
        next = descriptor->next;
    }
}

static bool is_available(const struct ring_device *device, uint16_t flags)
{
    return !!(flags & BG_VIRTQ_DESC_F_AVAIL) == device->available_wrap &&
           !!(flags & BG_VIRTQ_DESC_F_USED) != device->available_wrap;
}

static void advance(const struct ring_device *device, uint16_t *offset, bool *wrap, uint16_t by)
{
    *offset += by;
    if (*offset >= device->layout.size) {
        *offset -= device->layout.size;
        *wrap = !*wrap;
    }
}

static int take_packed(struct ring_device *device, struct ring_chain *chain)
{
    const struct bg_pvirtq_desc *ring = at(device->layout.descriptor_address);
    const struct bg_pvirtq_desc *descriptor;

    if (!is_available(device, bg_load_acquire16(&ring[device->available].flags))) {
        return 0;
    }
    do {
        descriptor = &ring[device->available];
        if (!is_available(device, descriptor->flags)) {
            return violated(device, "half a chain is available") - 1;
        }
        advance(device, &device->available, &device->available_wrap, 1);
        chain->id = descriptor->id; /* of the last one (2.8.6) */
        chain->descriptors++;
        if (descriptor->flags & BG_VIRTQ_DESC_F_INDIRECT) {
            return add_table(device, chain, descriptor->addr, descriptor->len, true) ? 1 : -1;
        }
        if (!add_segment(device, chain, descriptor->addr, descriptor->len, descriptor->flags)) {
            return -1;
        }
    } while (descriptor->flags & BG_VIRTQ_DESC_F_NEXT);
    return 1;
}

/* ---- Giving it back ---- */

static bool is_packed(const struct ring_device *device)
{
    return device->features & BG_VIRTIO_F_RING_PACKED;
}

static bool has_event_index(const struct ring_device *device)
{
    return device->features & BG_VIRTIO_F_EVENT_IDX;
}

static bool put_split(struct ring_device *device, const struct ring_chain *chain, uint32_t written)
{
    const struct bg_virtq_avail *available = at(device->layout.driver_address);
    struct bg_virtq_used *used = at(device->layout.device_address);

    used->ring[device->used % device->layout.size] =
        (struct bg_virtq_used_elem){chain->id, written};
    bg_store_release16(&used->idx, ++device->used);
    bg_barrier_full(); /* 2.7.7.1: published, now look whether the driver sleeps */
    if (has_event_index(device)) {
        return bg_load_acquire16(&available->ring[device->layout.size]) ==
               (uint16_t)(device->used - 1);
    }
    return !(bg_load_acquire16(&available->flags) & BG_VIRTQ_AVAIL_F_NO_INTERRUPT);
}

static bool put_packed(struct ring_device *device, const struct ring_chain *chain, uint32_t written)
{
    struct bg_pvirtq_desc *descriptor =
        (struct bg_pvirtq_desc *)at(device->layout.descriptor_address) + device->used;
    const struct bg_pvirtq_event_suppress *event = at(device->layout.driver_address);
    uint16_t first = device->used;
    bool first_wrap = device->used_wrap;
    uint16_t flags;
    uint16_t wanted;

    descriptor->id = chain->id;
    descriptor->len = written;
    flags = device->used_wrap ? BG_VIRTQ_DESC_F_AVAIL | BG_VIRTQ_DESC_F_USED : 0;
    bg_store_release16(&descriptor->flags, flags | (written ? BG_VIRTQ_DESC_F_WRITE : 0));
    advance(device, &device->used, &device->used_wrap, chain->descriptors);
    bg_barrier_full(); /* 2.8.21.3.1 */
    flags = bg_load_acquire16(&event->flags) & BG_RING_EVENT_FLAGS_MASK;
    if (flags != BG_RING_EVENT_FLAGS_DESC) {
        return flags != BG_RING_EVENT_FLAGS_DISABLE;
    }
    /* A descriptor from `first` to the one before `used`. */
    wanted = bg_load_acquire16(&event->off_wrap);
    for (uint16_t i = 0; i < chain->descriptors; i++) {
        if (wanted == (first | (uint16_t)(first_wrap << BG_RING_EVENT_WRAP_SHIFT))) {
            return true;
        }
        advance(device, &first, &first_wrap, 1);
    }
    return false;
}

/* ---- Running ---- */

static int take(struct ring_device *device, struct ring_chain *chain)
{
    chain->segment_count = 0;
    chain->descriptors = 0;
    return is_packed(device) ? take_packed(device, chain) : take_split(device, chain);
}

int ring_device_serve(struct ring_device *device)
{
    struct ring_chain chain;
    int count = 0;
    int taken;

    while ((taken = take(device, &chain)) > 0) {
        uint32_t written = device->handler(device, &chain);

        device->chains++;
        count++;
        if (is_packed(device) ? put_packed(device, &chain, written)
                              : put_split(device, &chain, written)) {
            ring_doorbell(device, &device->interrupts, device->driver_cpu);
        }
    }
    return taken < 0 ? -1 : count;
}

/* Asks for a notification of the next chain, or for none. */
static void announce(struct ring_device *device, bool wanted)
{
    struct bg_virtq_used *used = at(device->layout.device_address);
    struct bg_pvirtq_event_suppress *event = at(device->layout.device_address);
    uint16_t position = device->available;

    if (!is_packed(device) && has_event_index(device)) {
        /* avail_event, behind the ring; one that the driver has just passed means never. */
        if (wanted) {
            bg_store_release16((uint16_t *)&used->ring[device->layout.size], position);
        }
    } else if (!is_packed(device)) {
        bg_store_release16(&used->flags, wanted ? 0 : BG_VIRTQ_USED_F_NO_NOTIFY);
    } else if (!wanted) {
        bg_store_release16(&event->flags, BG_RING_EVENT_FLAGS_DISABLE);
    } else if (has_event_index(device)) {
        position |= (uint16_t)(device->available_wrap << BG_RING_EVENT_WRAP_SHIFT);
        bg_store_release16(&event->off_wrap, position);
        bg_store_release16(&event->flags, BG_RING_EVENT_FLAGS_DESC);
    } else {
        bg_store_release16(&event->flags, BG_RING_EVENT_FLAGS_ENABLE);
    }
}

static bool has_chain(const struct ring_device *device)
{
    const struct bg_virtq_avail *available = at(device->layout.driver_address);
    const struct bg_pvirtq_desc *ring = at(device->layout.descriptor_address);

    if (is_packed(device)) {
        return is_available(device, bg_load_acquire16(&ring[device->available].flags));
    }
    return bg_load_acquire16(&available->idx) != device->available;
}

bool ring_device_run(struct ring_device *device, const uint32_t *is_over, uint64_t silence_ns)
{
    while (!bg_load_acquire32(is_over)) {
        uint32_t seen = bg_load_acquire32(&device->kicks);
        int served = ring_device_serve(device);

        if (served < 0) {
            return false;
        }
        if (served > 0) {
            continue;
        }
        announce(device, true);
        bg_barrier_full(); /* 2.7.10: said that it sleeps, now look once more */
        if (!has_chain(device) && !bg_load_acquire32(is_over)) {
            device->sleeps++;
            if (!ring_device_wait(device, &device->kicks, seen, silence_ns)) {
                return violated(device, "no notification came");
            }
        }
        announce(device, false);
    }
    return true;
}
