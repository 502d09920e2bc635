/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/vgpu-stub-message.c
/*
 * What a mediator may send to the vgpu-stub device: the stream is cut into pieces in several ways,
 * which must give the same messages; each one's claims must hold. The first byte chooses the cuts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-device/vgpu-stub-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A sum over all that was read: equal for equal streams. */
static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001B3ull;
}

static uint64_t check_message(const VGPUStubReader *reader, uint64_t sum)
{
    const VGPUStubMessage *message = &reader->message;

    sum = mix(mix(mix(sum, message->type), message->request_id), message->payload_length);
    if (vgpu_stub_message_is_answer(message)) {
        VGPUStubOutcome outcome = vgpu_stub_message_outcome(message);
        uint8_t again[VGPU_STUB_MESSAGE_MAX];

        CHECK(message->payload && message->payload_length <= BG_VGPU_STUB_PAYLOAD_MAX);
        CHECK(outcome.status == BG_VGPU_STUB_DONE || outcome.status == BG_VGPU_STUB_ERROR);
        CHECK((outcome.status == BG_VGPU_STUB_DONE) == (outcome.error_code == 0));
        CHECK(outcome.error_code <= 0x0B);
        /* What was read, written again, is what came. */
        CHECK(vgpu_stub_message_encode(again, message) ==
              VGPU_STUB_HEADER_SIZE + message->payload_length);
        CHECK(memcmp(again, reader->header, VGPU_STUB_HEADER_SIZE) == 0);
        for (size_t i = 0; i < message->payload_length; i++) {
            sum = mix(sum, message->payload[i]);
        }
    } else {
        CHECK(!message->payload);
    }
    return sum;
}

/* Pieces of @step bytes, 0: all at once. */
static uint64_t run(const uint8_t *data, size_t size, size_t step)
{
    static VGPUStubReader reader;
    uint64_t sum = 1;

    memset(&reader, 0xA5, sizeof(reader));
    vgpu_stub_reader_reset(&reader);
    while (size) {
        size_t part = step && step < size ? step : size;
        size_t taken;
        uint8_t *block = malloc(part); /* exact: the sanitizer watches its end */
        VGPUStubReadResult result;

        CHECK(block);
        memcpy(block, data, part);
        result = vgpu_stub_reader_feed(&reader, block, part, &taken);
        free(block);
        CHECK(taken >= 1 && taken <= part);
        CHECK(result != VGPU_STUB_READ_MORE || taken == part);
        if (result == VGPU_STUB_READ_MESSAGE) {
            CHECK(vgpu_stub_reader_is_between(&reader));
            sum = check_message(&reader, sum);
        } else if (result != VGPU_STUB_READ_MORE) {
            return mix(sum, result);
        }
        data += taken;
        size -= taken;
    }
    return mix(sum, vgpu_stub_reader_is_between(&reader));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1) {
        uint64_t whole = run(data + 1, size - 1, 0);

        CHECK(run(data + 1, size - 1, 1) == whole);
        CHECK(run(data + 1, size - 1, data[0]) == whole);
    }
    return 0;
}
