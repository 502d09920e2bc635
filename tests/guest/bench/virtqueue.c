/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-virtqueue, under QEMU's -icount shift=0,sleep=off: instructions per cycle of a
 * virtqueue (add, kick with its notification, poll), one JSON object per line behind "BENCH ".
 *
 *   virtq_split_cycle, virtq_packed_cycle   a descriptor per segment
 *   ..._indirect                            an indirect table
 *   ..._batch16                             16 chains per notification: per chain
 *
 * A chain has two segments, a request of 64 bytes and an answer of 128. One instruction is one
 * nanosecond of virtual time then, which is checked first. Counted are the calls of the driver,
 * with a notification that is a store, as on a bus; the device, a stand-in in this program, works
 * between the calls and is not counted. Neither is reading the counter. EVENT_IDX is negotiated.
 */
#include "firmware/apps/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "baregpu/barrier.h"
#include "baregpu/virtqueue.h"
#include "firmware/memory/heap.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/timer.h"

#define CYCLES 10000u
#define WARM_UP 300u /* more than once around the ring */
#define QUEUE_SIZE 256u
#define BATCH_MAX 16u
#define SEGMENTS 2u
#define REQUEST_BYTES 64u
#define ANSWER_BYTES 128u
#define TIMEOUT_NS 1000000000u

#define CALIBRATION_LOOPS 100000u
#define CALIBRATION_INSTRUCTIONS (2 * CALIBRATION_LOOPS)
#define NS_PER_S 1000000000ull

static inline uint64_t read_counter(void)
{
    uint64_t ticks;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

/* ---- The device: both formats, as much of them as a driver that obeys can notice ---- */

static struct stand_in {
    uint64_t features; /* negotiated */
    uint8_t status;
    uint32_t notify_register;
    struct bg_virtio_queue_layout queue;
    uint16_t next;   /* split: free-running; packed: offset */
    bool is_wrapped; /* packed: the wrap counter */
    bool is_good;
} device_state;

static struct bg_virtio_device device;
static struct bg_virtqueue queue;
static uint64_t offered;
static uint8_t request[REQUEST_BYTES], answer[ANSWER_BYTES];

/* Bus addresses are the CPU's. */
static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static void check(bool is_right)
{
    device_state.is_good &= is_right;
}

/* Whether these are the request and the answer. */
static void serve(uint64_t first, uint32_t first_length, uint64_t second, uint32_t second_length)
{
    check(first == (uintptr_t)request && first_length == sizeof(request));
    check(second == (uintptr_t)answer && second_length == sizeof(answer));
}

static bool serve_split(void)
{
    struct bg_virtq_desc *table = at(device_state.queue.descriptor_address);
    struct bg_virtq_avail *available = at(device_state.queue.driver_address);
    struct bg_virtq_used *used = at(device_state.queue.device_address);
    uint16_t mask = device_state.queue.size - 1u, position = device_state.next & mask;

    if (bg_load_acquire16(&available->idx) == device_state.next) {
        /* avail_event, behind the ring: notify for the next one (2.7.10). */
        uint16_t *event = at(device_state.queue.device_address + sizeof(*used) +
                             device_state.queue.size * sizeof(used->ring[0]));

        bg_store_release16(event, device_state.next);
        return false;
    }
    uint16_t head = available->ring[position];
    const struct bg_virtq_desc *first = &table[head], *second = &table[first->next];

    if (first->flags & BG_VIRTQ_DESC_F_INDIRECT) {
        first = at(first->addr);
        second = first + 1;
    }
    serve(first->addr, first->len, second->addr, second->len);
    used->ring[position] = (struct bg_virtq_used_elem){.id = head, .len = ANSWER_BYTES};
    bg_store_release16(&used->idx, ++device_state.next);
    return true;
}

static void skip_packed(uint16_t count)
{
    device_state.next += count;
    if (device_state.next >= device_state.queue.size) {
        device_state.next -= device_state.queue.size;
        device_state.is_wrapped = !device_state.is_wrapped;
    }
}

static bool serve_packed(void)
{
    struct bg_pvirtq_desc *ring = at(device_state.queue.descriptor_address);
    struct bg_pvirtq_event_suppress *event = at(device_state.queue.device_address);
    struct bg_pvirtq_desc *head = &ring[device_state.next];
    uint16_t flags = bg_load_acquire16(&head->flags), used_flags = 0, count = SEGMENTS;

    if (!!(flags & BG_VIRTQ_DESC_F_AVAIL) != device_state.is_wrapped ||
        !!(flags & BG_VIRTQ_DESC_F_USED) == device_state.is_wrapped) {
        event->off_wrap =
            device_state.next | (uint16_t)(device_state.is_wrapped << BG_RING_EVENT_WRAP_SHIFT);
        bg_store_release16(&event->flags, BG_RING_EVENT_FLAGS_DESC);
        return false;
    }
    uint16_t behind = (uint16_t)(device_state.next + 1u);
    const struct bg_pvirtq_desc *first = head;
    const struct bg_pvirtq_desc *second = &ring[behind < device_state.queue.size ? behind : 0];
    uint16_t id = second->id; /* the id of a chain is in its last descriptor (2.8.6) */

    if (flags & BG_VIRTQ_DESC_F_INDIRECT) {
        id = head->id;
        first = at(head->addr);
        second = first + 1;
        count = 1;
    }
    serve(first->addr, first->len, second->addr, second->len);
    if (device_state.is_wrapped) {
        used_flags = BG_VIRTQ_DESC_F_AVAIL | BG_VIRTQ_DESC_F_USED;
    }
    head->id = id;
    head->len = ANSWER_BYTES;
    bg_store_release16(&head->flags, used_flags | BG_VIRTQ_DESC_F_WRITE);
    skip_packed(count);
    return true;
}

static void work(void)
{
    bool is_packed = device_state.features & BG_VIRTIO_F_RING_PACKED;

    while (is_packed ? serve_packed() : serve_split()) {
    }
}

static uint8_t read_status(struct bg_virtio_device *of)
{
    (void)of;
    return device_state.status;
}

static void write_status(struct bg_virtio_device *of, uint8_t status)
{
    (void)of;
    device_state.status = status;
}

static uint64_t read_features(struct bg_virtio_device *of)
{
    (void)of;
    return offered;
}

static void write_features(struct bg_virtio_device *of, uint64_t features)
{
    (void)of;
    device_state.features = features;
}

static uint32_t queue_size_max(struct bg_virtio_device *of, uint16_t index)
{
    (void)of;
    return index == 0 ? QUEUE_SIZE : 0;
}

static int queue_enable(struct bg_virtio_device *of, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target)
{
    (void)of;
    device_state.queue = *layout;
    device_state.next = 0;
    device_state.is_wrapped = true;
    target->id = index;
    return 0;
}

/* What a transport does, with a register in memory. */
static void notify(struct bg_virtio_device *of, const struct bg_virtio_notify_target *target,
                   uint32_t value)
{
    (void)of;
    (void)target;
    bg_barrier_write_outer();
    *(volatile uint32_t *)&device_state.notify_register = value;
}

static const struct bg_virtio_transport_ops stand_in_ops = {
    .name = "stand-in",
    .read_status = read_status,
    .write_status = write_status,
    .read_features = read_features,
    .write_features = write_features,
    .queue_size_max = queue_size_max,
    .queue_enable = queue_enable,
    .notify = notify,
};

/* ---- Measuring ---- */

static const struct bench_case {
    const char *name;
    bool is_packed, is_indirect;
    unsigned batch;
} cases[] = {
    {"virtq_split_cycle", false, false, 1},
    {"virtq_split_cycle_indirect", false, true, 1},
    {"virtq_packed_cycle", true, false, 1},
    {"virtq_packed_cycle_indirect", true, true, 1},
    {"virtq_split_cycle_batch16", false, false, BATCH_MAX},
    {"virtq_packed_cycle_batch16", true, false, BATCH_MAX},
};

static uint64_t counter_cost; /* of an empty interval, in ticks */

static uint64_t ticks_to_instructions(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * NS_PER_S / timer_frequency_hz());
}

/* Whether virtual time goes on by a nanosecond per instruction. */
static bool calibrate(void)
{
    uint64_t start = read_counter(), loops = CALIBRATION_LOOPS, counted, instructions;

    counter_cost = UINT64_MAX;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t first = read_counter(), second = read_counter();

        counter_cost = second - first < counter_cost ? second - first : counter_cost;
    }
    start = read_counter();
    __asm__ volatile("1:\tsubs %0, %0, #1\n\tb.ne 1b" : "+r"(loops)::"cc");
    counted = read_counter() - start - counter_cost;
    instructions = ticks_to_instructions(counted);
    printf("%u instructions took %" PRIu64 " ns, the counter has %" PRIu64 " Hz\n",
           CALIBRATION_INSTRUCTIONS, instructions, timer_frequency_hz());
    return instructions >= CALIBRATION_INSTRUCTIONS - CALIBRATION_INSTRUCTIONS / 100 &&
           instructions <= CALIBRATION_INSTRUCTIONS + CALIBRATION_INSTRUCTIONS / 100;
}

static int open_queue(const struct bench_case *which)
{
    const struct bg_virtqueue_options options = {.indirect_segments =
                                                     which->is_indirect ? SEGMENTS : 0};
    uint64_t wanted = BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC |
                      (which->is_packed ? BG_VIRTIO_F_RING_PACKED : 0);
    int error = bg_virtio_open(&device, &stand_in_ops, BG_VIRTIO_ID_ENTROPY, NULL);

    device_state = (struct stand_in){.is_good = true};
    offered = wanted | BG_VIRTIO_F_VERSION_1;
    if (error == 0) {
        error = bg_virtio_start(&device, wanted, wanted, timer_deadline_ns(TIMEOUT_NS));
    }
    if (error == 0) {
        error = bg_virtqueue_create(&queue, &device, &options);
    }
    if (error == 0) {
        error = bg_virtio_ready(&device);
    }
    work(); /* it sleeps */
    return error;
}

/* One notification's worth. Returns the ticks that the driver took. Inlined, so that one chain is
 * added and polled without the instructions of a loop. */
static inline __attribute__((always_inline)) uint64_t cycle_of(unsigned batch)
{
    const struct bg_virtqueue_segment segments[SEGMENTS] = {
        {.address = (uintptr_t)request, .length = sizeof(request)},
        {.address = (uintptr_t)answer, .length = sizeof(answer)},
    };
    struct bg_virtqueue_used used[BATCH_MAX];
    int results = 0;
    uint64_t start = read_counter();

    for (unsigned i = 0; i < batch; i++) {
        results |= bg_virtqueue_add(&queue, segments, 1, 1, &request[i]);
    }
    int notified = bg_virtqueue_kick(&queue);
    uint64_t spent = read_counter() - start;

    work();
    start = read_counter();
    for (unsigned i = 0; i < batch; i++) {
        results |= bg_virtqueue_poll(&queue, &used[i]) - 1;
    }
    spent += read_counter() - start;
    check(results == 0 && notified == 1);
    for (unsigned i = 0; i < batch; i++) {
        check(used[i].token == &request[i] && used[i].written == ANSWER_BYTES);
    }
    return spent - 2 * counter_cost;
}

static __attribute__((noinline)) uint64_t cycle(unsigned batch)
{
    return batch == 1 ? cycle_of(1) : cycle_of(batch);
}

static uint64_t memory_in_use(void)
{
    struct pages_statistics pages;
    struct heap_statistics heap;

    pages_statistics(&pages);
    heap_statistics(&heap);
    return (pages.total - pages.free) * PAGE_SIZE + heap.blocks_in_use;
}

static bool measure(const struct bench_case *which)
{
    uint64_t ticks = 0, tenths, memory;
    int error = open_queue(which);

    if (error < 0) {
        printf("%s: %s\n", which->name, bg_strerror(error));
        return false;
    }
    memory = memory_in_use();
    for (unsigned i = 0; i < WARM_UP; i++) {
        cycle(which->batch);
    }
    for (unsigned i = 0; i < CYCLES; i++) {
        ticks += cycle(which->batch);
    }
    check(memory == memory_in_use());
    check(queue.notifications == WARM_UP + CYCLES &&
          queue.completions == (uint64_t)(WARM_UP + CYCLES) * which->batch);
    tenths = ticks_to_instructions(ticks * 10) / ((uint64_t)CYCLES * which->batch);
    if (!device_state.is_good) {
        printf("%s: the queue went wrong, or took memory\n", which->name);
    } else {
        printf("BENCH {\"name\": \"%s\", \"value\": %" PRIu64 ".%" PRIu64 ", \"unit\": \"instr\", "
               "\"n\": %u, \"batch\": %u}\n",
               which->name, tenths / 10, tenths % 10, CYCLES, which->batch);
    }
    bool is_closed = bg_virtio_close(&device, timer_deadline_ns(TIMEOUT_NS)) == 0;

    bg_virtqueue_destroy(&queue);
    return device_state.is_good && is_closed;
}

static int run_bench_virtqueue(void)
{
    bool is_good = true;

    if (!calibrate()) {
        printf("This counts instructions: start QEMU with -icount shift=0,sleep=off\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_good &= measure(&cases[i]);
    }
    return is_good ? 0 : 1;
}

APP(bench_virtqueue, "instructions per cycle of a virtqueue, under -icount", run_bench_virtqueue,
    "");
