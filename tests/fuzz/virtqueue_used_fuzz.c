/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c tests/fake/hal.c tests/fake/virtio.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/virtqueue.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * A virtqueue whose device writes anything anywhere in the rings. The input is two bytes for
 * features and size, then steps of six bytes: what, and up to five bytes of arguments.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "baregpu/virtqueue.h"
#include "tests/fake/hal.h"
#include "tests/fake/virtio.h"

#define STEP_SIZE 6
#define STEPS_MAX 400
#define CHAINS_MAX 64
#define SEGMENTS_MAX 10

static struct fake_virtio fake;
static struct bg_virtio_device device;
static struct bg_virtqueue queue;

/* The test's own idea of what is in flight. */
static struct {
    uint32_t capacity;
    bool is_in_flight;
} chains[CHAINS_MAX];
static unsigned in_flight;
static bool is_broken;

static uint8_t memory[SEGMENTS_MAX * 16];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint32_t fill(void *context, const struct fake_virtio_request *request)
{
    (void)context;
    memset(request->out, 0x5A, request->out_size);
    return (uint32_t)request->out_size;
}

/* Every result is one that the header names, and PROTOCOL stays. */
static void check_result(int result)
{
    if (is_broken) {
        check(result == BG_ERR_PROTOCOL);
    }
    is_broken |= result == BG_ERR_PROTOCOL;
}

/* ---- The driver's steps ---- */

static void add(const uint8_t *arguments)
{
    struct bg_virtqueue_segment segments[SEGMENTS_MAX];
    unsigned readable = arguments[0] % (SEGMENTS_MAX / 2 + 1);
    unsigned writable = arguments[1] % (SEGMENTS_MAX / 2 + 1),
             free_before = bg_virtqueue_free(&queue);
    uint32_t capacity = 0;
    uintptr_t i = 0;

    while (i < CHAINS_MAX && chains[i].is_in_flight) {
        i++;
    }
    if (i == CHAINS_MAX) {
        return;
    }
    for (unsigned n = 0; n < readable + writable; n++) {
        segments[n] =
            (struct bg_virtqueue_segment){(uintptr_t)memory + 16 * n, 1 + arguments[2] % 16};
        capacity += n < readable ? 0 : segments[n].length;
    }
    int result = bg_virtqueue_add(&queue, segments, readable, writable, (void *)(i + 1));

    check_result(result);
    if (result == 0) {
        chains[i].is_in_flight = true;
        chains[i].capacity = capacity;
        in_flight++;
        check(bg_virtqueue_free(&queue) < free_before);
    } else {
        check(result == BG_ERR_PROTOCOL || result == BG_ERR_NO_SPACE || result == BG_ERR_INVALID ||
              result == BG_ERR_TOO_LARGE);
        check(bg_virtqueue_free(&queue) == free_before);
    }
    check(bg_virtqueue_in_flight(&queue) == in_flight);
}

static void give_back(const void *token)
{
    uintptr_t i = (uintptr_t)token - 1;

    check(i < CHAINS_MAX && chains[i].is_in_flight);
    chains[i].is_in_flight = false;
    in_flight--;
    check(bg_virtqueue_in_flight(&queue) == in_flight);
}

static void take(bool is_waiting)
{
    struct bg_virtqueue_used used;
    int result = is_waiting ? bg_virtqueue_wait(&queue, &used, bg_hal_time_ns() + 3000)
                            : bg_virtqueue_poll(&queue, &used);

    if (result == 1) {
        check(!is_broken);
        check(used.written <= chains[(uintptr_t)used.token - 1].capacity);
        give_back(used.token);
    } else {
        check(result == BG_ERR_PROTOCOL || result == (is_waiting ? BG_ERR_TIMEOUT : 0));
        check_result(result);
    }
}

/* ---- The device's steps ---- */

static uint16_t half(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* Something that looks like a used entry, at its place or near it. */
static void write_used(const uint8_t *arguments)
{
    uint16_t id = arguments[0], length = arguments[1] % 40, place = arguments[2] % 4;

    if (device.features & BG_VIRTIO_F_RING_PACKED) {
        struct bg_pvirtq_desc *ring = (struct bg_pvirtq_desc *)queue.ring;
        struct bg_pvirtq_desc *at = &ring[(queue.next_used + place) % queue.size];
        uint16_t flags = queue.used_wrap ? BG_VIRTQ_DESC_F_AVAIL | BG_VIRTQ_DESC_F_USED : 0;

        at->id = id % (queue.size + 1);
        at->len = length;
        at->flags = flags ^ (arguments[3] % 8 == 0 ? BG_VIRTQ_DESC_F_USED : BG_VIRTQ_DESC_F_WRITE);
    } else {
        struct bg_virtq_used *used = (struct bg_virtq_used *)(queue.ring + queue.device_offset);

        used->ring[(queue.next_used + place) % queue.size] =
            (struct bg_virtq_used_elem){id % (queue.size + 1u), length};
        used->idx = (uint16_t)(queue.next_used + arguments[3] % 4);
    }
}

static void write_anything(const uint8_t *arguments)
{
    uint32_t offset = half(arguments) % (uint32_t)queue.ring_bytes;
    uint32_t count = arguments[4] % 9;

    for (uint32_t i = 0; i < count && offset + i < queue.ring_bytes; i++) {
        queue.ring[offset + i] = arguments[2 + i % 2];
    }
}

static void step(const uint8_t *bytes)
{
    switch (bytes[0] % 8) {
    case 0:
    case 1:
        add(bytes + 1);
        break;
    case 2:
        check_result(bg_virtqueue_kick(&queue));
        break;
    case 3:
        take(bytes[1] % 16 == 0);
        break;
    case 4:
    case 5:
        write_used(bytes + 1);
        break;
    case 6:
        write_anything(bytes + 1);
        break;
    default:
        if (bytes[1] & 1) {
            bg_virtqueue_enable_notifications(&queue);
        } else {
            bg_virtqueue_disable_notifications(&queue);
        }
        break;
    }
}

/* ---- After all that, a reset mends everything ---- */

static void recover(uint64_t features)
{
    struct bg_virtqueue_used used;
    void *token;

    check(bg_virtio_start(&device, features, 0, bg_hal_time_ns() + 1000000) == 0);
    while (bg_virtqueue_reclaim(&queue, &token) == 1) {
        give_back(token);
    }
    check(in_flight == 0);
    check(bg_virtqueue_restart(&queue) == 0 && bg_virtio_ready(&device) == 0);
    fake.waits_for_run = false;
    for (unsigned i = 0; i < 2u * queue.size + 1; i++) {
        const struct bg_virtqueue_segment segment = {(uintptr_t)memory, 8};

        check(bg_virtqueue_add(&queue, &segment, 0, 1, memory) == 0 &&
              bg_virtqueue_kick(&queue) == 1);
        check(bg_virtqueue_poll(&queue, &used) == 1 && used.written == 8);
    }
    check(fake.violations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t bits[] = {BG_VIRTIO_F_RING_PACKED,    BG_VIRTIO_F_INDIRECT_DESC,
                                    BG_VIRTIO_F_EVENT_IDX,      BG_VIRTIO_F_IN_ORDER,
                                    BG_VIRTIO_F_ORDER_PLATFORM, BG_VIRTIO_F_NOTIFICATION_DATA};
    const struct bg_virtqueue_options options = {.indirect_segments = 4, .indirect_tables = 3};
    uint64_t features = 0;

    if (size < 2) {
        return 0;
    }
    for (unsigned i = 0; i < 6; i++) {
        features |= data[0] >> i & 1 ? bits[i] : 0;
    }
    uint16_t entries =
        features & BG_VIRTIO_F_RING_PACKED ? 1 + data[1] % 33 : (uint16_t)(1u << data[1] % 6);

    fake_hal = (struct fake_hal){.wait_ns = 1000};
    memset(chains, 0, sizeof(chains));
    in_flight = 0;
    is_broken = false;
    fake_virtio_init(&fake, features, 1, entries, fill, NULL);
    fake.waits_for_run = true;
    fake_virtio_open(&fake, &device, 42);
    check(bg_virtio_start(&device, features, 0, 1000000) == 0);
    check(bg_virtqueue_create(&queue, &device, &options) == 0 && bg_virtio_ready(&device) == 0);
    for (size_t at = 2, steps = 0; at + STEP_SIZE <= size && steps < STEPS_MAX;
         at += STEP_SIZE, steps++) {
        step(data + at);
    }
    recover(features);
    check(bg_virtio_reset(&device, bg_hal_time_ns() + 1000000) == 0);
    bg_virtqueue_destroy(&queue);
    fake_virtio_end(&fake);
    check(fake_hal.allocated == 0);
    return 0;
}
