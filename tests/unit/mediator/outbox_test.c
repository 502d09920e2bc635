/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/outbox.c host/common/fd_message.c
/* The bounded outbox: order, descriptors, peers that do not read or are gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/fd_message.h"
#include "host/mediator/worker/outbox.h"
#include "tests/unit/mediator/descriptors.h"

#define CAPACITY 10000u
#define MESSAGE_SIZE 1000u

static int pair[2]; /* the peer's end, ours */
static struct outbox outbox;

/* The kernel makes the smallest buffer of it. */
static int setup(void **state)
{
    int small = 1;

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    return outbox_init(&outbox, pair[1], CAPACITY);
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < outbox.descriptor_count; i++) {
        close(outbox.descriptors[i].fd);
    }
    free(outbox.bytes);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static void put(uint8_t fill, int fd)
{
    uint8_t message[MESSAGE_SIZE];

    memset(message, fill, sizeof(message));
    outbox_put(&outbox, message, sizeof(message), fd);
}

/* Until the socket takes no more: how many messages that was. */
static uint8_t fill_socket(void)
{
    uint8_t count = 0;

    while (outbox.length == 0) {
        assert_true(count < 100);
        put(count++, -1);
    }
    return count;
}

/* One message, and the descriptor that came with it; -1: none. Flushes what it waits for. */
static int take(uint8_t fill)
{
    uint8_t message[MESSAGE_SIZE], wanted[MESSAGE_SIZE];
    int fd = -1;

    memset(wanted, fill, sizeof(wanted));
    for (size_t have = 0; have < sizeof(message);) {
        int came = -1;
        unsigned count;
        ssize_t now =
            fd_message_receive(pair[0], message + have, sizeof(message) - have, &came, 1, &count);

        if (now < 0) {
            assert_int_equal(errno, EAGAIN);
            assert_true(outbox.length > 0);
            outbox_flush(&outbox);
            continue;
        }
        assert_true(count == 0 || have == 0); /* with the first byte */
        fd = count ? came : fd;
        have += (size_t)now;
    }
    assert_memory_equal(message, wanted, sizeof(message));
    return fd;
}

/* A peer that does not read: kept in order up to the capacity, then broken, never blocked. */
static void test_order_and_bound(void **state)
{
    uint8_t whole = fill_socket();

    (void)state;
    for (int i = 0; i < 5; i++) {
        put(whole++, -1);
    }
    for (uint8_t i = 0; i < whole; i++) {
        assert_int_equal(take(i), -1);
    }
    assert_int_equal(outbox.length, 0);
    assert_int_equal(outbox.sent, whole * MESSAGE_SIZE);
    assert_false(outbox.broken);
    for (int i = 0; !outbox.broken; i++) {
        assert_true(i < 100);
        put(0, -1);
        assert_true(outbox.length <= CAPACITY);
    }
    uint64_t sent = outbox.sent;
    while (recv(pair[0], (char[MESSAGE_SIZE]){0}, MESSAGE_SIZE, 0) > 0) {
    }
    put(0, -1); /* nothing any more */
    outbox_flush(&outbox);
    assert_int_equal(outbox.sent, sent);
}

/* Each with its message, the one that was sent at once and those that waited. */
static void test_descriptors(void **state)
{
    unsigned before = count_descriptors();
    uint8_t whole;

    (void)state;
    put(0, dup(0));
    assert_int_equal(count_descriptors(), before); /* on its way */
    int first = take(0);
    assert_true(first >= 0);
    close(first);
    whole = fill_socket();
    for (uint8_t i = 0; i < 4; i++) {
        put(whole + i, i % 2 ? dup(0) : -1);
    }
    for (uint8_t i = 0; i < whole; i++) {
        assert_int_equal(take(i), -1);
    }
    for (uint8_t i = 0; i < 4; i++) {
        int fd = take(whole + i);

        assert_int_equal(fd >= 0, i % 2);
        if (fd >= 0) {
            close(fd);
        }
    }
    assert_int_equal(outbox.descriptor_count, 0);
    assert_int_equal(count_descriptors(), before);
}

/* More than there is room for break the connection; none is lost. */
static void test_too_many_descriptors(void **state)
{
    unsigned before = count_descriptors();

    (void)state;
    fill_socket();
    for (unsigned i = 0; i <= OUTBOX_DESCRIPTORS; i++) {
        assert_false(outbox.broken);
        put(0, dup(0));
    }
    assert_true(outbox.broken);
    assert_int_equal(count_descriptors(), before + OUTBOX_DESCRIPTORS);
    put(0, dup(0)); /* closed all the same */
    assert_int_equal(count_descriptors(), before + OUTBOX_DESCRIPTORS);
}

/* Those that nobody took yet are one. */
static void test_once(void **state)
{
    uint32_t message = 0x5A5A5A5A;
    size_t waiting;

    (void)state;
    outbox_put_once(&outbox, &message, sizeof(message));
    outbox_put_once(&outbox, &message, sizeof(message));
    assert_int_equal(outbox.sent, 2 * sizeof(message)); /* both were taken */
    fill_socket();
    waiting = outbox.length;
    for (int i = 0; i < 1000; i++) {
        outbox_put_once(&outbox, &message, sizeof(message));
    }
    assert_int_equal(outbox.length, waiting + sizeof(message));
    put(0, -1);
    outbox_put_once(&outbox, &message, sizeof(message));
    assert_int_equal(outbox.length, waiting + sizeof(message) + MESSAGE_SIZE);
    assert_false(outbox.broken);
}

static void test_nobody(void **state)
{
    unsigned before = count_descriptors();

    (void)state;
    close(pair[0]);
    put(0, dup(0));
    assert_true(outbox.broken);
    assert_int_equal(count_descriptors(), before - 1);
    pair[0] = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_order_and_bound),
        TEST(test_descriptors),
        TEST(test_too_many_descriptors),
        TEST(test_once),
        TEST(test_nobody),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
