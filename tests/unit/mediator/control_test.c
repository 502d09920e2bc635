/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/control.c host/mediator/log.c host/common/fd_message.c
/* The control socket: what a worker that was taken over may send, and what that leaves behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/fd_message.h"
#include "host/mediator/worker/control.h"
#include "tests/unit/mediator/descriptors.h"

static int pair[2];

static int setup(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
}

static int teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

/* A packet of so many bytes, with so many descriptors. */
static void send_raw(size_t size, unsigned count)
{
    static const struct control_message message = {.type = CONTROL_CHECKED};
    static char bytes[sizeof(message) + 1];
    int fds[8];

    memcpy(bytes, &message, sizeof(message));
    for (unsigned i = 0; i < count; i++) {
        fds[i] = pair[0];
    }
    assert_int_equal(fd_message_send(pair[0], bytes, size, fds, count), size);
}

static void test_message(void **state)
{
    const struct control_message sent = {.type = CONTROL_ASK, .priority = 2};
    struct control_message message;
    int fd = 12345;

    (void)state;
    assert_int_equal(control_send(pair[0], &sent, -1), 0);
    assert_int_equal(control_receive(pair[1], &message, &fd), 1);
    assert_memory_equal(&message, &sent, sizeof(message));
    assert_int_equal(fd, -1);
    assert_int_equal(control_send(pair[0], &sent, -1), 0);
    assert_int_equal(control_receive(pair[1], &message, NULL), 1);
    assert_memory_equal(&message, &sent, sizeof(message));
    assert_int_equal(control_receive(pair[1], &message, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

static void test_descriptor(void **state)
{
    const struct control_message sent = {.type = CONTROL_START};
    struct control_message message;
    int fd, before = count_descriptors();

    (void)state;
    assert_int_equal(control_send(pair[0], &sent, pair[1]), 0);
    assert_int_equal(control_receive(pair[1], &message, &fd), 1);
    assert_true(fd >= 0);
    assert_int_equal(count_descriptors(), before + 1);
    close(fd);
}

/* Nobody but the receiver would close them, and it does not know of them. */
static void test_no_descriptor_is_left(void **state)
{
    struct control_message message;
    int before = count_descriptors();

    (void)state;
    for (unsigned count = 1; count <= 8; count++) {
        send_raw(sizeof(message), count);
        assert_int_equal(control_receive(pair[1], &message, NULL), -1);
        assert_int_equal(errno, EPROTO);
        send_raw(0, count); /* looks like the stream's end */
        assert_int_equal(control_receive(pair[1], &message, NULL), 0);
        assert_int_equal(count_descriptors(), before);
    }
    for (unsigned count = 2; count <= 8; count++) {
        int fd;

        send_raw(sizeof(message), count);
        assert_int_equal(control_receive(pair[1], &message, &fd), -1);
        assert_int_equal(errno, EPROTO);
        assert_int_equal(fd, -1);
        send_raw(0, count);
        assert_int_equal(control_receive(pair[1], &message, &fd), 0);
        assert_int_equal(fd, -1);
        assert_int_equal(count_descriptors(), before);
    }
}

static void test_size(void **state)
{
    static const size_t sizes[] = {1, sizeof(struct control_message) - 1,
                                   sizeof(struct control_message) + 1};
    struct control_message message;
    int fd, before = count_descriptors();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        send_raw(sizes[i], 1);
        assert_int_equal(control_receive(pair[1], &message, &fd), -1);
        assert_int_equal(errno, EPROTO);
        assert_int_equal(fd, -1);
        assert_int_equal(count_descriptors(), before);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_message),
        TEST(test_descriptor),
        TEST(test_no_descriptor_is_left),
        TEST(test_size),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
