/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* virtio-sst: the extension of the wire: probe, frames, events, notices, several queues. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sst_simulator.h"

#define MS 1000000ull
#define TIMEOUT_DEFAULT_MS 4000
#define HEAD offsetof(struct bg_sst_response, payload)

static const struct sst_setup mmio = {.bus = SST_MMIO};
static struct sim_frame frame;

/* ---- Probe ---- */

static void test_probe(void **state)
{
    struct sst *sst = sst_start(
        &(struct sst_setup){.properties = ",device-id=7,num-queues=3", .no_driver = true});
    struct bg_sst_hello hello;
    char *model;

    (void)state;
    sim_accept(sst);
    hello = sim_take_hello(sst);
    assert_int_equal(hello.features, SIM_ALL);
    assert_int_equal(hello.device_id, 7);
    assert_int_equal(hello.pairs, 3);
    assert_true(hello.in_flight_max >= 3 * BG_SST_QUEUE_SIZE);
    assert_int_equal(hello.reserved, 0);
    sim_answer_hello(sst, SIM_ALL);
    sst_wait_wire(sst, "frames");
    model = sst_property(sst, "model");
    assert_string_equal(model, "test");
    free(model);
    sst_end(sst);
}

/* What fits not to the probe is no extension: the old wire. */
static void test_probe_answered_wrongly(void **state)
{
    struct sst *sst = *state;

    for (unsigned i = 0; i < 6; i++) {
        struct bg_sst_response response = sim_response(BG_SST_OK, BG_SST_HELLO_REQUEST_ID, 0);
        struct bg_sst_hello_reply reply = {BG_SST_HELLO_REPLY_MAGIC, 1, SIM_ALL, 0, ""};
        struct sst_chain *chain = sst_submit_compute(sst, i); /* connects at once */

        switch (i) {
        case 0:
            response.status = BG_SST_INVALID;
            break;
        case 1:
            reply.magic = BG_SST_HELLO_MAGIC;
            break; /* an echo */
        case 2:
            reply.version = 2;
            break;
        case 3:
            reply.version = 0;
            break;
        case 4:
            reply.features = SIM_ALL | BG_SST_WIRE_SYNC;
            break; /* was not offered */
        case 5:
            reply.features = 1ull << 63;
            break;
        }
        memcpy(response.payload.data, &reply, sizeof(reply));
        sim_accept(sst);
        sim_take_hello(sst);
        sim_answer_old(sst, &response);
        sst_wait_wire(sst, "old");
        assert_int_equal(sim_take_old(sst).request_id, i);
        sim_hang_up(sst);
        sst_expect(sst, chain, BG_SST_ERROR);
    }
}

/* What was submitted before the answer to the probe follows it. */
static void test_requests_before_probe_is_answered(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chains[3];

    sim_accept(sst);
    for (unsigned i = 0; i < 3; i++) {
        chains[i] = sst_submit_compute(sst, 40 + i);
    }
    sim_take_hello(sst);
    sim_expect_silence(sst);
    sim_answer_hello(sst, SIM_ALL);
    sim_expect_reset(sst, BG_SST_RESET_DEVICE); /* from before the connection */
    for (unsigned i = 0; i < 3; i++) {
        struct sim_record taken = sim_take_request(sst);

        assert_int_equal(taken.body.request.request_id, 40 + i);
        assert_int_equal(sst->sim_header.count, 4); /* in one frame */
        sim_answer_status(sst, taken.record.tag, BG_SST_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        sst_expect(sst, chains[i], BG_SST_OK);
    }
}

/* ---- Requests and answers ---- */

/* Only what is not zero at the payload's end travels. */
static void test_used_part(void **state)
{
    static const uint32_t used[] = {0, 1, 8, 9, 16, 1000, 4073, 4080};
    struct sst *sst = *state;

    for (unsigned i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        struct bg_sst_request request = sst_request(BG_SST_WRITE, i);
        struct bg_sst_response response = sim_response(BG_SST_OK, 99, i);
        const struct bg_sst_response *got;
        struct sim_record taken;
        struct sst_chain *chain;

        request.flags = 0xABCD;
        memset(request.payload.data, 0, BG_SST_PAYLOAD_SIZE);
        if (used[i]) {
            request.payload.data[used[i] - 1] = 0x80;
        }
        chain = sst_submit(sst, &request);
        taken = sim_take_request(sst);
        assert_int_equal(taken.record.size, 24 + (used[i] + 7) / 8 * 8);
        assert_memory_equal(&taken.body.request, &request, sizeof(request));
        assert_int_equal(taken.record.pair, 0);
        /* The answer, cut anywhere. */
        memset(response.payload.data, 0x5A, used[i]);
        sim_answer(sst, taken.record.tag, &response, (uint32_t)HEAD + used[i]);
        got = sst_expect(sst, chain, BG_SST_OK); /* the id is the guest's, not 99 */
        assert_int_equal(got->result, i);
        assert_memory_equal(got->payload.data, response.payload.data, BG_SST_PAYLOAD_SIZE);
    }
    assert_int_equal(sst_statistic(sst, "stat-bytes-sent") < 3 * 4104 + 8 * 200 + 4104, 1);
}

static void test_batch(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chains[100];
    uint64_t tags[100], before = 0;

    for (unsigned i = 0; i < 100; i++) {
        struct bg_sst_request request = sst_request(BG_SST_READ, 7); /* all the same id */

        request.payload.memory.addr = i;
        chains[i] = sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    }
    sst_kick(sst, 0);
    for (unsigned i = 0; i < 100; i++) {
        struct sim_record taken = sim_take_request(sst);

        assert_int_equal(sst->sim_header.count, 100);
        assert_int_equal(taken.body.request.payload.memory.addr, i);
        assert_int_equal(taken.body.request.request_id, 7);
        assert_true(taken.record.tag > before);
        before = tags[i] = taken.record.tag;
    }
    assert_int_equal(sst_statistic(sst, "stat-in-flight"), 100);
    /* Answers in two frames, out of order. */
    for (unsigned half = 0; half < 2; half++) {
        sim_frame_begin(&frame);
        for (unsigned i = half; i < 100; i += 2) {
            struct bg_sst_response response = sim_response(BG_SST_OK, 0, 99 - i);

            sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tags[99 - i], 0, 5, &response, HEAD);
        }
        sim_frame_send(sst, &frame);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(sst_expect(sst, chains[i], BG_SST_OK)->result, i);
    }
    assert_int_equal(sst_statistic(sst, "stat-cycles"), 500);
}

/* Big requests go in several frames; a simulator that reads late gets all of them, in order. */
static void test_large_batches(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_request request = sst_request(BG_SST_WRITE, 0);

    memset(request.payload.data, 0xEE, BG_SST_PAYLOAD_SIZE);
    for (unsigned i = 0; i < 120; i++) {
        request.request_id = i;
        sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    }
    sst_kick(sst, 0);
    for (unsigned i = 0; i < 120; i++) {
        struct sim_record taken = sim_take_request(sst);

        request.request_id = i;
        request.user_data = 0xFFFFFFFFFFFFFFFF;
        assert_memory_equal(&taken.body.request, &request, sizeof(request));
        sim_answer_status(sst, taken.record.tag, BG_SST_OK);
    }
    for (unsigned i = 0; i < 120; i++) {
        sst_wait(sst, &sst->chains[i]);
    }
    assert_true(sst->sim_sequence > 1);
}

/* A frame cut at every byte. */
static void test_cut_frames(void **state)
{
    struct sst *sst = *state;
    size_t size = sizeof(struct bg_sst_frame) + sizeof(struct bg_sst_record) + HEAD + 8;

    for (size_t cut = 0; cut <= size; cut++) {
        struct bg_sst_response response = sim_response(BG_SST_OK, 0, cut);
        struct sst_chain *chain = sst_submit_compute(sst, cut);
        uint64_t tag = sim_take_request(sst).record.tag;

        sim_frame_begin(&frame);
        sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tag, 0, 0, &response, HEAD + 1);
        frame.header.size = frame.size - (uint32_t)sizeof(frame.header);
        memcpy(frame.data, &frame.header, sizeof(frame.header));
        assert_int_equal(frame.size, size);
        assert_true(socket_write(sst->peer, frame.data, cut));
        if (cut < size) {
            sst_expect_pending(sst, chain);
        }
        assert_true(socket_write(sst->peer, frame.data + cut, size - cut));
        assert_int_equal(sst_expect(sst, chain, BG_SST_OK)->result, cut);
        sst_recycle(sst);
    }
}

/* Later versions may say more: it is skipped. */
static void test_unknown_records(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_response response = sim_response(BG_SST_OK, 0, 3);
    struct sst_chain *chain = sst_submit_compute(sst, 1);
    uint64_t tag = sim_take_request(sst).record.tag;

    sim_frame_begin(&frame);
    sim_frame_send(sst, &frame); /* empty */
    sim_frame_begin(&frame);
    sim_frame_add(&frame, 0x7777, 1, 2, 3, &response, 4097);
    sim_frame_add(&frame, 0, 0, 0, 0, NULL, 0);
    sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tag, 0, 0, &response, HEAD);
    sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tag, 0, 0, &response, HEAD); /* once more */
    sim_frame_add(&frame, BG_SST_RECORD_ANSWER, 123456, 0, 0, &response, HEAD);
    sim_frame_send(sst, &frame);
    assert_int_equal(sst_expect(sst, chain, BG_SST_OK)->result, 3);
    sst_wait_statistic(sst, "stat-late-answers", 2);
    sim_check_works(sst, 2);
}

/* ---- Bad frames ---- */

static void test_bad_frames(void **state)
{
    static const struct bg_sst_response response;
    struct sst *sst = *state;

    for (unsigned i = 0; i < 10; i++) {
        struct sst_chain *chain = sst_submit_compute(sst, i);
        struct bg_sst_record *record = (void *)(frame.data + sizeof(frame.header));
        uint64_t tag;

        if (i) {
            sim_connect(sst, SIM_ALL);
        }
        tag = sim_take_request(sst).record.tag;
        sim_frame_begin(&frame);
        sim_frame_add(&frame, BG_SST_RECORD_ANSWER, tag, 0, 0, &response, HEAD);
        frame.header.size = frame.size - (uint32_t)sizeof(frame.header);
        switch (i) {
        case 0:
            frame.header.magic++;
            break;
        case 1:
            frame.header.size += 4;
            break;
        case 2:
            frame.header.size = BG_SST_FRAME_SIZE_MAX + 8;
            break;
        case 3:
            frame.header.count = BG_SST_FRAME_COUNT_MAX + 1;
            break;
        case 4:
            frame.header.count = 0;
            break; /* bytes are left */
        case 5:
            frame.header.count = 2, frame.header.size += 8;
            break; /* no room for a record */
        case 6:
            record->size = HEAD - 1;
            break; /* no whole head */
        case 7:
            record->size = HEAD + 100;
            break; /* beyond the frame */
        case 8:
            record->size = 0xFFFFFFFF;
            break;
        case 9:
            record->kind = BG_SST_RECORD_EVENT;
            break; /* too long for one */
        }
        memcpy(frame.data, &frame.header, sizeof(frame.header));
        assert_true(socket_write(sst->peer, frame.data, frame.size));
        if (i == 5) { /* the answer was fine */
            sst_expect(sst, chain, BG_SST_OK);
        } else {
            sst_expect(sst, chain, BG_SST_ERROR);
            sst_expect_zero(chain->writable + 24, sizeof(response) - 24);
        }
        assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS));
        sst_wait_statistic(sst, "stat-protocol-errors", i + 1);
        sim_hang_up(sst);
    }
}

/* ---- Lost, late, cancelled, reset ---- */

static void test_killed(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *first = sst_submit_compute(sst, 1), *second = sst_submit_compute(sst, 2);

    sim_take_request(sst);
    sim_take_request(sst);
    sim_hang_up(sst);
    sst_expect(sst, first, BG_SST_ERROR);
    sst_expect(sst, second, BG_SST_ERROR);
    sim_connect(sst, SIM_ALL);
    sim_check_works(sst, 3);
}

static void test_cancel(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain = sst_submit_compute(sst, 1);
    struct sim_record taken = sim_take_request(sst), notice;

    qtest_clock_step_ns(sst->qemu, TIMEOUT_DEFAULT_MS * MS);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
    notice = sim_take(sst);
    assert_int_equal(notice.record.kind, BG_SST_RECORD_CANCEL);
    assert_int_equal(notice.record.tag, taken.record.tag);
    assert_int_equal(notice.record.size, 0);
    sim_answer_status(sst, taken.record.tag, BG_SST_OK);
    sst_wait_statistic(sst, "stat-late-answers", 1);
    sim_check_works(sst, 1);
}

/* A reset that nobody could be told of is told to the next one. */
static void test_reset_while_absent(void **state)
{
    struct sst *sst = *state;

    close(sst->listener);
    sst->listener = -1;
    unlink(sst->path);
    sim_hang_up(sst);
    sst_wait_wire(sst, "none");
    sst_do(sst, BG_SST_RESET, 1, BG_SST_OK);
    sim_listen(sst);
    sim_connect(sst, SIM_ALL);
    sim_expect_reset(sst, BG_SST_RESET_REQUEST);
    sim_check_works(sst, 2);
}

/* A simulator that did not take that feature is not told. */
static void test_no_cancel(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_connect(sst, 0);
    chain = sst_submit_compute(sst, 1);
    sim_take_request(sst);
    qtest_clock_step_ns(sst->qemu, TIMEOUT_DEFAULT_MS * MS);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
    sim_expect_silence(sst);
    sim_check_works(sst, 2);
}

static void test_reset_request(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, 1);
    struct sst_chain *sent = sst_submit_compute(sst, 1), *unsent, *reset, *after;
    uint64_t tag = sim_take_request(sst).record.tag;

    /* In one batch: what comes before it never leaves, what comes after it follows. */
    unsent = sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    request = sst_request(BG_SST_RESET, 2);
    reset = sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    request = sst_request(BG_SST_COMPUTE, 3);
    after = sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    sst_kick(sst, 0);
    sst_expect(sst, reset, BG_SST_OK);
    sst_expect(sst, sent, BG_SST_ERROR);
    sst_expect(sst, unsent, BG_SST_ERROR);
    sst_expect_pending(sst, after);
    sim_expect_reset(sst, BG_SST_RESET_REQUEST);
    sim_answer_status(sst, tag, BG_SST_OK); /* it crossed the reset */
    tag = sim_take_request(sst).record.tag;
    sim_answer_status(sst, tag, BG_SST_OK);
    sst_expect(sst, after, BG_SST_OK);
    assert_int_equal(sst_statistic(sst, "stat-late-answers"), 1);
}

static void test_reset_device(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain = sst_submit_compute(sst, 1);
    uint64_t tag = sim_take_request(sst).record.tag;

    assert_int_equal(bg_virtio_reset(&sst->device, UINT64_MAX), 0);
    sim_expect_reset(sst, BG_SST_RESET_DEVICE);
    sim_answer_status(sst, tag, BG_SST_OK);
    sst_wait_statistic(sst, "stat-late-answers", 1);
    sst_expect_zero((void *)&chain->written, sizeof(chain->written));
    for (size_t i = 0; i < chain->writable_size; i++) {
        assert_int_equal(chain->writable[i], SST_PATTERN); /* not its memory any more */
    }
    qtest_clock_step_ns(sst->qemu, 2 * TIMEOUT_DEFAULT_MS * MS);
    assert_int_equal(sst_statistic(sst, "stat-timeouts"), 0);
    sst_forget_driver(sst);
    sst_open_driver(sst);
    sim_expect_reset(sst, BG_SST_RESET_DEVICE);
    sim_check_works(sst, 5);
}

/* ---- Events ---- */

static struct bg_sst_event event_of(uint32_t type)
{
    struct bg_sst_event event = {.type = type, .timestamp = type * 10, .data = type * 100};

    return event;
}

static void test_events(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_event events[3] = {event_of(1), event_of(2), event_of(3)};
    struct sst_chain *first, *second, *small;

    first = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, sizeof(struct bg_sst_event));
    second = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, 100);
    sim_event(sst, &events[0]);
    sst_wait(sst, first);
    assert_int_equal(first->written, sizeof(struct bg_sst_event));
    assert_memory_equal(first->writable, &events[0], sizeof(events[0]));
    sst_expect_pending(sst, second);
    sim_event(sst, &events[1]);
    sst_wait(sst, second);
    assert_int_equal(second->written, sizeof(struct bg_sst_event));
    assert_memory_equal(second->writable, &events[1], sizeof(events[1]));
    assert_int_equal(sst_statistic(sst, "stat-events"), 2);
    /* Nobody waits for one. */
    sim_event(sst, &events[2]);
    sst_wait_statistic(sst, "stat-events-dropped", 1);
    small = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, 10);
    sst_expect_pending(sst, small);
    sim_event(sst, &events[2]);
    sst_wait(sst, small);
    assert_int_equal(small->written, 10);
    sim_check_works(sst, 1);
}

/* Events and answers between each other. */
static void test_events_between(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_event event = event_of(4);
    struct bg_sst_response response = sim_response(BG_SST_OK, 0, 1);
    struct sst_chain *buffers[20], *chains[20];

    for (unsigned i = 0; i < 20; i++) {
        buffers[i] = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, sizeof(event));
        chains[i] = sst_submit_compute(sst, i);
    }
    sim_frame_begin(&frame);
    for (unsigned i = 0; i < 20; i++) {
        event.data = i;
        sim_frame_add(&frame, BG_SST_RECORD_EVENT, 0, 0, 0, &event, sizeof(event));
        sim_frame_add(&frame, BG_SST_RECORD_ANSWER, sim_take_request(sst).record.tag, 0, 0,
                      &response, HEAD);
    }
    sim_frame_send(sst, &frame);
    for (unsigned i = 0; i < 20; i++) {
        sst_wait(sst, buffers[i]);
        assert_int_equal(((struct bg_sst_event *)buffers[i]->writable)->data, i);
        sst_expect(sst, chains[i], BG_SST_OK);
    }
}

/* A driver that has not accepted the feature gets none. */
static void test_events_not_negotiated(void **state)
{
    struct sst *sst = sst_start(&(struct sst_setup){.no_simulator = true});
    struct bg_sst_event event = event_of(1);
    struct sst_chain *buffer;

    (void)state;
    sim_listen(sst);
    sim_connect(sst, SIM_ALL);
    buffer = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, sizeof(event));
    sim_event(sst, &event);
    sst_wait_statistic(sst, "stat-events-dropped", 1);
    sst_expect_pending(sst, buffer);
    sst_end(sst);
}

/* ---- Several queues ---- */

static void check_pairs(struct sst *sst)
{
    struct bg_sst_request request;
    struct bg_sst_event event = event_of(5);
    struct sst_chain *chains[8], *buffers[8], *events;

    assert_int_equal(sst->pairs, 8);
    events = sst_add(sst, BG_SST_QUEUE_EVENT(8), NULL, 0, sizeof(event));
    for (unsigned i = 0; i < 8; i++) {
        request = sst_request(BG_SST_COMPUTE, 50 + i);
        buffers[i] =
            sst_add(sst, BG_SST_QUEUE_RESPONSE(i), NULL, 0, sizeof(struct bg_sst_response));
        chains[i] = sst_add(sst, BG_SST_QUEUE_REQUEST(i), &request, sizeof(request),
                            i % 2 ? 0 : sizeof(struct bg_sst_response));
    }
    for (unsigned i = 0; i < 8; i++) {
        struct sim_record taken = sim_take_request(sst);
        struct bg_sst_response response = sim_response(BG_SST_OK, 0, taken.record.pair);

        assert_int_equal(taken.body.request.request_id, 50 + taken.record.pair);
        sim_answer(sst, taken.record.tag, &response, HEAD);
    }
    for (unsigned i = 0; i < 8; i++) {
        const struct bg_sst_response *response = (void *)(i % 2 ? buffers : chains)[i]->writable;

        sst_wait(sst, chains[i]);
        assert_int_equal(buffers[i]->done, i % 2);
        assert_int_equal(response->result, i);
        assert_int_equal(response->request_id, 50 + i);
    }
    sim_event(sst, &event);
    sst_wait(sst, events);
}

static void test_pairs(void **state)
{
    static const struct sst_setup setups[] = {
        {.bus = SST_MMIO, .properties = ",num-queues=8"},
        {.bus = SST_PCI,
         .properties = ",num-queues=8,packed=on",
         .features = BG_VIRTIO_F_RING_PACKED},
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct sst *sst = sst_start(&setups[i]);

        assert_true(sst->device.features & BG_SST_F_MULTI_QUEUE);
        sim_connect(sst, SIM_ALL);
        check_pairs(sst);
        sst_end(sst);
    }
}

/* A driver that knows nothing of it: queue 2 is the event queue, max_queues is 1. */
static void test_pairs_not_negotiated(void **state)
{
    struct sst *sst =
        sst_start(&(struct sst_setup){.properties = ",num-queues=8", .no_driver = true});
    struct bg_sst_event event = event_of(6);
    struct sst_chain *buffer;
    uint64_t max_queues;

    (void)state;
    sim_connect(sst, SIM_ALL);
    assert_int_equal(
        bg_virtio_mmio_open(&sst->device, sst_mmio_address(0), qtest_machine()->mmio_size), 0);
    assert_int_equal(bg_virtio_start(&sst->device, BG_SST_F_EVENTS, 0, UINT64_MAX), 0);
    assert_int_equal(bg_virtio_config_read64(&sst->device, 16, &max_queues), 0);
    assert_int_equal(max_queues, 1);
    for (uint16_t i = 0; i < 3; i++) {
        struct bg_virtqueue_options options = {.index = i, .size_max = 16};

        assert_int_equal(bg_virtqueue_create(&sst->queues[i], &sst->device, &options), 0);
    }
    sst->queue_count = 3;
    assert_int_equal(bg_virtio_ready(&sst->device), 0);
    buffer = sst_add(sst, 2, NULL, 0, sizeof(event));
    sim_event(sst, &event);
    sst_wait(sst, buffer);
    sim_expect_reset(sst, BG_SST_RESET_DEVICE); /* of bg_virtio_start */
    sim_check_works(sst, 1);
    sst_end(sst);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, sim_begin_test, sst_end_test, (void *)&mmio)
#define RAW_TEST(name)                                                                             \
    cmocka_unit_test_prestate_setup_teardown(name, sst_begin_test, sst_end_test, (void *)&mmio)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        RAW_TEST(test_probe_answered_wrongly),
        RAW_TEST(test_requests_before_probe_is_answered),
        TEST(test_used_part),
        TEST(test_batch),
        TEST(test_large_batches),
        TEST(test_cut_frames),
        TEST(test_unknown_records),
        TEST(test_bad_frames),
        TEST(test_killed),
        TEST(test_cancel),
        RAW_TEST(test_no_cancel),
        TEST(test_reset_request),
        TEST(test_reset_device),
        TEST(test_reset_while_absent),
        TEST(test_events),
        TEST(test_events_between),
        cmocka_unit_test(test_events_not_negotiated),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_pairs_not_negotiated),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests_name("virtio-sst frames", tests, NULL, NULL);
}
