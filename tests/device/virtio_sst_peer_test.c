/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* virtio-sst: a simulator that is absent, late, slow, dead, lying, or somebody else's. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sst_simulator.h"

#define MS 1000000ull
#define TIMEOUT_DEFAULT_MS 4000
#define RESPONSE sizeof(struct bg_sst_response)

static const struct sst_setup mmio = {.bus = SST_MMIO};
static const struct sst_setup absent = {.bus = SST_PCI, .no_simulator = true};

static void answer_old(struct sst *sst, uint64_t id, uint64_t result)
{
    struct bg_sst_response response = sim_response(BG_SST_OK, id, result);

    sim_answer_old(sst, &response);
}

/* One request on the old wire that succeeds. */
static void check_works(struct sst *sst, uint64_t id)
{
    struct sst_chain *chain = sst_submit_compute(sst, id);

    assert_int_equal(sim_take_old(sst).request_id, id);
    answer_old(sst, id, id + 1);
    assert_int_equal(sst_expect(sst, chain, BG_SST_OK)->result, id + 1);
}

/* ---- Absent and late ---- */

static void test_absent(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_request request = sst_request(BG_SST_ECHO, 5);

    for (uint32_t type = BG_SST_NOOP; type < BG_SST_TYPE_COUNT; type++) {
        bool local = type == BG_SST_NOOP || type == BG_SST_ECHO || type == BG_SST_RESET ||
                     type == BG_SST_GET_INFO;

        sst_do(sst, type, type, local ? BG_SST_OK : BG_SST_NO_DEVICE);
    }
    memset(request.payload.data, 0x77, BG_SST_PAYLOAD_SIZE);
    assert_memory_equal(sst_expect(sst, sst_submit(sst, &request), BG_SST_OK)->payload.data,
                        request.payload.data, BG_SST_PAYLOAD_SIZE);
    assert_int_equal(sst_statistic(sst, "connected"), 0);
    /* Not connected when the driver looked: no events. */
    assert_false(sst->device.offered & BG_SST_F_EVENTS);
    assert_int_equal(sst->device.offered & (BG_SST_F_ALL & ~BG_SST_F_EVENTS),
                     BG_SST_F_ECHO | BG_SST_F_COMPUTE | BG_SST_F_MEMORY | BG_SST_F_RESET);
}

/* A request finds it at once. */
static void test_late_on_request(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sst_do(sst, BG_SST_COMPUTE, 1, BG_SST_NO_DEVICE);
    sim_listen(sst);
    chain = sst_submit_compute(sst, 2);
    sim_connect_old(sst);
    assert_int_equal(sim_take_old(sst).request_id, 2);
    answer_old(sst, 2, 9);
    sst_expect(sst, chain, BG_SST_OK);
}

/* And so does the device by itself. */
static void test_late_by_timer(void **state)
{
    struct sst *sst = *state;

    sim_listen(sst);
    sim_connect_old(sst);
    assert_int_equal(sst_statistic(sst, "connected"), 1);
    assert_int_equal(sst_statistic(sst, "stat-requests"), 0);
    check_works(sst, 1);
}

/* The feature follows the connection until a driver has seen it. */
static void test_event_feature(void **state)
{
    struct sst *sst =
        sst_start(&(struct sst_setup){.bus = SST_MMIO, .no_driver = true, .no_simulator = true});
    struct bg_virtio_device probe;

    (void)state;
    assert_int_equal(bg_virtio_mmio_open(&probe, sst_mmio_address(0), qtest_machine()->mmio_size),
                     0);
    assert_false(probe.ops->read_features(&probe) & BG_SST_F_EVENTS);
    sim_listen(sst);
    sim_connect_old(sst);
    assert_true(probe.ops->read_features(&probe) & BG_SST_F_EVENTS);
    sst_open_driver(sst);
    assert_true(sst->device.features & BG_SST_F_EVENTS);
    close(sst->listener);
    sst->listener = -1;
    unlink(sst->path);
    sim_hang_up(sst);
    sst_wait_wire(sst, "none");
    assert_true(probe.ops->read_features(&probe) & BG_SST_F_EVENTS);
    sst_end(sst);
}

/* More callers than the listener has room for. */
static void test_backlog(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;
    int others[2];

    sst->listener = unix_listen(sst->path, 0);
    others[0] = unix_connect(sst->path, HARNESS_TIMEOUT_MS); /* the place is taken */
    chain = sst_submit_compute(sst, 1);
    sst_expect_pending(sst, chain);
    others[1] = unix_accept(sst->listener, HARNESS_TIMEOUT_MS);
    sim_connect_old(sst);
    assert_int_equal(sim_take_old(sst).request_id, 1);
    answer_old(sst, 1, 1);
    sst_expect(sst, chain, BG_SST_OK);
    close(others[0]);
    close(others[1]);
}

/* ---- Killed ---- */

static void test_killed(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chains[3];

    sim_connect_old(sst);
    for (unsigned i = 0; i < 3; i++) {
        chains[i] = sst_submit_compute(sst, i);
        sim_take_old(sst);
    }
    sim_hang_up(sst);
    for (unsigned i = 0; i < 3; i++) {
        sst_expect(sst, chains[i], BG_SST_ERROR);
        sst_expect_zero(chains[i]->writable + 24, RESPONSE - 24);
    }
    assert_int_equal(sst_statistic(sst, "stat-failed"), 3);
    sim_connect_old(sst); /* it comes back */
    check_works(sst, 4);
    assert_int_equal(sst_statistic(sst, "stat-connections"), 2);
    assert_int_equal(sst_statistic(sst, "stat-disconnections"), 1);
}

static void test_killed_while_idle(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_connect_old(sst);
    check_works(sst, 1);
    close(sst->listener);
    sst->listener = -1;
    unlink(sst->path);
    sim_hang_up(sst);
    sst_wait_wire(sst, "none");
    sst_do(sst, BG_SST_COMPUTE, 2, BG_SST_NO_DEVICE);
    sim_listen(sst);
    chain = sst_submit_compute(sst, 3);
    sim_connect_old(sst);
    sim_take_old(sst);
    answer_old(sst, 3, 3);
    sst_expect(sst, chain, BG_SST_OK);
}

/* In the middle of an answer, at every byte. */
static void test_truncated(void **state)
{
    struct sst *sst = *state;
    int64_t lost = 0;

    for (size_t size = 0; size < RESPONSE; size += size < 40 ? 1 : 509) {
        struct bg_sst_response response = sim_response(BG_SST_OK, size, 1);
        struct sst_chain *chain = sst_submit_compute(sst, size);

        sim_connect_old(sst);
        sim_take_old(sst);
        assert_true(socket_write(sst->peer, &response, size));
        sst_expect_pending(sst, chain);
        sim_hang_up(sst);
        sst_expect(sst, chain, BG_SST_ERROR);
        sst_expect_zero(chain->writable + 24, RESPONSE - 24);
        chain =
            sst_submit_compute(sst, size); /* a connection that serves: the next comes at once */
        sim_connect_old(sst);
        sim_take_old(sst);
        answer_old(sst, size, 0);
        sst_expect(sst, chain, BG_SST_OK);
        sim_hang_up(sst);
        sst_wait_statistic(sst, "stat-disconnections", lost += 2); /* it may be back already */
        sst_recycle(sst);
    }
}

/*
 * One that takes requests and answers nothing: what the guest gives up counts, so that it never has
 * more than it can bear, and after a while another connection is tried. One that closes each time
 * does not get many.
 */
static void test_abandoned(void **state)
{
    struct sst *sst = *state;
    unsigned connections = 0;
    uint64_t end_ms;

    sim_connect_old(sst);
    for (unsigned i = 0; i < 20; i++) {
        sst_submit_compute(sst, i);
    }
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(sim_take_old(sst).request_id, i);
    }
    qtest_clock_step_ns(sst->qemu, UINT64_C(5000000000)); /* time out */
    sst_submit_compute(sst, 20);
    sim_expect_silence(sst);
    end_ms = harness_now_ms() + 4500;
    while (harness_now_ms() < end_ms) {
        usleep(10000);
    }
    sst_submit_compute(sst, 21);
    sim_connect_old(sst);
    assert_int_equal(sim_take_old(sst).request_id, 20);
    sim_hang_up(sst);
    for (unsigned i = 0; i < 40; i++) {
        int peer;

        sst_submit_compute(sst, 22);
        peer = unix_accept(sst->listener, 30);
        if (peer >= 0) {
            connections++;
            close(peer);
        }
    }
    assert_in_range(connections, 1, 12);
}

/* In the probe: what waits for it is not lost, but not tried for ever either. */
static void test_killed_in_probe(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_accept(sst);
    sim_take_hello(sst);
    chain = sst_submit_compute(sst, 1);
    sst_expect_pending(sst, chain);
    sim_hang_up(sst);
    sim_accept(sst);
    sim_take_hello(sst);
    sst_expect_pending(sst, chain);
    sim_refuse_hello(sst);
    assert_int_equal(sim_take_old(sst).request_id, 1);
    answer_old(sst, 1, 1);
    sst_expect(sst, chain, BG_SST_OK);

    sim_hang_up(sst);
    sst_wait_statistic(sst, "stat-disconnections", 2);
    sim_accept(sst);
    chain = sst_submit_compute(sst, 2);
    for (unsigned i = 0; i < 2; i++) {
        sst_expect_pending(sst, chain);
        sim_hang_up(sst);
        sim_accept(sst);
    }
    sim_hang_up(sst);
    sst_expect(sst, chain, BG_SST_ERROR);
}

/* ---- Stopped and slow ---- */

static void test_timeout(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *first, *second;

    sim_connect_old(sst);
    first = sst_submit_compute(sst, 1);
    qtest_clock_step_ns(sst->qemu, 1000 * MS);
    second = sst_submit_compute(sst, 2);
    qtest_clock_step_ns(sst->qemu, (TIMEOUT_DEFAULT_MS - 1000) * MS - 1);
    sst_expect_pending(sst, first);
    qtest_clock_step_ns(sst->qemu, 1);
    sst_expect(sst, first, BG_SST_TIMEOUT);
    sst_expect_zero(first->writable + 24, RESPONSE - 24);
    sst_expect_pending(sst, second);
    qtest_clock_step_ns(sst->qemu, 1000 * MS);
    sst_expect(sst, second, BG_SST_TIMEOUT);
    assert_int_equal(sst_statistic(sst, "stat-timeouts"), 2);
    /* It wakes up: late answers are nobody's, also for an id that is used again. */
    sim_take_old(sst);
    sim_take_old(sst);
    first = sst_submit_compute(sst, 1);
    assert_int_equal(sim_take_old(sst).request_id, 3);
    answer_old(sst, 1, 666);
    answer_old(sst, 2, 666);
    sst_wait_statistic(sst, "stat-late-answers", 2);
    sst_expect_pending(sst, first);
    answer_old(sst, 3, 5);
    assert_int_equal(sst_expect(sst, first, BG_SST_OK)->result, 5);
    check_works(sst, 1); /* free again */
    assert_int_equal(sst_statistic(sst, "stat-connections"), 1);
}

/* The device's timer is that of the first: each request has its own time all the same. */
static void test_timeout_of_a_later_request(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_connect_old(sst);
    check_works(sst, 1);
    qtest_clock_step_ns(sst->qemu, 3000 * MS);
    chain = sst_submit_compute(sst, 2);
    qtest_clock_step_ns(sst->qemu, TIMEOUT_DEFAULT_MS * MS - 1);
    sst_expect_pending(sst, chain);
    qtest_clock_step_ns(sst->qemu, 1);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
}

/* A probe that is never answered holds nobody longer than that. */
static void test_timeout_in_probe(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_accept(sst);
    chain = sst_submit_compute(sst, 1);
    sst_expect_pending(sst, chain);
    qtest_clock_step_ns(sst->qemu, TIMEOUT_DEFAULT_MS * MS);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
    sim_take_hello(sst);
    sim_refuse_hello(sst);
    check_works(sst, 2); /* the first was never sent */
}

static void test_timeout_property(void **state)
{
    struct sst *sst = sst_start(&(struct sst_setup){.properties = ",timeout_ms=50"});
    struct sst_chain *chain;

    (void)state;
    sim_connect_old(sst);
    chain = sst_submit_compute(sst, 1);
    qtest_clock_step_ns(sst->qemu, 49 * MS);
    sst_expect_pending(sst, chain);
    qtest_clock_step_ns(sst->qemu, 1 * MS);
    sst_expect(sst, chain, BG_SST_TIMEOUT);
    sst_end(sst);
}

/* A simulator that stops reading: the queue fills, nothing blocks, nothing is mixed up. */
static void test_stopped(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_request request;
    unsigned sent = 0;

    sim_connect_old(sst);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 40; i++) {
            request = sst_request(BG_SST_COMPUTE, 10000 + round * 40 + i);
            memset(request.payload.data, (int)i, BG_SST_PAYLOAD_SIZE);
            sst_submit(sst, &request);
        }
        qtest_clock_step_ns(sst->qemu, TIMEOUT_DEFAULT_MS * MS);
        for (unsigned i = 0; i < 40; i++) {
            sst_expect(sst, &sst->chains[i], BG_SST_TIMEOUT);
        }
        sst_recycle(sst);
    }
    /* It goes on: whole requests, in order; those that were never begun are not there. */
    request.request_id = 0;
    while (harness_wait_readable(sst->peer, 0)) {
        struct bg_sst_request taken = sim_take_old(sst);

        assert_true(taken.request_id > request.request_id);
        request = taken;
        answer_old(sst, taken.request_id, 0);
        sent++;
        sst_statistic(sst, "stat-late-answers"); /* the device may send on */
    }
    assert_in_range(sent, 10, 239);
    sst_wait_statistic(sst, "stat-late-answers", sent);
    check_works(sst, 1);
}

/* ---- Ids ---- */

/* The same id several times at once: each gets its own answer. */
static void test_equal_ids(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chains[3];
    uint64_t wire[3];

    sim_connect_old(sst);
    for (unsigned i = 0; i < 3; i++) {
        chains[i] = sst_submit_compute(sst, 7);
        wire[i] = sim_take_old(sst).request_id;
    }
    assert_int_equal(wire[0], 7);
    assert_int_equal(wire[1], 8);
    assert_int_equal(wire[2], 9);
    for (unsigned i = 3; i-- > 0;) {
        answer_old(sst, wire[i], 100 + i);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sst_expect(sst, chains[i], BG_SST_OK)->result, 100 + i);
    }
}

/* user_data comes from the request, whatever the simulator says. */
static void test_foreign_user_data(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_response response = sim_response(BG_SST_OK, 5, 0);
    struct sst_chain *chain;

    sim_connect_old(sst);
    chain = sst_submit_compute(sst, 5);
    sim_take_old(sst);
    response.user_data = 0x666;
    response.reserved = 0x777;
    sim_answer_old(sst, &response);
    sst_expect(sst, chain, BG_SST_OK);
}

/* ---- Garbage ---- */

static void expect_closed(struct sst *sst, struct sst_chain *chain)
{
    assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS));
    sst_expect(sst, chain, BG_SST_ERROR);
    sst_expect_zero(chain->writable + 24, RESPONSE - 24);
    assert_int_equal(sst_statistic(sst, "stat-protocol-errors"), 1);
    sim_connect_old(sst);
    check_works(sst, 99);
}

static void test_garbage(void **state)
{
    struct sst *sst = *state;
    uint8_t garbage[RESPONSE];
    struct sst_chain *chain;

    sim_connect_old(sst);
    chain = sst_submit_compute(sst, 1);
    sim_take_old(sst);
    memset(garbage, 'x', sizeof(garbage));
    assert_true(socket_write(sst->peer, garbage, sizeof(garbage)));
    expect_closed(sst, chain);
}

static void test_answer_twice(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain;

    sim_connect_old(sst);
    check_works(sst, 5);
    chain = sst_submit_compute(sst, 1);
    sim_take_old(sst);
    answer_old(sst, 5, 0);
    expect_closed(sst, chain);
}

static void test_garbage_for_probe(void **state)
{
    struct sst *sst = *state;
    uint8_t garbage[RESPONSE] = "HTTP/1.1 400 Bad Request";

    sim_accept(sst);
    sim_take_hello(sst);
    assert_true(socket_write(sst->peer, garbage, sizeof(garbage)));
    assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS));
    sim_connect_old(sst);
    check_works(sst, 1);
}

/* extension=off: no probe, the first message is the guest's. */
static void test_without_extension(void **state)
{
    struct sst *sst = sst_start(&(struct sst_setup){.properties = ",extension=off"});

    (void)state;
    sim_accept(sst);
    check_works(sst, 1);
    sst_end(sst);
}

/* ---- Whose socket ---- */

static void test_socket_of_another_user(void **state)
{
    char *properties = harness_format(",peer_user=%d", HARNESS_NOBODY);
    struct sst *sst;

    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can be somebody else\n");
        skip();
    }
    sst = sst_start(&(struct sst_setup){.no_simulator = true});
    sst->listener = unix_listen_as_nobody(sst->path);
    sst_do(sst, BG_SST_COMPUTE, 1, BG_SST_NO_DEVICE);
    process_wait_text(sst->qemu->process, "belongs to a process of user 65534");
    sim_accept(sst);
    assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS)); /* and no byte before */
    sst_end(sst);

    sst = sst_start(&(struct sst_setup){.no_simulator = true, .properties = properties});
    sst->listener = unix_listen_as_nobody(sst->path);
    sim_connect_old(sst);
    check_works(sst, 1);
    sst_end(sst);
    free(properties);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, sst_begin_test, sst_end_test, (void *)&mmio)
#define ABSENT_TEST(name)                                                                          \
    cmocka_unit_test_prestate_setup_teardown(name, sst_begin_test, sst_end_test, (void *)&absent)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ABSENT_TEST(test_absent),
        ABSENT_TEST(test_late_on_request),
        ABSENT_TEST(test_late_by_timer),
        cmocka_unit_test(test_event_feature),
        ABSENT_TEST(test_backlog),
        TEST(test_killed),
        TEST(test_killed_while_idle),
        TEST(test_truncated),
        TEST(test_abandoned),
        TEST(test_killed_in_probe),
        TEST(test_timeout),
        TEST(test_timeout_of_a_later_request),
        TEST(test_timeout_in_probe),
        cmocka_unit_test(test_timeout_property),
        TEST(test_stopped),
        TEST(test_equal_ids),
        TEST(test_foreign_user_data),
        TEST(test_garbage),
        TEST(test_answer_twice),
        TEST(test_garbage_for_probe),
        cmocka_unit_test(test_without_extension),
        cmocka_unit_test(test_socket_of_another_user),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests_name("virtio-sst peer", tests, NULL, NULL);
}
