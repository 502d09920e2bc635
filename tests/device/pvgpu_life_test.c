/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: a backend that is absent, late, dies, or talks nonsense; reset, unplug, stop. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

static int start(void **state)
{
    *state = pvgpu_start(true, "");
    return 0;
}

static int end(void **state)
{
    pvgpu_end(*state);
    return 0;
}

static struct bg_pvgpu_control *control(struct bg_pvgpu *pvgpu)
{
    return (struct bg_pvgpu_control *)pvgpu->memory;
}

/* What the guest sees of a session that is lost, and how it starts over. */
static void expect_lost(struct bg_pvgpu *pvgpu)
{
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS),
                     BG_PVGPU_STATUS_READY | BG_PVGPU_STATUS_ERROR);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS) & BG_PVGPU_IRQ_ERROR,
                     BG_PVGPU_IRQ_ERROR);
    assert_int_equal(
        pvgpu_read_memory(pvgpu, PVGPU_CONTROL(status)) &
            (BG_PVGPU_CONTROL_READY | BG_PVGPU_CONTROL_ERROR | BG_PVGPU_CONTROL_DEVICE_LOST),
        BG_PVGPU_CONTROL_ERROR | BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(error_code)),
                     BG_PVGPU_ERROR_BACKEND_DISCONNECTED);
}

static void expect_clean(struct bg_pvgpu *pvgpu, uint32_t status)
{
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), status);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 0);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(status)), 0);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(error_code)), 0);
}

/* ---- Absent and late ---- */

static void test_absent(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, "");

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
        pvgpu_step_retry(pvgpu);
    }
    expect_clean(pvgpu, 1);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-connections"), 0);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 0);
    pvgpu_end(pvgpu);
}

/* How often QEMU has said that nobody is there. */
static unsigned warnings(struct bg_pvgpu *pvgpu)
{
    char *text = harness_format("warning: pvgpu: no backend at %s: ", pvgpu->path);
    const char *next = process_errors(pvgpu->qemu->process);
    unsigned count = 0;

    while ((next = strstr(next, text)) != NULL) {
        next++;
        count++;
    }
    free(text);
    return count;
}

/* One warning per outage, and none while the guest does not care: by each way of caring. */
static void test_warnings(void **state)
{
    static const uint32_t cares[] = {BG_PVGPU_REG_DOORBELL, BG_PVGPU_REG_RESET};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct bg_pvgpu *pvgpu = pvgpu_start(false, "");

        pvgpu_step_retry(pvgpu);
        assert_int_equal(warnings(pvgpu), 0);
        for (unsigned j = 0; j < 3; j++) {
            pvgpu_write(pvgpu, cares[i], 1);
            pvgpu_step_retry(pvgpu);
        }
        process_wait_text(pvgpu->qemu->process, "no backend at ");
        assert_int_equal(warnings(pvgpu), 1);

        pvgpu->listener = unix_listen(pvgpu->path, 8);
        pvgpu_step_retry(pvgpu);
        pvgpu_connect(pvgpu);
        close(pvgpu->listener);
        pvgpu->listener = -1;
        pvgpu_hang_up(pvgpu);
        pvgpu_wait_statistic(pvgpu, "stat-lost-sessions", 1);
        pvgpu_step_retry(pvgpu);
        pvgpu_step_retry(pvgpu);
        assert_int_equal(warnings(pvgpu), 2);
        pvgpu_end(pvgpu);
    }
}

static void test_late(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, "");

    (void)state;
    pvgpu_step_retry(pvgpu);
    pvgpu->listener = unix_listen(pvgpu->path, 8);
    assert_int_equal(unix_accept(pvgpu->listener, 0), -1);
    pvgpu_step_retry(pvgpu); /* within a second, at the latest */
    pvgpu_connect(pvgpu);
    expect_clean(pvgpu, 5);
    pvgpu_end(pvgpu);
}

/* Without waiting for the timer. */
static void test_late_with_doorbell(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, "");

    (void)state;
    pvgpu_step_retry(pvgpu); /* several tries: the next one is a second away */
    pvgpu_step_retry(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    pvgpu->listener = unix_listen(pvgpu->path, 8);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1); /* too soon after the last one */
    assert_int_equal(unix_accept(pvgpu->listener, 0), -1);
    qtest_clock_step_ns(pvgpu->qemu, 10 * 1000000);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    pvgpu_connect(pvgpu);
    expect_clean(pvgpu, 5);
    pvgpu_end(pvgpu);
}

/* The time between two tries grows, to a second. */
static void test_retries_become_rare(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    unsigned connections = 0;

    for (unsigned i = 0; i < 3000; i++) {
        int peer = unix_accept(pvgpu->listener, 0);

        if (peer >= 0) {
            close(peer);
            connections++;
            pvgpu_wait_statistic(pvgpu, "stat-disconnections", connections);
        }
        qtest_clock_step_ns(pvgpu->qemu, 2000000); /* 6 s in all */
    }
    assert_in_range(connections, 8, 16);
}

/* After a session that lasted, the first try comes soon; after short ones it does not. */
static void test_retry_after_a_session(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned i = 0; i < 9; i++) {
        pvgpu_connect(pvgpu);
        pvgpu_hang_up(pvgpu);
        pvgpu_wait_statistic(pvgpu, "connected", 0);
        pvgpu_step_retry(pvgpu);
    }
    pvgpu_connect(pvgpu);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    qtest_clock_step_ns(pvgpu->qemu, 900 * 1000000);
    assert_int_equal(unix_accept(pvgpu->listener, 0), -1);
    qtest_clock_step_ns(pvgpu->qemu, 200 * 1000000);
    pvgpu_connect(pvgpu);
    qtest_clock_step_ns(pvgpu->qemu, 1000 * 1000000);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    qtest_clock_step_ns(pvgpu->qemu, 10 * 1000000);
    pvgpu_connect(pvgpu);
}

/* A guest that starts over does not wait for what its backends have done before. */
static void test_retry_after_reset(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned i = 0; i < 20; i++) {
        pvgpu_connect(pvgpu);
        qtest_clock_step_ns(pvgpu->qemu, 1000 * 1000000);
        pvgpu_hang_up(pvgpu);
        pvgpu_wait_statistic(pvgpu, "connected", 0);
        pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
        qtest_clock_step_ns(pvgpu->qemu, 10 * 1000000);
    }
    /* Nobody: the tries become rare again, but another reset brings the next one; not at once. */
    pvgpu_connect(pvgpu);
    qtest_clock_step_ns(pvgpu->qemu, 1000 * 1000000);
    close(pvgpu->listener);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    pvgpu_step_retry(pvgpu);
    pvgpu_step_retry(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1); /* a try */
    pvgpu->listener = unix_listen(pvgpu->path, 8);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    qtest_clock_step_ns(pvgpu->qemu, 9 * 1000000);
    assert_int_equal(unix_accept(pvgpu->listener, 0), -1);
    qtest_clock_step_ns(pvgpu->qemu, 1000000);
    pvgpu_connect(pvgpu);
    expect_clean(pvgpu, 5);
}

/* A backend that dies at once is not tried again and again because the guest rings and resets. */
static void test_flood(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    unsigned connections = 0;

    for (unsigned i = 0; i < 500; i++) {
        int peer = unix_accept(pvgpu->listener, 0);

        if (peer >= 0) {
            connections++;
            close(peer);
        }
        pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
        qtest_clock_step_ns(pvgpu->qemu, 10 * 1000000);
    }
    assert_in_range(connections, 5, 15); /* in 5 s */
    qtest_clock_step_ns(pvgpu->qemu, 1000 * 1000000);
    pvgpu_connect(pvgpu);
}

/* A listener whose queue is full. */
static void test_full_queue(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, "");
    int other;

    (void)state;
    pvgpu->listener = unix_listen(pvgpu->path, 0);
    other = unix_connect(pvgpu->path, HARNESS_TIMEOUT_MS);
    for (unsigned i = 0; i < 3; i++) {
        pvgpu_step_retry(pvgpu);
    }
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-connections"), 0);
    close(unix_accept(pvgpu->listener, HARNESS_TIMEOUT_MS));
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    close(other);
    pvgpu_end(pvgpu);
}

/* ---- Death ---- */

static void die(struct bg_pvgpu *pvgpu)
{
    pvgpu_hang_up(pvgpu);
    expect_lost(pvgpu);
}

/* What the backend itself said of its end is what the guest reads. */
static void test_death_with_a_reason(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    __atomic_store_n(&control(pvgpu)->error_code, BG_PVGPU_ERROR_TIMEOUT, __ATOMIC_RELEASE);
    __atomic_or_fetch(&control(pvgpu)->status,
                      BG_PVGPU_CONTROL_ERROR | BG_PVGPU_CONTROL_DEVICE_LOST, __ATOMIC_RELEASE);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(error_code)), BG_PVGPU_ERROR_TIMEOUT);
}

static void test_death(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned i = 0; i < 5; i++) {
        pvgpu_connect(pvgpu);
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_ERROR);
        die(pvgpu);
        assert_true(pvgpu_intx(pvgpu));
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1); /* dropped */
        pvgpu_write(pvgpu, BG_PVGPU_REG_STATUS, BG_PVGPU_STATUS_ERROR);
        assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 1);
        pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
        assert_false(pvgpu_intx(pvgpu));
        expect_clean(pvgpu, 1);
        pvgpu_step_retry(pvgpu);
    }
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 5);
}

/* A new backend finds the session lost, until the guest resets; then it is told. */
static void test_restart(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint32_t count;

    pvgpu_connect(pvgpu);
    pvgpu_write_memory(pvgpu, PVGPU_CONTROL(producer_ptr), 0x500);
    die(pvgpu);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 7);
    assert_true(control(pvgpu)->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_int_equal(control(pvgpu)->producer_ptr, 0x500);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
    assert_int_equal(count, control(pvgpu)->reset_request);
    assert_int_equal(control(pvgpu)->reset_done, count - 1); /* that is the backend's to say */
    assert_int_equal(control(pvgpu)->producer_ptr, 0);
    assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1); /* it may sleep */
    expect_clean(pvgpu, 5);
}

/* Dies while it is greeted: there was no session to lose. */
static void test_death_while_greeting(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned i = 1; i < 8; i++) {
        uint8_t ack[16] = {2, 0, 0, 0, 8, 0, 0, 0, 1};

        pvgpu_accept(pvgpu);
        if (i % 2) {
            pvgpu_take_handshake(pvgpu);
        }
        assert_true(socket_write(pvgpu->peer, ack, 2 * i)); /* part of an acknowledgement */
        pvgpu_hang_up(pvgpu);
        pvgpu_wait_statistic(pvgpu, "stat-disconnections", i);
        pvgpu_step_retry(pvgpu);
    }
    expect_clean(pvgpu, 1);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 0);
    pvgpu_connect(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
}

/* The last interrupt before the end is not lost. */
static void test_interrupt_then_death(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    die(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 3);
}

static void test_death_of_an_old_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    const uint32_t vector = 0;

    pvgpu_connect_old(pvgpu, 0);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
    die(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 3);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect_old(pvgpu, 0);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    pvgpu_expect_nothing(pvgpu); /* it is not told */
    assert_int_equal(control(pvgpu)->reset_done, control(pvgpu)->reset_request);
    expect_clean(pvgpu, 5);
}

/* ---- SHUTDOWN ---- */

static void test_shutdown_by_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned old = 0; old < 2; old++) {
        if (old) {
            pvgpu_connect_old(pvgpu, 0);
        } else {
            pvgpu_connect(pvgpu);
        }
        pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
        assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
        pvgpu_wait(pvgpu, BG_PVGPU_REG_STATUS, 1); /* no error */
        assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(status)),
                         BG_PVGPU_CONTROL_SHUTDOWN | BG_PVGPU_CONTROL_DEVICE_LOST);
        pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
        expect_clean(pvgpu, 1);
        pvgpu_step_retry(pvgpu);
    }
}

static void test_shutdown_at_the_end(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    process_signal(pvgpu->qemu->process, SIGTERM);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    assert_int_equal(process_wait(pvgpu->qemu->process), 0);
}

/* ---- Nonsense ---- */

static void test_garbage(void **state)
{
    static const struct {
        struct bg_pvgpu_message header;
        const char *why;
    } bad[] = {
        {{4, 1025}, "a message of more than 1024 bytes"},
        {{0x99999999, 0xFFFFFFFF}, "a message of more than 1024 bytes"},
        {{2, 0}, "an acknowledgement that is none"},
        {{2, 7}, "an acknowledgement that is none"},
        {{2, 8}, "an acknowledgement that is none"}, /* a second one */
    };
    struct bg_pvgpu *pvgpu = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t payload[1025] = {1};

        pvgpu_connect(pvgpu);
        socket_write(pvgpu->peer, &bad[i].header, sizeof(bad[i].header));
        if (bad[i].header.size <= 1024) {
            socket_write(pvgpu->peer, payload, bad[i].header.size);
        }
        assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
        process_wait_text(pvgpu->qemu->process, bad[i].why);
        expect_lost(pvgpu);
        assert_int_equal(pvgpu_statistic(pvgpu, "stat-protocol-errors"), i + 1);
        pvgpu_step_retry(pvgpu);
    }
    pvgpu_connect(pvgpu);
}

/* Of the largest size there is, and not known: skipped. */
static void test_unknown_messages(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint8_t payload[1024];
    uint32_t vector = 0;

    memset(payload, 0xA5, sizeof(payload));
    pvgpu_connect(pvgpu);
    for (uint32_t type = 6; type < 200; type += 7) {
        pvgpu_send(pvgpu, type, payload, sizeof(payload));
        pvgpu_send(pvgpu, 0x2000 + type, NULL, 0);
    }
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_HANDSHAKE, payload, 30); /* not a backend's to send */
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_RESET, payload, 4);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    assert_int_equal(pvgpu_statistic(pvgpu, "connected"), 1);
}

/* Before the ACK, nothing of a backend counts. */
static void test_messages_before_ack(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint32_t vector = 0;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_ack(pvgpu, 1);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_STATUS, 5);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 0);
}

/* Much at once does not stop the machine; a guest that resets all day ends only its own session. */
static void test_floods(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint8_t payload[1024] = {0};
    uint32_t vector = 0;

    pvgpu_connect(pvgpu);
    for (unsigned i = 0; i < 2000; i++) {
        pvgpu_send(pvgpu, 0x3000 + i, payload, sizeof(payload));
    }
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    for (unsigned i = 0; i < 40000 && pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS) == 5; i++) {
        pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    }
    process_wait_text(pvgpu->qemu->process, "the backend does not read what it is sent");
    expect_lost(pvgpu);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
}

/* ---- Reset ---- */

static void reset_machine(struct bg_pvgpu *pvgpu)
{
    json_decref(qmp_command(pvgpu->qemu, "system_reset", NULL));
    json_decref(qmp_wait_event(pvgpu->qemu, "RESET", HARNESS_TIMEOUT_MS));
}

static void test_system_reset(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint32_t count, before;

    pvgpu_connect(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    before = control(pvgpu)->reset_request;
    memset(pvgpu->memory + 0x20, 0x44, 0x1000 - 0x20);
    pvgpu_write_memory(pvgpu, BG_PVGPU_HEAP_OFFSET, 0xABCDEF01);
    reset_machine(pvgpu);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
    assert_int_equal(count, before + 1);
    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), 0);
    assert_false(pvgpu_intx(pvgpu));
    expect_clean(pvgpu, 5);
    assert_int_equal(control(pvgpu)->reset_request, count);
    assert_int_equal(control(pvgpu)->display_width, 1920);
    assert_int_equal(control(pvgpu)->producer_ptr, 0);
    assert_int_equal(control(pvgpu)->error_log[3].code, 0);
    assert_int_equal(control(pvgpu)->features, PVGPU_TEST_VISIBLE);
    assert_int_equal(*(uint32_t *)(pvgpu->memory + BG_PVGPU_HEAP_OFFSET), 0xABCDEF01);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-connections"), 1); /* the session stays */
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
}

/* Between HANDSHAKE and ACK nobody knows yet who will answer for it. */
static void test_reset_while_greeting(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct bg_pvgpu_identity identity;
    uint32_t count;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    assert_int_equal(control(pvgpu)->reset_done, control(pvgpu)->reset_request - 1);
    pvgpu_ack(pvgpu, PVGPU_TEST_FEATURES);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
    assert_int_equal(count, control(pvgpu)->reset_request);
    assert_int_equal(control(pvgpu)->reset_done, count - 1);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    die(pvgpu); /* and who does not answer any more need not */
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_done)),
                     pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_request)));
    pvgpu_step_retry(pvgpu);

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    pvgpu_ack(pvgpu, 0);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_STATUS, 5);
    assert_int_equal(control(pvgpu)->reset_done, control(pvgpu)->reset_request);
    pvgpu_expect_nothing(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    pvgpu_step_retry(pvgpu);

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "stat-disconnections", 3);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_done)),
                     pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_request)));
}

/* ---- Stop ---- */

/* While the machine stands, nothing changes; what came meanwhile is not lost. */
static void test_stop_and_go(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
    for (unsigned i = 0; i < 3; i++) {
        pvgpu_stop(pvgpu);
        eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]); /* not allowed, but it happens */
        for (unsigned j = 0; j < 10; j++) {
            assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 0);
        }
        pvgpu_go_on(pvgpu);
        pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
        pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
        assert_true(pvgpu_intx(pvgpu));
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    }
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 0);
}

/* What was signalled before PAUSED is delivered before the machine stands. */
static void test_interrupt_before_stop(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_ERROR]);
    pvgpu_stop(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 3);
}

/* QMP's stop, as long as it takes; nobody answers in the meantime. */
static unsigned stop_ms(struct bg_pvgpu *pvgpu)
{
    uint64_t before_ms = harness_now_ms();

    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    return (unsigned)(harness_now_ms() - before_ms);
}

/* One that is busy for long is not waited for, and not lost either: it pauses when it can. */
static void test_backend_that_pauses_late(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(true, ",pause_timeout_ms=100");

    (void)state;
    pvgpu_connect(pvgpu);
    assert_true(stop_ms(pvgpu) >= 100);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    pvgpu_go_on(pvgpu);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    pvgpu_stop(pvgpu);
    pvgpu_go_on(pvgpu);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESUME, NULL, 0);

    /* The answer to the one before is none to this one. */
    assert_true(stop_ms(pvgpu) >= 100);
    pvgpu_go_on(pvgpu);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    pvgpu_go_on(pvgpu);
    assert_true(stop_ms(pvgpu) >= 100);
    pvgpu_go_on(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 0);
    pvgpu_end(pvgpu);
}

/* But it is when the memory is about to move. */
static void test_backend_that_does_not_pause(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(true, ",pause_timeout_ms=100");

    (void)state;
    pvgpu_connect(pvgpu);
    json_decref(qmp_command(pvgpu->qemu, "migrate", "{s:s}", "uri", "exec:cat > /dev/null"));
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    process_wait_text(pvgpu->qemu->process, "does not pause in time");
    pvgpu_wait_statistic(pvgpu, "stat-lost-sessions", 1);
    pvgpu_end(pvgpu);
}

static void test_death_while_stopped(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    pvgpu_stop(pvgpu);
    pvgpu_hang_up(pvgpu);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
    }
    pvgpu_go_on(pvgpu);
    expect_lost(pvgpu);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
}

static void test_death_instead_of_pause(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    pvgpu_hang_up(pvgpu);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    pvgpu_go_on(pvgpu);
    expect_lost(pvgpu);
    pvgpu_connect(pvgpu);
}

/* An old backend knows no pause, and stays. A greeting that is not over begins again. */
static void test_stop_with_an_old_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint32_t vector = 0;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    pvgpu_go_on(pvgpu);
    expect_clean(pvgpu, 1);
    pvgpu_connect_old(pvgpu, 0);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 0);
    }
    pvgpu_go_on(pvgpu);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    pvgpu_expect_nothing(pvgpu);
}

/* ---- Whose socket ---- */

static void test_socket_of_another_user(void **state)
{
    struct bg_pvgpu *pvgpu;

    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can be somebody else\n");
        skip();
    }
    for (unsigned named = 0; named < 2; named++) {
        pvgpu = pvgpu_start(false, named ? ",peer_user=65534" : "");
        pvgpu->listener = unix_listen_as_nobody(pvgpu->path);
        pvgpu_step_retry(pvgpu);
        if (named) {
            pvgpu_connect(pvgpu);
        } else {
            process_wait_text(pvgpu->qemu->process, "belongs to a process of user 65534");
            pvgpu_accept(pvgpu);
            assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS)); /* and no byte */
        }
        pvgpu_end(pvgpu);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_late_with_doorbell),
        TEST(test_retries_become_rare),
        TEST(test_retry_after_a_session),
        TEST(test_retry_after_reset),
        TEST(test_flood),
        cmocka_unit_test(test_full_queue),
        TEST(test_death),
        TEST(test_death_with_a_reason),
        TEST(test_restart),
        TEST(test_death_while_greeting),
        TEST(test_interrupt_then_death),
        TEST(test_death_of_an_old_backend),
        TEST(test_shutdown_by_backend),
        TEST(test_shutdown_at_the_end),
        TEST(test_garbage),
        TEST(test_unknown_messages),
        TEST(test_messages_before_ack),
        TEST(test_floods),
        TEST(test_system_reset),
        TEST(test_reset_while_greeting),
        TEST(test_stop_and_go),
        TEST(test_interrupt_before_stop),
        cmocka_unit_test(test_backend_that_pauses_late),
        cmocka_unit_test(test_backend_that_does_not_pause),
        TEST(test_death_while_stopped),
        TEST(test_death_instead_of_pause),
        TEST(test_stop_with_an_old_backend),
        cmocka_unit_test(test_socket_of_another_user),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu life", tests, NULL, NULL);
}
