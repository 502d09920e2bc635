/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-sst part=time: deterministic time. What is printed, guest time to the nanosecond
 * included, is the same in each run. A COMPUTE of N cycles at a clock of f ends N/f later.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/lib/tap.h"
#include "tests/guest/sst.h"

/* From the submission to the device, and from its answer to the next look: instructions of ours,
 * a nanosecond each with shift=0; asleep, the way through an interrupt too. */
#define SLACK_NS 20000u

/* The simulated time of the machine, as the guest sees it: bg_hal_time_ns counts in timer ticks. */
#define TICK_NS 20u

static struct {
    unsigned ended, busy;
    uint64_t last_ns;
    bool out_of_order;
} flood;

/* How long the device took, from just before the notification to the look that found the answer. */
static uint64_t time_compute(struct test_sst *t, uint64_t units, uint32_t latency,
                             struct bg_sst_compute_result *result)
{
    uint64_t began_ns = bg_hal_time_ns();
    int error = bg_virtio_sst_compute(&t->sst, units, latency, result, virtio_host_deadline());

    return error < 0 ? 0 : bg_hal_time_ns() - began_ns;
}

static void check_clock(struct test_sst *t, uint64_t clock_hz, uint64_t units)
{
    struct bg_sst_compute_result first = {0}, second = {0};
    int error = bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_CLOCK_HZ, clock_hz, NULL,
                                        virtio_host_deadline());
    uint64_t took_ns = time_compute(t, units, BG_SST_LATENCY_PIPELINED, &first);
    uint64_t expected_ns = (first.cycles * UINT64_C(1000000000) + clock_hz - 1) / clock_hz;

    tap_ok(error == 0 && first.cycles == 20 + units - 1 && took_ns + TICK_NS >= expected_ns &&
               took_ns <= expected_ns + SLACK_NS,
           "%" PRIu64 " cycles at %" PRIu64 " Hz: %" PRIu64 " ns of guest time for %" PRIu64,
           first.cycles, clock_hz, took_ns, expected_ns);
    /* Its clock is the guest's. */
    time_compute(t, units, BG_SST_LATENCY_PIPELINED, &second);
    tap_ok(second.timestamp >= first.timestamp + expected_ns,
           "it ends at %" PRIu64 ", then at %" PRIu64, first.timestamp, second.timestamp);
}

static void end(struct bg_virtio_sst_op *op)
{
    const struct bg_sst_compute_result *result = &op->response->payload.compute;

    flood.ended++;
    if (op->error == BG_ERR_LIMITED) {
        flood.busy++;
    } else if (op->error == 0) {
        flood.out_of_order |= result->timestamp < flood.last_ns;
        flood.last_ns = result->timestamp;
        printf("# request %" PRIu64 ": %" PRIu64 " cycles, ends at %" PRIu64 ", seen at %" PRIu64
               "\n",
               op->request->user_data, result->cycles, result->timestamp, bg_hal_time_ns());
    }
    bg_virtio_sst_release(op);
}

/* More at once than the queue of the accelerator takes: some are BUSY, one after the other ends. */
static void check_queue(struct test_sst *t)
{
    struct bg_virtio_sst_op *op;
    unsigned begun = 0;
    int result =
        bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_QUEUE_DEPTH, 8, NULL, virtio_host_deadline());

    memset(&flood, 0, sizeof(flood));
    while ((op = bg_virtio_sst_take(&t->sst, 0)) != NULL) {
        op->done = end;
        op->request->type = BG_SST_COMPUTE;
        op->request->user_data = begun;
        op->request->payload.compute =
            (struct bg_sst_compute){100 + begun, BG_SST_LATENCY_FIXED, 0};
        if (bg_virtio_sst_submit(op) == 0) {
            begun++;
        }
    }
    while (flood.ended < begun && result >= 0) {
        result = bg_virtio_sst_wait_any(&t->sst, 0, virtio_host_deadline());
    }
    tap_ok(result >= 0 && flood.busy == begun - 9 && !flood.out_of_order,
           "of %u requests, %u are refused: the queue is full", begun, flood.busy);
}

static void check_events(struct test_sst *t)
{
    struct bg_virtio_sst_event event;
    unsigned count = 0;

    tap_ok(bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_EVENT_MASK,
                                   1u << BG_SST_EVENT_COMPLETION | 1u << BG_SST_EVENT_ERROR, NULL,
                                   virtio_host_deadline()) == 0,
           "events");
    for (unsigned i = 0; i < 5; i++) {
        bg_virtio_sst_compute(&t->sst, i, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    }
    while (bg_virtio_sst_poll_event(&t->sst, &event) > 0) {
        printf("# event %u of %" PRIu64 " at %" PRIu64 ", seen at %" PRIu64 "\n",
               (unsigned)event.type, event.data, event.timestamp, bg_hal_time_ns());
        count++;
    }
    tap_equal(count, 6, "an event for each");
}

void test_sst_time(struct test_sst *t)
{
    check_clock(t, UINT64_C(1000000000), 1);
    check_clock(t, UINT64_C(1000000000), 1000000);
    check_clock(t, 1000000, 5000); /* 5 ms */
    check_clock(t, 999999937, 12345);
    check_clock(t, UINT64_C(333333333), 100);
    tap_ok(bg_virtio_sst_reset(&t->sst, virtio_host_deadline()) == 0, "RESET");
    check_queue(t);
    check_events(t);

    struct test_sst_load load = {.sst = &t->sst, .requests = 400};
    tap_ok(bg_virtio_sst_reset(&t->sst, virtio_host_deadline()) == 0, "RESET again");
    tap_ok(test_sst_run_load(&load), "%" PRIu64 " requests of all kinds", load.ended);
    printf("# the end, at %" PRIu64 "\n", bg_hal_time_ns());
}
