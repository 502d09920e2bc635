/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/pvgpu-message.c
/*
 * What a backend may send to the pvgpu device: the stream is cut into pieces in several ways, which
 * must give the same messages; a scanout that passes lies within its file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-device/pvgpu-message.h"

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

/* The buffer that the last good SCANOUT_BUFFER described; its file is what it says. */
static struct bg_pvgpu_scanout_buffer present;

static void check_buffer(const struct bg_pvgpu_scanout_buffer *buffer)
{
    if (pvgpu_check_scanout_buffer(buffer, buffer->size, present.buffer) == NULL) {
        CHECK(buffer->buffer > present.buffer && buffer->slots >= 2);
        CHECK(buffer->slots <= BG_PVGPU_SCANOUT_SLOTS_MAX);
        CHECK(buffer->slot_size && buffer->size / buffer->slots == buffer->slot_size);
        present = *buffer;
    }
}

/* The last byte of the last pixel, and the damage, in 128 bits. */
static void check_scanout(const struct bg_pvgpu_scanout *scanout)
{
    if (pvgpu_check_scanout(scanout, present.buffer ? &present : NULL) == NULL && scanout->width) {
        unsigned __int128 end = (unsigned __int128)scanout->slot * present.slot_size +
                                (unsigned __int128)(scanout->height - 1) * scanout->stride +
                                (unsigned __int128)scanout->width * 4;

        CHECK(present.buffer && scanout->slot < present.slots && scanout->height);
        CHECK(end <= present.size &&
              end <= (unsigned __int128)(scanout->slot + 1) * present.slot_size);
        CHECK((uint64_t)scanout->damage_x + scanout->damage_width <= scanout->width);
        CHECK((uint64_t)scanout->damage_y + scanout->damage_height <= scanout->height);
        /* What pixman counts with. */
        CHECK((uint64_t)scanout->stride / 4 * scanout->height <= INT32_MAX);
    }
}

static uint64_t check_message(const PVGPUMessage *message, uint64_t sum)
{
    struct bg_pvgpu_scanout_buffer buffer;
    struct bg_pvgpu_scanout scanout;
    uint64_t features;

    CHECK(message->size <= BG_PVGPU_PAYLOAD_MAX);
    sum = mix(mix(sum, message->type), message->size);
    for (uint32_t i = 0; i < message->size; i++) {
        sum = mix(sum, message->payload[i]);
    }
    if (pvgpu_message_get_ack(message, &features)) {
        CHECK(features != 0);
    }
    if (pvgpu_message_get_scanout_buffer(message, &buffer)) {
        check_buffer(&buffer);
    }
    if (pvgpu_message_get_scanout(message, &scanout)) {
        check_scanout(&scanout);
    }
    return sum;
}

/* Pieces of @step bytes, 0: all at once. */
static uint64_t run(const uint8_t *data, size_t size, size_t step)
{
    static PVGPUReader reader;
    uint64_t sum = 1;

    memset(&reader, 0xA5, sizeof(reader));
    memset(&present, 0, sizeof(present));
    pvgpu_reader_reset(&reader);
    for (size_t at = 0; at < size;) {
        size_t length = step && step < size - at ? step : size - at, taken;
        uint8_t *piece = malloc(length);
        PVGPUReadResult result;

        memcpy(piece, data + at, length);
        result = pvgpu_reader_feed(&reader, piece, length, &taken);
        free(piece);
        CHECK(taken <= length && (result != PVGPU_READ_MORE || taken == length));
        at += taken;
        if (result == PVGPU_READ_MESSAGE) {
            sum = check_message(&reader.message, sum);
        } else if (result == PVGPU_READ_TOO_LARGE) {
            return mix(sum, 0xBAD);
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step;
    uint64_t sum;

    if (size < 1) {
        return 0;
    }
    step = data[0] % 32 + 1;
    data++;
    size--;
    sum = run(data, size, 0);
    CHECK(run(data, size, 1) == sum);
    CHECK(run(data, size, step) == sum);
    return 0;
}
