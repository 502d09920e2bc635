/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/virtio-sst-wire.c
/* virtio-sst's bytes on the socket, without QEMU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-device/virtio-sst-wire.h"

#define HEAD offsetof(struct bg_sst_response, payload)

static SSTReader reader;

/* ---- Used part ---- */

static void test_used_size(void **state)
{
    uint8_t data[64] = {0};

    (void)state;
    assert_int_equal(sst_wire_used_size(data, 64), 0);
    assert_int_equal(sst_wire_used_size(data, 0), 0);
    for (size_t i = 0; i < 64; i++) {
        memset(data, 0, sizeof(data));
        data[i] = 1;
        assert_int_equal(sst_wire_used_size(data, 64), i / 8 * 8 + 8);
    }
}

/* ---- Probe ---- */

static void test_hello(void **state)
{
    static const uint8_t expected[] = {
        0x48, 0x45, 0x4C, 0x4F, 0, 0, 0, 0, 0,    0x53, 0x53, 0x54, 0x48, 0x45, 0x4C, 0x4F,
        0,    0,    0,    0,    0, 0, 0, 0, 0x53, 0x54, 0x58, 0x31, 1,    0,    0,    0,
        5,    0,    0,    0,    0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 2,    0,    0,    0,
        0,    1,    0,    0,    0, 0, 0, 0, 8,    7,    6,    5,    4,    3,    2,    1};
    const struct bg_sst_hello hello = {.version = 1,
                                       .features = 5,
                                       .device_id = 0x11223344,
                                       .pairs = 2,
                                       .in_flight_max = 256,
                                       .time_ns = 0x0102030405060708};
    const struct bg_sst_hello_reply good = {BG_SST_HELLO_REPLY_MAGIC, 1, 4, 77, "model"};
    struct bg_sst_hello_reply reply;
    struct bg_sst_request request;
    struct bg_sst_response response = {.request_id = BG_SST_HELLO_REQUEST_ID};

    (void)state;
    memset(&request, 0xFF, sizeof(request));
    sst_wire_encode_hello(&request, &hello);
    assert_memory_equal(&request, expected, sizeof(expected));
    for (size_t i = sizeof(expected); i < sizeof(request); i++) {
        assert_int_equal(((uint8_t *)&request)[i], 0);
    }

    memcpy(response.payload.data, &good, sizeof(good));
    assert_true(sst_wire_answers_hello(&response));
    assert_true(sst_wire_decode_hello(&response, &hello, &reply));
    assert_memory_equal(&reply, &good, sizeof(good));
    memset(response.payload.data + offsetof(struct bg_sst_hello_reply, name), 'x', 32);
    assert_true(sst_wire_decode_hello(&response, &hello, &reply));
    assert_int_equal(strlen(reply.name), 31);
    response.payload.data[8] = 2; /* a feature that was not offered */
    assert_false(sst_wire_decode_hello(&response, &hello, &reply));
    response.payload.data[8] = 0;
    response.status = BG_SST_INVALID;
    assert_false(sst_wire_decode_hello(&response, &hello, &reply));
    response.request_id = 1;
    assert_false(sst_wire_answers_hello(&response));
}

/* ---- Writing ---- */

static void test_writer(void **state)
{
    uint8_t data[40 + 40 + 32];
    SSTWriter writer = {.data = data, .capacity = sizeof(data)};
    const struct bg_sst_record record = {.kind = BG_SST_RECORD_REQUEST,
                                         .pair = 0x0102,
                                         .tag = 0x1122334455667788,
                                         .time_ns = 9,
                                         .cycles = 10};
    static const uint8_t expected[] = {
        0x53, 0x54, 0x58, 0x46, 1,    0,    0, 0, 72, 0, 0,  0, 2,    0,    0,    0,    3,    0,
        0,    0,    0,    0,    0,    0,    4, 0, 0,  0, 0,  0, 0,    0,    5,    0,    0,    0,
        0,    0,    0,    0,    1,    0,    2, 1, 5,  0, 0,  0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
        0x22, 0x11, 9,    0,    0,    0,    0, 0, 0,  0, 10, 0, 0,    0,    0,    0,    0,    0,
        'a',  'b',  'c',  'd',  'e',  0,    0, 0, 1,  0, 2,  1, 0,    0,    0,    0,    0x88, 0x77,
        0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 0, 0,  0, 0,  0, 0,    0,    10,   0,    0,    0,
        0,    0,    0,    0,
    };

    (void)state;
    memset(data, 0xFF, sizeof(data));
    sst_writer_begin(&writer);
    assert_true(sst_writer_add(&writer, &record, "abc", 3, "de", 2));
    assert_true(sst_writer_add(&writer, &record, NULL, 0, NULL, 0));
    assert_false(sst_writer_add(&writer, &record, NULL, 0, NULL, 0)); /* full */
    sst_writer_end(&writer,
                   &(struct bg_sst_frame){.flags = 1, .sequence = 3, .time_ns = 4, .next_ns = 5});
    assert_int_equal(writer.size, sizeof(expected));
    assert_memory_equal(data, expected, sizeof(expected));
}

static void test_writer_limits(void **state)
{
    static uint8_t body[BG_SST_RECORD_SIZE_MAX];
    SSTWriter writer = {.capacity = 2u << 20};
    const struct bg_sst_record record = {.kind = BG_SST_RECORD_REQUEST};
    unsigned count = 0;

    (void)state;
    writer.data = malloc(writer.capacity);
    assert_non_null(writer.data);
    sst_writer_begin(&writer);
    while (sst_writer_add(&writer, &record, body, sizeof(body), NULL, 0)) {
        count++;
    }
    assert_int_equal(count, BG_SST_FRAME_SIZE_MAX / (32 + 4112));
    writer.size = 0;
    count = 0;
    sst_writer_begin(&writer);
    while (sst_writer_add(&writer, &record, NULL, 0, NULL, 0)) {
        count++;
    }
    assert_int_equal(count, BG_SST_FRAME_COUNT_MAX);
    free(writer.data);
}

/* ---- Reading ---- */

static void feed(const void *data, size_t size)
{
    size_t room;
    uint8_t *space = sst_reader_space(&reader, &room);

    assert_true(room >= sizeof(struct bg_sst_record) + BG_SST_RECORD_SIZE_MAX);
    assert_true(size <= room);
    memcpy(space, data, size);
    sst_reader_put(&reader, size);
}

/* A stream of `count` frames of 0 to 4 records of all sizes, in pieces of `step` bytes. */
static void check_stream(unsigned count, size_t step)
{
    static uint8_t body[BG_SST_RECORD_SIZE_MAX];
    unsigned expected_size = HEAD, records = 0, frames = 0;
    SSTWriter writer = {.capacity = 1u << 20};

    writer.data = malloc(writer.capacity);
    assert_non_null(writer.data);
    sst_reader_reset(&reader);
    reader.frames = true;
    for (unsigned i = 0, size = HEAD; i < count; i++) {
        size_t sent = 0;

        writer.size = 0;
        sst_writer_begin(&writer);
        for (unsigned j = 0; j < i % 5; j++) {
            const struct bg_sst_record record = {.kind = BG_SST_RECORD_ANSWER, .tag = size};

            memset(body, (int)size, size);
            assert_true(sst_writer_add(&writer, &record, body, size, NULL, 0));
            size = size + 37 > BG_SST_RECORD_SIZE_MAX ? HEAD : size + 37;
        }
        sst_writer_end(&writer, &(struct bg_sst_frame){.sequence = i});
        while (sent < writer.size || frames <= i) {
            SSTReadResult result = sst_reader_next(&reader);
            size_t part = writer.size - sent < step ? writer.size - sent : step;

            if (result == SST_READ_MORE) {
                assert_true(sent < writer.size);
                feed(writer.data + sent, part);
                sent += part;
            } else if (result == SST_READ_RECORD) {
                assert_int_equal(reader.record.size, expected_size);
                assert_int_equal(reader.record.tag, expected_size);
                assert_int_equal(reader.body[0], expected_size & 0xFF);
                assert_int_equal(reader.body[expected_size - 1], expected_size & 0xFF);
                expected_size =
                    expected_size + 37 > BG_SST_RECORD_SIZE_MAX ? HEAD : expected_size + 37;
                records++;
            } else {
                assert_int_equal(result, SST_READ_FRAME);
                assert_int_equal(reader.frame.sequence, i);
                frames++;
            }
        }
    }
    assert_int_equal(records, count / 5 * 10);
    free(writer.data);
}

static void test_stream(void **state)
{
    (void)state;
    check_stream(100, 1);
    check_stream(500, 7);
    check_stream(1000, 4096);
    check_stream(1000, 60000);
}

static void test_old_stream(void **state)
{
    struct bg_sst_response response = {.status = 1};
    const uint8_t *bytes = (const void *)&response;

    (void)state;
    sst_reader_reset(&reader);
    for (unsigned i = 0; i < 100; i++) {
        response.request_id = i;
        for (size_t sent = 0, part = 1 + i * 50; sent < sizeof(response); sent += part) {
            assert_int_equal(sst_reader_next(&reader), SST_READ_MORE);
            part = part < sizeof(response) - sent ? part : sizeof(response) - sent;
            feed(bytes + sent, part);
        }
        assert_int_equal(sst_reader_next(&reader), SST_READ_RESPONSE);
        assert_int_equal(reader.response->request_id, i);
    }
}

/* What is no frame is refused as soon as that is known. */
static void test_bad(void **state)
{
    const struct bg_sst_frame good = {.magic = BG_SST_FRAME_MAGIC, .size = 64, .count = 1};
    struct bg_sst_frame frame;
    struct bg_sst_record record = {.kind = BG_SST_RECORD_ANSWER, .size = HEAD};

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        frame = good;
        record = (struct bg_sst_record){.kind = BG_SST_RECORD_ANSWER, .size = HEAD};
        switch (i) {
        case 0:
            frame.magic ^= 1;
            break;
        case 1:
            frame.size = 65;
            break;
        case 2:
            frame.size = BG_SST_FRAME_SIZE_MAX + 8;
            break;
        case 3:
            frame.count = BG_SST_FRAME_COUNT_MAX + 1;
            break;
        case 4:
            frame.count = 0;
            break;
        case 5:
            frame.size = 24;
            break;
        case 6:
            record.size = HEAD - 1;
            break;
        case 7:
            record.size = BG_SST_RECORD_SIZE_MAX + 1;
            break;
        case 8:
            record.size = HEAD + 1;
            break; /* fills more than there is */
        }
        sst_reader_reset(&reader);
        reader.frames = true;
        feed(&frame, sizeof(frame));
        if (i > 5) {
            assert_int_equal(sst_reader_next(&reader), SST_READ_MORE);
            feed(&record, sizeof(record));
        }
        assert_int_equal(sst_reader_next(&reader), SST_READ_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_used_size), cmocka_unit_test(test_hello),
        cmocka_unit_test(test_writer),    cmocka_unit_test(test_writer_limits),
        cmocka_unit_test(test_stream),    cmocka_unit_test(test_old_stream),
        cmocka_unit_test(test_bad),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("virtio-sst wire", tests, NULL, NULL);
}
