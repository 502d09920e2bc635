/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/*
 * vgpu-stub: how many connections a mediator has to bear. One of the oldest kind, which closes what
 * says nothing at once, gets each request all the same; a guest that rings, or resets the device,
 * without end does not get many.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stub_fixture.h"

#define ADDITIONS 1000u
#define FLOOD_MS 1500u

/* ---- Mediators, each in a thread of its own: no cmocka in here ---- */

struct mediator {
    pthread_t thread;
    int listener, end[2];
    bool oldest; /* reads right after accept(), closes after each answer */
    bool silent; /* reads all, answers nothing */
    unsigned connections, empty, answers;
};

static bool read_whole(int fd, uint8_t *data, size_t size)
{
    return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static void serve(struct mediator *mediator, int fd)
{
    struct bg_vgpu_stub_message header;
    uint8_t message[sizeof(header) + BG_VGPU_STUB_PAYLOAD_MAX];
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    uint32_t response[9] = {BG_VGPU_STUB_PROTOCOL_VERSION, 0, 1, 36, 0, 0, 0, 0, 0};
    uint32_t operands[2];

    if (recv(fd, &header, sizeof(header), mediator->oldest ? MSG_DONTWAIT : MSG_WAITALL) !=
            sizeof(header) ||
        !read_whole(fd, payload, header.payload_length)) {
        mediator->empty++;
        return;
    }
    memcpy(operands, payload + 32, sizeof(operands));
    response[8] = operands[0] + operands[1];
    mediator->answers++;
    if (send(fd, message,
             stub_message(message, BG_VGPU_STUB_MESSAGE_RESPONSE, header.request_id, response,
                          sizeof(response)),
             MSG_NOSIGNAL) < 0) {
        mediator->answers--;
    }
}

static void drain(struct mediator *mediator, int fd)
{
    uint8_t data[4096];
    struct pollfd ready[2] = {{.fd = fd, .events = POLLIN},
                              {.fd = mediator->end[0], .events = POLLIN}};

    while (poll(ready, 2, -1) > 0 && ready[1].revents == 0 && read(fd, data, sizeof(data)) > 0) {
    }
}

static void *mediator_main(void *opaque)
{
    struct mediator *mediator = opaque;

    for (;;) {
        struct pollfd ready[2] = {{.fd = mediator->listener, .events = POLLIN},
                                  {.fd = mediator->end[0], .events = POLLIN}};
        int fd;

        if (poll(ready, 2, -1) <= 0 || ready[1].revents) {
            return NULL;
        }
        fd = accept(mediator->listener, NULL, NULL);
        if (fd >= 0) {
            mediator->connections++;
            if (mediator->silent) {
                drain(mediator, fd);
            } else {
                serve(mediator, fd);
            }
            close(fd);
        }
    }
}

static void mediator_begin(struct mediator *mediator, struct stub *stub)
{
    mediator->listener = stub->listener;
    assert_int_equal(pipe(mediator->end), 0);
    assert_int_equal(pthread_create(&mediator->thread, NULL, mediator_main, mediator), 0);
}

static void mediator_end(struct mediator *mediator)
{
    assert_int_equal(write(mediator->end[1], "", 1), 1);
    pthread_join(mediator->thread, NULL);
    close(mediator->end[0]);
    close(mediator->end[1]);
    print_message("# %u connections, %u of them empty, %u answers\n", mediator->connections,
                  mediator->empty, mediator->answers);
}

/* ---- A mediator that looks once ---- */

static void test_oldest_mediator(void **state)
{
    struct stub *stub = stub_start(true, "");
    struct mediator mediator = {.oldest = true};
    uint32_t request[10] = {BG_VGPU_STUB_PROTOCOL_VERSION, BG_COMPUTE_VECTOR_ADD_BASIC, 0, 2, 40};
    unsigned right = 0;

    (void)state;
    mediator_begin(&mediator, stub);
    for (uint32_t i = 0; i < ADDITIONS; i++) {
        request[8] = i;
        request[9] = 3 * i;
        stub_submit(stub, i, request, sizeof(request));
        right += stub_poll(stub) == BG_VGPU_STUB_DONE &&
                 stub_read(stub, BG_VGPU_STUB_RESPONSE_BUFFER + 32) == 4 * i;
    }
    mediator_end(&mediator);
    stub_end(stub);
    assert_int_equal(right, ADDITIONS);
}

/* ---- Floods ---- */

/* One connection, which has as many requests as can be remembered; then there is no room. */
static void test_doorbells(void **state)
{
    struct stub *stub = stub_start(true, "");
    struct mediator mediator = {.silent = true};
    uint8_t request[40] = {1};
    uint64_t end_ms = harness_now_ms() + FLOOD_MS;
    unsigned full = 0;

    (void)state;
    mediator_begin(&mediator, stub);
    for (uint32_t i = 0; harness_now_ms() < end_ms; i++) {
        stub_submit(stub, i, request, sizeof(request));
        full += stub_read(stub, BG_VGPU_STUB_REG_ERROR_CODE) == BG_COMPUTE_QUEUE_FULL;
    }
    mediator_end(&mediator);
    assert_true(full > 0);
    assert_int_equal(mediator.connections, 1);
    stub_end(stub);
}

/* With a mediator that takes a request and closes. */
static void test_doorbells_at_a_mediator_that_closes(void **state)
{
    struct stub *stub = stub_start(true, "");
    uint64_t end_ms = harness_now_ms() + FLOOD_MS;
    uint8_t request[40] = {1}, payload[BG_VGPU_STUB_PAYLOAD_MAX];
    unsigned connections = 0;
    int peer;

    (void)state;
    for (uint32_t i = 0; harness_now_ms() < end_ms; i++) {
        stub_submit(stub, i, request, sizeof(request));
        peer = unix_accept(stub->listener, 0);
        if (peer >= 0) {
            connections++;
            socket_read(peer, payload, sizeof(struct bg_vgpu_stub_message) + sizeof(request), 100);
            close(peer);
        }
    }
    print_message("# %u connections\n", connections);
    assert_in_range(connections, 1, 12);
    stub_end(stub);
}

static void reset_bus(struct stub *stub)
{
    uint64_t control = pci_config_address(0, 2, 0, 0x3E);

    qtest_write(stub->qemu, 2, control, 0x40);
    qtest_write(stub->qemu, 2, control, 0);
    stub_enable(stub, 1, 0, STUB_BAR_ADDRESS);
}

static void test_resets(void **state)
{
    struct stub *stub = stub_start_line(true, "-device pcie-root-port,id=rp1,addr=2,chassis=1 "
                                              "-device vgpu-stub,id=gpu,bus=rp1,socket=%s");
    uint64_t end_ms = harness_now_ms() + FLOOD_MS, port = pci_config_address(0, 2, 0, 0);
    struct mediator mediator = {.silent = true};
    uint8_t request[40] = {1};

    (void)state;
    mediator_begin(&mediator, stub);
    qtest_write(stub->qemu, 4, port + 0x18, 0x00010100);
    qtest_write(stub->qemu, 4, port + 0x20, STUB_BAR_ADDRESS >> 16 | STUB_BAR_ADDRESS);
    qtest_write(stub->qemu, 2, port + 0x04, 0x6);
    for (uint32_t i = 0; harness_now_ms() < end_ms; i++) {
        reset_bus(stub);
        stub_submit(stub, i, request, sizeof(request));
    }
    mediator_end(&mediator);
    assert_in_range(mediator.connections, 1, 12);
    stub_end(stub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest_mediator),
        cmocka_unit_test(test_doorbells),
        cmocka_unit_test(test_doorbells_at_a_mediator_that_closes),
        cmocka_unit_test(test_resets),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
