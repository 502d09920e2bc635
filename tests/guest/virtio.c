/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-virtio: transports and virtqueues on every entropy device of the machine.
 *
 * Options: devices=N (how many there are), transport=pci|mmio|mmio-legacy (of all), packed=,
 * event_idx=, indirect=, in_order=, reset=, iommu= (0 or 1: whether the devices are to offer that),
 * smmu=1 (the machine has an SMMU, and bus addresses are its),
 * window=1 (reach a PCI device through its configuration access capability only), reset_ignored=1
 * (the devices offer the reset of a queue, but have no register for it).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/virtio_rng.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/smmu.h"
#include "tests/guest/lib/tap.h"
#include "firmware/apps/open/virtio.h"

#define DEVICES_MAX 8
#define BUFFERS 64u
#define BUFFER_SIZE 64u
#define MANY 70000u /* more than a 16-bit index counts */

struct guest_device {
    struct bg_virtio_device device;
    struct bg_virtqueue queue;
    struct virtio_place place;
    uint8_t *memory; /* BUFFERS of BUFFER_SIZE bytes */
    uint64_t address;
};

static struct guest_device devices[DEVICES_MAX];

static unsigned option(const char *key, unsigned otherwise)
{
    return (unsigned)app_option_number(key, otherwise, 0, UINT32_MAX);
}

static uint64_t soon(void)
{
    return virtio_host_deadline();
}

/* ---- Chains ---- */

static uint8_t *buffer(struct guest_device *d, unsigned number)
{
    return d->memory + number % BUFFERS * BUFFER_SIZE;
}

/* One chain that the device fills, of `count` segments that share the buffer. */
static int add(struct guest_device *d, unsigned number, unsigned count)
{
    struct bg_virtqueue_segment segments[8];
    uint32_t length = BUFFER_SIZE / count;

    memset(buffer(d, number), 0, BUFFER_SIZE);
    for (unsigned i = 0; i < count; i++) {
        segments[i].address = d->address + number % BUFFERS * BUFFER_SIZE + i * length;
        segments[i].length = length;
    }
    return bg_virtqueue_add(&d->queue, segments, 0, count, buffer(d, number));
}

/* Random bytes are there, and nothing behind them. 16 zeroes in a row do not happen. */
static bool is_filled(const struct bg_virtqueue_used *used)
{
    const uint8_t *bytes = used->token;
    bool is_random = used->written < 16, is_clean = true;

    for (uint32_t i = 0; i < BUFFER_SIZE; i++) {
        is_random |= i < used->written && bytes[i] != 0;
        is_clean &= i < used->written || bytes[i] == 0;
    }
    return used->written > 0 && is_random && is_clean;
}

/* How many of `chains` chains the queue takes at once, indirect tables or not. */
static unsigned fit(const struct guest_device *d, unsigned chains, unsigned segments)
{
    unsigned most = d->queue.capacity / segments;

    return chains < most ? chains : most;
}

/* Adds `chains` chains, kicks once, takes them all back. Returns how many were right. */
static unsigned exchange(struct guest_device *d, unsigned chains, unsigned segments)
{
    struct bg_virtqueue_used used;
    uint64_t seen = 0;
    unsigned good = 0;

    for (unsigned i = 0; i < chains; i++) {
        if (add(d, i, segments) != 0) {
            return 0;
        }
    }
    if (bg_virtqueue_kick(&d->queue) < 0) {
        return 0;
    }
    for (unsigned i = 0; i < chains && bg_virtqueue_wait(&d->queue, &used, soon()) == 1; i++) {
        uint64_t bit = 1ull << ((uint8_t *)used.token - d->memory) / BUFFER_SIZE;

        good += is_filled(&used) && !(seen & bit);
        seen |= bit;
    }
    return good;
}

/* ---- Bringing up ---- */

static void check_feature(const struct guest_device *d, const char *key, uint64_t feature)
{
    unsigned wanted = option(key, 2);

    if (wanted < 2) {
        tap_ok(bg_virtio_has_feature(&d->device, feature) == (wanted == 1), "%s: %s=%u",
               d->place.text, key, wanted);
    }
}

static bool start(struct guest_device *d)
{
    return bg_virtio_start(&d->device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()) == 0;
}

static bool set_up(struct guest_device *d)
{
    const struct bg_virtqueue_options options = {.indirect_segments = 4, .indirect_tables = 32};
    char transport[16];

    if (!tap_ok(start(d), "%s: starts", d->place.text)) {
        return false;
    }
    check_feature(d, "packed", BG_VIRTIO_F_RING_PACKED);
    check_feature(d, "event_idx", BG_VIRTIO_F_EVENT_IDX);
    check_feature(d, "indirect", BG_VIRTIO_F_INDIRECT_DESC);
    check_feature(d, "in_order", BG_VIRTIO_F_IN_ORDER);
    check_feature(d, "reset", BG_VIRTIO_F_RING_RESET);
    check_feature(d, "iommu", BG_VIRTIO_F_ACCESS_PLATFORM);
    if (app_option("transport", transport, sizeof(transport))) {
        tap_ok(strcmp(d->device.ops->name, transport) == 0, "%s: transport %s", d->place.text,
               d->device.ops->name);
    }
    d->memory = bg_hal_dma_alloc(BUFFERS * BUFFER_SIZE, 64, &d->address);
    tap_equal((unsigned long long)-bg_virtqueue_create(&d->queue, &d->device, &options), 0,
              "%s: queue", d->place.text);
    tap_diag("%s (%s): features 0x%" PRIx64 " of 0x%" PRIx64 ", %u entries", d->place.text,
             d->device.ops->name, d->device.features, d->device.offered, (unsigned)d->queue.size);
    const struct bg_virtqueue_options none = {.index = 1};
    struct bg_virtqueue no_queue;

    tap_ok(bg_virtqueue_create(&no_queue, &d->device, &none) == BG_ERR_NOT_FOUND,
           "%s: there is no second queue", d->place.text);
    return d->memory != NULL && d->queue.size != 0;
}

/* Made available before DRIVER_OK, notified after it. */
static void check_ready(struct guest_device *d)
{
    struct bg_virtqueue_used used;
    bool is_quiet = add(d, 0, 1) == 0 && bg_virtqueue_kick(&d->queue) == 0;

    tap_ok(is_quiet, "%s: no notification before DRIVER_OK", d->place.text);
    tap_ok(bg_virtio_ready(&d->device) == 0, "%s: ready", d->place.text);
    tap_ok(bg_virtqueue_kick(&d->queue) == 1, "%s: notified", d->place.text);
    tap_ok(bg_virtqueue_wait(&d->queue, &used, soon()) == 1 && is_filled(&used),
           "%s: first chain of %u bytes", d->place.text, (unsigned)used.written);
}

/* ---- Using ---- */

static void check_chains(struct guest_device *d)
{
    unsigned good = 0, total = 0;

    for (unsigned segments = 1; segments <= 8; segments *= 2) {
        unsigned chains = fit(d, 5, segments);

        good += exchange(d, chains, segments);
        total += chains;
    }
    tap_equal(good, total, "%s: chains of 1 to 8 segments", d->place.text);
    uint64_t before = d->queue.notifications;

    total = fit(d, BUFFERS, 1);
    tap_equal(exchange(d, total, 1), total, "%s: a batch of %u", d->place.text, total);
    tap_equal(d->queue.notifications - before, 1, "%s: with one notification", d->place.text);
}

static void check_many(struct guest_device *d)
{
    unsigned good = 0, total = 0;

    for (unsigned i = 0; total < MANY; i++) {
        unsigned segments = 1 + i % 3, chains = fit(d, 1 + i * 37 % BUFFERS, segments);

        good += exchange(d, chains, segments);
        total += chains;
    }
    tap_equal(good, total, "%s: %u chains, indices wrap", d->place.text, total);
    tap_ok(d->queue.completions >= MANY && bg_virtqueue_in_flight(&d->queue) == 0 &&
               bg_virtqueue_free(&d->queue) == d->queue.capacity,
           "%s: all entries are free again", d->place.text);
}

/* As many segments as the queue has entries, in one chain. */
static void check_longest(struct guest_device *d)
{
    struct bg_virtqueue_segment *segments = calloc(d->queue.size + 1u, sizeof(*segments));
    struct bg_virtqueue_used used = {0};
    unsigned count = d->queue.capacity;

    for (unsigned i = 0; i <= count; i++) {
        segments[i] = (struct bg_virtqueue_segment){d->address + i % (BUFFERS * BUFFER_SIZE), 1};
    }
    tap_ok(bg_virtqueue_add(&d->queue, segments, 0, count + 1, d) == BG_ERR_TOO_LARGE &&
               bg_virtqueue_add(&d->queue, segments, 0, count, d) == 0 &&
               bg_virtqueue_add(&d->queue, segments, 0, 1, d) == BG_ERR_NO_SPACE &&
               bg_virtqueue_kick(&d->queue) >= 0 &&
               bg_virtqueue_wait(&d->queue, &used, soon()) == 1 && used.token == d,
           "%s: a chain of %u segments, %u bytes", d->place.text, count, (unsigned)used.written);
    free(segments);
}

static void check_notifications(struct guest_device *d)
{
    bg_virtqueue_disable_notifications(&d->queue);
    exchange(d, 1, 1); /* QEMU notifies once whatever was said, when it has no last position */
    bg_virtio_take_interrupt(&d->device);
    unsigned good = exchange(d, 4, 1);

    tap_ok(good == 4 && bg_virtio_take_interrupt(&d->device) == 0, "%s: no notification when off",
           d->place.text);
    bool was_there = bg_virtqueue_enable_notifications(&d->queue);

    good = exchange(d, 1, 1);
    tap_ok(!was_there && good == 1 && bg_virtio_take_interrupt(&d->device) == BG_VIRTIO_ISR_QUEUE,
           "%s: a notification when on", d->place.text);
    tap_ok(bg_virtio_take_interrupt(&d->device) == 0, "%s: it is acknowledged", d->place.text);
    bg_virtqueue_disable_notifications(&d->queue);
}

/* ---- Resets ---- */

static void check_queue_reset(struct guest_device *d)
{
    void *token;
    unsigned reclaimed = 0, added = 0;

    if (!bg_virtio_has_feature(&d->device, BG_VIRTIO_F_RING_RESET) || option("reset_ignored", 0)) {
        tap_ok(bg_virtqueue_reset(&d->queue, soon()) == BG_ERR_UNSUPPORTED,
               "%s: no reset of a queue", d->place.text);
        tap_ok(exchange(d, 3, 2) == 3, "%s: the queue goes on", d->place.text);
        return;
    }
    for (unsigned i = 0; i < 5 && i < d->queue.capacity; i++) {
        added += add(d, i, 1) == 0;
    }
    bool is_reset = bg_virtqueue_reset(&d->queue, soon()) == 0;

    while (bg_virtqueue_reclaim(&d->queue, &token) == 1) {
        reclaimed++;
    }
    tap_ok(is_reset && reclaimed == added, "%s: queue reset gives back %u chains", d->place.text,
           reclaimed);
    tap_ok(bg_virtqueue_restart(&d->queue) == 0 && exchange(d, 3, 2) == 3,
           "%s: the queue works after it", d->place.text);
}

static void check_device_reset(struct guest_device *d)
{
    void *token;
    bool is_reset = add(d, 0, 1) == 0 && bg_virtio_reset(&d->device, soon()) == 0;

    tap_ok(is_reset && bg_virtqueue_kick(&d->queue) == BG_ERR_INVALID &&
               bg_virtqueue_reclaim(&d->queue, &token) == 1 &&
               bg_virtqueue_reclaim(&d->queue, &token) == 0,
           "%s: device reset ends the queue", d->place.text);
    tap_ok(start(d) && bg_virtqueue_restart(&d->queue) == 0 && bg_virtio_ready(&d->device) == 0 &&
               exchange(d, 3, 2) == 3 && bg_virtio_check(&d->device) == 0,
           "%s: works after it", d->place.text);
}

/* ---- All devices ---- */

/* As if no BAR had got an address. */
static bool hide_bars(struct bg_virtio_device *device, const struct virtio_place *place,
                      struct bg_pci_device *copy)
{
    *copy = *place->function;
    for (unsigned i = 0; i < BG_PCI_BAR_COUNT; i++) {
        if (copy->bars[i].state == BG_PCI_RESOURCE_ASSIGNED) {
            copy->bars[i].state = BG_PCI_RESOURCE_FAILED;
        }
    }
    bg_pci_device_disable(machine_pci(), place->function,
                          BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_IO);
    return bg_virtio_pci_open(device, machine_pci(), copy) == 0 &&
           device->transport.pci.common.base == NULL && device->transport.pci.notify.base == NULL;
}

static unsigned open_all(void)
{
    static struct bg_pci_device hidden[DEVICES_MAX];
    unsigned count = 0;

    for (; count < DEVICES_MAX; count++) {
        struct guest_device *d = &devices[count];
        int error = virtio_host_open(&d->device, BG_VIRTIO_ID_ENTROPY, count, &d->place);

        if (error == BG_ERR_NOT_FOUND) {
            break;
        }
        if (!tap_ok(error == 0, "%s: opens", d->place.text)) {
            break;
        }
        if (option("window", 0)) {
            tap_ok(hide_bars(&d->device, &d->place, &hidden[count]),
                   "%s: through the configuration access capability", d->place.text);
        }
    }
    return count;
}

/* Every device has work in flight at once. */
static void check_together(unsigned count)
{
    struct bg_virtqueue_used used;
    unsigned good = 0;

    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < count; i++) {
            add(&devices[i], round, 1);
            bg_virtqueue_kick(&devices[i].queue);
        }
        for (unsigned i = 0; i < count; i++) {
            good += bg_virtqueue_wait(&devices[i].queue, &used, soon()) == 1 && is_filled(&used) &&
                    used.token == buffer(&devices[i], round);
        }
    }
    tap_equal(good, 100 * count, "%u devices side by side", count);
}

/* The driver that applications use. */
static void check_driver(struct guest_device *d)
{
    static struct bg_virtio_rng rng;
    static uint8_t bytes[5000];
    unsigned zeroes = 0;
    int error = bg_virtio_rng_open(&rng, &d->device, soon());

    if (error == 0) {
        error = bg_virtio_rng_read(&rng, bytes, sizeof(bytes), soon());
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        zeroes += bytes[i] == 0;
    }
    tap_ok(error == 0 && zeroes < 100, "%s: bg_virtio_rng_read: %s, %u zeroes", d->place.text,
           bg_strerror(error), zeroes);
    tap_ok(bg_virtio_rng_close(&rng, soon()) == 0, "%s: bg_virtio_rng_close", d->place.text);
}

static int run_test_virtio(void)
{
    tap_plan(0);
    if (option("smmu", 0) != 0 && !tap_ok(smmu_start(), "an SMMU")) {
        return tap_done();
    }
    unsigned count = open_all();

    if (!tap_equal(count, option("devices", 1), "entropy devices")) {
        return tap_done();
    }
    for (unsigned i = 0; i < count; i++) {
        struct guest_device *d = &devices[i];

        if (set_up(d)) {
            check_ready(d);
            check_chains(d);
            check_many(d);
            check_longest(d);
            check_notifications(d);
            check_queue_reset(d);
            check_device_reset(d);
        }
    }
    check_together(count);
    for (unsigned i = 0; i < count; i++) {
        tap_ok(bg_virtio_close(&devices[i].device, soon()) == 0, "%s: closes",
               devices[i].place.text);
        bg_virtqueue_destroy(&devices[i].queue);
        bg_hal_dma_free(devices[i].memory, BUFFERS * BUFFER_SIZE);
    }
    if (count != 0 && virtio_host_open(&devices[0].device, BG_VIRTIO_ID_ENTROPY, 0, NULL) == 0) {
        check_driver(&devices[0]);
    }
    return tap_done();
}

APP(test_virtio, "tests virtio transports and virtqueues on entropy devices", run_test_virtio,
    "packed event_idx indirect in_order reset iommu transport reset_ignored window devices "
    "smmu");
