/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* The mediator's socket as devices use it, old ones and ours, and as they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

static int setup(void **state)
{
    fixture_setup(state);
    mediator = mediator_start("--backend cpu --log-level debug --socket %s", path);
    return 0;
}

static void expect_sum(struct client *client, uint32_t a, uint32_t b)
{
    struct request add = request_add(a, b);
    struct answer answer = client_call(client, &add);

    assert_int_equal(answer.type, BG_VGPU_STUB_MESSAGE_RESPONSE);
    assert_int_equal(answer.status, BG_COMPUTE_OK);
    assert_int_equal(answer.result_count, 1);
    assert_int_equal(answer.result, a + b);
}

static void expect_answer(struct answer answer, uint32_t type, uint32_t id)
{
    assert_int_equal(answer.type, type);
    assert_int_equal(answer.request_id, id);
}

static void test_both_header_forms(void **state)
{
    struct client client = client_open(path, 200);

    (void)state;
    expect_sum(&client, 100, 200);
    client.is_long = true; /* an answer has the size of its request */
    expect_sum(&client, UINT32_MAX, 1);
    client.is_long = false;
    expect_sum(&client, 3, 4);
    client_close(&client);
}

static void test_ping_forms(void **state)
{
    static const uint8_t zeros[4];
    struct client client = client_open(path, 200), other = client_open(path, 201);
    struct request nop = request_nop();

    (void)state;
    client_send_ping(&client, 41, false); /* 20 bytes, and nothing more */
    expect_answer(client_receive(&client), BG_VGPU_STUB_MESSAGE_PONG, 41);
    client_send_ping(&client, 42, false); /* 20 bytes, then a request */
    client_send(&client, &nop);
    expect_answer(client_receive(&client), BG_VGPU_STUB_MESSAGE_PONG, 42);
    expect_answer(client_receive(&client), BG_VGPU_STUB_MESSAGE_RESPONSE, client.next_id - 1);

    other.is_long = true;
    client_send_ping(&other, 43, true);
    expect_answer(client_receive(&other), BG_VGPU_STUB_MESSAGE_PONG, 43);
    client_send(&other, &nop);
    expect_answer(client_receive(&other), BG_VGPU_STUB_MESSAGE_RESPONSE, other.next_id - 1);
    client_send_ping(&other, 44, false); /* and its last four bytes by themselves */
    socket_write(other.fd, zeros, sizeof(zeros));
    expect_answer(client_receive(&other), BG_VGPU_STUB_MESSAGE_PONG, 44);
    client_close(&client);
    client_close(&other);
}

static void test_byte_by_byte(void **state)
{
    uint8_t out[sizeof(struct bg_vgpu_stub_message_long) + BG_VGPU_STUB_PAYLOAD_MAX];
    struct client client = client_open(path, 200);
    struct request add = request_add(20, 22);
    struct answer answer;

    (void)state;
    for (int form = 0; form < 2; form++) {
        client.is_long = form == 1;
        size_t size = client_build(&client, &add, out);
        for (size_t i = 0; i < size; i++) {
            assert_true(socket_write(client.fd, out + i, 1));
        }
        answer = client_receive(&client);
        assert_int_equal(answer.result, 42);
    }
    client_close(&client);
}

static void test_pipelined(void **state)
{
    enum { COUNT = 60 };
    static uint8_t out[COUNT * 1100];
    struct client client = client_open(path, 200);
    size_t size = 0;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct request add = request_add(i, 1000);

        size += client_build(&client, &add, out + size);
    }
    assert_true(socket_write(client.fd, out, size));
    for (uint32_t i = 0; i < COUNT; i++) {
        struct answer answer = client_receive(&client);

        assert_int_equal(answer.request_id, i + 1); /* in order: nothing else to decide it */
        assert_int_equal(answer.status, BG_COMPUTE_OK);
        assert_int_equal(answer.result, i + 1000);
    }
    client_close(&client);
}

static void test_memory_operations(void **state)
{
    const float a[] = {1.5f, -2.0f, 3.25f}, b[] = {0.5f, 2.0f, 1.0f}, sums[] = {2.0f, 0.0f, 4.25f};
    struct client client = client_open(path, 200);
    struct request alloc = request_alloc(sizeof(a)), sync = {.opcode = BG_VGPU_STUB_OP_SYNCHRONIZE};
    uint32_t ha = client_expect_ok(&client, &alloc), hb = client_expect_ok(&client, &alloc);
    uint32_t hc = client_expect_ok(&client, &alloc);
    struct request write_a = request_write(ha, a, sizeof(a));
    struct request write_b = request_write(hb, b, sizeof(b));
    struct request read_c = request_read(hc, sizeof(sums)), free_a = request_free(ha);
    struct request add = {
        .opcode = BG_COMPUTE_VECTOR_ADD_MEMORY,
        .flags = BG_VGPU_STUB_FLAG_ASYNC,
        .param_count = 12,
        .params = {BG_COMPUTE_ELEMENT_FLOAT32, hc, ha, hb, 0, 0, 0, 0, 0, 0, 3, 0}};
    struct answer answer;

    (void)state;
    client_expect_ok(&client, &write_a);
    client_expect_ok(&client, &write_b);
    client_expect_ok(&client, &add);
    client_expect_ok(&client, &sync);
    answer = client_call(&client, &read_c);
    assert_int_equal(answer.data_length, sizeof(sums));
    assert_memory_equal(answer.data, sums, sizeof(sums));
    client_expect_ok(&client, &free_a);
    assert_int_equal(client_call(&client, &free_a).status, BG_COMPUTE_INVALID_HANDLE);
    client_close(&client);
}

static void test_device_information(void **state)
{
    struct request information = {.opcode = BG_VGPU_STUB_OP_GET_DEVICE_INFO};
    struct client client = client_open(path, 200);
    struct answer answer = client_call(&client, &information);
    struct bg_compute_device_info info;

    (void)state;
    assert_int_equal(answer.data_length, sizeof(info));
    memcpy(&info, answer.data, sizeof(info));
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CPU);
    assert_int_equal(info.memory_limit, UINT64_C(1) << 30);
    assert_true(info.multiprocessors >= 1 && info.memory_total > 0);
    client_close(&client);
}

/* As programs do that knew the earlier mediators: one request per connection. */
static void test_one_request_per_connection(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        struct client client = client_open(path, 200);

        client.is_long = i % 2;
        expect_sum(&client, i, 1);
        client_close(&client);
    }
}

static void test_half_closed_connection_gets_answers(void **state)
{
    struct client client = client_open(path, 200);
    struct request add = request_add(1, 2);

    (void)state;
    client_send(&client, &add);
    client_send(&client, &add);
    shutdown(client.fd, SHUT_WR);
    assert_int_equal(client_receive(&client).result, 3);
    assert_int_equal(client_receive(&client).result, 3);
    assert_int_equal(client_receive(&client).type, 0);
    client_close(&client);
}

static void test_identity(void **state)
{
    struct client client = client_open(path, 200);
    struct request add = request_add(1, 2);

    (void)state;
    client.pool_id = 'C';
    assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_INVALID_POOL);
    client.pool_id = 'B'; /* nothing was decided yet */
    expect_sum(&client, 1, 2);
    client.pool_id = 'A'; /* but now it is */
    assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_INVALID_POOL);
    client.pool_id = 'B';
    client.priority = 3;
    assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_INVALID_REQUEST);
    client.priority = BG_VGPU_STUB_PRIORITY_LOW;
    client.vm_id = 201;
    assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_INVALID_REQUEST);
    client.vm_id = 200;
    expect_sum(&client, 1, 2);
    client_close(&client);
}

static void test_bad_requests_are_answered(void **state)
{
    struct request bad_flags = {.opcode = BG_VGPU_STUB_OP_NOP, .flags = 8};
    struct request unknown = {.opcode = 0x2345}, one = {.opcode = 1, .param_count = 1};
    struct client client = client_open(path, 200);

    (void)state;
    assert_int_equal(client_call(&client, &bad_flags).status, BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(client_call(&client, &unknown).status, BG_COMPUTE_UNSUPPORTED_OPERATION);
    assert_int_equal(client_call(&client, &one).status, BG_COMPUTE_UNSUPPORTED_OPERATION);
    expect_sum(&client, 1, 2);
    client_close(&client);
}

static void expect_end(const void *bytes, size_t size, const char *log)
{
    struct client client = client_open(path, 200);

    expect_sum(&client, 1, 1);
    socket_write(client.fd, bytes, size);
    assert_int_equal(client_receive(&client).type, 0);
    process_wait_text(mediator, log);
    client_close(&client);
}

static void test_malformed_messages_end_the_connection(void **state)
{
    struct bg_vgpu_stub_message header = {.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                                          .type = 1,
                                          .vm_id = 200,
                                          .pool_id = 'A',
                                          .payload_length = 1025};
    static uint8_t payload[1100];

    (void)state;
    expect_end("GET / HTTP/1.1\r\n\r\n", 18, "malformed message: magic 0x20544547");
    memcpy(payload, &header, sizeof(header));
    expect_end(payload, sizeof(payload), "a payload of 1025 bytes, 1024 are allowed");
    header.type = BG_VGPU_STUB_MESSAGE_RESPONSE;
    expect_end(&header, sizeof(header), "a message of type 0x2");
    header.type = 0x1000;
    expect_end(&header, sizeof(header), "a message of type 0x1000");
}

static void test_ends_inside_a_message(void **state)
{
    struct client client = client_open(path, 200);

    (void)state;
    expect_sum(&client, 1, 1);
    socket_write(client.fd, "UPGV\1\0\0", 7);
    shutdown(client.fd, SHUT_WR);
    assert_int_equal(client_receive(&client).type, 0);
    process_wait_text(mediator, "ended inside a message, after 7 bytes");
    client_close(&client);
}

/*
 * A client that does not read: what the mediator keeps for it is bounded, so its own sending stops;
 * others are served; and once it reads, every request it could send has one answer, in order.
 */
static void test_client_that_does_not_read(void **state)
{
    uint8_t out[2000];
    struct client deaf = client_open(path, 200), other = client_open(path, 201);
    struct request nop = request_nop();
    uint32_t sent = 0;
    size_t left = 0, size = 0;

    (void)state;
    for (;;) { /* until nothing is taken for a while */
        if (left == 0) {
            size = left = client_build(&deaf, &nop, out);
            sent++;
        }
        ssize_t step = send(deaf.fd, out + size - left, left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (step > 0) {
            left -= (size_t)step;
            continue;
        }
        expect_sum(&other, sent, 1);
        struct answer unused = client_call(&other, &nop);
        assert_int_equal(unused.status, BG_COMPUTE_OK);
        step = send(deaf.fd, out + size - left, left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (step > 0) {
            left -= (size_t)step;
            continue;
        }
        break;
    }
    assert_true(sent < 100000); /* sockets and 64 KiB: some thousands */
    uint32_t whole = left == 0 ? sent : sent - 1;
    for (uint32_t i = 1; i <= whole; i++) {
        expect_answer(client_receive(&deaf), BG_VGPU_STUB_MESSAGE_RESPONSE, i);
    }
    expect_sum(&other, 5, 6);
    client_close(&deaf);
    client_close(&other);
}

/* Which driver computes what, for the operator. */
static void test_status_names_drivers(void **state)
{
    char *program = harness_build_path("host/cuda-cpu/libcuda.so.1");
    char *library = realpath(program, NULL);
    json_t *status, *device;

    (void)state;
    status = admin_status(path);
    device = json_array_get(json_object_get(status, "devices"), 0);
    assert_string_equal(json_string_value(json_object_get(device, "name")), "cpu");
    assert_non_null(strstr(json_string_value(json_object_get(device, "model")), "CPU device"));
    assert_string_equal(json_string_value(json_object_get(device, "driver")), library);
    assert_true(json_integer_value(json_object_get(device, "cuda_version")) >= 12000);
    assert_true(json_integer_value(json_object_get(device, "room")) >= 1);
    process_wait_text(mediator, library);
    json_decref(status);
    free(program);
    free(library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_header_forms),
        cmocka_unit_test(test_ping_forms),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_memory_operations),
        cmocka_unit_test(test_device_information),
        cmocka_unit_test(test_status_names_drivers),
        cmocka_unit_test(test_one_request_per_connection),
        cmocka_unit_test(test_half_closed_connection_gets_answers),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_bad_requests_are_answered),
        cmocka_unit_test(test_malformed_messages_end_the_connection),
        cmocka_unit_test(test_ends_inside_a_message),
        cmocka_unit_test(test_client_that_does_not_read),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
