/* SPDX-License-Identifier: BSD-2-Clause */
/* See sst_simulator.h. */
#include "sst_simulator.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Connection ---- */

void sim_hang_up(struct sst *sst)
{
    if (sst->peer >= 0) {
        close(sst->peer);
        sst->peer = -1;
    }
    free(sst->sim_frame);
    sst->sim_frame = NULL;
    sst->sim_sequence = 0;
}

void sim_accept(struct sst *sst)
{
    sim_hang_up(sst);
    sst->peer = unix_accept(sst->listener, HARNESS_TIMEOUT_MS);
    assert_true(sst->peer >= 0);
}

void sim_listen(struct sst *sst)
{
    assert_int_equal(sst->listener, -1);
    sst->listener = unix_listen(sst->path, 8);
}

static void read_exactly(struct sst *sst, void *data, size_t size)
{
    assert_int_equal(socket_read(sst->peer, data, size, HARNESS_TIMEOUT_MS), size);
}

struct bg_sst_hello sim_take_hello(struct sst *sst)
{
    struct bg_sst_request request;
    struct bg_sst_hello hello;

    read_exactly(sst, &request, sizeof(request));
    assert_int_equal(request.type, BG_SST_HELLO_TYPE);
    assert_int_equal(request.request_id, BG_SST_HELLO_REQUEST_ID);
    memcpy(&hello, request.payload.data, sizeof(hello));
    assert_int_equal(hello.magic, BG_SST_HELLO_MAGIC);
    assert_int_equal(hello.version, BG_SST_WIRE_VERSION);
    sst_expect_zero(request.payload.data + sizeof(hello), BG_SST_PAYLOAD_SIZE - sizeof(hello));
    return hello;
}

void sim_refuse_hello(struct sst *sst)
{
    struct bg_sst_response response = sim_response(BG_SST_INVALID, BG_SST_HELLO_REQUEST_ID, 0);

    sim_answer_old(sst, &response);
    sst_wait_wire(sst, "old");
}

void sim_answer_hello(struct sst *sst, uint64_t features)
{
    struct bg_sst_response response = sim_response(BG_SST_OK, BG_SST_HELLO_REQUEST_ID, 0);
    const struct bg_sst_hello_reply reply = {
        .magic = BG_SST_HELLO_REPLY_MAGIC,
        .version = BG_SST_WIRE_VERSION,
        .features = features,
        .clock_hz = 1000000000,
        .name = "test",
    };

    memcpy(response.payload.data, &reply, sizeof(reply));
    sim_answer_old(sst, &response);
}

void sim_connect_old(struct sst *sst)
{
    sim_accept(sst);
    sim_take_hello(sst);
    sim_refuse_hello(sst);
}

void sim_connect(struct sst *sst, uint64_t features)
{
    sim_accept(sst);
    sim_take_hello(sst);
    sim_answer_hello(sst, features);
    sst_wait_wire(sst, "frames");
    if (!sst->sim_knows_guest) {
        sim_expect_reset(sst, BG_SST_RESET_DEVICE);
    }
    sst->sim_knows_guest = true;
}

void sim_expect_silence(struct sst *sst)
{
    sst_statistic(sst, "stat-requests");
    assert_true(!sst->sim_frame || sst->sim_offset == sst->sim_header.size);
    assert_false(harness_wait_readable(sst->peer, 0));
}

int sim_begin_test(void **state)
{
    sst_begin_test(state);
    sim_connect(*state, SIM_ALL);
    return 0;
}

/* ---- Old wire ---- */

struct bg_sst_request sim_take_old(struct sst *sst)
{
    struct bg_sst_request request;

    read_exactly(sst, &request, sizeof(request));
    return request;
}

struct bg_sst_response sim_response(uint32_t status, uint64_t id, uint64_t result)
{
    struct bg_sst_response response = {.status = status, .request_id = id, .result = result};

    return response;
}

void sim_answer_old(struct sst *sst, const struct bg_sst_response *response)
{
    assert_true(socket_write(sst->peer, response, sizeof(*response)));
}

/* ---- Frames ---- */

static void read_frame(struct sst *sst)
{
    read_exactly(sst, &sst->sim_header, sizeof(sst->sim_header));
    assert_int_equal(sst->sim_header.magic, BG_SST_FRAME_MAGIC);
    assert_true(sst->sim_header.size <= BG_SST_FRAME_SIZE_MAX && sst->sim_header.size % 8 == 0);
    assert_true(sst->sim_header.count <= BG_SST_FRAME_COUNT_MAX);
    assert_int_equal(sst->sim_header.sequence, ++sst->sim_sequence);
    assert_int_equal(sst->sim_header.next_ns, 0);
    free(sst->sim_frame);
    sst->sim_frame = malloc(sst->sim_header.size + 1);
    assert_non_null(sst->sim_frame);
    read_exactly(sst, sst->sim_frame, sst->sim_header.size);
    sst->sim_offset = 0;
}

struct sim_record sim_take(struct sst *sst)
{
    struct sim_record taken = {0};
    uint32_t left, padded;

    while (sst->sim_frame == NULL || sst->sim_offset == sst->sim_header.size) {
        read_frame(sst);
    }
    left = sst->sim_header.size - sst->sim_offset;
    assert_true(left >= sizeof(taken.record));
    memcpy(&taken.record, sst->sim_frame + sst->sim_offset, sizeof(taken.record));
    padded = (taken.record.size + 7) & ~7u;
    assert_true(taken.record.size <= sizeof(taken.body));
    assert_true(sizeof(taken.record) + padded <= left);
    memcpy(&taken.body, sst->sim_frame + sst->sim_offset + sizeof(taken.record), taken.record.size);
    sst->sim_offset += (uint32_t)sizeof(taken.record) + padded;
    return taken;
}

struct sim_record sim_take_request(struct sst *sst)
{
    struct sim_record taken = sim_take(sst);

    assert_int_equal(taken.record.kind, BG_SST_RECORD_REQUEST);
    assert_true(taken.record.size >= 24);
    return taken;
}

void sim_expect_reset(struct sst *sst, uint32_t reason)
{
    struct sim_record notice = sim_take(sst);

    assert_int_equal(notice.record.kind, BG_SST_RECORD_RESET);
    assert_int_equal(notice.record.size, sizeof(struct bg_sst_reset_notice));
    assert_int_equal(notice.body.notice.reason, reason);
}

void sim_frame_begin(struct sim_frame *frame)
{
    memset(&frame->header, 0, sizeof(frame->header));
    frame->header.magic = BG_SST_FRAME_MAGIC;
    frame->size = sizeof(frame->header);
}

void sim_frame_add(struct sim_frame *frame, uint16_t kind, uint64_t tag, uint64_t time_ns,
                   uint64_t cycles, const void *body, uint32_t size)
{
    const struct bg_sst_record record = {
        .kind = kind,
        .size = size,
        .tag = tag,
        .time_ns = time_ns,
        .cycles = cycles,
    };
    uint32_t padded = (size + 7) & ~7u;

    assert_true(frame->size + sizeof(record) + padded <= sizeof(frame->data));
    memcpy(frame->data + frame->size, &record, sizeof(record));
    frame->size += (uint32_t)sizeof(record);
    memset(frame->data + frame->size, 0, padded);
    if (size) {
        memcpy(frame->data + frame->size, body, size);
    }
    frame->size += padded;
    frame->header.count++;
}

void sim_frame_send(struct sst *sst, struct sim_frame *frame)
{
    if (!frame->header.size) {
        frame->header.size = frame->size - (uint32_t)sizeof(frame->header);
    }
    memcpy(frame->data, &frame->header, sizeof(frame->header));
    assert_true(socket_write(sst->peer, frame->data, frame->size));
}

void sim_answer(struct sst *sst, uint64_t tag, const struct bg_sst_response *response,
                uint32_t size)
{
    static struct sim_frame frame;

    sim_frame_begin(&frame);
    sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tag, 0, 0, response, size);
    sim_frame_send(sst, &frame);
}

void sim_answer_status(struct sst *sst, uint64_t tag, uint32_t status)
{
    struct bg_sst_response response = sim_response(status, 0, 0);

    sim_answer(sst, tag, &response, offsetof(struct bg_sst_response, payload));
}

void sim_event(struct sst *sst, const struct bg_sst_event *event)
{
    static struct sim_frame frame;

    sim_frame_begin(&frame);
    sim_frame_add(&frame, BG_SST_RECORD_EVENT, 0, 0, 0, event, sizeof(*event));
    sim_frame_send(sst, &frame);
}

void sim_check_works(struct sst *sst, uint64_t id)
{
    struct bg_sst_response response = sim_response(BG_SST_OK, 0, id + 1);
    struct sst_chain *chain = sst_submit_compute(sst, id);
    struct sim_record taken = sim_take_request(sst);

    assert_int_equal(taken.body.request.request_id, id);
    sim_answer(sst, taken.record.tag, &response, offsetof(struct bg_sst_response, payload));
    assert_int_equal(sst_expect(sst, chain, BG_SST_OK)->result, id + 1);
}
