/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/pvgpu-message.c
/* The pvgpu device's message parser and its checks of what a backend says, without QEMU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-device/pvgpu-message.h"

/* Exact heap blocks: the sanitizer sees every byte too many. */
static uint8_t *copy(const void *data, size_t size)
{
    uint8_t *block = malloc(size ? size : 1);

    assert_non_null(block);
    memcpy(block, data, size);
    return block;
}

/* ---- Sending ---- */

static void test_encode(void **state)
{
    static const uint8_t handshake[] = {1, 0,    0, 0, 11, 0, 0,   0,   0, 0,
                                        0, 0x10, 0, 0, 0,  0, '/', 'n', 0};
    static const uint8_t identity[] = {0, 0x10, 0, 0, 8, 0, 0, 0, 4, 3, 2, 1, 'B', 2, 0, 0};
    static const uint8_t reset[] = {1, 0x10, 0, 0, 4, 0, 0, 0, 0xEF, 0xBE, 0xAD, 0xDE};
    static const uint8_t done[] = {7, 0x10, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0};
    static const uint8_t doorbell[] = {3, 0, 0, 0, 0, 0, 0, 0};
    uint8_t out[PVGPU_HANDSHAKE_MAX];

    (void)state;
    assert_int_equal(pvgpu_message_encode_handshake(out, 0x10000000, "/n"), sizeof(handshake));
    assert_memory_equal(out, handshake, sizeof(handshake));
    assert_int_equal(pvgpu_message_encode_identity(out, 0x01020304, 'B', 2), sizeof(identity));
    assert_memory_equal(out, identity, sizeof(identity));
    assert_int_equal(pvgpu_message_encode_reset(out, 0xDEADBEEF), sizeof(reset));
    assert_memory_equal(out, reset, sizeof(reset));
    assert_int_equal(pvgpu_message_encode_scanout_done(out, 9, 3), sizeof(done));
    assert_memory_equal(out, done, sizeof(done));
    assert_int_equal(pvgpu_message_encode(out, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0),
                     sizeof(doorbell));
    assert_memory_equal(out, doorbell, sizeof(doorbell));
    assert_true(sizeof(identity) <= PVGPU_SENT_MAX && sizeof(done) <= PVGPU_SENT_MAX);
}

static void test_longest_name(void **state)
{
    char name[BG_PVGPU_SHMEM_NAME_MAX + 1];
    uint8_t *out = malloc(PVGPU_HANDSHAKE_MAX);

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    assert_int_equal(pvgpu_message_encode_handshake(out, 1, name), PVGPU_HANDSHAKE_MAX);
    assert_int_equal(out[PVGPU_HANDSHAKE_MAX - 1], 0);
    free(out);
}

/* ---- Receiving ---- */

static size_t put(uint8_t *out, uint32_t type, const void *payload, uint32_t size)
{
    return pvgpu_message_encode(out, type, payload, size);
}

/* Three messages, fed in pieces of every size. */
static void test_every_cut(void **state)
{
    static PVGPUReader reader;
    uint8_t stream[2200], payload[BG_PVGPU_PAYLOAD_MAX];
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 7);
    }
    size += put(stream + size, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
    size += put(stream + size, 0x12345678, payload, sizeof(payload));
    size += put(stream + size, BG_PVGPU_MESSAGE_IRQ, payload + 4, 4);
    for (size_t step = 1; step <= size; step++) {
        unsigned messages = 0;

        pvgpu_reader_reset(&reader);
        for (size_t at = 0; at < size; at += step) {
            size_t length = step < size - at ? step : size - at, used = 0;
            uint8_t *piece = copy(stream + at, length);

            while (used < length) {
                size_t taken;
                PVGPUReadResult result =
                    pvgpu_reader_feed(&reader, piece + used, length - used, &taken);

                used += taken;
                if (result == PVGPU_READ_MORE) {
                    assert_int_equal(used, length);
                    break;
                }
                assert_int_equal(result, PVGPU_READ_MESSAGE);
                messages++;
                if (messages == 2) {
                    assert_int_equal(reader.message.type, 0x12345678);
                    assert_int_equal(reader.message.size, sizeof(payload));
                    assert_memory_equal(reader.message.payload, payload, sizeof(payload));
                } else {
                    assert_int_equal(reader.message.type, messages == 1 ? 5 : 4);
                    assert_int_equal(reader.message.size, messages == 1 ? 0 : 4);
                }
            }
            free(piece);
        }
        assert_int_equal(messages, 3);
    }
}

static void test_too_large(void **state)
{
    static PVGPUReader reader;
    uint8_t header[8] = {4, 0, 0, 0, 1, 4, 0, 0};
    size_t taken;

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(pvgpu_reader_feed(&reader, header + i, 1, &taken), PVGPU_READ_MORE);
        assert_int_equal(taken, 1);
    }
    assert_int_equal(pvgpu_reader_feed(&reader, header + 7, 1, &taken), PVGPU_READ_TOO_LARGE);
    pvgpu_reader_reset(&reader);
    memset(header + 4, 0xFF, 4);
    assert_int_equal(pvgpu_reader_feed(&reader, header, 8, &taken), PVGPU_READ_TOO_LARGE);
}

/* Exactly long enough, and one byte less. */
static void test_payloads(void **state)
{
    struct bg_pvgpu_scanout_buffer buffer = {1, 2, 0x3000, 0x6000}, read_buffer;
    struct bg_pvgpu_scanout scanout = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, read_scanout;
    uint64_t features = 0x1122334455667788, read_features;
    PVGPUMessage message;
    uint8_t *payload;

    (void)state;
    payload = copy(&features, 8);
    message = (PVGPUMessage){.size = 8, .payload = payload};
    assert_true(pvgpu_message_get_ack(&message, &read_features));
    assert_true(read_features == features);
    memset(payload, 0, 8);
    assert_true(pvgpu_message_get_ack(&message, &read_features));
    assert_true(read_features == 0x9D);
    message.size = 7;
    assert_false(pvgpu_message_get_ack(&message, &read_features));
    free(payload);

    payload = copy(&buffer, sizeof(buffer));
    message = (PVGPUMessage){.size = sizeof(buffer), .payload = payload};
    assert_true(pvgpu_message_get_scanout_buffer(&message, &read_buffer));
    assert_memory_equal(&read_buffer, &buffer, sizeof(buffer));
    message.size--;
    assert_false(pvgpu_message_get_scanout_buffer(&message, &read_buffer));
    free(payload);

    payload = copy(&scanout, sizeof(scanout));
    message = (PVGPUMessage){.size = sizeof(scanout), .payload = payload};
    assert_true(pvgpu_message_get_scanout(&message, &read_scanout));
    assert_memory_equal(&read_scanout, &scanout, sizeof(scanout));
    message.size--;
    assert_false(pvgpu_message_get_scanout(&message, &read_scanout));
    free(payload);
}

/* ---- Limits ---- */

static void test_buffer_limits(void **state)
{
    const uint64_t largest = 16384ull * 16384 * 4;
    struct bg_pvgpu_scanout_buffer buffer = {6, 4, largest, 4 * largest};

    (void)state;
    assert_null(pvgpu_check_scanout_buffer(&buffer, 4 * largest, 5));
    assert_non_null(pvgpu_check_scanout_buffer(&buffer, 4 * largest, 6));
    assert_non_null(pvgpu_check_scanout_buffer(&buffer, 4 * largest - 1, 5));
    assert_non_null(pvgpu_check_scanout_buffer(&buffer, 4 * largest + 1, 5));
    buffer.slot_size += 4096;
    buffer.size = 4 * buffer.slot_size;
    assert_non_null(pvgpu_check_scanout_buffer(&buffer, buffer.size, 5));
    /* A product that wraps to what the file has. */
    buffer = (struct bg_pvgpu_scanout_buffer){6, 4, 0x4000000000001000, 0x4000};
    assert_non_null(pvgpu_check_scanout_buffer(&buffer, 0x4000, 5));
}

static void test_scanout_limits(void **state)
{
    const uint64_t largest = 16384ull * 16384 * 4;
    const struct bg_pvgpu_scanout_buffer buffer = {1, 2, largest, 2 * largest};
    const struct bg_pvgpu_scanout good = {1, 1, 16384, 16384, 65536, 28, 16384, 16384, 0, 0};
    struct bg_pvgpu_scanout scanout = good;

    (void)state;
    assert_null(pvgpu_check_scanout(&good, &buffer));
    assert_non_null(pvgpu_check_scanout(&good, NULL));
    scanout.stride = 65540;
    assert_non_null(pvgpu_check_scanout(&scanout, &buffer));
    scanout = good;
    scanout.damage_width = 1;
    assert_non_null(pvgpu_check_scanout(&scanout, &buffer));
    scanout = good;
    scanout.damage_y = 1;
    scanout.damage_height = 0xFFFFFFFF;
    assert_non_null(pvgpu_check_scanout(&scanout, &buffer));
    /* Products that wrap in 32 bits. */
    scanout = good;
    scanout.width = 0x40000000;
    scanout.stride = 0;
    assert_non_null(pvgpu_check_scanout(&scanout, &buffer));
    scanout = good;
    scanout.stride = 0x40000;
    assert_non_null(pvgpu_check_scanout(&scanout, &buffer));
    memset(&scanout, 0, sizeof(scanout)); /* nothing */
    assert_null(pvgpu_check_scanout(&scanout, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),         cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_every_cut),      cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_payloads),       cmocka_unit_test(test_buffer_limits),
        cmocka_unit_test(test_scanout_limits),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("pvgpu device messages", tests, NULL, NULL);
}
