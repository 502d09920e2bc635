/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench_smp: chains per second through N virtqueues on N CPUs, for N = 1, 2, 4; one JSON object
 * per line behind "BENCH ".
 *
 *   smp_rings_N   each CPU drives its queue and plays its device (ring_device.h): nothing but the
 *                 library and the memory, so that what CPUs would take from each other shows
 *   smp_block_N   the queues of one virtio block device, if there is one; its requests go nowhere
 *                 with QEMU's null-co, so that the way there and back shows
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "baregpu/error.h"
#include "baregpu/virtqueue.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/block.h"
#include "tests/guest/lib/ring_device.h"
#include "tests/guest/lib/smp.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

#define CPUS_MAX 4u
#define MEASURE_NS 500000000ull
#define SLACK_NS 60000000000ull
#define SETUP_NS 5000000000ull
#define SPIN_NS 20000u
#define BATCH 16u
#define QUEUE_SIZE 64u
#define REQUEST_BYTES 64u
#define ANSWER_BYTES 128u

struct lane {
    struct ring_device device;
    struct bg_virtqueue queue;
    uint8_t request[REQUEST_BYTES];
    uint8_t answer[ANSWER_BYTES];
    uint64_t chains;
    bool is_bad;
} __attribute__((aligned(4096)));

static struct lane lanes[CPUS_MAX];
static struct block block;
static struct smp_meeting meeting;
static uint32_t cpus;

/* ---- Queues between a CPU and itself ---- */

static uint32_t answer(struct ring_device *device, const struct ring_chain *chain)
{
    struct lane *lane = device->context;

    lane->is_bad |= chain->segment_count != 2 || chain->segments[0].length != REQUEST_BYTES ||
                    chain->segments[1].length != ANSWER_BYTES;
    return ANSWER_BYTES;
}

static int open_lane(struct lane *lane)
{
    const struct bg_virtqueue_options options = {0};
    uint64_t wanted = BG_VIRTIO_F_VERSION_1 | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_RING_PACKED;
    int error;

    memset(lane, 0, sizeof(*lane));
    lane->device.offered = wanted;
    lane->device.queue_size = QUEUE_SIZE;
    lane->device.handler = answer;
    lane->device.context = lane;
    error = ring_device_open(&lane->device);
    if (!error) {
        error = bg_virtio_start(&lane->device.virtio, wanted, wanted, timer_deadline_ns(SETUP_NS));
    }
    if (!error) {
        error = bg_virtqueue_create(&lane->queue, &lane->device.virtio, &options);
    }
    return error ? error : bg_virtio_ready(&lane->device.virtio);
}

static void cycle(struct lane *lane)
{
    const struct bg_virtqueue_segment segments[2] = {
        {(uintptr_t)lane->request, REQUEST_BYTES},
        {(uintptr_t)lane->answer, ANSWER_BYTES},
    };
    struct bg_virtqueue_used used;
    int results = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        results |= bg_virtqueue_add(&lane->queue, segments, 1, 1, lane);
    }
    results |= bg_virtqueue_kick(&lane->queue) < 0;
    results |= ring_device_serve(&lane->device) - (int)BATCH;
    for (unsigned i = 0; i < BATCH; i++) {
        results |= bg_virtqueue_poll(&lane->queue, &used) - 1;
    }
    lane->is_bad |= results != 0;
    lane->chains += BATCH;
}

static void drive_lane(uint32_t cpu, void *context)
{
    struct lane *lane = &lanes[cpu];
    uint64_t end_ns;

    (void)context;
    smp_meet(&meeting, cpus);
    end_ns = timer_deadline_ns(MEASURE_NS);
    while (!timer_has_passed(end_ns) && !lane->is_bad) {
        cycle(lane);
    }
}

static bool print_figure(const char *name, uint64_t chains, uint64_t spent_ns)
{
    printf("BENCH {\"name\": \"%s_%" PRIu32 "\", \"per_s\": %" PRIu64 ", \"unit\": \"1/s\", "
           "\"n\": %" PRIu64 "}\n",
           name, cpus, chains * 1000000000 / spent_ns, chains);
    return chains > 0;
}

static bool measure_rings(void)
{
    uint64_t chains = 0;
    uint64_t start_ns;
    bool is_good = true;

    for (uint32_t i = 0; i < cpus; i++) {
        is_good &= open_lane(&lanes[i]) == BG_OK;
    }
    start_ns = bg_hal_time_ns();
    is_good = is_good && smp_run(cpus, drive_lane, NULL, timer_deadline_ns(SLACK_NS));
    start_ns = bg_hal_time_ns() - start_ns;
    for (uint32_t i = 0; i < cpus; i++) {
        is_good = is_good && !lanes[i].is_bad;
        chains += lanes[i].chains;
        bg_virtio_close(&lanes[i].device.virtio, timer_deadline_ns(SETUP_NS));
        bg_virtqueue_destroy(&lanes[i].queue);
    }
    return is_good && print_figure("smp_rings", chains, start_ns);
}

/* ---- Queues of a block device ---- */

static uint64_t done[CPUS_MAX];
static int errors[CPUS_MAX];

static int read_one(struct block_queue *queue, uint32_t *in_flight, bool has_ended)
{
    struct block_request *request = has_ended ? NULL : block_request_get(queue);

    if (request != NULL) {
        ++*in_flight;
        return block_submit(queue, request, false, 0, BLOCK_SECTOR);
    }
    --*in_flight;
    return block_wait(queue, &request, timer_deadline_ns(SLACK_NS));
}

static void drive_block(uint32_t cpu, void *context)
{
    uint32_t in_flight = 0;
    bool has_ended = false;
    uint64_t end_ns;

    (void)context;
    done[cpu] = 0;
    errors[cpu] = 0;
    smp_meet(&meeting, cpus);
    end_ns = timer_deadline_ns(MEASURE_NS);
    while (!errors[cpu] && (!has_ended || in_flight > 0)) {
        uint32_t before = in_flight;

        errors[cpu] = read_one(&block.queues[cpu], &in_flight, has_ended);
        done[cpu] += in_flight < before;
        has_ended = has_ended || timer_has_passed(end_ns);
    }
}

static bool measure_block(void)
{
    uint64_t requests = 0;
    bool is_good = true;
    uint64_t start_ns;
    int error = block_open(&block, cpus, BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC, true);

    if (error == BG_ERR_NOT_FOUND) {
        return true;
    }
    if (error || block.queue_count != cpus) {
        printf("block device: %s, %" PRIu32 " queues\n", bg_strerror(error), block.queue_count);
        return false;
    }
    block.device.wait = BG_WAIT_SPIN_THEN_SLEEP(SPIN_NS);
    start_ns = bg_hal_time_ns();
    is_good = smp_run(cpus, drive_block, NULL, timer_deadline_ns(SLACK_NS));
    start_ns = bg_hal_time_ns() - start_ns;
    for (uint32_t i = 0; i < cpus; i++) {
        is_good = is_good && !errors[i];
        requests += done[i];
    }
    return block_close(&block) == BG_OK && is_good && print_figure("smp_block", requests, start_ns);
}

static int run_bench_smp(void)
{
    bool is_good = smp_start() > 0;

    for (cpus = 1; is_good && cpus <= CPUS_MAX && cpus <= machine.cpu_count; cpus *= 2) {
        is_good = measure_rings() && measure_block();
    }
    return is_good && smp_stop() == BG_OK ? 0 : 1;
}

APP(bench_smp, "chains per second through N virtqueues on N CPUs", run_bench_smp, "");
