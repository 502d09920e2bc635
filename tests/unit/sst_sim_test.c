// SPDX-License-Identifier: BSD-2-Clause
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/memory.c
// build: host/sst-sim/accelerator.c host/sst-sim/systolic.c
// cflags: -ffp-contract=off
/* The simulator without its sockets: wires, simulated time, models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/sst-sim/accelerator.h"
#include "host/sst-sim/device.h"
#include "host/sst-sim/systolic.h"
#include "protocol/sst_systolic.h"

#define PADDED(size) (((size) + 7u) & ~7u)
#define REQUEST_HEAD offsetof(struct sst_request, payload)

/* ---- The other side: QEMU's device ---- */

static uint8_t stream[1 << 21]; /* what the simulator is given */
static size_t stream_size;
static uint8_t output[1 << 22];
static size_t output_size, output_taken;
static uint64_t sequence;
static struct sst_device *device;

static void start(const struct sst_model_ops *model, bool is_old_only)
{
    device = device_create(model, 1, NULL, is_old_only);
    assert_non_null(device);
    stream_size = output_size = output_taken = 0;
    sequence = 0;
}

static int end(void **state)
{
    (void)state;
    if (device) {
        device_destroy(device);
    }
    device = NULL;
    return 0;
}

static void put(const void *bytes, size_t size)
{
    assert_true(stream_size + size <= sizeof(stream));
    memcpy(stream + stream_size, bytes, size);
    stream_size += size;
}

/* Gives the stream in pieces; false when the simulator refuses it. */
static bool feed(size_t piece)
{
    size_t given = 0, taken = 0;

    while (given < stream_size) {
        uint8_t *exact; /* ASan sees a byte too far */
        size_t size, got;

        given = stream_size - given > piece ? given + piece : stream_size;
        exact = malloc(given - taken + 1);
        memcpy(exact, stream + taken, given - taken);
        got = device_receive(device, exact, given - taken);
        free(exact);
        if (got == SIZE_MAX) {
            stream_size = 0;
            return false;
        }
        taken += got;
        const uint8_t *out = link_output(&device->link, &size);

        assert_true(output_size + size <= sizeof(output));
        if (size > 0) {
            memcpy(output + output_size, out, size);
        }
        output_size += size;
        link_sent(&device->link, size);
    }
    stream_size -= taken;
    memmove(stream, stream + taken, stream_size);
    return true;
}

static struct sst_request make_request(uint32_t type, uint64_t id)
{
    return (struct sst_request){.type = type, .request_id = id, .user_data = ~id};
}

static struct sst_request make_compute(uint64_t id, uint64_t units, uint32_t latency)
{
    struct sst_request request = make_request(SST_COMPUTE, id);

    request.payload.compute.compute_units = units;
    request.payload.compute.latency_model = latency;
    return request;
}

static struct sst_request make_range(uint32_t type, uint64_t address, uint32_t size)
{
    struct sst_request request = make_request(type, address);

    request.payload.memory.addr = address;
    request.payload.memory.size = size;
    return request;
}

static struct sst_request make_configure(uint32_t param, uint64_t value)
{
    struct sst_request request = make_request(SST_CONFIGURE, param);

    request.payload.configure.param_id = param;
    request.payload.configure.value = value;
    return request;
}

static struct sst_response take_old(void)
{
    struct sst_response response;

    assert_true(output_size - output_taken >= sizeof(response));
    memcpy(&response, output + output_taken, sizeof(response));
    output_taken += sizeof(response);
    return response;
}

static struct sst_response ask_old(const struct sst_request *request)
{
    put(request, sizeof(*request));
    assert_true(feed(SIZE_MAX / 2));
    return take_old();
}

static struct sst_hello_reply greet(uint64_t features, uint64_t time_ns)
{
    const struct sst_hello hello = {
        .magic = SST_HELLO_MAGIC,
        .version = SST_WIRE_VERSION,
        .features = features,
        .pairs = 1,
        .in_flight_max = 128,
        .time_ns = time_ns,
    };
    struct sst_request request = make_request(SST_HELLO_TYPE, SST_HELLO_REQUEST_ID);
    struct sst_hello_reply reply;
    struct sst_response response;

    memcpy(request.payload.data, &hello, sizeof(hello));
    response = ask_old(&request);
    assert_int_equal(response.status, SST_OK);
    assert_int_equal(response.request_id, SST_HELLO_REQUEST_ID);
    memcpy(&reply, response.payload.data, sizeof(reply));
    assert_int_equal(reply.magic, SST_HELLO_REPLY_MAGIC);
    return reply;
}

/* ---- Frames ---- */

static size_t frame_start;

static void begin_frame(bool is_sync, uint64_t time_ns)
{
    const struct sst_frame frame = {
        .magic = SST_FRAME_MAGIC,
        .flags = is_sync ? SST_FRAME_SYNC : 0,
        .sequence = ++sequence,
        .time_ns = time_ns,
    };

    frame_start = stream_size;
    put(&frame, sizeof(frame));
}

static void add_record(uint16_t kind, uint64_t tag, const void *body, uint32_t size)
{
    static const uint8_t zero[8];
    const struct sst_record record = {.kind = kind, .size = size, .tag = tag};
    struct sst_frame frame;

    put(&record, sizeof(record));
    put(body, size);
    put(zero, PADDED(size) - size);
    memcpy(&frame, stream + frame_start, sizeof(frame));
    frame.count++;
    frame.size = (uint32_t)(stream_size - frame_start - sizeof(frame));
    memcpy(stream + frame_start, &frame, sizeof(frame));
}

static void add_request(uint64_t tag, const struct sst_request *request)
{
    size_t size = sizeof(*request);

    while (size > REQUEST_HEAD && ((const uint8_t *)request)[size - 1] == 0) {
        size--;
    }
    add_record(SST_RECORD_REQUEST, tag, request, (uint32_t)size);
}

static struct sst_frame take_frame(void)
{
    struct sst_frame frame;

    assert_true(output_size - output_taken >= sizeof(frame));
    memcpy(&frame, output + output_taken, sizeof(frame));
    output_taken += sizeof(frame);
    assert_int_equal(frame.magic, SST_FRAME_MAGIC);
    return frame;
}

static struct sst_record take_record(void *body, size_t body_size)
{
    struct sst_record record;

    assert_true(output_size - output_taken >= sizeof(record));
    memcpy(&record, output + output_taken, sizeof(record));
    output_taken += sizeof(record);
    assert_true(record.size <= body_size);
    memset(body, 0, body_size);
    memcpy(body, output + output_taken, record.size);
    output_taken += PADDED(record.size);
    return record;
}

static struct sst_response take_answer(uint64_t tag, struct sst_record *record)
{
    struct sst_response response;
    struct sst_record taken = take_record(&response, sizeof(response));

    assert_int_equal(taken.kind, SST_RECORD_ANSWER);
    assert_int_equal(taken.tag, tag);
    if (record) {
        *record = taken;
    }
    return response;
}

static struct sst_event take_event(uint32_t type)
{
    struct sst_event event;
    struct sst_record record = take_record(&event, sizeof(event));

    assert_int_equal(record.kind, SST_RECORD_EVENT);
    assert_int_equal(record.size, sizeof(event));
    assert_int_equal(event.type, type);
    return event;
}

/* ---- The old wire ---- */

static void test_old_wire(void **state)
{
    struct sst_request request = make_compute(7, 1, SST_LATENCY_FIXED);
    struct sst_response response;

    (void)state;
    start(&accelerator_model, false);
    response = ask_old(&request);
    assert_int_equal(response.status, SST_OK);
    assert_int_equal(response.request_id, 7);
    assert_int_equal(response.user_data, ~UINT64_C(7));
    assert_int_equal(response.result, 100);
    assert_int_equal(response.payload.compute.cycles, 100);
    request = make_request(SST_HELLO_TYPE, 8); /* only the first message can be a greeting */
    assert_int_equal(ask_old(&request).status, SST_INVALID);
    request = make_request(SST_ECHO, 9);
    memset(request.payload.data, 0x5A, SST_PAYLOAD_SIZE);
    response = ask_old(&request);
    assert_memory_equal(response.payload.data, request.payload.data, SST_PAYLOAD_SIZE);
}

static void test_old_wire_in_pieces(void **state)
{
    (void)state;
    start(&accelerator_model, false);
    for (uint64_t i = 0; i < 20; i++) {
        struct sst_request request = make_compute(i, i + 1, SST_LATENCY_PIPELINED);

        put(&request, sizeof(request));
    }
    assert_true(feed(1009));
    for (uint64_t i = 0; i < 20; i++) {
        struct sst_response response = take_old();

        assert_int_equal(response.request_id, i);
        assert_int_equal(response.result, 20 + i);
    }
}

static void test_old_simulator_refuses_greeting(void **state)
{
    struct sst_request request = make_request(SST_HELLO_TYPE, SST_HELLO_REQUEST_ID);
    const struct sst_hello hello = {.magic = SST_HELLO_MAGIC, .version = SST_WIRE_VERSION};

    (void)state;
    start(&accelerator_model, true);
    memcpy(request.payload.data, &hello, sizeof(hello));
    assert_int_equal(ask_old(&request).status, SST_INVALID);
    request = make_compute(1, 1, SST_LATENCY_FIXED);
    assert_int_equal(ask_old(&request).status, SST_OK);
}

/* ---- Frames ---- */

static void test_greeting(void **state)
{
    struct sst_hello_reply reply;

    (void)state;
    start(&accelerator_model, false);
    reply = greet(SST_WIRE_EVENTS | SST_WIRE_CANCEL | UINT64_C(1) << 40, 0);
    assert_int_equal(reply.features, SST_WIRE_EVENTS);
    assert_int_equal(reply.version, SST_WIRE_VERSION);
    assert_int_equal(reply.clock_hz, 1000000000);
    assert_string_equal(reply.name, "accelerator");
}

static void test_batch(void **state)
{
    const struct sst_request request = make_compute(5, 64 * 3, SST_LATENCY_PER_UNIT);
    struct sst_frame frame;

    (void)state;
    for (size_t piece = 1; piece < 8192; piece = piece * 3 + 1) {
        start(&accelerator_model, false);
        greet(SST_WIRE_EVENTS, 0);
        begin_frame(false, 0);
        for (uint64_t tag = 100; tag < 132; tag++) {
            add_request(tag, &request);
        }
        assert_true(feed(piece));
        for (uint64_t tag = 100, left = 0; tag < 132; tag++, left--) {
            struct sst_record record;

            if (left == 0) {
                frame = take_frame();
                assert_int_equal(frame.flags, 0);
                left = frame.count;
            }
            assert_int_equal(take_answer(tag, &record).result, 30);
            assert_int_equal(record.cycles, 30);
            assert_int_equal(record.size, offsetof(struct sst_response, payload) +
                                              sizeof(struct sst_compute_result));
        }
        assert_int_equal(output_taken, output_size);
        end(NULL);
    }
}

/* Answers beyond a frame's limit go into the next one. */
static void test_large_answers(void **state)
{
    const struct sst_request request = make_range(SST_READ, 0, SST_READ_SIZE_MAX);
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
        struct sst_frame frame = take_frame();

        assert_true(frame.size <= SST_FRAME_SIZE_MAX);
        for (uint32_t i = 0; i < frame.count; i++) {
            assert_int_equal(take_answer(tag++, NULL).result, SST_READ_SIZE_MAX);
        }
    }
    assert_int_equal(tag, 600);
}

static void test_events(void **state)
{
    struct sst_request request = make_configure(SST_PARAM_EVENT_MASK, 0xE);

    (void)state;
    start(&accelerator_model, false);
    greet(SST_WIRE_EVENTS, 0);
    begin_frame(false, 0);
    add_request(1, &request);
    request = make_configure(SST_PARAM_EVENT_THRESHOLD, 4);
    add_request(2, &request);
    request = make_compute(33, 1, SST_LATENCY_FIXED);
    add_request(3, &request);
    request.payload.compute.compute_units = 0;
    add_request(4, &request);
    request = make_range(SST_READ, 0, 8);
    add_request(5, &request);
    assert_true(feed(SIZE_MAX / 2));
    assert_int_equal(take_frame().count, 11);
    take_answer(1, NULL);
    assert_int_equal(take_event(SST_EVENT_COMPLETION).data, SST_PARAM_EVENT_MASK);
    take_answer(2, NULL);
    assert_int_equal(take_event(SST_EVENT_COMPLETION).data, SST_PARAM_EVENT_THRESHOLD);
    take_answer(3, NULL);
    assert_int_equal(take_event(SST_EVENT_COMPLETION).data, 33);
    assert_int_equal(take_answer(4, NULL).status, SST_INVALID);
    assert_int_equal(take_event(SST_EVENT_ERROR).data, SST_INVALID);
    take_answer(5, NULL);
    take_event(SST_EVENT_COMPLETION);
    assert_int_equal(take_event(SST_EVENT_THRESHOLD).data, 4);
}

static void test_reset_record(void **state)
{
    const struct sst_reset_notice notice = {.reason = SST_RESET_REQUEST};
    struct sst_request request = make_range(SST_WRITE, 64, 4);
    struct sst_response response;

    (void)state;
    start(&accelerator_model, false);
    greet(0, 0);
    memcpy(request.payload.data + SST_WRITE_DATA_OFFSET, "\1\2\3\4", 4);
    begin_frame(false, 0);
    add_request(1, &request);
    request = make_range(SST_READ, 64, 4);
    add_request(2, &request);
    request = make_configure(SST_PARAM_FIXED_CYCLES, 5);
    add_request(3, &request);
    add_record(SST_RECORD_RESET, 0, &notice, sizeof(notice));
    request = make_range(SST_READ, 64, 4);
    add_request(4, &request);
    request = make_configure(SST_PARAM_FIXED_CYCLES, 6);
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
    const struct sst_request request = make_compute(1, 1, SST_LATENCY_FIXED);

    (void)state;
    for (int what = 0; what < 9; what++) {
        struct sst_frame *frame = (struct sst_frame *)(void *)stream;

        start(&accelerator_model, false);
        greet(0, 0);
        begin_frame(false, 0);
        add_request(1, &request);
        switch (what) {
        case 0: frame->magic ^= 1; break;
        case 1: frame->size = SST_FRAME_SIZE_MAX + 8; break;
        case 2: frame->count = SST_FRAME_COUNT_MAX + 1; break;
        case 3: frame->size -= 8; break;
        case 4: frame->count = 0; break;
        case 5: frame->flags = SST_FRAME_SYNC; break;
        case 6: frame->sequence = 3; break;
        case 7: ((struct sst_record *)(void *)(frame + 1))->size = REQUEST_HEAD - 1; break;
        case 8: ((struct sst_record *)(void *)(frame + 1))->size = SST_RECORD_SIZE_MAX + 1; break;
        }
        if (what == 7) {
            frame->size = sizeof(struct sst_record) + PADDED(REQUEST_HEAD - 1);
        }
        assert_false(feed(SIZE_MAX / 2));
        assert_true(device->link.error[0] != '\0');
        end(NULL);
    }
}

/* ---- Models ---- */

static struct sst_response ask(const struct sst_request *request)
{
    return ask_old(request);
}

static uint32_t configure(uint32_t param, uint64_t value)
{
    const struct sst_request request = make_configure(param, value);

    return ask(&request).status;
}

static uint64_t compute_cycles(uint64_t units, uint32_t latency)
{
    const struct sst_request request = make_compute(1, units, latency);
    struct sst_response response = ask(&request);

    assert_int_equal(response.status, SST_OK);
    assert_int_equal(response.result, response.payload.compute.cycles);
    return response.result;
}

static void test_latency_models(void **state)
{
    const struct sst_request bad = make_compute(1, 1, 3);
    const struct sst_request too_many = make_compute(1, 1000001, SST_LATENCY_FIXED);

    (void)state;
    start(&accelerator_model, true);
    assert_int_equal(compute_cycles(1000000, SST_LATENCY_FIXED), 100);
    assert_int_equal(compute_cycles(64, SST_LATENCY_PER_UNIT), 10);
    assert_int_equal(compute_cycles(65, SST_LATENCY_PER_UNIT), 20);
    assert_int_equal(compute_cycles(1, SST_LATENCY_PIPELINED), 20);
    assert_int_equal(compute_cycles(1001, SST_LATENCY_PIPELINED), 1020);
    assert_int_equal(configure(SST_PARAM_COMPUTE_UNITS, 1), SST_OK);
    assert_int_equal(configure(SST_PARAM_CYCLES_PER_UNIT, 1000000000), SST_OK);
    assert_int_equal(compute_cycles(1000000, SST_LATENCY_PER_UNIT), 1000000000000000);
    assert_int_equal(ask(&bad).status, SST_INVALID);
    assert_int_equal(ask(&too_many).status, SST_INVALID);
}

static void test_clock(void **state)
{
    const struct sst_request request = make_compute(1, 1, SST_LATENCY_FIXED);
    uint64_t before;

    (void)state;
    start(&accelerator_model, true);
    before = ask(&request).payload.compute.timestamp;
    assert_int_equal(ask(&request).payload.compute.timestamp - before, 100);
    assert_int_equal(configure(SST_PARAM_CLOCK_HZ, 3000000000), SST_OK);
    before = ask(&request).payload.compute.timestamp;
    assert_int_equal(ask(&request).payload.compute.timestamp - before, 34); /* rounded up */
}

static void test_parameters(void **state)
{
    (void)state;
    start(&accelerator_model, true);
    assert_int_equal(configure(SST_PARAM_CLOCK_HZ, 0), SST_INVALID);
    assert_int_equal(configure(SST_PARAM_MEMORY_BANKS, 3), SST_INVALID);
    assert_int_equal(configure(SST_PARAM_MEMORY_BANKS, 2048), SST_INVALID);
    assert_int_equal(configure(SST_PARAM_MEMORY_BANKS, 1024), SST_OK);
    assert_int_equal(configure(0, 1), SST_INVALID);
    assert_int_equal(configure(0x1000, 1), SST_INVALID);
    assert_int_equal(configure(SST_PARAM_QUEUE_DEPTH, 0), SST_INVALID);
}

static uint64_t memory_time(uint64_t address, uint32_t size)
{
    const struct sst_request request = make_range(SST_READ, address, size);
    const struct sst_request probe = make_compute(1, 1, SST_LATENCY_FIXED);
    uint64_t before = ask(&probe).payload.compute.timestamp;

    assert_int_equal(ask(&request).status, SST_OK);
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
    assert_int_equal(configure(SST_PARAM_MEMORY_BANKS, 1), SST_OK);
    assert_int_equal(memory_time(0, 4032), 20 + 63 * 2 + 62 * 2); /* 4 cycles a bank, 2 a line */
    assert_int_equal(configure(SST_PARAM_MEMORY_BANK_CONFLICT, 100), SST_OK);
    assert_int_equal(configure(SST_PARAM_MEMORY_BANKS, 2), SST_OK);
    assert_int_equal(memory_time(0, 256), 20 + 4 * 2 + 96);
}

static void test_memory_limits(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t address;
        uint32_t size, status;
    } cases[] = {
        {SST_READ, SST_INFO_MEMORY_SIZE - 8, 8, SST_OK},
        {SST_READ, SST_INFO_MEMORY_SIZE - 7, 8, SST_INVALID},
        {SST_READ, UINT64_MAX, 8, SST_INVALID},
        {SST_READ, 0, SST_READ_SIZE_MAX, SST_OK},
        {SST_READ, 0, SST_READ_SIZE_MAX + 1, SST_INVALID},
        {SST_WRITE, 0, SST_WRITE_SIZE_MAX, SST_OK},
        {SST_WRITE, 0, SST_WRITE_SIZE_MAX + 1, SST_INVALID},
        {SST_READ, SST_INFO_MEMORY_SIZE, 0, SST_OK},
        {SST_READ, 0, UINT32_MAX, SST_INVALID},
    };

    (void)state;
    start(&accelerator_model, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sst_request request = make_range(cases[i].type, cases[i].address,
                                                      cases[i].size);

        assert_int_equal(ask(&request).status, cases[i].status);
    }
}

/* The same requests take the same cycles, however they are cut and batched. */
static void test_determinism(void **state)
{
    static struct sst_response first[64];

    (void)state;
    for (size_t piece = 4104; piece < 70000; piece += 13331) {
        start(&accelerator_model, true);
        for (uint64_t i = 0; i < 64; i++) {
            struct sst_request request = i % 3 ? make_compute(i, i * 37 + 1, (uint32_t)i % 3)
                                               : make_range(SST_READ, i * 100, (uint32_t)i * 50);

            put(&request, sizeof(request));
        }
        assert_true(feed(piece));
        for (int i = 0; i < 64; i++) {
            struct sst_response response = take_old();

            if (piece == 4104) {
                first[i] = response;
            }
            assert_memory_equal(&response, &first[i], sizeof(response));
        }
        end(NULL);
    }
}

/* ---- Deterministic time ---- */

static struct sst_frame exchange(void)
{
    struct sst_frame frame;

    assert_true(feed(SIZE_MAX / 2));
    frame = take_frame();
    assert_int_equal(frame.flags, SST_FRAME_SYNC);
    assert_int_equal(frame.sequence, sequence);
    return frame;
}

static void test_sync_answers_at_their_time(void **state)
{
    const struct sst_request request = make_compute(9, 1, SST_LATENCY_FIXED);
    struct sst_record record;
    struct sst_frame frame;

    (void)state;
    start(&accelerator_model, false);
    assert_int_equal(greet(SST_WIRE_SYNC | SST_WIRE_EVENTS, 1000).features,
                     SST_WIRE_SYNC | SST_WIRE_EVENTS);
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
    assert_int_equal(frame.next_ns, SST_TIME_NEVER);
}

/* Two parts work at the same time; the queue is bounded. */
static void test_sync_overlap_and_busy(void **state)
{
    struct sst_request request = make_configure(SST_PARAM_QUEUE_DEPTH, 1);
    struct sst_frame frame;

    (void)state;
    start(&accelerator_model, false);
    greet(SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(1, &request);
    request = make_compute(1, 1, SST_LATENCY_FIXED);
    add_request(2, &request);
    add_request(3, &request); /* waits */
    add_request(4, &request); /* one too many */
    request = make_range(SST_READ, 0, 64);
    add_request(5, &request); /* the memory is free */
    frame = exchange();
    assert_int_equal(frame.count, 2);
    assert_int_equal(take_answer(1, NULL).status, SST_OK);
    assert_int_equal(take_answer(4, NULL).status, SST_BUSY);
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
    const struct sst_request request = make_compute(1, 10, SST_LATENCY_PIPELINED);
    struct sst_record record;

    (void)state;
    start(&accelerator_model, false);
    greet(SST_WIRE_SYNC, 0);
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
    greet(SST_WIRE_SYNC, 100);
    begin_frame(true, 200);
    exchange();
    begin_frame(true, 199);
    assert_false(feed(SIZE_MAX / 2));
    end(NULL);
    start(&accelerator_model, false);
    greet(SST_WIRE_SYNC, 100);
    begin_frame(false, 200);
    assert_false(feed(SIZE_MAX / 2));
}

/* A reply has a frame's size at most: the rest comes when the device asks again. */
static void test_sync_full_reply(void **state)
{
    const struct sst_request request = make_range(SST_READ, 0, SST_READ_SIZE_MAX);
    const struct sst_request depth = make_configure(SST_PARAM_QUEUE_DEPTH, 4096);
    uint64_t tag = 1, now = 1000000;

    (void)state;
    start(&accelerator_model, false);
    greet(SST_WIRE_SYNC, 0);
    begin_frame(true, 0);
    add_request(0, &depth);
    for (uint64_t i = 1; i <= 600; i++) {
        add_request(i, &request);
    }
    assert_int_equal(exchange().count, 1);
    take_answer(0, NULL);
    while (tag <= 600) {
        struct sst_frame frame;

        begin_frame(true, now++);
        frame = exchange();
        assert_true(frame.size <= SST_FRAME_SIZE_MAX && frame.count > 0);
        for (uint32_t i = 0; i < frame.count; i++) {
            take_answer(tag++, NULL);
        }
    }
    assert_true(now > 1000001);
}

/* ---- The systolic multiplier ---- */

static void write_words(uint64_t address, const uint32_t *words, uint32_t count)
{
    struct sst_request request = make_range(SST_WRITE, address, count * 4);

    memcpy(request.payload.data + SST_WRITE_DATA_OFFSET, words, count * 4);
    assert_int_equal(ask(&request).status, SST_OK);
}

static void read_words(uint64_t address, uint32_t *words, uint32_t count)
{
    const struct sst_request request = make_range(SST_READ, address, count * 4);
    struct sst_response response = ask(&request);

    assert_int_equal(response.result, count * 4);
    memcpy(words, response.payload.data, count * 4);
}

static void set_matrices(uint64_t rows, uint64_t inner, uint64_t columns, uint32_t element)
{
    assert_int_equal(configure(SST_SYSTOLIC_ROWS, rows), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_INNER, inner), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_COLUMNS, columns), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_A, 0), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_B, 0x10000), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_C, 0x20000), SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_ELEMENT, element), SST_OK);
}

static void test_systolic(void **state)
{
    enum { M = 17, K = 23, N = 19 };
    const struct sst_request go = make_compute(1, 1, 0);
    uint32_t a[M * K], b[K * N], c[M * N], seed = 1;

    (void)state;
    start(&systolic_model, true);
    for (int i = 0; i < M * K; i++) {
        a[i] = seed = seed * 1664525 + 1013904223;
    }
    for (int i = 0; i < K * N; i++) {
        b[i] = seed = seed * 1664525 + 1013904223;
    }
    set_matrices(M, K, N, COMPUTE_ELEMENT_UINT32);
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
    const struct sst_request go = make_compute(1, 1, 0);
    float c[4];

    (void)state;
    start(&systolic_model, true);
    set_matrices(2, 2, 2, COMPUTE_ELEMENT_FLOAT32);
    write_words(0, (const uint32_t *)a, 4);
    write_words(0x10000, (const uint32_t *)b, 4);
    assert_int_equal(ask(&go).status, SST_OK);
    read_words(0x20000, (uint32_t *)c, 4);
    assert_true(c[0] == 5.0f && c[1] == 14.75f && c[3] == 0.1f * 0.5f + 28.0f);
}

static void test_systolic_limits(void **state)
{
    const struct sst_request go = make_compute(1, 1, 0);

    (void)state;
    start(&systolic_model, true);
    assert_int_equal(configure(SST_SYSTOLIC_ROWS, 1025), SST_INVALID);
    assert_int_equal(configure(SST_SYSTOLIC_ELEMENT, 4), SST_INVALID);
    set_matrices(64, 64, 64, COMPUTE_ELEMENT_INT32);
    assert_int_equal(ask(&go).status, SST_OK);
    assert_int_equal(configure(SST_SYSTOLIC_C, 0x10000 + 64 * 64 * 4 - 4), SST_OK);
    assert_int_equal(ask(&go).status, SST_INVALID); /* in B */
    assert_int_equal(configure(SST_SYSTOLIC_C, SST_INFO_MEMORY_SIZE - 4), SST_OK);
    assert_int_equal(ask(&go).status, SST_INVALID); /* beyond the end */
    assert_int_equal(configure(SST_SYSTOLIC_C, 0x20002), SST_OK);
    assert_int_equal(ask(&go).status, SST_INVALID); /* alignment */
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
        cmocka_unit_test_teardown(test_sync_answers_at_their_time, end),
        cmocka_unit_test_teardown(test_sync_overlap_and_busy, end),
        cmocka_unit_test_teardown(test_sync_pipeline, end),
        cmocka_unit_test_teardown(test_sync_rules, end),
        cmocka_unit_test_teardown(test_sync_full_reply, end),
        cmocka_unit_test_teardown(test_systolic, end),
        cmocka_unit_test_teardown(test_systolic_float, end),
        cmocka_unit_test_teardown(test_systolic_limits, end),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("simulator", tests, NULL, NULL);
}
