/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sst/fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- The other side: QEMU's device ---- */

uint8_t stream[1 << 21];
size_t stream_size;
static uint8_t output[1 << 22];
size_t output_size, output_taken;
uint64_t sequence;
struct sst_device *device;

void start(const struct sst_model_ops *model, bool is_old_only)
{
    device = device_create(model, 1, NULL, is_old_only);
    assert_non_null(device);
    stream_size = output_size = output_taken = 0;
    sequence = 0;
}

int end(void **state)
{
    (void)state;
    if (device != NULL) {
        device_destroy(device);
    }
    device = NULL;
    return 0;
}

void put(const void *bytes, size_t size)
{
    assert_true(stream_size + size <= sizeof(stream));
    memcpy(stream + stream_size, bytes, size);
    stream_size += size;
}

/* Gives the stream in pieces; false when the simulator refuses it. */
bool feed(size_t piece)
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

struct bg_sst_request make_request(uint32_t type, uint64_t id)
{
    return (struct bg_sst_request){.type = type, .request_id = id, .user_data = ~id};
}

struct bg_sst_request make_compute(uint64_t id, uint64_t units, uint32_t latency)
{
    struct bg_sst_request request = make_request(BG_SST_COMPUTE, id);

    request.payload.compute.compute_units = units;
    request.payload.compute.latency_model = latency;
    return request;
}

struct bg_sst_request make_range(uint32_t type, uint64_t address, uint32_t size)
{
    struct bg_sst_request request = make_request(type, address);

    request.payload.memory.addr = address;
    request.payload.memory.size = size;
    return request;
}

struct bg_sst_request make_configure(uint32_t param, uint64_t value)
{
    struct bg_sst_request request = make_request(BG_SST_CONFIGURE, param);

    request.payload.configure.param_id = param;
    request.payload.configure.value = value;
    return request;
}

struct bg_sst_response take_old(void)
{
    struct bg_sst_response response;

    assert_true(output_size - output_taken >= sizeof(response));
    memcpy(&response, output + output_taken, sizeof(response));
    output_taken += sizeof(response);
    return response;
}

struct bg_sst_response ask_old(const struct bg_sst_request *request)
{
    put(request, sizeof(*request));
    assert_true(feed(SIZE_MAX / 2));
    return take_old();
}

struct bg_sst_hello_reply greet(uint64_t features, uint64_t time_ns)
{
    const struct bg_sst_hello hello = {
        .magic = BG_SST_HELLO_MAGIC,
        .version = BG_SST_WIRE_VERSION,
        .features = features,
        .pairs = 1,
        .in_flight_max = 128,
        .time_ns = time_ns,
    };
    struct bg_sst_request request = make_request(BG_SST_HELLO_TYPE, BG_SST_HELLO_REQUEST_ID);
    struct bg_sst_hello_reply reply;
    struct bg_sst_response response;

    memcpy(request.payload.data, &hello, sizeof(hello));
    response = ask_old(&request);
    assert_int_equal(response.status, BG_SST_OK);
    assert_int_equal(response.request_id, BG_SST_HELLO_REQUEST_ID);
    memcpy(&reply, response.payload.data, sizeof(reply));
    assert_int_equal(reply.magic, BG_SST_HELLO_REPLY_MAGIC);
    return reply;
}

/* ---- Frames ---- */

static size_t frame_start;

void begin_frame(bool is_sync, uint64_t time_ns)
{
    const struct bg_sst_frame frame = {
        .magic = BG_SST_FRAME_MAGIC,
        .flags = is_sync ? BG_SST_FRAME_SYNC : 0,
        .sequence = ++sequence,
        .time_ns = time_ns,
    };

    frame_start = stream_size;
    put(&frame, sizeof(frame));
}

void add_record(uint16_t kind, uint64_t tag, const void *body, uint32_t size)
{
    static const uint8_t zero[8];
    const struct bg_sst_record record = {.kind = kind, .size = size, .tag = tag};
    struct bg_sst_frame frame;

    put(&record, sizeof(record));
    put(body, size);
    put(zero, PADDED(size) - size);
    memcpy(&frame, stream + frame_start, sizeof(frame));
    frame.count++;
    frame.size = (uint32_t)(stream_size - frame_start - sizeof(frame));
    memcpy(stream + frame_start, &frame, sizeof(frame));
}

void add_request(uint64_t tag, const struct bg_sst_request *request)
{
    size_t size = sizeof(*request);

    while (size > REQUEST_HEAD && ((const uint8_t *)request)[size - 1] == 0) {
        size--;
    }
    add_record(BG_SST_RECORD_REQUEST, tag, request, (uint32_t)size);
}

struct bg_sst_frame take_frame(void)
{
    struct bg_sst_frame frame;

    assert_true(output_size - output_taken >= sizeof(frame));
    memcpy(&frame, output + output_taken, sizeof(frame));
    output_taken += sizeof(frame);
    assert_int_equal(frame.magic, BG_SST_FRAME_MAGIC);
    return frame;
}

struct bg_sst_record take_record(void *body, size_t body_size)
{
    struct bg_sst_record record;

    assert_true(output_size - output_taken >= sizeof(record));
    memcpy(&record, output + output_taken, sizeof(record));
    output_taken += sizeof(record);
    assert_true(record.size <= body_size);
    memset(body, 0, body_size);
    memcpy(body, output + output_taken, record.size);
    output_taken += PADDED(record.size);
    return record;
}

struct bg_sst_response take_answer(uint64_t tag, struct bg_sst_record *record)
{
    struct bg_sst_response response;
    struct bg_sst_record taken = take_record(&response, sizeof(response));

    assert_int_equal(taken.kind, BG_SST_RECORD_ANSWER);
    assert_int_equal(taken.tag, tag);
    if (record != NULL) {
        *record = taken;
    }
    return response;
}

struct bg_sst_event take_event(uint32_t type)
{
    struct bg_sst_event event;
    struct bg_sst_record record = take_record(&event, sizeof(event));

    assert_int_equal(record.kind, BG_SST_RECORD_EVENT);
    assert_int_equal(record.size, sizeof(event));
    assert_int_equal(event.type, type);
    return event;
}

struct bg_sst_response ask(const struct bg_sst_request *request)
{
    return ask_old(request);
}

uint32_t configure(uint32_t param, uint64_t value)
{
    const struct bg_sst_request request = make_configure(param, value);

    return ask(&request).status;
}
