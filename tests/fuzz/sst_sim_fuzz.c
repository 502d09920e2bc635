/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/memory.c
// build: host/sst-sim/accelerator.c
/*
 * The simulator on any bytes of a device: the input's first byte chooses the wire, the second one
 * the pieces. Held: nothing outside the input is read, each reply is well-formed, a SYNC frame has
 * exactly one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/sst-sim/accelerator.h"
#include "host/sst-sim/device.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { WIRE_RAW, WIRE_FRAMES, WIRE_SYNC, WIRE_OLD, WIRES };

static size_t make_hello(uint8_t *to, uint64_t features)
{
    const struct bg_sst_hello hello = {
        .magic = BG_SST_HELLO_MAGIC, .version = BG_SST_WIRE_VERSION, .features = features};
    struct bg_sst_request request = {.type = BG_SST_HELLO_TYPE,
                                     .request_id = BG_SST_HELLO_REQUEST_ID};

    memcpy(request.payload.data, &hello, sizeof(hello));
    memcpy(to, &request, sizeof(request));
    return sizeof(request);
}

/* Returns how many frames there are. */
static uint64_t check_frames(const uint8_t *bytes, size_t size)
{
    uint64_t frames = 0;

    while (size > 0) {
        struct bg_sst_frame frame;
        size_t offset = sizeof(frame);

        CHECK(size >= sizeof(frame));
        memcpy(&frame, bytes, sizeof(frame));
        CHECK(frame.magic == BG_SST_FRAME_MAGIC && frame.size <= BG_SST_FRAME_SIZE_MAX);
        CHECK(frame.count <= BG_SST_FRAME_COUNT_MAX && size >= sizeof(frame) + frame.size);
        for (uint32_t i = 0; i < frame.count; i++) {
            struct bg_sst_record record;

            CHECK(sizeof(frame) + frame.size - offset >= sizeof(record));
            memcpy(&record, bytes + offset, sizeof(record));
            CHECK(record.kind == BG_SST_RECORD_ANSWER || record.kind == BG_SST_RECORD_EVENT);
            CHECK(record.size <= BG_SST_RECORD_SIZE_MAX);
            offset += sizeof(record) + ((record.size + 7u) & ~7u);
        }
        CHECK(offset == sizeof(frame) + frame.size);
        bytes += offset;
        size -= offset;
        frames++;
    }
    return frames;
}

/* Takes what is there to be sent and checks it. */
static void check_output(struct sst_device *device, int wire)
{
    size_t size;
    const uint8_t *out = link_output(&device->link, &size);

    if (device->link.state == LINK_FRAMES || device->link.state == LINK_RECORDS) {
        CHECK(wire != WIRE_OLD);
        if (!device->link.is_out_of_memory && size > 0) {
            check_frames(out, size);
        }
    } else {
        CHECK(size % sizeof(struct bg_sst_response) == 0);
    }
    link_sent(&device->link, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sst_device *device;
    uint8_t *bytes;
    size_t length = 0, given, taken = 0, piece;
    int wire;

    if (size < 2) {
        return 0;
    }
    wire = data[0] % WIRES;
    piece = data[1] ? (size_t)data[1] * 64 : SIZE_MAX / 2;
    device = device_create(&accelerator_model, 1, NULL, wire == WIRE_OLD);
    CHECK(device);
    bytes = malloc(size + sizeof(struct bg_sst_request));
    if (wire == WIRE_FRAMES || wire == WIRE_SYNC) {
        size_t dummy;

        length = make_hello(bytes, wire == WIRE_SYNC ? BG_SST_WIRE_SYNC | BG_SST_WIRE_EVENTS
                                                     : BG_SST_WIRE_EVENTS);
        CHECK(device_receive(device, bytes, length) == length);
        link_output(&device->link, &dummy);
        CHECK(dummy == sizeof(struct bg_sst_response));
        link_sent(&device->link, dummy);
    }
    memcpy(bytes, data + 2, size - 2);
    length = size - 2;
    for (given = 0; given < length;) {
        uint8_t *exact;
        size_t got;

        given = length - given > piece ? given + piece : length;
        exact = malloc(given - taken + 1);
        memcpy(exact, bytes + taken, given - taken);
        got = device_receive(device, exact, given - taken);
        free(exact);
        if (got == SIZE_MAX) {
            CHECK(device->link.error[0]);
            break;
        }
        CHECK(got <= given - taken && given - taken - got <= LINK_UNIT_MAX);
        taken += got;
        check_output(device, wire);
    }
    free(bytes);
    device_destroy(device);
    return 0;
}
