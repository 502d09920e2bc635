/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/handshake.c host/common/fd_message.c host/common/listener.c
/* pvgpu's handshake from any cut of the stream and with any descriptors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/fd_message.h"
#include "host/mediator/pvgpu/handshake.h"
#include "tests/unit/mediator/descriptors.h"

#define SHMEM_SIZE 65536u

static int pair[2]; /* the device's end, ours */
static struct pvgpu_handshake_state handshake;
static struct pvgpu_shared shared;

static int setup(void **state)
{
    (void)state;
    memset(&handshake, 0, sizeof(handshake));
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
}

static int teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static size_t build(uint8_t *bytes, uint64_t size, const char *name)
{
    const struct bg_pvgpu_message header = {BG_PVGPU_MESSAGE_HANDSHAKE,
                                            (uint32_t)(9 + strlen(name))};
    const struct bg_pvgpu_handshake body = {size};

    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + 8, &body, sizeof(body));
    strcpy((char *)bytes + 16, name);
    return sizeof(header) + header.size;
}

static int open_name(void *unused, const char *name, size_t size)
{
    (void)unused;
    return pvgpu_handshake_open_name(name, size, geteuid());
}

static bool map_it(void)
{
    handshake.open_name = open_name;
    return pvgpu_handshake_map(&handshake, &shared);
}

static void send_with(const void *bytes, size_t size, const int *descriptors, unsigned count)
{
    assert_int_equal(fd_message_send(pair[0], bytes, size, descriptors, count), size);
}

/* Memory of SHMEM_SIZE and three eventfds. */
static void make_descriptors(int descriptors[BG_PVGPU_DESCRIPTORS])
{
    descriptors[0] = memfd_create("test", 0);
    assert_int_equal(ftruncate(descriptors[0], SHMEM_SIZE), 0);
    for (int i = 1; i < BG_PVGPU_DESCRIPTORS; i++) {
        descriptors[i] = eventfd(0, 0);
    }
}

static void close_all(const int *descriptors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        close(descriptors[i]);
    }
}

static void close_shared(void)
{
    munmap(shared.memory, shared.size);
    close(shared.doorbell);
    close(shared.fence);
    close(shared.error);
}

/* Whatever the stream is cut into; no byte of the next message is taken. */
static void test_every_cut(void **state)
{
    uint8_t bytes[256];
    size_t size = build(bytes, SHMEM_SIZE, "/pvgpu_shmem_x");

    (void)state;
    memcpy(bytes + size, "NEXT", 4);
    for (size_t cut = 1; cut < size; cut++) {
        int descriptors[BG_PVGPU_DESCRIPTORS];
        char next[4];

        memset(&handshake, 0, sizeof(handshake));
        make_descriptors(descriptors);
        send_with(bytes, cut, descriptors, BG_PVGPU_DESCRIPTORS);
        assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), PVGPU_HANDSHAKE_MORE);
        send_with(bytes + cut, size - cut + 4, NULL, 0);
        assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), PVGPU_HANDSHAKE_WHOLE);
        assert_int_equal(read(pair[1], next, sizeof(next)), 4);
        assert_memory_equal(next, "NEXT", 4);
        assert_true(map_it());
        assert_true(shared.direct);
        /* Ours are copies of the device's, in the order of the contract. */
        uint64_t one = 1;
        assert_int_equal(write(descriptors[BG_PVGPU_FD_DOORBELL], &one, 8), 8);
        assert_int_equal(read(shared.doorbell, &one, 8), 8);
        assert_int_equal(write(shared.error, &one, 8), 8);
        assert_int_equal(read(descriptors[BG_PVGPU_FD_ERROR], &one, 8), 8);
        assert_int_equal(read(shared.fence, &one, 8), -1); /* and does not block */
        *(char *)shared.memory = 'x';
        char seen;
        assert_int_equal(pread(descriptors[0], &seen, 1, 0), 1);
        assert_int_equal(seen, 'x');
        close_shared();
        close_all(descriptors, BG_PVGPU_DESCRIPTORS);
    }
}

static void expect_read(const void *bytes, size_t size, enum pvgpu_handshake_result wanted)
{
    memset(&handshake, 0, sizeof(handshake));
    send_with(bytes, size, NULL, 0);
    assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), wanted);
    while (recv(pair[1], (char[64]){0}, 64, MSG_DONTWAIT) > 0) {
    }
}

static void test_messages_that_are_none(void **state)
{
    struct {
        struct bg_pvgpu_message header;
        uint8_t rest[8];
    } message = {.header = {BG_PVGPU_MESSAGE_DOORBELL, 0}};

    (void)state;
    expect_read(&message, 8, PVGPU_HANDSHAKE_BAD);
    message.header = (struct bg_pvgpu_message){BG_PVGPU_MESSAGE_HANDSHAKE, 9};
    expect_read(&message, 8, PVGPU_HANDSHAKE_BAD);
    message.header.size = BG_PVGPU_PAYLOAD_MAX + 1;
    expect_read(&message, 8, PVGPU_HANDSHAKE_BAD);
    message.header.size = 0xFFFFFFFF;
    expect_read(&message, 8, PVGPU_HANDSHAKE_BAD);
    message.header.size = BG_PVGPU_PAYLOAD_MAX;
    expect_read(&message, 16, PVGPU_HANDSHAKE_MORE);
    memset(&handshake, 0, sizeof(handshake));
    shutdown(pair[0], SHUT_WR);
    assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), PVGPU_HANDSHAKE_ENDED);
}

/* All four or none. */
static void test_numbers_of_descriptors(void **state)
{
    uint8_t bytes[256];
    size_t size = build(bytes, SHMEM_SIZE, "/pvgpu_shmem_not_there");

    (void)state;
    for (unsigned count = 1; count <= 12; count++) {
        int descriptors[16];
        unsigned before = count_descriptors();

        memset(&handshake, 0, sizeof(handshake));
        for (unsigned i = 0; i < count; i++) {
            descriptors[i] = eventfd(0, 0);
        }
        send_with(bytes, size, descriptors, count);
        close_all(descriptors, count);
        assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), PVGPU_HANDSHAKE_WHOLE);
        /* With four: an eventfd is no memory. */
        assert_false(map_it());
        assert_true(handshake.error[0]);
        if (count == BG_PVGPU_DESCRIPTORS) {
            close_all(handshake.descriptors + 1, BG_PVGPU_DESCRIPTORS - 1);
        } else {
            close_all(handshake.descriptors, count < 4 ? count : 4);
        }
        assert_int_equal(count_descriptors(), before); /* those beyond four are closed, not lost */
    }
}

static void test_sizes_of_memory(void **state)
{
    static const uint64_t sizes[] = {0, 4095, SHMEM_SIZE + 1, (UINT64_C(2) << 30) + 1, UINT64_MAX};
    uint8_t bytes[256];

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = build(bytes, sizes[i], "/pvgpu_shmem_x");
        int descriptors[BG_PVGPU_DESCRIPTORS];

        memset(&handshake, 0, sizeof(handshake));
        make_descriptors(descriptors);
        send_with(bytes, size, descriptors, BG_PVGPU_DESCRIPTORS);
        close_all(descriptors, BG_PVGPU_DESCRIPTORS);
        assert_int_equal(pvgpu_handshake_read(&handshake, pair[1]), PVGPU_HANDSHAKE_WHOLE);
        assert_false(map_it());
        close_all(handshake.descriptors + 1, BG_PVGPU_DESCRIPTORS - 1);
    }
}

static void test_names(void **state)
{
    char longest[300];

    (void)state;
#define NAME(text) pvgpu_handshake_name_is_allowed(text, sizeof(text))
    assert_true(NAME("/pvgpu_shmem_1"));
    assert_true(NAME("/pvgpu_shmem_0x7f001234"));
    assert_false(NAME("/pvgpu_shmem_"));
    assert_false(NAME("/pvgpu_shmem"));
    assert_false(NAME("pvgpu_shmem_1"));
    assert_false(NAME("/pvgpu_shmem_1/../x"));
    assert_false(NAME("/other"));
    assert_false(NAME(""));
    assert_false(NAME("/pvgpu_shmem_\x01"));
    assert_false(NAME("/pvgpu_shmem_ "));
    assert_false(NAME("/pvgpu_shmem_\xff"));
#undef NAME
    assert_false(pvgpu_handshake_name_is_allowed("/pvgpu_shmem_1", 14)); /* no NUL */
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "/pvgpu_shmem_", 13);
    longest[255] = '\0';
    assert_true(pvgpu_handshake_name_is_allowed(longest, 256));
    longest[255] = 'x';
    longest[256] = '\0';
    assert_false(pvgpu_handshake_name_is_allowed(longest, 257));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_every_cut),       TEST(test_messages_that_are_none),
        TEST(test_names),           TEST(test_numbers_of_descriptors),
        TEST(test_sizes_of_memory),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
