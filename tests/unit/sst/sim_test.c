/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/memory.c
// build: host/sst-sim/accelerator.c host/sst-sim/systolic.c tests/unit/sst/fixture.c
// cflags: -ffp-contract=off
/* The simulator without its sockets: wires, an accelerator, its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/sst-sim/accelerator.h"
#include "tests/unit/sst/fixture.h"

/* ---- The old wire ---- */

static void test_old_wire(void **state)
{
    struct bg_sst_request request = make_compute(7, 1, BG_SST_LATENCY_FIXED);
    struct bg_sst_response response;

    (void)state;
    start(&accelerator_model, false);
    response = ask_old(&request);
    assert_int_equal(response.status, BG_SST_OK);
    assert_int_equal(response.request_id, 7);
    assert_int_equal(response.user_data, ~UINT64_C(7));
    assert_int_equal(response.result, 100);
    assert_int_equal(response.payload.compute.cycles, 100);
    request = make_request(BG_SST_HELLO_TYPE, 8); /* only the first message can be a greeting */
    assert_int_equal(ask_old(&request).status, BG_SST_INVALID);
    request = make_request(BG_SST_ECHO, 9);
    memset(request.payload.data, 0x5A, BG_SST_PAYLOAD_SIZE);
    response = ask_old(&request);
    assert_memory_equal(response.payload.data, request.payload.data, BG_SST_PAYLOAD_SIZE);
}

static void test_old_wire_in_pieces(void **state)
{
    (void)state;
    start(&accelerator_model, false);
    for (uint64_t i = 0; i < 20; i++) {
        struct bg_sst_request request = make_compute(i, i + 1, BG_SST_LATENCY_PIPELINED);

        put(&request, sizeof(request));
    }
    assert_true(feed(1009));
    for (uint64_t i = 0; i < 20; i++) {
        struct bg_sst_response response = take_old();

        assert_int_equal(response.request_id, i);
        assert_int_equal(response.result, 20 + i);
    }
}

static void test_old_simulator_refuses_greeting(void **state)
{
    struct bg_sst_request request = make_request(BG_SST_HELLO_TYPE, BG_SST_HELLO_REQUEST_ID);
    const struct bg_sst_hello hello = {.magic = BG_SST_HELLO_MAGIC, .version = BG_SST_WIRE_VERSION};

    (void)state;
    start(&accelerator_model, true);
    memcpy(request.payload.data, &hello, sizeof(hello));
    assert_int_equal(ask_old(&request).status, BG_SST_INVALID);
    request = make_compute(1, 1, BG_SST_LATENCY_FIXED);
    assert_int_equal(ask_old(&request).status, BG_SST_OK);
}

/* ---- Frames ---- */

static void test_greeting(void **state)
{
    struct bg_sst_hello_reply reply;

    (void)state;
    start(&accelerator_model, false);
    reply = greet(BG_SST_WIRE_EVENTS | BG_SST_WIRE_CANCEL | UINT64_C(1) << 40, 0);
    assert_int_equal(reply.features, BG_SST_WIRE_EVENTS);
    assert_int_equal(reply.version, BG_SST_WIRE_VERSION);
    assert_int_equal(reply.clock_hz, 1000000000);
    assert_string_equal(reply.name, "accelerator");
}

static void test_batch(void **state)
{
    const struct bg_sst_request request = make_compute(5, 64 * 3, BG_SST_LATENCY_PER_UNIT);
    struct bg_sst_frame frame;

    (void)state;
    for (size_t piece = 1; piece < 8192; piece = piece * 3 + 1) {
        start(&accelerator_model, false);
        greet(BG_SST_WIRE_EVENTS, 0);
        begin_frame(false, 0);
        for (uint64_t tag = 100; tag < 132; tag++) {
            add_request(tag, &request);
        }
        assert_true(feed(piece));
        for (uint64_t tag = 100, left = 0; tag < 132; tag++, left--) {
            struct bg_sst_record record;

            if (left == 0) {
                frame = take_frame();
                assert_int_equal(frame.flags, 0);
                left = frame.count;
            }
            assert_int_equal(take_answer(tag, &record).result, 30);
            assert_int_equal(record.cycles, 30);
            assert_int_equal(record.size, offsetof(struct bg_sst_response, payload) +
                                              sizeof(struct bg_sst_compute_result));
        }
        assert_int_equal(output_taken, output_size);
        end(NULL);
    }
}

/* Answers beyond a frame's limit go into the next one. */
static void test_large_answers(void **state)
{
    const struct bg_sst_request request = make_range(BG_SST_READ, 0, BG_SST_READ_SIZE_MAX);
    uint64_t tag = 0;

    (void)state;
    start(&accelerator_model, false);
    greet(0, 0);
    begin_frame(false, 0);
    for (uint64_t i = 0; i < 600; i++) {
        add_request(i, &request);
    }
    assert_true(feed(SIZE_MAX / 2));
    while (output_taken < output_size) {
        struct bg_sst_frame frame = take_frame();

        assert_true(frame.size <= BG_SST_FRAME_SIZE_MAX);
        for (uint32_t i = 0; i < frame.count; i++) {
            assert_int_equal(take_answer(tag++, NULL).result, BG_SST_READ_SIZE_MAX);
        }
    }
    assert_int_equal(tag, 600);
}

static void test_events(void **state)
{
    struct bg_sst_request request = make_configure(BG_SST_PARAM_EVENT_MASK, 0xE);

    (void)state;
    start(&accelerator_model, false);
    greet(BG_SST_WIRE_EVENTS, 0);
    begin_frame(false, 0);
    add_request(1, &request);
    request = make_configure(BG_SST_PARAM_EVENT_THRESHOLD, 4);
    add_request(2, &request);
    request = make_compute(33, 1, BG_SST_LATENCY_FIXED);
    add_request(3, &request);
    request.payload.compute.compute_units = 0;
    add_request(4, &request);
    request = make_range(BG_SST_READ, 0, 8);
    add_request(5, &request);
    assert_true(feed(SIZE_MAX / 2));
    assert_int_equal(take_frame().count, 11);
    take_answer(1, NULL);
    assert_int_equal(take_event(BG_SST_EVENT_COMPLETION).data, BG_SST_PARAM_EVENT_MASK);
    take_answer(2, NULL);
    assert_int_equal(take_event(BG_SST_EVENT_COMPLETION).data, BG_SST_PARAM_EVENT_THRESHOLD);
    take_answer(3, NULL);
    assert_int_equal(take_event(BG_SST_EVENT_COMPLETION).data, 33);
    assert_int_equal(take_answer(4, NULL).status, BG_SST_INVALID);
    assert_int_equal(take_event(BG_SST_EVENT_ERROR).data, BG_SST_INVALID);
    take_answer(5, NULL);
    take_event(BG_SST_EVENT_COMPLETION);
    assert_int_equal(take_event(BG_SST_EVENT_THRESHOLD).data, 4);
}

static void test_reset_record(void **state)
{
    const struct bg_sst_reset_notice notice = {.reason = BG_SST_RESET_REQUEST};
    struct bg_sst_request request = make_range(BG_SST_WRITE, 64, 4);
    struct bg_sst_response response;

    (void)state;
    start(&accelerator_model, false);
    greet(0, 0);
    memcpy(request.payload.data + BG_SST_WRITE_DATA_OFFSET, "\1\2\3\4", 4);
    begin_frame(false, 0);
    add_request(1, &request);
    request = make_range(BG_SST_READ, 64, 4);
    add_request(2, &request);
    request = make_configure(BG_SST_PARAM_FIXED_CYCLES, 5);
    add_request(3, &request);
    add_record(BG_SST_RECORD_RESET, 0, &notice, sizeof(notice));
    request = make_range(BG_SST_READ, 64, 4);
    add_request(4, &request);
    request = make_configure(BG_SST_PARAM_FIXED_CYCLES, 6);
    add_request(5, &request);
    assert_true(feed(SIZE_MAX / 2));
    take_frame();
    take_answer(1, NULL);
    response = take_answer(2, NULL);
    assert_memory_equal(response.payload.data, "\1\2\3\4", 4);
    assert_int_equal(take_answer(3, NULL).result, 100);
    response = take_answer(4, NULL);
    assert_memory_equal(response.payload.data, "\0\0\0\0", 4);
    assert_int_equal(take_answer(5, NULL).result, 100);
}

/* Each of these ends the connection. */
static void test_malformed(void **state)
{
    const struct bg_sst_request request = make_compute(1, 1, BG_SST_LATENCY_FIXED);

    (void)state;
    for (int what = 0; what < 9; what++) {
        struct bg_sst_frame *frame = (struct bg_sst_frame *)(void *)stream;

        start(&accelerator_model, false);
        greet(0, 0);
        begin_frame(false, 0);
        add_request(1, &request);
        switch (what) {
        case 0:
            frame->magic ^= 1;
            break;
        case 1:
            frame->size = BG_SST_FRAME_SIZE_MAX + 8;
            break;
        case 2:
            frame->count = BG_SST_FRAME_COUNT_MAX + 1;
            break;
        case 3:
            frame->size -= 8;
            break;
        case 4:
            frame->count = 0;
            break;
        case 5:
            frame->flags = BG_SST_FRAME_SYNC;
            break;
        case 6:
            frame->sequence = 3;
            break;
        case 7:
            ((struct bg_sst_record *)(void *)(frame + 1))->size = REQUEST_HEAD - 1;
            break;
        case 8:
            ((struct bg_sst_record *)(void *)(frame + 1))->size = BG_SST_RECORD_SIZE_MAX + 1;
            break;
        }
        if (what == 7) {
            frame->size = sizeof(struct bg_sst_record) + PADDED(REQUEST_HEAD - 1);
        }
        assert_false(feed(SIZE_MAX / 2));
        assert_true(device->link.error[0] != '\0');
        end(NULL);
    }
}

/* ---- Models ---- */

static uint64_t compute_cycles(uint64_t units, uint32_t latency)
{
    const struct bg_sst_request request = make_compute(1, units, latency);
    struct bg_sst_response response = ask(&request);

    assert_int_equal(response.status, BG_SST_OK);
    assert_int_equal(response.result, response.payload.compute.cycles);
    return response.result;
}

static void test_latency_models(void **state)
{
    const struct bg_sst_request bad = make_compute(1, 1, 3);
    const struct bg_sst_request too_many = make_compute(1, 1000001, BG_SST_LATENCY_FIXED);

    (void)state;
    start(&accelerator_model, true);
    assert_int_equal(compute_cycles(1000000, BG_SST_LATENCY_FIXED), 100);
    assert_int_equal(compute_cycles(64, BG_SST_LATENCY_PER_UNIT), 10);
    assert_int_equal(compute_cycles(65, BG_SST_LATENCY_PER_UNIT), 20);
    assert_int_equal(compute_cycles(1, BG_SST_LATENCY_PIPELINED), 20);
    assert_int_equal(compute_cycles(1001, BG_SST_LATENCY_PIPELINED), 1020);
    assert_int_equal(configure(BG_SST_PARAM_COMPUTE_UNITS, 1), BG_SST_OK);
    assert_int_equal(configure(BG_SST_PARAM_CYCLES_PER_UNIT, 1000000000), BG_SST_OK);
    assert_int_equal(compute_cycles(1000000, BG_SST_LATENCY_PER_UNIT), 1000000000000000);
    assert_int_equal(ask(&bad).status, BG_SST_INVALID);
    assert_int_equal(ask(&too_many).status, BG_SST_INVALID);
}

static void test_clock(void **state)
{
    const struct bg_sst_request request = make_compute(1, 1, BG_SST_LATENCY_FIXED);
    uint64_t before;

    (void)state;
    start(&accelerator_model, true);
    before = ask(&request).payload.compute.timestamp;
    assert_int_equal(ask(&request).payload.compute.timestamp - before, 100);
    assert_int_equal(configure(BG_SST_PARAM_CLOCK_HZ, 3000000000), BG_SST_OK);
    before = ask(&request).payload.compute.timestamp;
    assert_int_equal(ask(&request).payload.compute.timestamp - before, 34); /* rounded up */
}

static void test_parameters(void **state)
{
    (void)state;
    start(&accelerator_model, true);
    assert_int_equal(configure(BG_SST_PARAM_CLOCK_HZ, 0), BG_SST_INVALID);
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANKS, 3), BG_SST_INVALID);
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANKS, 2048), BG_SST_INVALID);
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANKS, 1024), BG_SST_OK);
    assert_int_equal(configure(0, 1), BG_SST_INVALID);
    assert_int_equal(configure(0x1000, 1), BG_SST_INVALID);
    assert_int_equal(configure(BG_SST_PARAM_QUEUE_DEPTH, 0), BG_SST_INVALID);
}

static uint64_t memory_time(uint64_t address, uint32_t size)
{
    const struct bg_sst_request request = make_range(BG_SST_READ, address, size);
    const struct bg_sst_request probe = make_compute(1, 1, BG_SST_LATENCY_FIXED);
    uint64_t before = ask(&probe).payload.compute.timestamp;

    assert_int_equal(ask(&request).status, BG_SST_OK);
    return ask(&probe).payload.compute.timestamp - before - 100;
}

static void test_memory_time(void **state)
{
    (void)state;
    start(&accelerator_model, true);
    assert_int_equal(memory_time(0, 64), 20 + 2);
    assert_int_equal(memory_time(0, 0), 20);
    assert_int_equal(memory_time(63, 2), 20 + 4); /* two lines */
    assert_int_equal(memory_time(0, 4032), 20 + 63 * 2);
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANKS, 1), BG_SST_OK);
    assert_int_equal(memory_time(0, 4032), 20 + 63 * 2 + 62 * 2); /* 4 cycles a bank, 2 a line */
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANK_CONFLICT, 100), BG_SST_OK);
    assert_int_equal(configure(BG_SST_PARAM_MEMORY_BANKS, 2), BG_SST_OK);
    assert_int_equal(memory_time(0, 256), 20 + 4 * 2 + 96);
}

static void test_memory_limits(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t address;
        uint32_t size, status;
    } cases[] = {
        {BG_SST_READ, BG_SST_INFO_MEMORY_SIZE - 8, 8, BG_SST_OK},
        {BG_SST_READ, BG_SST_INFO_MEMORY_SIZE - 7, 8, BG_SST_INVALID},
        {BG_SST_READ, UINT64_MAX, 8, BG_SST_INVALID},
        {BG_SST_READ, 0, BG_SST_READ_SIZE_MAX, BG_SST_OK},
        {BG_SST_READ, 0, BG_SST_READ_SIZE_MAX + 1, BG_SST_INVALID},
        {BG_SST_WRITE, 0, BG_SST_WRITE_SIZE_MAX, BG_SST_OK},
        {BG_SST_WRITE, 0, BG_SST_WRITE_SIZE_MAX + 1, BG_SST_INVALID},
        {BG_SST_READ, BG_SST_INFO_MEMORY_SIZE, 0, BG_SST_OK},
        {BG_SST_READ, 0, UINT32_MAX, BG_SST_INVALID},
    };

    (void)state;
    start(&accelerator_model, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bg_sst_request request =
            make_range(cases[i].type, cases[i].address, cases[i].size);

        assert_int_equal(ask(&request).status, cases[i].status);
    }
}

/* Nothing of an earlier request, nor of an earlier answer, is in a later one. */
static void test_nothing_is_left(void **state)
{
    struct bg_sst_request request = make_range(BG_SST_WRITE, 0, BG_SST_WRITE_SIZE_MAX);
    struct bg_sst_response response;

    (void)state;
    start(&accelerator_model, false);
    greet(0, 0);
    memset(request.payload.data + BG_SST_WRITE_DATA_OFFSET, 0xA5, BG_SST_WRITE_SIZE_MAX);
    begin_frame(false, 0);
    add_request(1, &request);
    request =
        make_range(BG_SST_WRITE, 4096, BG_SST_WRITE_SIZE_MAX); /* of zeros, which are not sent */
    add_request(2, &request);
    request = make_range(BG_SST_READ, 4096, 100);
    add_request(3, &request);
    assert_true(feed(SIZE_MAX / 2));
    take_frame();
    take_answer(1, NULL);
    take_answer(2, NULL);
    response = take_answer(3, NULL);
    assert_int_equal(response.result, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(response.payload.data[i], 0);
    }
}

/* A guest's side that takes its answers slowly, and is never quite done, costs no more memory. */
static void test_slow_reader(void **state)
{
    const struct bg_sst_request request = make_range(BG_SST_READ, 0, 1000);
    size_t size;

    (void)state;
    start(&accelerator_model, false);
    greet(0, 0);
    for (unsigned i = 0; i < 5000; i++) {
        begin_frame(false, 0);
        add_request(i, &request);
        assert_int_equal(device_receive(device, stream, stream_size), stream_size);
        stream_size = 0;
        link_output(&device->link, &size);
        link_sent(&device->link, size > 3000 ? size - 2000 : 0);
    }
    assert_in_range(device->link.out_capacity, 0, 20000);
}

/* The same requests take the same cycles, however they are cut and batched. */
static void test_determinism(void **state)
{
    static struct bg_sst_response first[64];

    (void)state;
    for (size_t piece = 4104; piece < 70000; piece += 13331) {
        start(&accelerator_model, true);
        for (uint64_t i = 0; i < 64; i++) {
            struct bg_sst_request request =
                i % 3 ? make_compute(i, i * 37 + 1, (uint32_t)i % 3)
                      : make_range(BG_SST_READ, i * 100, (uint32_t)i * 50);

            put(&request, sizeof(request));
        }
        assert_true(feed(piece));
        for (int i = 0; i < 64; i++) {
            struct bg_sst_response response = take_old();

            if (piece == 4104) {
                first[i] = response;
            }
            assert_memory_equal(&response, &first[i], sizeof(response));
        }
        end(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_old_wire, end),
        cmocka_unit_test_teardown(test_old_wire_in_pieces, end),
        cmocka_unit_test_teardown(test_old_simulator_refuses_greeting, end),
        cmocka_unit_test_teardown(test_greeting, end),
        cmocka_unit_test_teardown(test_batch, end),
        cmocka_unit_test_teardown(test_large_answers, end),
        cmocka_unit_test_teardown(test_events, end),
        cmocka_unit_test_teardown(test_reset_record, end),
        cmocka_unit_test_teardown(test_malformed, end),
        cmocka_unit_test_teardown(test_latency_models, end),
        cmocka_unit_test_teardown(test_clock, end),
        cmocka_unit_test_teardown(test_parameters, end),
        cmocka_unit_test_teardown(test_memory_time, end),
        cmocka_unit_test_teardown(test_memory_limits, end),
        cmocka_unit_test_teardown(test_determinism, end),
        cmocka_unit_test_teardown(test_nothing_is_left, end),
        cmocka_unit_test_teardown(test_slow_reader, end),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("simulator", tests, NULL, NULL);
}
