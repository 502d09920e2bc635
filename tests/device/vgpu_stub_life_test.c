/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: reset, unplug, stop and migration at any moment; chardev; whose socket it is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stub_fixture.h"

static int start(void **state)
{
    *state = stub_start(true, ",interrupt=on");
    return 0;
}

static int end(void **state)
{
    stub_end(*state);
    return 0;
}

static uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
static const uint8_t request[BG_VGPU_STUB_PAYLOAD_MAX] = "a request";

/* ---- Reset ---- */

static void reset_machine(struct stub *stub)
{
    json_decref(qmp_command(stub->qemu, "system_reset", NULL));
    json_decref(qmp_wait_event(stub->qemu, "RESET", HARNESS_TIMEOUT_MS));
}

static void expect_fresh(struct stub *stub)
{
    static const uint32_t zero[] = {
        BG_VGPU_STUB_REG_STATUS,       BG_VGPU_STUB_REG_ERROR_CODE,  BG_VGPU_STUB_REG_REQUEST_LEN,
        BG_VGPU_STUB_REG_RESPONSE_LEN, BG_VGPU_STUB_REG_IRQ_CTRL,    BG_VGPU_STUB_REG_IRQ_STATUS,
        BG_VGPU_STUB_REG_REQUEST_ID,   BG_VGPU_STUB_REG_SCRATCH,     BG_VGPU_STUB_REG_TIMESTAMP_LO,
        BG_VGPU_STUB_REQUEST_BUFFER,   BG_VGPU_STUB_RESPONSE_BUFFER,
    };

    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
        assert_int_equal(stub_read(stub, zero[i]), 0);
    }
}

static void test_reset(void **state)
{
    struct stub *stub = *state;

    qtest_clock_step_ns(stub->qemu, 5000000);
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_write(stub, BG_VGPU_STUB_REG_SCRATCH, 5);
    stub_check_works(stub, 1);
    assert_true(stub_intx(stub));
    reset_machine(stub);
    assert_false(stub_intx(stub));
    /* The guest's session ends with it. */
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    expect_fresh(stub);
    stub_check_works(stub, 2);
}

static void test_reset_while_busy(void **state)
{
    struct stub *stub = *state;

    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_submit(stub, 1, request, 40);
    stub_accept(stub);
    stub_take(stub, payload);
    reset_machine(stub);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    expect_fresh(stub);
    /* No time-out is left over. */
    qtest_clock_step_ns(stub->qemu, 60000 * 1000000ull);
    expect_fresh(stub);
    assert_false(stub_intx(stub));
    stub_check_works(stub, 1);
}

/* A connection that carried nothing survives: there is no session to end. */
static void test_reset_of_unused_connection(void **state)
{
    struct stub *stub = *state;

    stub_accept(stub); /* made at the start */
    reset_machine(stub);
    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    stub_check_works(stub, 1);
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
}

/* ---- Behind a root port: reset of the bus, hot-plug, hot-unplug ---- */

#define PORT_SLOT 2
#define PORT_LINE "-device pcie-root-port,id=rp1,addr=2,chassis=1 "
#define PORT_DEVICE "-device vgpu-stub,id=gpu,bus=rp1,socket=%s"

static void enable_port(struct stub *stub)
{
    struct qemu *qemu = stub->qemu;

    qtest_write(qemu, 4, pci_config_address(0, PORT_SLOT, 0, 0x18), 0x00010100);
    qtest_write(qemu, 4, pci_config_address(0, PORT_SLOT, 0, 0x20),
                (PCI_MEM32_BASE >> 16) | PCI_MEM32_BASE);
    qtest_write(qemu, 2, pci_config_address(0, PORT_SLOT, 0, 0x04), 0x6);
}

static int start_port(void **state)
{
    struct stub *stub = stub_start_line(true, PORT_LINE PORT_DEVICE);

    *state = stub;
    enable_port(stub);
    stub_enable(stub, 1, 0, STUB_BAR_ADDRESS);
    return 0;
}

static unsigned find_pcie_capability(struct stub *stub)
{
    unsigned offset =
        (unsigned)qtest_read(stub->qemu, 1, pci_config_address(0, PORT_SLOT, 0, 0x34));

    for (unsigned i = 0; i < 48 && offset; i++) {
        uint64_t header = qtest_read(stub->qemu, 2, pci_config_address(0, PORT_SLOT, 0, offset));

        if ((header & 0xFF) == 0x10) {
            return offset;
        }
        offset = (unsigned)(header >> 8);
    }
    fail_msg("no PCI Express capability");
    return 0;
}

static void write_slot_control(struct stub *stub, uint16_t value)
{
    unsigned capability = find_pcie_capability(stub);

    qtest_write(stub->qemu, 2, pci_config_address(0, PORT_SLOT, 0, capability + 0x18), value);
}

/* What a guest does about a removal request: power indicator and power off. */
static void unplug(struct stub *stub)
{
    json_decref(qmp_command(stub->qemu, "device_del", "{s:s}", "id", "gpu"));
    write_slot_control(stub, 0x0700);
    json_decref(qmp_wait_event(stub->qemu, "DEVICE_DELETED", HARNESS_TIMEOUT_MS));
}

static void test_bus_reset_while_busy(void **state)
{
    struct stub *stub = *state;
    uint64_t bridge_control = pci_config_address(0, PORT_SLOT, 0, 0x3E);

    stub_submit(stub, 1, request, 40);
    stub_accept(stub);
    stub_take(stub, payload);
    qtest_write(stub->qemu, 2, bridge_control, 0x40);
    qtest_write(stub->qemu, 2, bridge_control, 0);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    stub_enable(stub, 1, 0, STUB_BAR_ADDRESS);
    expect_fresh(stub);
    stub_check_works(stub, 2);
}

static void replug(struct stub *stub)
{
    json_decref(qmp_command(stub->qemu, "device_add", "{s:s, s:s, s:s, s:s}", "driver", "vgpu-stub",
                            "id", "gpu", "bus", "rp1", "socket", stub->path));
    write_slot_control(stub, 0x0100); /* power on */
    enable_port(stub);
    stub_enable(stub, 1, 0, STUB_BAR_ADDRESS);
}

static void test_unplug(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    unplug(stub);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    assert_int_equal(qtest_read(stub->qemu, 4, pci_config_address(1, 0, 0, 0)), 0xFFFFFFFF);
    stub_hang_up(stub);
    replug(stub);
    expect_fresh(stub);
    stub_check_works(stub, 2);
}

static void test_unplug_while_busy(void **state)
{
    struct stub *stub = *state;

    for (uint32_t i = 1; i < 6; i++) {
        stub_submit(stub, i, request, 40);
        stub_accept(stub);
        stub_take(stub, payload);
        if (i % 2) {
            stub_answer_status(stub, i, 0); /* on its way */
        }
        unplug(stub);
        qtest_clock_step_ns(stub->qemu, 60000 * 1000000ull);
        stub_hang_up(stub);
        replug(stub);
    }
    stub_check_works(stub, 9);
}

/* Waiting for room in the listener's queue is a state, too. */
static void test_unplug_while_connecting(void **state)
{
    struct stub *stub = *state;
    int other;

    close(stub->listener);
    stub->listener = unix_listen(stub->path, 0);
    other = unix_connect(stub->path, HARNESS_TIMEOUT_MS);
    stub_submit(stub, 1, request, 40);
    unplug(stub);
    close(unix_accept(stub->listener, HARNESS_TIMEOUT_MS));
    qtest_clock_step_ns(stub->qemu, 60000 * 1000000ull);
    assert_int_equal(unix_accept(stub->listener, 0), -1);
    close(other);
}

/* ---- Stop ---- */

static void stop(struct stub *stub)
{
    json_decref(qmp_command(stub->qemu, "stop", NULL));
}

static void go_on(struct stub *stub)
{
    json_decref(qmp_command(stub->qemu, "cont", NULL));
}

/* A stopped machine does not change; what came meanwhile is not lost. */
static void test_answer_while_stopped(void **state)
{
    struct stub *stub = *state;

    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_submit(stub, 1, request, 40);
    stub_accept(stub);
    stub_take(stub, payload);
    stop(stub);
    stub_answer_status(stub, 1, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    }
    assert_false(stub_intx(stub));
    go_on(stub);
    stub_wait_statistic(stub, "stat-completed", 1);
    assert_true(stub_intx(stub));
    stub_expect_done(stub);
}

static void test_death_while_stopped(void **state)
{
    struct stub *stub = *state;

    stub_submit(stub, 1, request, 40);
    stub_accept(stub);
    stub_take(stub, payload);
    stop(stub);
    stub_hang_up(stub);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    }
    go_on(stub);
    stub_wait_statistic(stub, "stat-failed", 1);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub_check_works(stub, 2);
}

/* ---- Migration ---- */

static struct stub *migrate(struct stub *from, const char *properties)
{
    char *path = harness_temp_path("migration");
    char *line = harness_format("-incoming unix:%s -device vgpu-stub,id=gpu,addr=%d,socket=%%s%s",
                                path, STUB_SLOT, properties);
    struct stub *to;
    char *uri = harness_format("unix:%s", path);
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    bool completed = false, running = false;

    unlink(path);
    to = stub_start_line(true, line);
    to->bar = from->bar;
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    while (!completed || !running) {
        json_t *source = qmp_command(from->qemu, "query-migrate", NULL);
        json_t *target = qmp_command(to->qemu, "query-status", NULL);
        const char *status = json_string_value(json_object_get(source, "status"));

        completed = status != NULL && strcmp(status, "completed") == 0;
        running = json_is_true(json_object_get(target, "running"));
        assert_false(status && strcmp(status, "failed") == 0);
        assert_true(harness_now_ms() < deadline_ms);
        json_decref(source);
        json_decref(target);
    }
    free(path);
    free(line);
    free(uri);
    return to;
}

static void test_migrate_idle(void **state)
{
    struct stub *from = *state, *to;
    static const uint32_t kept[] = {
        BG_VGPU_STUB_REG_STATUS,     BG_VGPU_STUB_REG_ERROR_CODE,   BG_VGPU_STUB_REG_REQUEST_LEN,
        BG_VGPU_STUB_REG_REQUEST_ID, BG_VGPU_STUB_REG_RESPONSE_LEN, BG_VGPU_STUB_REG_IRQ_CTRL,
        BG_VGPU_STUB_REG_IRQ_STATUS, BG_VGPU_STUB_REG_TIMESTAMP_LO, BG_VGPU_STUB_REG_SCRATCH,
    };
    uint32_t before[sizeof(kept) / sizeof(kept[0])];
    uint8_t buffers[2 * BG_VGPU_STUB_BUFFER_SIZE], after[2 * BG_VGPU_STUB_BUFFER_SIZE];

    qtest_clock_step_ns(from->qemu, 123456000);
    stub_write(from, BG_VGPU_STUB_REG_SCRATCH, 0xFEEDFACE);
    stub_write(from, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_check_works(from, 42);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        before[i] = stub_read(from, kept[i]);
    }
    assert_int_equal(before[0], BG_VGPU_STUB_DONE);
    assert_int_equal(before[7], 123456);
    qtest_read_block(from->qemu, from->bar + BG_VGPU_STUB_REQUEST_BUFFER, buffers, sizeof(buffers));

    to = migrate(from, "");
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        assert_int_equal(stub_read(to, kept[i]), before[i]);
    }
    qtest_read_block(to->qemu, to->bar + BG_VGPU_STUB_REQUEST_BUFFER, after, sizeof(after));
    assert_memory_equal(after, buffers, sizeof(after));
    assert_true(stub_intx(to));
    stub_write(to, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    assert_false(stub_intx(to));
    assert_int_equal(stub_statistic(to, "stat-failed"), 0);
    stub_check_works(to, 43);
    stub_end(to);
}

/* The request in flight ends in one error, with one interrupt. */
static void test_migrate_busy(void **state)
{
    struct stub *from = *state, *to;

    stub_check_works(from, 1);
    stub_write(from, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_submit(from, 2, request, 40);
    stub_take(from, payload);
    to = migrate(from, ",timeout_ms=500");
    stub_expect_error(to, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_true(stub_intx(to));
    assert_int_equal(stub_statistic(to, "stat-failed"), 1);
    stub_write(to, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    qtest_clock_step_ns(to->qemu, 60000 * 1000000ull);
    assert_false(stub_intx(to));
    assert_int_equal(stub_statistic(to, "stat-failed"), 1);
    stub_expect_error(to, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub_check_works(to, 3);
    stub_end(to);
}

/* ---- Whose socket ---- */

static void test_socket_of_another_user(void **state)
{
    struct stub *stub;
    char *properties = harness_format(",peer_user=%d", HARNESS_NOBODY);

    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can be somebody else\n");
        skip();
    }
    stub = stub_start(false, "");
    stub->listener = unix_listen_as_nobody(stub->path);
    stub_submit(stub, 1, request, 40);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    process_wait_text(stub->qemu->process, "belongs to a process of user 65534");
    stub_accept(stub);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS)); /* and no byte before */
    stub_end(stub);

    stub = stub_start(false, properties);
    stub->listener = unix_listen_as_nobody(stub->path);
    stub_check_works(stub, 2);
    stub_end(stub);
    free(properties);
}

/* ---- Two devices ---- */

static void test_two_devices(void **state)
{
    struct stub *stub =
        stub_start_line(true, "-device vgpu-stub,id=gpu,addr=1,socket=/nowhere/at/all "
                              "-device vgpu-stub,id=second,addr=3,vm_id=2,socket=%s");

    (void)state;
    stub_enable(stub, 0, 3, STUB_BAR_ADDRESS + 0x1000);
    stub_check_works(stub, 1);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_VM_ID), 2);
    stub_enable(stub, 0, 1, STUB_BAR_ADDRESS);
    stub_submit(stub, 1, request, 40);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub->bar = STUB_BAR_ADDRESS + 0x1000;
    stub_check_works(stub, 2);
    stub_end(stub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, start_port, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reset),
        TEST(test_reset_while_busy),
        TEST(test_reset_of_unused_connection),
        PORT_TEST(test_bus_reset_while_busy),
        PORT_TEST(test_unplug),
        PORT_TEST(test_unplug_while_busy),
        PORT_TEST(test_unplug_while_connecting),
        TEST(test_answer_while_stopped),
        TEST(test_death_while_stopped),
        TEST(test_migrate_idle),
        TEST(test_migrate_busy),
        cmocka_unit_test(test_socket_of_another_user),
        cmocka_unit_test(test_two_devices),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub life", tests, NULL, NULL);
}
