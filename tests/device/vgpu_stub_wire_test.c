/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: the two sizes of a message's header, and PING. */
#include <string.h>
#include <unistd.h>

#include "stub_fixture.h"

static const uint8_t request[40] = "a request of forty bytes";

/* What a mediator of the last year takes. */
static struct bg_vgpu_stub_message_long take_long(struct stub *stub)
{
    struct bg_vgpu_stub_message_long header;
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];

    assert_int_equal(socket_read(stub->peer, &header, sizeof(header), HARNESS_TIMEOUT_MS),
                     sizeof(header));
    assert_int_equal(header.header.magic, BG_VGPU_STUB_MESSAGE_MAGIC);
    assert_int_equal(header.header.type, BG_VGPU_STUB_MESSAGE_REQUEST);
    assert_int_equal(header.header.payload_length, 0);
    assert_int_equal(header.payload_length, sizeof(request));
    assert_int_equal(socket_read(stub->peer, payload, sizeof(request), HARNESS_TIMEOUT_MS),
                     sizeof(request));
    assert_memory_equal(payload, request, sizeof(request));
    return header;
}

static void answer_long(struct stub *stub, uint32_t id, uint32_t size)
{
    struct {
        struct bg_vgpu_stub_message_long header;
        struct bg_vgpu_stub_response response;
        uint8_t rest[2000];
    } message = {
        .header = {{.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                    .type = BG_VGPU_STUB_MESSAGE_RESPONSE,
                    .request_id = id},
                   size},
        .response = {.version = BG_VGPU_STUB_PROTOCOL_VERSION},
    };

    assert_true(socket_write(stub->peer, &message, sizeof(message.header) + size));
}

static void exchange_long(struct stub *stub, uint32_t id, uint32_t size)
{
    stub_submit(stub, id, request, sizeof(request));
    if (stub->peer < 0) {
        stub_accept(stub);
    }
    assert_int_equal(take_long(stub).header.request_id, id);
    answer_long(stub, id, size);
    stub_expect_done(stub);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_RESPONSE_LEN), size);
}

static void test_long(void **state)
{
    struct stub *stub = stub_start(true, ",wire=24");

    (void)state;
    exchange_long(stub, 1, 32);
    exchange_long(stub, 2, 1024);
    stub_hang_up(stub);
    exchange_long(stub, 3, 40);
    stub_submit(stub, 4, request, sizeof(request));
    take_long(stub);
    answer_long(stub, 4, 1025);
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_int_equal(stub_statistic(stub, "stat-protocol-errors"), 1);
    stub_end(stub);
}

/* It looks at 24 bytes, finds nonsense, and closes; the other form is tried, and remembered. */
static void test_auto(void **state)
{
    struct stub *stub = stub_start(true, ",wire=auto");
    uint8_t bytes[24];

    (void)state;
    stub_submit(stub, 1, request, sizeof(request));
    stub_hang_up(stub);
    stub_accept(stub);
    assert_int_equal(socket_read(stub->peer, bytes, sizeof(bytes), HARNESS_TIMEOUT_MS), 24);
    assert_int_equal(bytes[18], sizeof(request)); /* 20 first */
    stub_hang_up(stub);
    stub_accept(stub);
    assert_int_equal(take_long(stub).header.request_id, 1);
    answer_long(stub, 1, 32);
    stub_expect_done(stub);
    exchange_long(stub, 2, 32);
    stub_hang_up(stub);
    exchange_long(stub, 3, 32);
    stub_end(stub);
}

/* One of 20 bytes is found at once, one that refuses both gets no third. */
static void test_auto_short(void **state)
{
    struct stub *stub = stub_start(true, ",wire=auto");
    uint8_t bytes[sizeof(struct bg_vgpu_stub_message_long) + sizeof(request)];

    (void)state;
    stub_submit(stub, 1, request, sizeof(request));
    for (unsigned i = 0; i < 2; i++) {
        size_t size = sizeof(bytes) - (i ? 0 : 4);

        stub_accept(stub);
        assert_int_equal(socket_read(stub->peer, bytes, size, HARNESS_TIMEOUT_MS), size);
        stub_hang_up(stub);
    }
    stub_expect_error(stub, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    assert_int_equal(unix_accept(stub->listener, 0), -1);
    stub_check_works(stub, 2);
    stub_hang_up(stub);
    stub_check_works(stub, 3);
    stub_end(stub);
}

static void check_ping(struct stub *stub, size_t size)
{
    struct bg_vgpu_stub_message_long ping = {
        {.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
         .type = BG_VGPU_STUB_MESSAGE_PING,
         .request_id = 77,
         .pool_id = 'A'},
        0,
    };
    struct bg_vgpu_stub_message_long pong = {0};

    assert_true(socket_write(stub->peer, &ping, size));
    assert_int_equal(socket_read(stub->peer, &pong, size, HARNESS_TIMEOUT_MS), size);
    assert_int_equal(pong.header.type, BG_VGPU_STUB_MESSAGE_PONG);
    ping.header.type = BG_VGPU_STUB_MESSAGE_PONG;
    assert_memory_equal(&pong, &ping, size);
}

static void test_ping(void **state)
{
    struct stub *stub = stub_start(true, "");
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];

    (void)state;
    stub_check_works(stub, 1);
    check_ping(stub, 20); /* idle */
    stub_submit(stub, 2, request, sizeof(request));
    stub_take(stub, payload);
    check_ping(stub, 20); /* and meanwhile */
    stub_answer_status(stub, 2, 0);
    stub_expect_done(stub);
    stub_end(stub);
    stub = stub_start(true, ",wire=24");
    exchange_long(stub, 1, 32);
    check_ping(stub, 24);
    exchange_long(stub, 2, 32);
    stub_end(stub);
}

static void test_property(void **state)
{
    struct process *process = qemu_start_plain("-M virt -device vgpu-stub,wire=22");

    (void)state;
    assert_int_equal(process_wait(process), 1);
    assert_non_null(strstr(process_errors(process), "wire must be '20', '24' or 'auto'"));
    process_end(process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long),       cmocka_unit_test(test_auto),
        cmocka_unit_test(test_auto_short), cmocka_unit_test(test_ping),
        cmocka_unit_test(test_property),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
