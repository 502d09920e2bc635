/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/*
 * A guest that polls STATUS is left alone by the main loop; nothing may get lost by that: an answer
 * comes also to a guest that has stopped asking, that asks for an interrupt, or whose time is over.
 */
#include "stub_fixture.h"

#define POLLS 100 /* more than enough to be taken for one that polls */
#define TIMEOUT_NS 1000000000ull

static const uint32_t nop[8] = {0};
static uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];

/* A request that the mediator has, and a guest that polls for its answer. */
static void begin_polling(struct stub *stub, uint32_t id)
{
    stub_submit(stub, id, nop, sizeof(nop));
    if (stub->peer < 0) {
        stub_accept(stub);
    }
    assert_int_equal(stub_take(stub, payload).request_id, id);
    for (unsigned i = 0; i < POLLS; i++) {
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    }
}

static void stops_asking(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, "");

    for (uint32_t id = 1; id <= 20; id++) {
        begin_polling(stub, id);
        stub_answer_status(stub, id, BG_COMPUTE_OK);
        stub_wait_statistic(stub, "stat-completed", id);
        stub_expect_done(stub);
    }
    stub_end(stub);
}

static void goes_on_asking(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, "");

    for (uint32_t id = 1; id <= 20; id++) {
        begin_polling(stub, id);
        stub_answer_status(stub, id, BG_COMPUTE_OK);
        stub_expect_done(stub);
    }
    assert_int_equal(stub_statistic(stub, "stat-completed"), 20);
    stub_end(stub);
}

static void asks_for_an_interrupt(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, "");

    for (uint32_t id = 1; id <= 20; id++) {
        begin_polling(stub, id);
        stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, BG_VGPU_STUB_IRQ_COMPLETION);
        stub_answer_status(stub, id, BG_COMPUTE_OK);
        stub_wait_statistic(stub, "stat-completed", id);
        assert_true(stub_intx(stub));
        stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, BG_VGPU_STUB_IRQ_COMPLETION);
        assert_false(stub_intx(stub));
        stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 0);
        stub_expect_done(stub);
    }
    stub_end(stub);
}

/* The answer is there when the time is over, but nobody has looked yet. */
static void answer_before_the_time_out(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, ",timeout_ms=1000");

    for (uint32_t id = 1; id <= 20; id++) {
        begin_polling(stub, id);
        stub_answer_status(stub, id, BG_COMPUTE_OK);
        qtest_clock_step_ns(stub->qemu, TIMEOUT_NS + 1);
        stub_expect_done(stub);
    }
    assert_int_equal(stub_statistic(stub, "stat-timeouts"), 0);
    begin_polling(stub, 21);
    qtest_clock_step_ns(stub->qemu, TIMEOUT_NS + 1);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    stub_end(stub);
}

static void mediator_goes(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, "");

    begin_polling(stub, 1);
    stub_hang_up(stub);
    stub_wait_statistic(stub, "stat-failed", 1); /* without being asked */
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub_check_works(stub, 2);
    begin_polling(stub, 3);
    stub_answer_status(stub, 3, BG_COMPUTE_OK);
    stub_expect_done(stub);
    stub_hang_up(stub); /* between requests, just after a poll */
    stub_wait_statistic(stub, "stat-disconnections", 2);
    stub_check_works(stub, 4);
    stub_end(stub);
}

static void stopped_and_reset(void **state)
{
    (void)state;
    struct stub *stub = stub_start(true, "");

    begin_polling(stub, 1);
    json_decref(qmp_command(stub->qemu, "stop", NULL));
    stub_answer_status(stub, 1, BG_COMPUTE_OK);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    json_decref(qmp_command(stub->qemu, "cont", NULL));
    stub_wait_statistic(stub, "stat-completed", 1);
    begin_polling(stub, 2);
    json_decref(qmp_command(stub->qemu, "system_reset", NULL));
    json_decref(qmp_wait_event(stub->qemu, "RESET", HARNESS_TIMEOUT_MS));
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    stub_enable(stub, 0, STUB_SLOT, stub->bar);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_IDLE);
    stub_check_works(stub, 3);
    stub_end(stub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_asking),          cmocka_unit_test(goes_on_asking),
        cmocka_unit_test(asks_for_an_interrupt), cmocka_unit_test(answer_before_the_time_out),
        cmocka_unit_test(mediator_goes),         cmocka_unit_test(stopped_and_reset),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub and a guest that polls", tests, NULL, NULL);
}
