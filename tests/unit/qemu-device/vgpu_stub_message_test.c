/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/vgpu-stub-message.c
/* The vgpu-stub device's message parser, without QEMU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/compute.h"
#include "qemu-device/vgpu-stub-message.h"

/* Exact heap blocks: the sanitizer sees every byte too many. */
static uint8_t *copy(const void *data, size_t size)
{
    uint8_t *block = malloc(size ? size : 1);

    assert_non_null(block);
    memcpy(block, data, size);
    return block;
}

static size_t encode(uint8_t *out, uint32_t type, uint32_t id, const uint8_t *payload,
                     uint16_t length)
{
    const VGPUStubMessage message = {
        .type = type,
        .vm_id = 0x01020304,
        .request_id = id,
        .pool_id = 'B',
        .priority = 2,
        .payload_length = length,
        .payload = payload,
    };

    return vgpu_stub_message_encode(out, &message);
}

static void test_encoding_is_the_wire(void **state)
{
    static const uint8_t expected[] = {0x55, 0x50, 0x47, 0x56, 1,   0, 0, 0, 4, 3, 2, 1,
                                       0xEF, 0xBE, 0xAD, 0xDE, 'B', 2, 3, 0, 7, 8, 9};
    uint8_t out[VGPU_STUB_MESSAGE_MAX];
    const uint8_t payload[3] = {7, 8, 9};

    (void)state;
    assert_int_equal(encode(out, BG_VGPU_STUB_MESSAGE_REQUEST, 0xDEADBEEF, payload, 3), 23);
    assert_memory_equal(out, expected, 23);
    assert_int_equal(encode(out, BG_VGPU_STUB_MESSAGE_PING, 1, NULL, 0), 20);
}

static void expect_message(VGPUStubReader *reader, const uint8_t *data, size_t size,
                           VGPUStubReadResult expected, size_t expected_taken)
{
    uint8_t *block = copy(data, size);
    size_t taken;

    assert_int_equal(vgpu_stub_reader_feed(reader, block, size, &taken), expected);
    assert_int_equal(taken, expected_taken);
    free(block);
}

static void test_cut_anywhere(void **state)
{
    static const uint16_t lengths[] = {0, 1, 31, 32, 40, 1024};
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX], bytes[VGPU_STUB_MESSAGE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i ^ (i >> 8));
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t size = encode(bytes, BG_VGPU_STUB_MESSAGE_RESPONSE, 7, payload, lengths[i]);

        for (size_t cut = 0; cut <= size; cut++) {
            VGPUStubReader *reader = calloc(1, sizeof(*reader));

            if (cut < size) {
                expect_message(reader, bytes, cut, VGPU_STUB_READ_MORE, cut);
                assert_int_equal(vgpu_stub_reader_is_between(reader), cut == 0);
            }
            expect_message(reader, bytes + cut % size, size - cut % size, VGPU_STUB_READ_MESSAGE,
                           size - cut % size);
            assert_int_equal(reader->message.type, BG_VGPU_STUB_MESSAGE_RESPONSE);
            assert_int_equal(reader->message.vm_id, 0x01020304);
            assert_int_equal(reader->message.request_id, 7);
            assert_int_equal(reader->message.pool_id, 'B');
            assert_int_equal(reader->message.priority, 2);
            assert_int_equal(reader->message.payload_length, lengths[i]);
            assert_memory_equal(reader->message.payload, payload, lengths[i]);
            assert_true(vgpu_stub_reader_is_between(reader));
            free(reader);
        }
    }
}

static void test_several_at_once(void **state)
{
    VGPUStubReader reader = {0};
    uint8_t bytes[100], payload[5] = "abcde";
    size_t first = encode(bytes, BG_VGPU_STUB_MESSAGE_BUSY, 1, NULL, 0);
    size_t second = encode(bytes + first, BG_VGPU_STUB_MESSAGE_RESPONSE, 2, payload, 5);

    (void)state;
    expect_message(&reader, bytes, first + second, VGPU_STUB_READ_MESSAGE, first);
    assert_int_equal(reader.message.type, BG_VGPU_STUB_MESSAGE_BUSY);
    expect_message(&reader, bytes + first, second, VGPU_STUB_READ_MESSAGE, second);
    assert_int_equal(reader.message.request_id, 2);
}

static void test_unknown_type_is_skipped(void **state)
{
    static const uint32_t types[] = {0, 1, 3, 4, 7, 0x1000, 0xFFFFFFFF};
    static uint8_t bytes[VGPU_STUB_HEADER_SIZE + 0xFFFF];

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        VGPUStubReader reader = {0};

        encode(bytes, types[i], 9, NULL, 0);
        bytes[18] = bytes[19] = 0xFF;
        expect_message(&reader, bytes, 30000, VGPU_STUB_READ_MORE, 30000);
        expect_message(&reader, bytes + 30000, sizeof(bytes) - 30000, VGPU_STUB_READ_MESSAGE,
                       sizeof(bytes) - 30000);
        assert_null(reader.message.payload);
        assert_int_equal(reader.message.payload_length, 0xFFFF);
        assert_false(vgpu_stub_message_is_answer(&reader.message));
    }
}

static void test_bad_magic_is_found_at_the_first_byte(void **state)
{
    uint8_t bytes[20];

    (void)state;
    for (size_t wrong = 0; wrong < 4; wrong++) {
        for (size_t cut = 0; cut <= wrong; cut++) {
            VGPUStubReader reader = {0};
            size_t taken;

            encode(bytes, BG_VGPU_STUB_MESSAGE_RESPONSE, 7, NULL, 0);
            bytes[wrong] ^= 0x10;
            assert_int_equal(vgpu_stub_reader_feed(&reader, bytes, cut, &taken),
                             VGPU_STUB_READ_MORE);
            assert_int_equal(vgpu_stub_reader_feed(&reader, bytes + cut, wrong + 1 - cut, &taken),
                             VGPU_STUB_READ_BAD_MAGIC);
            vgpu_stub_reader_reset(&reader);
            bytes[wrong] ^= 0x10;
            expect_message(&reader, bytes, 20, VGPU_STUB_READ_MESSAGE, 20);
        }
    }
}

static void test_answer_too_large(void **state)
{
    static const uint32_t types[] = {BG_VGPU_STUB_MESSAGE_RESPONSE, BG_VGPU_STUB_MESSAGE_BUSY,
                                     BG_VGPU_STUB_MESSAGE_QUARANTINED};
    uint8_t bytes[20];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        VGPUStubReader reader = {0};

        encode(bytes, types[i], 7, NULL, 0);
        bytes[18] = 0x01;
        bytes[19] = 0x04; /* 1025 */
        expect_message(&reader, bytes, 20, VGPU_STUB_READ_TOO_LARGE, 20);
    }
}

static VGPUStubOutcome outcome(uint32_t type, uint32_t status, uint16_t length)
{
    uint8_t *payload = calloc(1, length ? length : 1);
    VGPUStubMessage message = {.type = type, .payload_length = length, .payload = payload};
    VGPUStubOutcome result;

    if (length >= 8) {
        memcpy(payload + 4, &status, 4);
    }
    result = vgpu_stub_message_outcome(&message);
    free(payload);
    return result;
}

static void test_outcomes(void **state)
{
    static const struct {
        uint32_t type, status;
        uint16_t length;
        uint32_t expected_status, expected_error;
    } cases[] = {
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0, 32, BG_VGPU_STUB_DONE, 0},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0, 1024, BG_VGPU_STUB_DONE, 0},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 5, 31, BG_VGPU_STUB_DONE, 0},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 5, 8, BG_VGPU_STUB_DONE, 0},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0, 0, BG_VGPU_STUB_DONE, 0},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 1, 32, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 4, 32, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 7, 32, BG_VGPU_STUB_ERROR, 7},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 8, 32, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0x0A, 32, BG_VGPU_STUB_ERROR, 0x0A},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0x0B, 32, BG_VGPU_STUB_ERROR, 0x0B},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0x0C, 32, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0x700, 32, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_RESPONSE, 0xFFFFFFFF, 40, BG_VGPU_STUB_ERROR, 5},
        {BG_VGPU_STUB_MESSAGE_BUSY, 0, 0, BG_VGPU_STUB_ERROR, 0x0A},
        {BG_VGPU_STUB_MESSAGE_QUARANTINED, 0, 0, BG_VGPU_STUB_ERROR, 0x0B},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        VGPUStubOutcome result = outcome(cases[i].type, cases[i].status, cases[i].length);

        assert_int_equal(result.status, cases[i].expected_status);
        assert_int_equal(result.error_code, cases[i].expected_error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_is_the_wire),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_unknown_type_is_skipped),
        cmocka_unit_test(test_bad_magic_is_found_at_the_first_byte),
        cmocka_unit_test(test_answer_too_large),
        cmocka_unit_test(test_outcomes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("vgpu-stub messages", tests, NULL, NULL);
}
