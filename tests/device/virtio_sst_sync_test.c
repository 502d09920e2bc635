/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
// libs: -pthread
/*
 * virtio-sst: deterministic time. The device waits for the simulator while the guest's access is
 * under way, so here the simulator is a thread. The virtual clock moves when the test says so.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sst_simulator.h"

#define MS 1000000ull
#define HEAD offsetof(struct bg_sst_response, payload)
#define HELD_MAX 64
#define LOG_MAX 256
#define TICK_NS 700

/* ---- A simulator with a clock of 1 GHz: compute_units is a number of cycles, and of ns ---- */

enum mode {
    AHEAD,  /* answers at once, with a time that lies ahead */
    LATER,  /* answers when the time has come: asks to be called */
    SILENT, /* reads and does not reply */
    DEAD,   /* closes instead of a reply */
    GARBAGE,
    OLD,       /* the old wire */
    UNTIMED,   /* the extension without deterministic time */
    BACKWARDS, /* times that lie in the past, and next_ns too */
    UNASKED,   /* a frame with an event before each reply */
    TICKING,   /* wants to be called TICK_NS after a reset */
};

struct simulator {
    pthread_t thread;
    int fd;
    enum mode mode;
    uint64_t event_ns;    /* not 0: each COMPUTE sends an event, so much later */
    unsigned event_count; /* or so many of them */
    uint64_t tick_ns;     /* not 0: when it wants to be called */
    struct {
        uint64_t tag, due_ns;
    } held[HELD_MAX];
    unsigned held_count;
    /* To be looked at when the thread has ended. */
    unsigned frames, resets, requests;
    uint64_t log[LOG_MAX]; /* time of each frame */
};

static bool read_all(int fd, void *data, size_t size)
{
    return !size || recv(fd, data, size, MSG_WAITALL) == (ssize_t)size; /* of 0 it would wait */
}

static bool write_all(int fd, const void *data, size_t size)
{
    return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool answer_hello(struct simulator *simulator)
{
    struct bg_sst_response response = {.request_id = BG_SST_HELLO_REQUEST_ID};
    const struct bg_sst_hello_reply reply = {
        .magic = BG_SST_HELLO_REPLY_MAGIC,
        .version = 1,
        .features = BG_SST_WIRE_EVENTS | (simulator->mode == UNTIMED ? 0 : BG_SST_WIRE_SYNC),
    };
    struct bg_sst_request request;

    if (!read_all(simulator->fd, &request, sizeof(request))) {
        return false;
    }
    memcpy(response.payload.data, &reply, sizeof(reply));
    response.status = simulator->mode == OLD ? BG_SST_INVALID : BG_SST_OK;
    return write_all(simulator->fd, &response, sizeof(response));
}

static void add_answer(struct sim_frame *reply, uint64_t tag, uint64_t time_ns)
{
    const struct bg_sst_response response = {.result = tag};

    sim_frame_add(reply, BG_SST_RECORD_ANSWER, tag, time_ns, 1, &response, HEAD);
}

static void take_request(struct simulator *simulator, struct sim_frame *reply, uint64_t now_ns,
                         const struct bg_sst_record *record, const struct bg_sst_request *request)
{
    uint64_t due_ns = now_ns + request->payload.compute.compute_units;
    const struct bg_sst_event event = {.type = 1, .timestamp = due_ns, .data = record->tag};

    simulator->requests++;
    for (unsigned i = 0; simulator->event_ns && i <= simulator->event_count; i++) {
        sim_frame_add(reply, BG_SST_RECORD_EVENT, 0, now_ns + simulator->event_ns, 0, &event,
                      sizeof(event));
    }
    if (simulator->mode == LATER) {
        simulator->held[simulator->held_count].tag = record->tag;
        simulator->held[simulator->held_count++].due_ns = due_ns;
    } else {
        add_answer(reply, record->tag, simulator->mode == BACKWARDS ? now_ns / 2 : due_ns);
    }
}

/* Answers what is due; when the next one is. */
static uint64_t advance(struct simulator *simulator, struct sim_frame *reply, uint64_t now_ns)
{
    uint64_t next_ns = BG_SST_TIME_NEVER;
    unsigned kept = 0;

    for (unsigned i = 0; i < simulator->held_count; i++) {
        if (simulator->held[i].due_ns <= now_ns) {
            add_answer(reply, simulator->held[i].tag, 0);
            continue;
        }
        next_ns = simulator->held[i].due_ns < next_ns ? simulator->held[i].due_ns : next_ns;
        simulator->held[kept++] = simulator->held[i];
    }
    simulator->held_count = kept;
    return next_ns;
}

static bool send_event_frame(struct simulator *simulator)
{
    const struct bg_sst_event event = {.type = 1};
    struct sim_frame frame;

    sim_frame_begin(&frame);
    sim_frame_add(&frame, BG_SST_RECORD_EVENT, 0, 0, 0, &event, sizeof(event));
    frame.header.size = frame.size - (uint32_t)sizeof(frame.header);
    memcpy(frame.data, &frame.header, sizeof(frame.header));
    return write_all(simulator->fd, frame.data, frame.size);
}

static bool reply_to_frame(struct simulator *simulator)
{
    static uint8_t body[BG_SST_FRAME_SIZE_MAX];
    static struct sim_frame reply;
    struct bg_sst_frame frame;
    uint32_t offset = 0;

    if (!read_all(simulator->fd, &frame, sizeof(frame)) ||
        !read_all(simulator->fd, body, frame.size)) {
        return false;
    }
    if (simulator->frames < LOG_MAX) {
        simulator->log[simulator->frames] = frame.time_ns;
    }
    simulator->frames++;
    sim_frame_begin(&reply);
    for (uint32_t i = 0; i < frame.count; i++) {
        struct bg_sst_record record;
        struct bg_sst_request request = {0};

        memcpy(&record, body + offset, sizeof(record));
        memcpy(&request, body + offset + sizeof(record), record.size);
        offset += (uint32_t)sizeof(record) + ((record.size + 7) & ~7u);
        if (record.kind == BG_SST_RECORD_REQUEST) {
            take_request(simulator, &reply, frame.time_ns, &record, &request);
        } else if (record.kind == BG_SST_RECORD_RESET) {
            simulator->resets++;
            simulator->held_count = 0;
            simulator->tick_ns = simulator->mode == TICKING ? frame.time_ns + TICK_NS : 0;
        }
    }
    reply.header.next_ns = advance(simulator, &reply, frame.time_ns);
    if (simulator->mode == BACKWARDS && simulator->frames < 20) {
        reply.header.next_ns = 1;
    }
    if (simulator->tick_ns > frame.time_ns) {
        reply.header.next_ns = simulator->tick_ns;
    }
    reply.header.flags = frame.flags;
    reply.header.sequence = frame.sequence;
    reply.header.size = reply.size - (uint32_t)sizeof(reply.header);
    memcpy(reply.data, &reply.header, sizeof(reply.header));
    switch (simulator->mode) {
    case SILENT:
        return read_all(simulator->fd, body, 1); /* until it is closed */
    case DEAD:
        return false;
    case UNASKED:
        return send_event_frame(simulator) && write_all(simulator->fd, reply.data, reply.size);
    case GARBAGE:
        memset(reply.data, 'x', reply.size);
        break;
    default:
        break;
    }
    return write_all(simulator->fd, reply.data, reply.size);
}

static bool reply_to_old(struct simulator *simulator)
{
    struct bg_sst_request request;
    struct bg_sst_response response = {0};

    if (!read_all(simulator->fd, &request, sizeof(request))) {
        return false;
    }
    simulator->requests++;
    response.request_id = request.request_id;
    response.payload.compute.cycles = request.payload.compute.compute_units;
    return write_all(simulator->fd, &response, sizeof(response));
}

static void *run_simulator(void *context)
{
    struct simulator *simulator = context;
    bool alive = answer_hello(simulator);

    while (alive) {
        alive = simulator->mode == OLD ? reply_to_old(simulator) : reply_to_frame(simulator);
    }
    close(simulator->fd);
    return NULL;
}

static void start_simulator(struct sst *sst, struct simulator *simulator, enum mode mode)
{
    const struct timeval limit = {.tv_sec = HARNESS_TIMEOUT_MS / 1000};

    memset(simulator, 0, sizeof(*simulator));
    simulator->mode = mode;
    simulator->fd = unix_accept(sst->listener, HARNESS_TIMEOUT_MS);
    assert_true(simulator->fd >= 0);
    setsockopt(simulator->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(pthread_create(&simulator->thread, NULL, run_simulator, simulator), 0);
}

static void end_simulator(struct simulator *simulator)
{
    shutdown(simulator->fd, SHUT_RDWR);
    pthread_join(simulator->thread, NULL);
}

/* ---- Tests ---- */

static struct simulator simulator;

static struct sst *begin(enum mode mode, const char *properties)
{
    char *all = harness_format(",sync=on%s", properties);
    struct sst *sst = sst_start(&(struct sst_setup){.bus = SST_PCI, .properties = all});

    start_simulator(sst, &simulator, mode);
    free(all);
    return sst;
}

static void finish(struct sst *sst)
{
    end_simulator(&simulator);
    sst_end(sst);
}

static struct sst_chain *compute(struct sst *sst, uint64_t id, uint64_t cycles)
{
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, id);

    request.payload.compute.compute_units = cycles;
    return sst_submit(sst, &request);
}

static void step(struct sst *sst, uint64_t ns)
{
    if (ns) {
        qtest_clock_step_ns(sst->qemu, ns);
    }
}

/* It comes back exactly `ns` from now. */
static void expect_in(struct sst *sst, struct sst_chain *chain, uint64_t ns)
{
    if (ns) {
        step(sst, ns - 1);
        sst_expect_pending(sst, chain);
        step(sst, 1);
    }
    sst_poll(sst);
    assert_true(chain->done); /* no waiting in real time */
    sst_expect(sst, chain, BG_SST_OK);
}

static void check_times(struct sst *sst)
{
    struct sst_chain *chains[4];

    expect_in(sst, compute(sst, 1, 1000), 1000);
    expect_in(sst, compute(sst, 2, 1), 1);
    expect_in(sst, compute(sst, 3, 3999999999), 3999999999);
    /* Several under way: each at its time, whatever the order. */
    chains[0] = compute(sst, 4, 500);
    chains[1] = compute(sst, 5, 300);
    step(sst, 100);
    chains[2] = compute(sst, 6, 100);
    chains[3] = compute(sst, 7, 400);
    expect_in(sst, chains[2], 100);
    expect_in(sst, chains[1], 100);
    sst_expect_pending(sst, chains[0]);
    expect_in(sst, chains[0], 200);
    expect_in(sst, chains[3], 0);
    assert_int_equal(sst_statistic(sst, "stat-in-flight"), 0);
    sst_do(sst, BG_SST_NOOP, 1, BG_SST_OK);
}

static void test_answers_ahead(void **state)
{
    struct sst *sst = begin(AHEAD, "");

    (void)state;
    check_times(sst);
    finish(sst);
    assert_int_equal(simulator.frames, 8); /* one for each notification, none for the clock */
    assert_int_equal(simulator.resets, 1);
}

static void test_answers_later(void **state)
{
    struct sst *sst = begin(LATER, "");

    (void)state;
    check_times(sst);
    finish(sst);
    assert_int_equal(simulator.requests, 7);
    assert_int_equal(simulator.frames, 8 + 6); /* two of them are due at the same time */
    for (unsigned i = 1; i < simulator.frames; i++) {
        assert_true(simulator.log[i] >= simulator.log[i - 1]);
    }
}

/* Many in one notification, due at the same time: one frame, and the frame's order. */
static void test_same_time(void **state)
{
    struct sst *sst = begin(AHEAD, "");

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct bg_sst_request request = sst_request(BG_SST_COMPUTE, i);

        request.payload.compute.compute_units = 77;
        sst_prepare(sst, 0, &request, sizeof(request), 0);
        sst_prepare(sst, 1, NULL, 0, sizeof(struct bg_sst_response));
    }
    sst_kick(sst, 1);
    sst_kick(sst, 0);
    step(sst, 76);
    sst_expect_pending(sst, &sst->chains[0]);
    step(sst, 1);
    sst_poll(sst);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(sst->chains[2 * i].done);
        assert_int_equal(((struct bg_sst_response *)sst->chains[2 * i + 1].writable)->request_id,
                         i);
    }
    finish(sst);
    assert_int_equal(simulator.requests, 50);
}

static void test_events(void **state)
{
    struct sst *sst = begin(AHEAD, "");
    struct sst_chain *buffer, *chain;

    (void)state;
    simulator.event_ns = 30;
    buffer = sst_add(sst, BG_SST_QUEUE_EVENT(1), NULL, 0, sizeof(struct bg_sst_event));
    chain = compute(sst, 1, 100);
    step(sst, 29);
    sst_expect_pending(sst, buffer);
    step(sst, 1);
    sst_poll(sst);
    assert_true(buffer->done);
    expect_in(sst, chain, 70);
    chain = compute(sst, 2, 10); /* no buffer: dropped, at its time */
    expect_in(sst, chain, 10);
    assert_int_equal(sst_statistic(sst, "stat-events-dropped"), 0);
    step(sst, 20);
    assert_int_equal(sst_statistic(sst, "stat-events-dropped"), 1);
    finish(sst);
}

/* A simulator that tells of ever more events to come does not fill the host's memory. */
static void test_event_flood(void **state)
{
    struct sst *sst = begin(AHEAD, "");

    (void)state;
    simulator.event_ns = 3600000 * MS;
    simulator.event_count = 1000 - 1;
    for (unsigned i = 0; i < 17; i++) {
        expect_in(sst, compute(sst, i, 5), 5);
    }
    assert_int_equal(sst_statistic(sst, "stat-events-dropped"), 17000 - 16384);
    /* Those that were kept come, and there is room for others. */
    assert_int_equal(bg_virtio_reset(&sst->device, UINT64_MAX), 0);
    sst_forget_driver(sst);
    sst_open_driver(sst);
    expect_in(sst, compute(sst, 1, 5), 5);
    assert_int_equal(sst_statistic(sst, "stat-events-dropped"), 17000 - 16384);
    step(sst, simulator.event_ns);
    assert_int_equal(sst_statistic(sst, "stat-events-dropped"), 18000 - 16384);
    finish(sst);
}

/* Exactly one frame for each of the device's. */
static void test_unasked(void **state)
{
    struct sst *sst = begin(UNASKED, "");

    (void)state;
    sst_expect(sst, compute(sst, 1, 5), BG_SST_ERROR);
    assert_int_equal(sst_statistic(sst, "stat-protocol-errors"), 1);
    finish(sst);
}

/* The reply to a reset has a next_ns, too. */
static void test_tick_after_reset(void **state)
{
    struct sst *sst = begin(TICKING, "");

    (void)state;
    expect_in(sst, compute(sst, 1, 5), 5);
    step(sst, 2 * TICK_NS); /* the machine's own */
    assert_int_equal(bg_virtio_reset(&sst->device, UINT64_MAX), 0);
    step(sst, 5 * TICK_NS);
    finish(sst);
    assert_int_equal(simulator.resets, 2);
    assert_int_equal(simulator.frames, 4);
    assert_int_equal(simulator.log[3] - simulator.log[2], TICK_NS);
}

/* Times in the past count as now; a next_ns there does not stop the clock. */
static void test_backwards(void **state)
{
    struct sst *sst = begin(BACKWARDS, "");

    (void)state;
    step(sst, 1000);
    expect_in(sst, compute(sst, 1, 5000), 0);
    step(sst, 1000);
    finish(sst);
    assert_int_equal(simulator.frames, 20);
    assert_true(simulator.log[19] > simulator.log[0]);
}

/* What takes longer than timeout_ms of the guest's time ends then, and stays ended. */
static void test_timeout(void **state)
{
    struct sst *sst = begin(AHEAD, ",timeout_ms=1");
    struct sst_chain *chain = compute(sst, 1, 3 * MS);

    (void)state;
    step(sst, MS - 1);
    sst_expect_pending(sst, chain);
    step(sst, 1);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
    expect_in(sst, compute(sst, 2, MS - 1), MS - 1);
    step(sst, 5 * MS);
    assert_int_equal(sst_statistic(sst, "stat-completed"), 1);
    assert_int_equal(sst_statistic(sst, "stat-failed"), 1);
    finish(sst);
}

/* A guest's RESET ends what is under way, and nothing of it comes later. */
static void test_reset(void **state)
{
    struct sst *sst = begin(AHEAD, "");
    struct sst_chain *chain = compute(sst, 1, 1000);

    (void)state;
    step(sst, 10);
    sst_do(sst, BG_SST_RESET, 2, BG_SST_OK);
    sst_expect(sst, chain, BG_SST_ERROR);
    step(sst, 2000);
    expect_in(sst, compute(sst, 3, 5), 5);
    chain = compute(sst, 4, 1000);
    assert_int_equal(bg_virtio_reset(&sst->device, UINT64_MAX), 0);
    step(sst, 2000);
    assert_false(chain->done);
    assert_int_equal(sst_statistic(sst, "stat-in-flight"), 0);
    finish(sst);
    assert_int_equal(simulator.resets, 3);
}

/* ---- When it goes wrong ---- */

static void *accept_and_run(void *context)
{
    struct sst *sst = context;
    const struct timeval limit = {.tv_sec = HARNESS_TIMEOUT_MS / 1000};
    struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; i < HARNESS_TIMEOUT_MS; i++) {
        simulator.fd = accept(sst->listener, NULL, NULL); /* it does not block */
        if (simulator.fd >= 0) {
            setsockopt(simulator.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
            return run_simulator(&simulator);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* A new simulator, which the next notification finds. */
static void restart_simulator(struct sst *sst, enum mode mode)
{
    memset(&simulator, 0, sizeof(simulator));
    simulator.mode = mode;
    assert_int_equal(pthread_create(&simulator.thread, NULL, accept_and_run, sst), 0);
}

static void test_deadline(void **state)
{
    struct sst *sst = begin(SILENT, ",sync_deadline_ms=100");
    uint64_t before_ms = harness_now_ms();

    (void)state;
    sst_expect(sst, compute(sst, 1, 5), BG_SST_TIMEOUT);
    assert_in_range(harness_now_ms() - before_ms, 100, HARNESS_TIMEOUT_MS);
    assert_int_equal(sst_statistic(sst, "stat-timeouts"), 1);
    pthread_join(simulator.thread, NULL); /* its connection was closed */
    restart_simulator(sst, AHEAD);
    expect_in(sst, compute(sst, 2, 5), 5);
    finish(sst);
}

static void test_death(void **state)
{
    struct sst *sst = begin(DEAD, "");

    (void)state;
    sst_expect(sst, compute(sst, 1, 5), BG_SST_ERROR);
    pthread_join(simulator.thread, NULL);
    restart_simulator(sst, LATER);
    expect_in(sst, compute(sst, 2, 5), 5);
    /* While something is under way, and nobody talks: found with the next request. */
    compute(sst, 3, 1000);
    end_simulator(&simulator);
    restart_simulator(sst, AHEAD);
    expect_in(sst, compute(sst, 4, 6), 6);
    sst_expect(sst, &sst->chains[2], BG_SST_ERROR);
    finish(sst);
}

static void test_garbage(void **state)
{
    struct sst *sst = begin(GARBAGE, "");

    (void)state;
    sst_expect(sst, compute(sst, 1, 5), BG_SST_ERROR);
    assert_int_equal(sst_statistic(sst, "stat-protocol-errors"), 1);
    finish(sst);
}

static void test_untimed(void **state)
{
    struct sst *sst = begin(UNTIMED, "");

    (void)state;
    sst_expect(sst, compute(sst, 1, 5), BG_SST_ERROR);
    process_wait_text(sst->qemu->process, "the simulator has no deterministic time");
    finish(sst);
}

static void test_absent(void **state)
{
    struct sst *sst =
        sst_start(&(struct sst_setup){.properties = ",sync=on", .no_simulator = true});

    (void)state;
    sst_do(sst, BG_SST_COMPUTE, 1, BG_SST_NO_DEVICE);
    sim_listen(sst);
    restart_simulator(sst, AHEAD);
    expect_in(sst, compute(sst, 2, 5), 5);
    finish(sst);
}

/* The old wire knows cycles only: clock_hz makes times of them, rounded up. */
static void test_old(void **state)
{
    struct sst *sst = begin(OLD, ",clock_hz=300000000");
    struct bg_sst_request request = sst_request(BG_SST_READ, 7);

    (void)state;
    expect_in(sst, compute(sst, 1, 3), 10);
    expect_in(sst, compute(sst, 2, 1), 4);
    expect_in(sst, compute(sst, 3, 300000000), 1000 * MS);
    expect_in(sst, sst_submit(sst, &request), 0);
    sst_expect_pending(sst, compute(sst, 4, UINT64_MAX)); /* never, but for the time-out */
    step(sst, 4000 * MS);
    sst_expect(sst, &sst->chains[4], BG_SST_TIMEOUT);
    finish(sst);
}

static void test_property(void **state)
{
    struct process *process =
        qemu_start_plain("-M virt -device virtio-sst-device,socket=/nowhere,sync=on");

    (void)state;
    assert_int_equal(process_wait(process), 1);
    assert_non_null(strstr(process_errors(process), "sync=on needs"));
    process_end(process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_ahead),    cmocka_unit_test(test_answers_later),
        cmocka_unit_test(test_same_time),        cmocka_unit_test(test_events),
        cmocka_unit_test(test_event_flood),      cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_tick_after_reset), cmocka_unit_test(test_backwards),
        cmocka_unit_test(test_timeout),          cmocka_unit_test(test_reset),
        cmocka_unit_test(test_deadline),         cmocka_unit_test(test_death),
        cmocka_unit_test(test_garbage),          cmocka_unit_test(test_untimed),
        cmocka_unit_test(test_absent),           cmocka_unit_test(test_old),
        cmocka_unit_test(test_property),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests_name("virtio-sst deterministic time", tests, NULL, NULL);
}
