/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: mediators that split, stall, lie, die, come back, or are of the older kind. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stub_fixture.h"

static int start(void **state)
{
    *state = stub_start(true, "");
    return 0;
}

static int end(void **state)
{
    stub_end(*state);
    return 0;
}

static uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
static const uint8_t request[BG_VGPU_STUB_PAYLOAD_MAX] = "a request";
static uint8_t message[sizeof(struct bg_vgpu_stub_message) + 0x10000];

static size_t response_message(uint32_t id, uint16_t size)
{
    static uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX];

    memset(response, 0x5A, sizeof(response));
    memset(response + offsetof(struct bg_vgpu_stub_response, status), 0, 4);
    return stub_message(message, BG_VGPU_STUB_MESSAGE_RESPONSE, id, response, size);
}

/* ---- Cut streams ---- */

static void expect_response(struct stub *stub, uint16_t size)
{
    uint8_t read[BG_VGPU_STUB_BUFFER_SIZE];

    stub_expect_done(stub);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), size);
    qtest_read_block(stub->qemu, stub->bar + BG_VGPU_STUB_RESPONSE_BUFFER, read, sizeof(read));
    assert_memory_equal(read, message + sizeof(struct bg_vgpu_stub_message), size);
}

static void test_answer_byte_by_byte(void **state)
{
    struct stub *stub = *state;
    size_t size = response_message(2, 40);

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        assert_true(socket_write(stub->peer, message + i, 1));
    }
    expect_response(stub, 40);
}

static void test_answer_split_anywhere(void **state)
{
    struct stub *stub = *state;
    size_t size = response_message(2, 40);

    stub_check_works(stub, 1);
    for (size_t cut = 1; cut < size; cut++) {
        response_message(2, 40);
        stub_submit(stub, 2, request, 40);
        stub_take(stub, payload);
        assert_true(socket_write(stub->peer, message, cut));
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        assert_true(socket_write(stub->peer, message + cut, size - cut));
        expect_response(stub, 40);
    }
}

/* Several messages in one piece: an unknown one, a late one, PONG, the answer, another. */
static void test_messages_in_one_piece(void **state)
{
    struct stub *stub = *state;
    uint8_t all[4096], zeros[300] = {0};
    size_t size = 0;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    size += stub_message(all + size, 0x1234, 2, zeros, 300);
    size += stub_message(all + size, BG_VGPU_STUB_MESSAGE_RESPONSE, 9, zeros, 32);
    size += stub_message(all + size, BG_VGPU_STUB_MESSAGE_PONG, 2, NULL, 0);
    size += stub_message(all + size, BG_VGPU_STUB_MESSAGE_RESPONSE, 2, zeros, 33);
    size += stub_message(all + size, BG_VGPU_STUB_MESSAGE_RESPONSE, 2, zeros, 34);
    assert_true(socket_write(stub->peer, all, size));
    stub_expect_done(stub);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), 33);
    stub_check_works(stub, 3);
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
}

/* It can guess the ids. What it has not read stays in the way of the next request. */
static void test_answers_unread(void **state)
{
    struct stub *stub = *state;
    unsigned refused = 0;

    for (uint32_t id = 0; id < 1000; id++) {
        stub_submit(stub, id, request, sizeof(request));
        if (stub->peer < 0) {
            stub_accept(stub);
        }
        stub_answer_status(stub, id, 0);
        if (stub_poll(stub) != BG_VGPU_STUB_DONE) {
            stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
            stub_hang_up(stub);
            refused++;
        }
    }
    assert_true(refused > 0);
    assert_int_equal(stub_statistic(stub, "stat-protocol-errors"), refused);
    stub_hang_up(stub);
    stub_check_works(stub, 2000);
}

static void test_unknown_types(void **state)
{
    struct stub *stub = *state;
    static const uint32_t types[] = {0, 1, 4, 7, 0x1000, 0xFFFFFFFF};
    static uint8_t long_payload[0xFFFF];

    stub_check_works(stub, 1);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        stub_submit(stub, 2, request, 40);
        stub_take(stub, payload);
        stub_answer(stub, types[i], 2, NULL, 0);
        stub_answer(stub, types[i], 2, long_payload, 100);
        stub_answer(stub, types[i], 2, long_payload, 0xFFFF);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        stub_answer_status(stub, 2, 0);
        stub_expect_done(stub);
    }
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
}

/* ---- Lies ---- */

static void expect_refusal(struct stub *stub, const void *data, size_t size, const char *line)
{
    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    socket_write(stub->peer, data, size);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    process_wait_text(stub->qemu->process, line);
    assert_int_equal(stub_statistic(stub, "stat-protocol-errors"), 1);
    stub_hang_up(stub);
    stub_check_works(stub, 3);
}

static void test_garbage(void **state)
{
    expect_refusal(*state, "HTTP/1.1 400 Bad Request\r\n", 26, "not a message");
}

static void test_one_wrong_byte(void **state)
{
    expect_refusal(*state, "UPGX", 4, "not a message");
}

static void test_answer_too_large(void **state)
{
    static uint8_t zeros[1025];
    size_t size = stub_message(message, BG_VGPU_STUB_MESSAGE_RESPONSE, 2, zeros, 1025);

    expect_refusal(*state, message, size, "more than 1024 bytes");
}

/* "Too much": the bytes behind the answer are no message; the answer itself counts. */
static void test_more_than_the_answer(void **state)
{
    struct stub *stub = *state;
    size_t size = response_message(2, 40);

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    memset(message + size, 0xEE, 50);
    socket_write(stub->peer, message, size + 50);
    expect_response(stub, 40);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    stub_check_works(stub, 3);
}

/* "Too little": the rest never comes. */
static void test_less_than_the_answer(void **state)
{
    struct stub *stub = *state;
    size_t size = response_message(2, 40);

    for (unsigned round = 0; round < 2; round++) {
        size_t part = round ? size - 1 : 10;

        stub_check_works(stub, 1);
        response_message(2, 40);
        stub_submit(stub, 2, request, 40);
        stub_take(stub, payload);
        socket_write(stub->peer, message, part);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
        if (round) {
            qtest_clock_step_ns(stub->qemu, 25000 * 1000000ull);
            stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
        }
        stub_hang_up(stub);
        stub_wait_statistic(stub, "stat-disconnections", round + 1);
        stub_expect_error(stub, round ? BG_COMPUTE_TIMEOUT : BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    }
    stub_check_works(stub, 3);
}

/* Garbage while nothing is asked: no error for the guest. */
static void test_garbage_while_idle(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    socket_write(stub->peer, "nonsense", 8);
    assert_true(socket_wait_closed(stub->peer, HARNESS_TIMEOUT_MS));
    stub_expect_done(stub);
    stub_hang_up(stub);
    stub_check_works(stub, 2);
}

static void test_answer_nobody_asked_for(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_answer_status(stub, 1, BG_COMPUTE_CUDA_ERROR);
    stub_answer_status(stub, 2, BG_COMPUTE_CUDA_ERROR);
    stub_wait_statistic(stub, "stat-late-answers", 2);
    stub_expect_done(stub);
    /* Neither is one that came before the question. */
    stub_answer_status(stub, 3, BG_COMPUTE_CUDA_ERROR);
    stub_check_works(stub, 3);
}

/* ---- Death and return ---- */

static void test_death_during_request(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    stub_take(stub, payload);
    stub_hang_up(stub);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    /* Once: nothing was sent again. */
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
    stub_check_works(stub, 3);
}

/* Read in part: it can not be known what happened with it, so that it is not sent again. */
/* It comes again a few times, and the mediator means it. */
static void expect_turned_away(struct stub *stub)
{
    unsigned count = 0;

    while (stub_read(stub, BG_VGPU_STUB_REG_STATUS) == BG_VGPU_STUB_BUSY) {
        int peer = unix_accept(stub->listener, 10);

        if (peer >= 0) {
            assert_true(harness_wait_readable(peer, HARNESS_TIMEOUT_MS));
            close(peer);
            count++;
        }
    }
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_in_range(count, 1, 20);
    assert_int_equal(unix_accept(stub->listener, 0), -1);
}

static void test_death_before_all_was_read_first_time(void **state)
{
    struct stub *stub = *state;

    stub_submit(stub, 1, request, 500);
    stub_accept(stub);
    assert_int_equal(socket_read(stub->peer, payload, 10, HARNESS_TIMEOUT_MS), 10);
    stub_hang_up(stub);
    expect_turned_away(stub);
}

static void test_mediator_goes_and_comes(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_hang_up(stub);
    close(stub->listener);
    stub->listener = -1;
    stub_submit(stub, 2, request, 40);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    unlink(stub->path);
    stub_submit(stub, 3, request, 40);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    stub->listener = unix_listen(stub->path, 1);
    stub_check_works(stub, 4);
}

/* ---- Older mediators ---- */

/* They close after each answer; the next doorbell finds that and connects again. */
static void test_close_after_each_answer(void **state)
{
    struct stub *stub = *state;

    for (uint32_t i = 0; i < 20; i++) {
        stub_check_works(stub, i);
        stub_hang_up(stub);
        if (i % 2) {
            stub_wait_statistic(stub, "stat-disconnections", i + 1); /* the main loop saw it */
        }
        stub_expect_done(stub); /* a close outside BUSY is no error */
    }
    assert_int_equal(stub_statistic(stub, "stat-connections"), 20);
}

/*
 * The same with the close on its way while the next request is sent: it lies unread in the old
 * connection, and is sent again on a new one, once.
 */
static void test_close_crosses_the_request(void **state)
{
    struct stub *stub = *state;

    for (uint32_t i = 1; i < 40; i += 2) {
        stub_check_works(stub, i);
        stub_submit(stub, i + 1, request, 40); /* into a connection that is given up */
        assert_true(harness_wait_readable(stub->peer, HARNESS_TIMEOUT_MS));
        stub_hang_up(stub);
        stub_accept(stub);
        assert_int_equal(stub_take(stub, payload).request_id, i + 1);
        stub_answer_status(stub, i + 1, 0);
        stub_expect_done(stub);
    }
    assert_int_equal(unix_accept(stub->listener, 0), -1);
}

static void test_close_crosses_again_and_again(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 40);
    assert_true(harness_wait_readable(stub->peer, HARNESS_TIMEOUT_MS));
    stub_hang_up(stub);
    expect_turned_away(stub);
    stub_check_works(stub, 3);
}

/* BUSY and a close, before the request was read. */
static void test_last_words(void **state)
{
    struct stub *stub = *state;

    stub_check_works(stub, 1);
    stub_submit(stub, 2, request, 1024);
    assert_true(harness_wait_readable(stub->peer, HARNESS_TIMEOUT_MS));
    stub_answer(stub, BG_VGPU_STUB_MESSAGE_BUSY, 2, NULL, 0);
    stub_hang_up(stub);
    stub_expect_error(stub, BG_COMPUTE_RATE_LIMITED);
    assert_int_equal(unix_accept(stub->listener, 0), -1);
}

/* ---- Nobody reads, nobody accepts ---- */

/* The listener's queue is full: connect() does not wait, the request does. */
static void test_full_backlog(void **state)
{
    struct stub *stub = *state;
    int others[8];
    uint64_t begin_ms;

    close(stub->listener);
    stub->listener = unix_listen(stub->path, 0); /* one may wait */
    others[0] = unix_connect(stub->path, HARNESS_TIMEOUT_MS);
    begin_ms = harness_now_ms();
    stub_submit(stub, 1, request, 40);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    assert_true(harness_now_ms() - begin_ms < 5000);
    qtest_clock_step_ns(stub->qemu, 100 * 1000000ull); /* still full */
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    close(unix_accept(stub->listener, HARNESS_TIMEOUT_MS));
    qtest_clock_step_ns(stub->qemu, 100 * 1000000ull);
    stub_accept(stub);
    assert_int_equal(stub_take(stub, payload).request_id, 1);
    stub_answer_status(stub, 1, 0);
    stub_expect_done(stub);
    close(others[0]);
}

static void test_full_backlog_until_timeout(void **state)
{
    struct stub *stub = *state;
    int other;

    close(stub->listener);
    stub->listener = unix_listen(stub->path, 0);
    other = unix_connect(stub->path, HARNESS_TIMEOUT_MS);
    stub_submit(stub, 1, request, 40);
    qtest_clock_step_ns(stub->qemu, 25000 * 1000000ull);
    stub_expect_error(stub, BG_COMPUTE_TIMEOUT);
    close(unix_accept(stub->listener, HARNESS_TIMEOUT_MS));
    qtest_clock_step_ns(stub->qemu, 100 * 1000000ull);
    assert_int_equal(unix_accept(stub->listener, 0), -1); /* nothing is left over */
    stub_check_works(stub, 2);
    close(other);
}

static int default_send_buffer(void)
{
    int size = 0;
    socklen_t length = sizeof(size);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
    close(fd);
    return size;
}

/*
 * The mediator does not read: abandoned requests pile up until the socket takes no more. The
 * doorbell never waits; what was begun arrives whole, what was abandoned before that not at all,
 * and the last one arrives.
 */
static void test_full_socket(void **state)
{
    struct stub *stub = *state;
    uint8_t sent[BG_VGPU_STUB_PAYLOAD_MAX];
    uint32_t taken = 0, last = 0, id = 1;

    if (default_send_buffer() > 256 * 1024) {
        print_message("# sockets of this machine are too large to be filled\n");
        skip();
    }
    stub_check_works(stub, id++);
    memset(sent, 0x77, sizeof(sent));
    while (id < 2 + 400) {
        memcpy(sent, &id, sizeof(id));
        stub_submit(stub, id++, sent, sizeof(sent));
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_BUSY);
    }
    while (last != id - 1) {
        struct bg_vgpu_stub_message header = stub_take(stub, payload);

        assert_int_equal(header.payload_length, sizeof(sent));
        assert_memory_equal(payload + sizeof(last), sent + sizeof(last), 1020);
        memcpy(&last, payload, sizeof(last));
        assert_int_equal(last, header.request_id);
        taken++;
    }
    assert_true(taken < 400); /* it was full */
    assert_int_equal(stub_statistic(stub, "stat-connections"), 1);
    stub_answer_status(stub, last, 0);
    stub_expect_done(stub);
    stub_check_works(stub, id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer_byte_by_byte),
        TEST(test_answer_split_anywhere),
        TEST(test_messages_in_one_piece),
        TEST(test_answers_unread),
        TEST(test_unknown_types),
        TEST(test_garbage),
        TEST(test_one_wrong_byte),
        TEST(test_answer_too_large),
        TEST(test_more_than_the_answer),
        TEST(test_less_than_the_answer),
        TEST(test_garbage_while_idle),
        TEST(test_answer_nobody_asked_for),
        TEST(test_death_during_request),
        TEST(test_death_before_all_was_read_first_time),
        TEST(test_mediator_goes_and_comes),
        TEST(test_close_after_each_answer),
        TEST(test_close_crosses_the_request),
        TEST(test_close_crosses_again_and_again),
        TEST(test_last_words),
        TEST(test_full_backlog),
        TEST(test_full_backlog_until_timeout),
        TEST(test_full_socket),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub and its mediator", tests, NULL, NULL);
}
