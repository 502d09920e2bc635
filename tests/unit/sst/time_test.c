/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/memory.c
// build: host/sst-sim/accelerator.c host/sst-sim/systolic.c tests/unit/sst/fixture.c
// cflags: -ffp-contract=off -DSTEPS_MAX=1000000
/* The simulator's deterministic time, and the systolic multiplier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/sst-sim/accelerator.h"
#include "protocol/sst_systolic.h"
#include "tests/unit/sst/fixture.h"

/* ---- Deterministic time ---- */

static struct bg_sst_frame exchange(void)
{
    struct bg_sst_frame frame;

    assert_true(feed(SIZE_MAX / 2));
    frame = take_frame();
    assert_int_equal(frame.flags, BG_SST_FRAME_SYNC);
    assert_int_equal(frame.sequence, sequence);
    return frame;
}

static void test_sync_answers_at_their_time(void **state)
{
    const struct bg_sst_request request = make_compute(9, 1, BG_SST_LATENCY_FIXED);
    struct bg_sst_record record;
    struct bg_sst_frame frame;

    (void)state;
    start(&accelerator_model, false);
    assert_int_equal(greet(BG_SST_WIRE_SYNC | BG_SST_WIRE_EVENTS, 1000).features,
                     BG_SST_WIRE_SYNC | BG_SST_WIRE_EVENTS);
    begin_frame(true, 5000);
    add_request(1, &request);
    add_request(2, &request);
    frame = exchange();
    assert_int_equal(frame.count, 0);
    assert_int_equal(frame.next_ns, 5100);
    begin_frame(true, 5099);
    frame = exchange();
    assert_int_equal(frame.count, 0);
    assert_int_equal(frame.next_ns, 5100);
    begin_frame(true, 5100);
    frame = exchange();
    assert_int_equal(frame.count, 1);
    assert_int_equal(take_answer(1, &record).payload.compute.timestamp, 5100);
    assert_int_equal(record.time_ns, 5100);
    assert_int_equal(record.cycles, 100);
    assert_int_equal(frame.next_ns, 5200);
    begin_frame(true, 9000); /* late: it happened at its time all the same */
    frame = exchange();
    assert_int_equal(frame.count, 1);
    assert_int_equal(take_answer(2, &record).payload.compute.timestamp, 5200);
    assert_int_equal(record.cycles, 200); /* it waited for the first one */
    assert_int_equal(frame.next_ns, BG_SST_TIME_NEVER);
}

/* Two parts work at the same time; the queue is bounded. */
static void test_sync_overlap_and_busy(void **state)
{
    struct bg_sst_request request = make_configure(BG_SST_PARAM_QUEUE_DEPTH, 1);
    struct bg_sst_frame frame;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(1, &request);
    request = make_compute(1, 1, BG_SST_LATENCY_FIXED);
    add_request(2, &request);
    add_request(3, &request); /* waits */
    add_request(4, &request); /* one too many */
    request = make_range(BG_SST_READ, 0, 64);
    add_request(5, &request); /* the memory is free */
    frame = exchange();
    assert_int_equal(frame.count, 2);
    assert_int_equal(take_answer(1, NULL).status, BG_SST_OK);
    assert_int_equal(take_answer(4, NULL).status, BG_SST_BUSY);
    assert_int_equal(frame.next_ns, 22);
    begin_frame(true, 1000);
    frame = exchange();
    assert_int_equal(frame.count, 3);
    take_answer(5, NULL);
    take_answer(2, NULL);
    take_answer(3, NULL);
}

static void test_sync_pipeline(void **state)
{
    const struct bg_sst_request request = make_compute(1, 10, BG_SST_LATENCY_PIPELINED);
    struct bg_sst_record record;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(1, &request);
    add_request(2, &request);
    exchange();
    begin_frame(true, 1000);
    assert_int_equal(exchange().count, 2);
    take_answer(1, &record);
    assert_int_equal(record.time_ns, 29);
    take_answer(2, &record);
    assert_int_equal(record.time_ns, 39); /* it began 10 cycles after the first one */
}

static void test_sync_rules(void **state)
{
    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 100);
    begin_frame(true, 200);
    exchange();
    begin_frame(true, 199);
    assert_false(feed(SIZE_MAX / 2));
    end(NULL);
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 100);
    begin_frame(false, 200);
    assert_false(feed(SIZE_MAX / 2));
}

/* A reply has a frame's size at most: the rest comes when the device asks again. */
static void test_sync_full_reply(void **state)
{
    const struct bg_sst_request request = make_range(BG_SST_READ, 0, BG_SST_READ_SIZE_MAX);
    const struct bg_sst_request depth = make_configure(BG_SST_PARAM_QUEUE_DEPTH, 4096);
    uint64_t tag = 1, now = 1000000;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(0, &depth);
    for (uint64_t i = 1; i <= 600; i++) {
        add_request(i, &request);
    }
    assert_int_equal(exchange().count, 1);
    take_answer(0, NULL);
    while (tag <= 600) {
        struct bg_sst_frame frame;

        begin_frame(true, now++);
        frame = exchange();
        assert_true(frame.size <= BG_SST_FRAME_SIZE_MAX && frame.count > 0);
        for (uint32_t i = 0; i < frame.count; i++) {
            take_answer(tag++, NULL);
        }
    }
    assert_true(now > 1000001);
}

/* Answers and events that are all due at once, and too many for one reply. */
static void test_sync_more_than_fits(void **state)
{
    const struct bg_sst_request mask = make_configure(BG_SST_PARAM_EVENT_MASK, UINT64_MAX);
    const struct bg_sst_request bad = make_compute(7, 0, BG_SST_LATENCY_FIXED);
    struct bg_sst_frame frame;
    uint64_t now = 5, records = 0;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC | BG_SST_WIRE_EVENTS, 0);
    begin_frame(true, 0);
    add_request(0, &mask);
    assert_int_equal(exchange().count, 2);
    take_answer(0, NULL);
    take_event(BG_SST_EVENT_COMPLETION);
    begin_frame(true, now);
    for (unsigned i = 0; i < BG_SST_FRAME_COUNT_MAX; i++) {
        add_request(i, &bad);
    }
    do {
        if (records > 0) {
            begin_frame(true, ++now);
        }
        frame = exchange();
        assert_true(frame.count > 0 && frame.count <= BG_SST_FRAME_COUNT_MAX);
        assert_true(frame.size <= BG_SST_FRAME_SIZE_MAX);
        for (uint32_t i = 0; i < frame.count; i++, records++) {
            if (records % 2 == 0) {
                assert_int_equal(take_answer(records / 2, NULL).status, BG_SST_INVALID);
            } else {
                assert_int_equal(take_event(BG_SST_EVENT_ERROR).data, BG_SST_INVALID);
            }
        }
    } while (frame.next_ns <= now);
    assert_int_equal(records, 2 * BG_SST_FRAME_COUNT_MAX);
    assert_int_equal(frame.next_ns, BG_SST_TIME_NEVER);
}

/* The same by bytes: types that a device answers itself, from one that forwards them. */
static void test_sync_larger_than_fits(void **state)
{
    const struct bg_sst_request echo = make_request(BG_SST_ECHO, 1);
    struct bg_sst_frame frame;
    uint64_t tag = 0;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 1);
    for (unsigned i = 0; i < 600; i++) {
        add_request(i, &echo);
    }
    frame = exchange();
    for (;;) {
        assert_true(frame.size <= BG_SST_FRAME_SIZE_MAX);
        for (uint32_t i = 0; i < frame.count; i++) {
            take_answer(tag++, NULL);
        }
        if (frame.next_ns == BG_SST_TIME_NEVER) {
            break;
        }
        begin_frame(true, 2);
        frame = exchange();
    }
    assert_int_equal(tag, 600);
}

/* A device that makes more and more of them loses its connection, and the simulator nothing. */
static void test_sync_far_more_than_fits(void **state)
{
    const struct bg_sst_request echo = make_request(BG_SST_ECHO, 1);
    unsigned rounds = 0;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    do {
        begin_frame(true, rounds++);
        for (unsigned i = 0; i < BG_SST_FRAME_COUNT_MAX; i++) {
            add_request(i, &echo);
        }
        output_size = output_taken = 0;
        assert_true(rounds < 20);
    } while (feed(SIZE_MAX / 2));
    assert_string_equal(device->link.error, "out of memory");
}

/* ---- Models that break their contract ---- */

static struct sst_job *held;
static struct sst_device *holder;
static unsigned resets;

static void *hold_create(struct sst_device *of)
{
    held = NULL;
    resets = 0;
    return holder = of;
}

static void hold_destroy(void *model)
{
    (void)model;
}

static void hold_reset(void *model)
{
    (void)model;
    held = NULL;
    resets++;
}

/* Answers a request when the next one comes. */
static void hold_request(void *model, struct sst_job *job)
{
    (void)model;
    if (held != NULL) {
        sst_answer(held, &(struct sst_answer){.status = BG_SST_OK});
    }
    held = job;
}

static void tick(void *model, uint64_t value)
{
    sst_schedule(holder, 0, tick, value);
    (void)model;
}

static void tick_request(void *model, struct sst_job *job)
{
    hold_request(model, job);
    sst_schedule(holder, 10, tick, 0);
}

static uint64_t no_clock(const void *model)
{
    (void)model;
    return 0;
}

static const struct sst_model_ops holding_model = {
    "holding", hold_create, hold_destroy, hold_reset, hold_request, no_clock,
};
static const struct sst_model_ops ticking_model = {
    "ticking", hold_create, hold_destroy, hold_reset, tick_request, no_clock,
};

static void test_model_without_answer(void **state)
{
    const struct bg_sst_request request = make_compute(1, 1, 0);

    (void)state;
    start(&holding_model, false);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(ask_old(&request).status, BG_SST_ERROR);
        assert_int_equal(resets, i); /* what it held is gone: it does not answer it again */
    }
    assert_int_equal(device->answers, 3);
}

static void test_model_without_rest(void **state)
{
    const struct bg_sst_request request = make_compute(1, 1, 0);

    (void)state;
    start(&ticking_model, false);
    assert_int_equal(ask_old(&request).status, BG_SST_ERROR);
    end(NULL);
    start(&ticking_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(1, &request);
    assert_int_equal(exchange().next_ns, 10);
    begin_frame(true, 10);
    assert_false(feed(SIZE_MAX / 2));
    assert_string_equal(device->link.error, "the model does not come to rest");
}

/* ---- The systolic multiplier ---- */

static void write_words(uint64_t address, const uint32_t *words, uint32_t count)
{
    struct bg_sst_request request = make_range(BG_SST_WRITE, address, count * 4);

    memcpy(request.payload.data + BG_SST_WRITE_DATA_OFFSET, words, count * 4);
    assert_int_equal(ask(&request).status, BG_SST_OK);
}

static void read_words(uint64_t address, uint32_t *words, uint32_t count)
{
    const struct bg_sst_request request = make_range(BG_SST_READ, address, count * 4);
    struct bg_sst_response response = ask(&request);

    assert_int_equal(response.result, count * 4);
    memcpy(words, response.payload.data, count * 4);
}

static void set_matrices(uint64_t rows, uint64_t inner, uint64_t columns, uint32_t element)
{
    assert_int_equal(configure(BG_SST_SYSTOLIC_ROWS, rows), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_INNER, inner), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_COLUMNS, columns), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_A, 0), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_B, 0x10000), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_C, 0x20000), BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_ELEMENT, element), BG_SST_OK);
}

static void test_systolic(void **state)
{
    enum { M = 17, K = 23, N = 19 };
    const struct bg_sst_request go = make_compute(1, 1, 0);
    uint32_t a[M * K], b[K * N], c[M * N], seed = 1;

    (void)state;
    start(&systolic_model, true);
    for (int i = 0; i < M * K; i++) {
        a[i] = seed = seed * 1664525 + 1013904223;
    }
    for (int i = 0; i < K * N; i++) {
        b[i] = seed = seed * 1664525 + 1013904223;
    }
    set_matrices(M, K, N, BG_COMPUTE_ELEMENT_UINT32);
    write_words(0, a, M * K);
    write_words(0x10000, b, K * N);
    /* Four tiles of 16 x 16: each 23 + 30 cycles, and 16 for the last one to leave. */
    assert_int_equal(ask(&go).result, 4 * (K + 30) + 16);
    read_words(0x20000, c, M * N);
    for (int row = 0; row < M; row++) {
        for (int column = 0; column < N; column++) {
            uint32_t sum = 0;

            for (int k = 0; k < K; k++) {
                sum += a[row * K + k] * b[k * N + column];
            }
            assert_int_equal(c[row * N + column], sum);
        }
    }
}

static void test_systolic_float(void **state)
{
    const float a[4] = {1.5f, 2.0f, 0.1f, 4.0f}, b[4] = {3.0f, 0.5f, 0.25f, 7.0f};
    const struct bg_sst_request go = make_compute(1, 1, 0);
    float c[4];

    (void)state;
    start(&systolic_model, true);
    set_matrices(2, 2, 2, BG_COMPUTE_ELEMENT_FLOAT32);
    write_words(0, (const uint32_t *)a, 4);
    write_words(0x10000, (const uint32_t *)b, 4);
    assert_int_equal(ask(&go).status, BG_SST_OK);
    read_words(0x20000, (uint32_t *)c, 4);
    assert_true(c[0] == 5.0f && c[1] == 14.75f && c[3] == 0.1f * 0.5f + 28.0f);
}

static void test_systolic_limits(void **state)
{
    const struct bg_sst_request go = make_compute(1, 1, 0);

    (void)state;
    start(&systolic_model, true);
    assert_int_equal(configure(BG_SST_SYSTOLIC_ROWS, 1025), BG_SST_INVALID);
    assert_int_equal(configure(BG_SST_SYSTOLIC_ELEMENT, 4), BG_SST_INVALID);
    set_matrices(64, 64, 64, BG_COMPUTE_ELEMENT_INT32);
    assert_int_equal(ask(&go).status, BG_SST_OK);
    assert_int_equal(configure(BG_SST_SYSTOLIC_C, 0x10000 + 64 * 64 * 4 - 4), BG_SST_OK);
    assert_int_equal(ask(&go).status, BG_SST_INVALID); /* in B */
    assert_int_equal(configure(BG_SST_SYSTOLIC_C, BG_SST_INFO_MEMORY_SIZE - 4), BG_SST_OK);
    assert_int_equal(ask(&go).status, BG_SST_INVALID); /* beyond the end */
    assert_int_equal(configure(BG_SST_SYSTOLIC_C, 0x20002), BG_SST_OK);
    assert_int_equal(ask(&go).status, BG_SST_INVALID); /* alignment */
}

/* A parameter that changes while a COMPUTE waits: it is not computed beyond the memory. */
static void test_sync_systolic_changes(void **state)
{
    const struct bg_sst_request go = make_compute(1, 1, 0);
    const struct bg_sst_request change =
        make_configure(BG_SST_SYSTOLIC_C, BG_SST_INFO_MEMORY_SIZE - 4);
    const struct bg_sst_request grow = make_configure(BG_SST_SYSTOLIC_ROWS, 1024);

    (void)state;
    start(&systolic_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(1, &go);
    add_request(2, &change);
    add_request(3, &grow);
    assert_int_equal(exchange().count, 2);
    assert_int_equal(take_answer(2, NULL).status, BG_SST_OK);
    assert_int_equal(take_answer(3, NULL).status, BG_SST_OK);
    begin_frame(true, 1000000);
    assert_int_equal(exchange().count, 1);
    assert_int_equal(take_answer(1, NULL).status, BG_SST_INVALID);
}

/* Requests without end, none of which is ever done. */
static void test_sync_too_many(void **state)
{
    const struct bg_sst_request slow = make_configure(BG_SST_PARAM_CLOCK_HZ, 1);
    const struct bg_sst_request deep = make_configure(BG_SST_PARAM_QUEUE_DEPTH, 4096);
    const struct bg_sst_request request = make_compute(1, 1, BG_SST_LATENCY_FIXED);
    unsigned busy = 0, tag = 2;

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(0, &slow);
    add_request(1, &deep);
    assert_int_equal(exchange().count, 2);
    take_answer(0, NULL);
    take_answer(1, NULL);
    for (unsigned round = 0; round < 10; round++) {
        begin_frame(true, round);
        for (unsigned i = 0; i < 1000; i++) {
            add_request(tag++, &request);
        }
        unsigned count = exchange().count;

        for (unsigned i = 0; i < count; i++) {
            struct bg_sst_response response;

            take_record(&response, sizeof(response));
            assert_int_equal(response.status, BG_SST_BUSY);
        }
        busy += count;
    }
    assert_int_equal(busy, 10000 - 4097);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_sync_answers_at_their_time, end),
        cmocka_unit_test_teardown(test_sync_overlap_and_busy, end),
        cmocka_unit_test_teardown(test_sync_pipeline, end),
        cmocka_unit_test_teardown(test_sync_rules, end),
        cmocka_unit_test_teardown(test_sync_full_reply, end),
        cmocka_unit_test_teardown(test_sync_more_than_fits, end),
        cmocka_unit_test_teardown(test_sync_larger_than_fits, end),
        cmocka_unit_test_teardown(test_sync_far_more_than_fits, end),
        cmocka_unit_test_teardown(test_model_without_answer, end),
        cmocka_unit_test_teardown(test_model_without_rest, end),
        cmocka_unit_test_teardown(test_systolic, end),
        cmocka_unit_test_teardown(test_systolic_float, end),
        cmocka_unit_test_teardown(test_systolic_limits, end),
        cmocka_unit_test_teardown(test_sync_systolic_changes, end),
        cmocka_unit_test_teardown(test_sync_too_many, end),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("simulator: time", tests, NULL, NULL);
}
