/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/virtio-sst-wire.c
/*
 * What a simulator may send to the virtio-sst device: the stream is cut into pieces in several
 * ways, which must give the same records; each one's claims must hold. The first byte chooses the
 * wire and the cuts. The magic of frames is put in where they begin, so that they are found.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-device/virtio-sst-wire.h"

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

static uint64_t mix_bytes(uint64_t sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum = mix(sum, data[i]);
    }
    return sum;
}

static void check_inside(const SSTReader *reader, const uint8_t *data, size_t size)
{
    CHECK(data >= reader->buffer && data + size <= reader->buffer + reader->end);
}

static uint64_t take(const SSTReader *reader, SSTReadResult result, uint64_t sum)
{
    struct bg_sst_hello_reply reply;
    const struct bg_sst_hello hello = {.version = 1, .features = 7};

    switch (result) {
    case SST_READ_RESPONSE:
        check_inside(reader, (const void *)reader->response, sizeof(*reader->response));
        if (sst_wire_decode_hello(reader->response, &hello, &reply)) {
            CHECK(reply.version == 1 && reply.features <= 7);
            CHECK(memchr(reply.name, 0, sizeof(reply.name)));
        }
        return mix_bytes(sum, (const void *)reader->response, sizeof(*reader->response));
    case SST_READ_RECORD:
        CHECK(reader->record.size <= BG_SST_RECORD_SIZE_MAX);
        check_inside(reader, reader->body, reader->record.size);
        CHECK(reader->record.kind != BG_SST_RECORD_ANSWER ||
              reader->record.size >= offsetof(struct bg_sst_response, payload));
        CHECK(reader->record.kind != BG_SST_RECORD_EVENT ||
              reader->record.size == sizeof(struct bg_sst_event));
        sum = mix(mix(sum, reader->record.kind), reader->record.tag);
        return mix_bytes(sum, reader->body, reader->record.size);
    case SST_READ_FRAME:
        CHECK(reader->frame.size <= BG_SST_FRAME_SIZE_MAX && !reader->size_left);
        return mix(mix(sum, reader->frame.sequence), reader->frame.size);
    default:
        CHECK(result == SST_READ_BAD);
        return mix(sum, 99);
    }
}

/* Pieces of @step bytes, 0: as many as there is room for. */
static uint64_t run(const uint8_t *data, size_t size, bool frames, size_t step)
{
    static SSTReader reader;
    uint64_t sum = 1;

    memset(&reader, 0xA5, offsetof(SSTReader, buffer));
    sst_reader_reset(&reader);
    reader.frames = frames;
    for (;;) {
        SSTReadResult result = sst_reader_next(&reader);
        size_t part;
        uint8_t *space;

        if (result != SST_READ_MORE) {
            sum = take(&reader, result, sum);
            if (result == SST_READ_BAD) {
                return sum;
            }
            continue;
        }
        if (!size) {
            return sum;
        }
        space = sst_reader_space(&reader, &part);
        CHECK(part >= sizeof(struct bg_sst_record) + BG_SST_RECORD_SIZE_MAX);
        check_inside(&reader, reader.buffer, reader.end);
        part = step && step < part ? step : part;
        part = part < size ? part : size;
        memcpy(space, data, part);
        sst_reader_put(&reader, part);
        data += part;
        size -= part;
    }
}

/* Frames one behind the other, of the sizes that their headers claim. */
static void put_magic(uint8_t *data, size_t size)
{
    static const uint8_t magic[4] = {0x53, 0x54, 0x58, 0x46};

    for (size_t offset = 0; offset + sizeof(struct bg_sst_frame) <= size;) {
        struct bg_sst_frame frame;

        memcpy(data + offset, magic, 4);
        data[offset + 8] &= 0xF8;
        data[offset + 10] = data[offset + 11] = 0;
        data[offset + 13] = data[offset + 14] = data[offset + 15] = 0;
        memcpy(&frame, data + offset, sizeof(frame));
        offset += sizeof(frame) + frame.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 3, 40, 4096};
    uint8_t *copy;
    bool frames;
    uint64_t whole;

    if (size < 2) {
        return 0;
    }
    frames = data[0] & 1;
    copy = malloc(size - 1);
    CHECK(copy);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 2) {
        put_magic(copy, size - 1);
    }
    whole = run(copy, size - 1, frames, 0);
    CHECK(run(copy, size - 1, frames, steps[data[0] >> 2 & 3]) == whole);
    CHECK(sst_wire_used_size(copy, (size - 1) / 8 * 8) <= size - 1);
    free(copy);
    return 0;
}
