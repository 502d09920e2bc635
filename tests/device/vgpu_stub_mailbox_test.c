/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: doorbell, answers, errors, time-out, interrupt, with a mediator that behaves. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stub_fixture.h"

static int start(void **state)
{
    *state = stub_start(true, ",vm_id=7,pool_id=B,priority=low,timeout_ms=1000");
    return 0;
}

static int start_alone(void **state)
{
    *state = stub_start(false, "");
    return 0;
}

static int end(void **state)
{
    stub_end(*state);
    return 0;
}

static uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
static const uint8_t request[BG_VGPU_STUB_PAYLOAD_MAX] = "a request";

static void test_request_is_carried(void **state)
{
    struct stub *stub = *state;
    static const uint32_t sizes[] = {1, 3, 32, 40, 1023, 1024};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bg_vgpu_stub_message header;
        uint8_t sent[BG_VGPU_STUB_PAYLOAD_MAX];

        memset(sent, (int)(i + 1), sizeof(sent));
        stub_submit(stub, 0x80000000u + (uint32_t)i, sent, sizes[i]);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        if (i == 0) {
            stub_accept(stub);
        }
        header = stub_take(stub, payload);
        assert_int_equal(header.vm_id, 7);
        assert_int_equal(header.request_id, 0x80000000u + i);
        assert_int_equal(header.pool_id, 'B');
        assert_int_equal(header.priority, BG_VGPU_STUB_PRIORITY_LOW);
        assert_int_equal(header.payload_length, sizes[i]);
        assert_memory_equal(payload, sent, sizes[i]);
        stub_answer_status(stub, header.request_id, BG_COMPUTE_OK);
        stub_expect_done(stub);
    }
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
    assert_int_equal(stub_statistic(stub, "stat-completed"), 6);
}

/* The answer arrives in the response buffer; what a longer one left there before is gone. */
static void test_answer_is_carried(void **state)
{
    struct stub *stub = *state;
    static const uint16_t sizes[] = {1024, 36, 32, 31, 1, 0, 1023};

    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t answer[BG_VGPU_STUB_PAYLOAD_MAX], expected[BG_VGPU_STUB_BUFFER_SIZE] = {0};
        uint8_t read[BG_VGPU_STUB_BUFFER_SIZE];

        memset(answer, 0x40 + (int)i, sizeof(answer));
        memset(answer + offsetof(struct bg_vgpu_stub_response, status), 0, 4);
        memcpy(expected, answer, sizes[i]);
        stub_submit(stub, i, request, 40);
        if (i == 0) {
            stub_accept(stub);
        }
        stub_take(stub, payload);
        stub_answer(stub, BG_VGPU_STUB_MESSAGE_RESPONSE, i, answer, sizes[i]);
        stub_expect_done(stub);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), sizes[i]);
        qtest_read_block(stub->qemu, stub->bar + BG_VGPU_STUB_RESPONSE_BUFFER, read, sizeof(read));
        assert_memory_equal(read, expected, sizeof(read));
    }
}

static void test_status_of_answers(void **state)
{
    struct stub *stub = *state;
    static const struct {
        uint32_t status, error; /* error 0: DONE */
    } cases[] = {
        {0, 0},      {1, 5},     {2, 5},          {3, 5},          {4, 5},
        {5, 5},      {6, 5},     {7, 7},          {8, 5},          {9, 5},
        {10, 10},    {11, 11},   {12, 5},         {0x1000, 5},     {0x1001, 5},
        {0x1002, 5}, {0x100, 5}, {0x07000000, 5}, {0xFFFFFFFF, 5},
    };

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stub_submit(stub, i, request, 40);
        if (i == 0) {
            stub_accept(stub);
        }
        stub_take(stub, payload);
        stub_answer_status(stub, i, cases[i].status);
        if (cases[i].error) {
            stub_expect_error(stub, cases[i].error);
        } else {
            stub_expect_done(stub);
        }
        /* The answer itself is there in both cases. */
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 32);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_RESPONSE_BUFFER + 4), cases[i].status);
    }
}

static void test_busy_and_quarantined(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    stub_answer(stub, BG_VGPU_STUB_MESSAGE_BUSY, 2, NULL, 0);
    stub_expect_error(stub, BG_COMPUTE_RATE_LIMITED);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 0);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_RESPONSE_BUFFER), 0);
    stub_submit(stub, 3, request, 40);
    stub_take(stub, payload);
    stub_answer(stub, BG_VGPU_STUB_MESSAGE_QUARANTINED, 3, NULL, 0);
    stub_expect_error(stub, BG_COMPUTE_VM_QUARANTINED);
    stub_check_works(stub, 4);
}

/* Length 0 is an error in every state; other doorbell values and lengths above 1024 do nothing. */
static void test_doorbell_rules(void **state)
{
    struct stub *stub = *state;

    stub_submit(stub, 1, NULL, 0);
    stub_expect_error(stub, BG_COMPUTE_INVALID_LENGTH);
    stub_check_works(stub, 2);
    stub_submit(stub, 3, NULL, 0);
    stub_expect_error(stub, BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 0);

    stub_write(stub, BG_VGPU_STUB_REG_REQUEST_LEN, 40);
    stub_write(stub, BG_VGPU_STUB_REG_DOORBELL, 0);
    stub_write(stub, BG_VGPU_STUB_REG_DOORBELL, 2);
    stub_write(stub, BG_VGPU_STUB_REG_DOORBELL, 0x80000001);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_ERROR);
    assert_int_equal(stub_statistic(stub, "stat-requests"), 3);

    /* DONE and ERROR take the next doorbell, and it clears the old error at once. */
    stub_submit(stub, 4, request, 40);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_ERROR_CODE), 0);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 0);
    stub_take(stub, payload);
    stub_answer_status(stub, 4, 0);
    stub_expect_done(stub);
    /* Status stays until the next doorbell. */
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_DONE);
}

/* The request is taken when the doorbell rings, not later. */
static void test_buffer_may_change_while_busy(void **state)
{
    struct stub *stub = *state;
    uint8_t sent[512];

    stub_check_works(stub, 1);
    memset(sent, 0xAA, sizeof(sent));
    stub_submit(stub, 2, sent, sizeof(sent));
    stub_write(stub, BG_VGPU_STUB_REQUEST_BUFFER, 0x12345678);
    stub_write(stub, BG_VGPU_STUB_REG_REQUEST_ID, 99);
    assert_int_equal(stub_take(stub, payload).request_id, 2);
    assert_memory_equal(payload, sent, sizeof(sent));
    stub_answer_status(stub, 2, 0);
    stub_expect_done(stub);
}

static void test_no_mediator(void **state)
{
    struct stub *stub = *state;

    stub_submit(stub, 1, request, 16);
    /* At once: no polling here. */
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_ERROR);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_ERROR_CODE), BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    process_wait_text(stub->qemu->process, "no mediator at ");
    stub_submit(stub, 2, request, 16);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);

    /* It comes later: the next doorbell finds it. */
    stub->listener = unix_listen(stub->path, 1);
    stub_check_works(stub, 3);
}

/* ---- Abandoned and late ---- */

static void test_doorbell_while_busy(void **state)
{
    struct stub *stub = *state;
    const uint8_t second[40] = "second";

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    stub_submit(stub, 3, second, 40);
    process_wait_text(stub->qemu->process, "the request in flight is abandoned");
    assert_int_equal(stub_take(stub, payload).request_id, 3);
    assert_memory_equal(payload, second, 40);
    stub_answer_status(stub, 2, BG_COMPUTE_QUEUE_FULL); /* late: dropped */
    stub_wait_statistic(stub, "stat-late-answers", 1);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    stub_answer_status(stub, 3, 0);
    stub_expect_done(stub);
    assert_int_equal(stub_statistic(stub, "stat-abandoned"), 1);
    stub_check_works(stub, 4);
}

/* The same id again: the late answer must not be taken for the new one, in whatever order. */
static void test_same_id_while_busy(void **state)
{
    struct stub *stub = *state;
    uint32_t first, second, third;

    stub_check_works(stub, 1);
    stub_submit(stub, 5, request, 40);
    first = stub_take(stub, payload).request_id;
    stub_submit(stub, 5, request, 40);
    second = stub_take(stub, payload).request_id;
    stub_submit(stub, 5, request, 40);
    third = stub_take(stub, payload).request_id;
    assert_int_equal(first, 5);
    assert_true(second != first && third != first && third != second);
    stub_answer_status(stub, second, BG_COMPUTE_QUEUE_FULL);
    stub_answer_status(stub, first, BG_COMPUTE_QUEUE_FULL);
    stub_wait_statistic(stub, "stat-late-answers", 2);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    stub_answer_status(stub, third, 0);
    stub_expect_done(stub);
    stub_check_works(stub, 5); /* all answered: the id is free again */
}

static void test_doorbell_of_length_0_abandons(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    stub_submit(stub, 3, NULL, 0);
    stub_expect_error(stub, BG_COMPUTE_INVALID_LENGTH);
    stub_answer_status(stub, 2, 0);
    stub_wait_statistic(stub, "stat-late-answers", 1);
    stub_expect_error(stub, BG_COMPUTE_INVALID_LENGTH);
    stub_check_works(stub, 4);
}

/* A mediator that never answers: 128 abandoned requests, then there is no room for more. Each
 * answer that comes after all makes some. */
static void test_abandoned_without_end(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    for (uint32_t i = 0; i < 128; i++) {
        stub_submit(stub, 100 + i, request, 40);
        stub_take(stub, payload);
    }
    for (uint32_t i = 0; i < 3; i++) {
        stub_submit(stub, 228 + i, request, 40);
        if (i) { /* the first one abandons the last of those */
            stub_expect_error(stub, BG_COMPUTE_QUEUE_FULL);
        }
    }
    assert_false(harness_wait_readable(stub->peer, 0));
    stub_answer_status(stub, 100, 0);
    stub_wait_statistic(stub, "stat-late-answers", 1);
    stub_check_works(stub, 300);
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
}

static void test_wrong_ids(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    stub_answer_status(stub, 3, 0);
    stub_answer_status(stub, 1, 0);
    stub_answer(stub, BG_VGPU_STUB_MESSAGE_BUSY, 77, NULL, 0);
    stub_answer(stub, BG_VGPU_STUB_MESSAGE_QUARANTINED, 0, NULL, 0);
    stub_wait_statistic(stub, "stat-late-answers", 4);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    stub_answer_status(stub, 2, 0);
    stub_expect_done(stub);
}

static void test_timeout(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    qtest_clock_step_ns(stub->qemu, 999 * 1000000ull);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    qtest_clock_step_ns(stub->qemu, 1 * 1000000ull);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    assert_int_equal(stub_statistic(stub, "stat-timeouts"), 1);

    /* Late: dropped. The connection, and with it the guest's session, goes on. */
    stub_answer_status(stub, 2, 0);
    stub_wait_statistic(stub, "stat-late-answers", 1);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    stub_check_works(stub, 2);
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);

    /* An answered request does not time out afterwards. */
    qtest_clock_step_ns(stub->qemu, 5000 * 1000000ull);
    stub_expect_done(stub);
}

/* The device's timer is that of the first: each request has its own time all the same. */
static void test_timeout_of_a_later_request(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    qtest_clock_step_ns(stub->qemu, 600 * 1000000ull);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    qtest_clock_step_ns(stub->qemu, 999 * 1000000ull);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    stub_submit(stub, 3, request, 40); /* instead */
    stub_take(stub, payload);
    qtest_clock_step_ns(stub->qemu, 999 * 1000000ull);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    qtest_clock_step_ns(stub->qemu, 1 * 1000000ull);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    stub_check_works(stub, 4);
}

static void test_default_timeout(void **state)
{
    struct stub *stub;

    (void)state;
    stub = stub_start(true, "");
    stub_submit(stub, 1, request, 40);
    qtest_clock_step_ns(stub->qemu, 24999 * 1000000ull);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    qtest_clock_step_ns(stub->qemu, 1000000);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    stub_end(stub);
}

static uint64_t timestamp_us(struct stub *stub)
{
    return stub_read(stub, BG_VGPU_STUB_REG_TIMESTAMP_LO) |
           (uint64_t)stub_read(stub, BG_VGPU_STUB_REG_TIMESTAMP_HI) << 32;
}

static void test_timestamp(void **state)
{
    struct stub *stub = *state;
    const uint64_t step_us = 5000000000; /* more than 32 bits of microseconds */
    uint64_t first;

    stub_check_works(stub, 1);
    first = timestamp_us(stub);
    qtest_clock_step_ns(stub->qemu, step_us * 1000);
    assert_int_equal(timestamp_us(stub), first);
    stub_check_works(stub, 2);
    assert_int_equal(timestamp_us(stub), first + step_us);
    qtest_clock_step_ns(stub->qemu, 3000);
    stub_submit(stub, 3, NULL, 0); /* an error at once is a completion, too */
    assert_int_equal(timestamp_us(stub), first + step_us + 3);
}

/* ---- Interrupt ---- */

static void test_interrupt(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_IRQ_STATUS), 0); /* nobody asked */
    assert_false(stub_intx(stub));

    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    assert_false(stub_intx(stub)); /* what is over does not count */
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    assert_false(stub_intx(stub));
    stub_answer_status(stub, 2, 0);
    stub_wait_statistic(stub, "stat-completed", 2); /* STATUS is not read: the main loop does it */
    assert_true(stub_intx(stub));
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_IRQ_STATUS), 1);

    /* The level follows IRQ_STATUS & IRQ_CTRL. */
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 0);
    assert_false(stub_intx(stub));
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    assert_true(stub_intx(stub));
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 0xFFFFFFFE);
    assert_true(stub_intx(stub));
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    assert_false(stub_intx(stub));
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_IRQ_STATUS), 0);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_DONE);
}

/* Every completion interrupts: errors at once, time-outs, a lost mediator. */
static void test_interrupt_on_errors(void **state)
{
    struct stub *stub = *state;

    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_submit(stub, 1, NULL, 0);
    assert_true(stub_intx(stub));
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    stub_check_works(stub, 2);
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    stub_submit(stub, 3, request, 40);
    assert_false(stub_intx(stub));
    qtest_clock_step_ns(stub->qemu, 1000 * 1000000ull);
    assert_true(stub_intx(stub));
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    stub_submit(stub, 4, request, 40);
    stub_take(stub, payload);
    stub_take(stub, payload);
    stub_hang_up(stub);
    stub_wait_statistic(stub, "stat-failed", 3);
    assert_true(stub_intx(stub));
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
}

/* The interrupt controller sees it: SPI 3 + (slot + pin) % 4 of the GICv2, level. */
static void test_interrupt_reaches_the_gic(void **state)
{
    struct stub *stub = *state;
    const unsigned interrupt_id = 32 + 3 + (STUB_SLOT % 4);
    const uint64_t pending = 0x08000000 + 0x200 + 4 * (interrupt_id / 32);
    const uint64_t bit = 1ull << (interrupt_id % 32);

    if (!qtest_is_aarch64()) {
        skip();
    }
    assert_int_equal(qtest_read(stub->qemu, 4, pending) & bit, 0);
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_CTRL, 1);
    stub_submit(stub, 1, NULL, 0);
    assert_int_equal(qtest_read(stub->qemu, 4, pending) & bit, bit);
    stub_write(stub, BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    assert_int_equal(qtest_read(stub->qemu, 4, pending) & bit, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_is_carried),
        TEST(test_answer_is_carried),
        TEST(test_status_of_answers),
        TEST(test_busy_and_quarantined),
        TEST(test_doorbell_rules),
        TEST(test_buffer_may_change_while_busy),
        cmocka_unit_test_setup_teardown(test_no_mediator, start_alone, end),
        TEST(test_doorbell_while_busy),
        TEST(test_same_id_while_busy),
        TEST(test_doorbell_of_length_0_abandons),
        TEST(test_abandoned_without_end),
        TEST(test_wrong_ids),
        TEST(test_timeout),
        TEST(test_timeout_of_a_later_request),
        cmocka_unit_test(test_default_timeout),
        TEST(test_timestamp),
        TEST(test_interrupt),
        TEST(test_interrupt_on_errors),
        TEST(test_interrupt_reaches_the_gic),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub mailbox", tests, NULL, NULL);
}
