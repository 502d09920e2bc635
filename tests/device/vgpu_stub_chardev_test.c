/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: the mediator behind a character device instead of a socket of the device's own. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stub_fixture.h"

static uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
static const uint8_t request[BG_VGPU_STUB_PAYLOAD_MAX] = "a request";

#define DEVICE " -device vgpu-stub,id=gpu,addr=1,chardev=med"

static int start(void **state)
{
    struct stub *stub =
        stub_start_line(true, "-chardev socket,id=med,path=%s,reconnect-ms=10" DEVICE);

    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    stub_accept(stub); /* the chardev connects by itself */
    *state = stub;
    return 0;
}

static int end(void **state)
{
    stub_end(*state);
    return 0;
}

static void wait_connected(struct stub *stub, bool connected)
{
    stub_wait_statistic(stub, "connected", connected);
}

static void test_requests(void **state)
{
    struct stub *stub = *state;

    wait_connected(stub, true);
    for (uint32_t i = 1; i < 20; i++) {
        stub_check_works(stub, i);
    }
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
}

static void test_answer_byte_by_byte(void **state)
{
    struct stub *stub = *state;
    uint8_t message[BG_VGPU_STUB_PAYLOAD_MAX + 20], answer[40] = {0};
    size_t size = stub_message(message, BG_VGPU_STUB_MESSAGE_RESPONSE, 1, answer, sizeof(answer));

    wait_connected(stub, true);
    stub_submit(stub, 1, request, 40);
    stub_take(stub, payload);
    for (size_t i = 0; i < size; i++) {
        assert_true(socket_write(stub->peer, message + i, 1));
    }
    stub_expect_done(stub);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 40);
}

static void test_death_and_return(void **state)
{
    struct stub *stub = *state;

    wait_connected(stub, true);
    stub_submit(stub, 1, request, 40);
    stub_take(stub, payload);
    stub_hang_up(stub);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub_accept(stub);
    wait_connected(stub, true);
    stub_check_works(stub, 2);
}

static void test_garbage(void **state)
{
    struct stub *stub = *state;

    wait_connected(stub, true);
    stub_submit(stub, 1, request, 40);
    stub_take(stub, payload);
    socket_write(stub->peer, "nonsense", 8);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_accept(stub);
    wait_connected(stub, true);
    stub_check_works(stub, 2);
}

static void test_timeout_and_late_answer(void **state)
{
    struct stub *stub = *state;

    wait_connected(stub, true);
    stub_submit(stub, 1, request, 40);
    stub_take(stub, payload);
    qtest_clock_step_ns(stub->qemu, 25000 * 1000000ull);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    stub_answer_status(stub, 1, 0);
    stub_wait_statistic(stub, "stat-late-answers", 1);
    stub_check_works(stub, 1);
}

/* Stopped: neither an answer nor the end of the connection changes anything until it runs. */
static void test_stopped(void **state)
{
    struct stub *stub = *state;

    wait_connected(stub, true);
    stub_submit(stub, 1, request, 40);
    stub_take(stub, payload);
    json_decref(qmp_command(stub->qemu, "stop", NULL));
    stub_answer_status(stub, 1, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    }
    json_decref(qmp_command(stub->qemu, "cont", NULL));
    stub_expect_done(stub);

    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    json_decref(qmp_command(stub->qemu, "stop", NULL));
    stub_hang_up(stub);
    stub_accept(stub); /* it has noticed and come back: the old request is lost all the same */
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    json_decref(qmp_command(stub->qemu, "cont", NULL));
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    wait_connected(stub, true);
    stub_check_works(stub, 3);
}

static void test_not_connected(void **state)
{
    struct stub *stub =
        stub_start_line(false, "-chardev socket,id=med,path=%s,reconnect-ms=10" DEVICE);

    (void)state;
    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    stub_submit(stub, 1, request, 40);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub->listener = unix_listen(stub->path, 1);
    stub_accept(stub);
    wait_connected(stub, true);
    stub_check_works(stub, 2);
    stub_end(stub);
}

/* A peer that reads nothing: the chardev takes what fits, the doorbell never waits. */
static void test_full(void **state)
{
    struct stub *stub = *state;
    uint32_t last = 0, id = 1;

    wait_connected(stub, true);
    while (id < 400) {
        stub_submit(stub, id++, request, 1024);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        if (stub_statistic(stub, "stat-disconnections")) {
            print_message("# sockets of this machine are too large to be filled\n");
            skip();
        }
    }
    while (last != id - 1) {
        last = stub_take(stub, payload).request_id;
    }
    stub_answer_status(stub, last, 0);
    stub_expect_done(stub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_requests),
        TEST(test_answer_byte_by_byte),
        TEST(test_death_and_return),
        TEST(test_garbage),
        TEST(test_timeout_and_late_answer),
        TEST(test_stopped),
        cmocka_unit_test(test_not_connected),
        TEST(test_full),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub behind a chardev", tests, NULL, NULL);
}
