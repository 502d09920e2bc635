/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* What an operator sees of a mediator, and what he can do to guests and listeners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define MIB (UINT64_C(1) << 20)

static void start(const char *keys)
{
    fixture_start("one", "vgpu-stub", keys);
}

static uint64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value)) {
        fail_msg("no number %s", name);
    }
    return (uint64_t)json_integer_value(value);
}

static uint64_t sum_counts(const json_t *waits)
{
    uint64_t sum = 0;
    json_t *count;
    size_t i;

    json_array_foreach (json_object_get(waits, "counts"), i, count) {
        sum += (uint64_t)json_integer_value(count);
    }
    return sum;
}

/* ---- What is used ---- */

/* 64 MiB, made, written in part, moved and read: some 20 ms of a processor. */
static void compute(struct client *client)
{
    static const uint8_t data[800];
    struct request alloc = request_alloc(32 * MIB);
    uint32_t dst = client_expect_ok(client, &alloc), src = client_expect_ok(client, &alloc);
    struct request write = request_write(src, data, sizeof(data));
    struct request move = request_move(dst, src, 32 * MIB), read = request_read(dst, 500);

    client_expect_ok(client, &write);
    client_expect_ok(client, &move);
    client_expect_ok(client, &read);
}

static void test_usage(void **state)
{
    (void)state;
    start("memory_limit = 64M\n");
    struct client client = client_open(path, 7);
    compute(&client);
    json_t *status = admin_status(path);
    json_t *device = json_array_get(json_object_get(status, "devices"), 0);
    json_t *listener = json_array_get(json_object_get(status, "listeners"), 0);
    json_t *session = json_array_get(json_object_get(status, "sessions"), 0);
    const json_t *const holders[] = {device, listener, session};

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(number(holders[i], "memory_used"), 64 * MIB);
        assert_true(number(holders[i], "busy_us") > 1000);
        assert_true(number(holders[i], "utilization") <= 100);
    }
    assert_int_equal(number(session, "memory_limit"), 64 * MIB);
    assert_true(number(device, "memory_total") > 64 * MIB);
    assert_int_equal(strlen(json_string_value(json_object_get(device, "uuid"))), 40);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(number(holders[i], "requests"), 5);
        assert_int_equal(number(holders[i], "errors"), 0);
        assert_int_equal(number(holders[i], "bytes_in"), 800);
        assert_int_equal(number(holders[i], "bytes_out"), 500);
    }
    assert_true(sum_counts(json_object_get(listener, "lease_waits")) >= 1);
    assert_int_equal(sum_counts(json_object_get(listener, "start_waits")), 1);
    uint64_t busy_us = number(listener, "busy_us");
    json_decref(status);

    /* What a session had stays with its listener; its memory does not. */
    client_close(&client);
    admin_wait_sessions(path, 0);
    status = admin_status(path);
    listener = json_array_get(json_object_get(status, "listeners"), 0);
    assert_true(number(listener, "busy_us") >= busy_us);
    assert_int_equal(number(listener, "requests"), 5);
    assert_int_equal(number(listener, "bytes_in"), 800);
    assert_int_equal(number(listener, "memory_used"), 0);
    json_decref(status);
}

/* ---- What is done ---- */

/* Guests and sessions that a command was carried out on. */
static void expect_done(const char *command, unsigned guests, unsigned sessions)
{
    json_t *answer = admin_ask(path, command);

    assert_int_equal(number(answer, "guests"), guests);
    assert_int_equal(number(answer, "sessions"), sessions);
    json_decref(answer);
}

static void expect_refused(const char *command, const char *code)
{
    json_t *answer = admin_ask(path, command);

    assert_string_equal(json_string_value(json_object_get(answer, "code")), code);
    assert_non_null(json_string_value(json_object_get(answer, "error")));
    json_decref(answer);
}

static void expect_type(struct client *client, uint32_t type)
{
    struct request add = request_add(1, 2);

    assert_int_equal(client_call(client, &add).type, type);
}

static void test_quarantine_of_a_guest(void **state)
{
    (void)state;
    start("quarantine_s = 1\n");
    struct client client = client_open(path, 7), other = client_open_from(1, path, 8);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_type(&other, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_done("{\"command\": \"quarantine\", \"listener\": \"one\", \"vm_id\": 7}", 1, 1);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    expect_type(&other, BG_VGPU_STUB_MESSAGE_RESPONSE);
    struct client again = client_open(path, 7);
    expect_type(&again, BG_VGPU_STUB_MESSAGE_QUARANTINED);

    /* It does not end by itself: the mediator looks once a second. */
    uint64_t until_ms = harness_now_ms() + 2500;
    while (harness_now_ms() < until_ms) {
        expect_type(&client, BG_VGPU_STUB_MESSAGE_QUARANTINED);
        json_decref(admin_status(path));
    }
    expect_done("{\"command\": \"release\", \"listener\": \"one\", \"vm_id\": 7}", 1, 2);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_type(&again, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
    client_close(&again);
    client_close(&other);
}

static void test_quarantine_of_a_listener(void **state)
{
    (void)state;
    start("");
    struct client client = client_open(path, 7);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_done("{\"command\": \"quarantine\", \"listener\": \"one\"}", 0, 1);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    struct client later = client_open_from(1, path, 8);
    expect_type(&later, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    expect_done("{\"command\": \"release\", \"listener\": \"one\"}", 0, 0);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_type(&later, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
    client_close(&later);
}

static void test_drain(void **state)
{
    (void)state;
    start("");
    struct client client = client_open(path, 7), other = client_open_from(1, path, 8);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    expect_type(&other, BG_VGPU_STUB_MESSAGE_RESPONSE);

    /* A guest's sessions end, and it may come again. */
    expect_done("{\"command\": \"drain\", \"listener\": \"one\", \"vm_id\": 7}", 0, 1);
    assert_int_equal(client_receive(&client).type, 0);
    expect_type(&other, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
    client = client_open(path, 7);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);

    /* A listener's all do, and no others are served. */
    expect_done("{\"command\": \"drain\", \"listener\": \"one\"}", 0, 2);
    assert_int_equal(client_receive(&client).type, 0);
    assert_int_equal(client_receive(&other).type, 0);
    client_close(&client);
    client_close(&other);
    client = client_open(path, 7);
    expect_type(&client, 0);
    client_close(&client);
    admin_wait_sessions(path, 0);
    expect_done("{\"command\": \"release\", \"listener\": \"one\"}", 0, 0);
    client = client_open(path, 7);
    expect_type(&client, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
}

static void test_errors(void **state)
{
    (void)state;
    start("");
    expect_refused("{\"command\": \"drain\", \"listener\": \"two\"}", "not_found");
    expect_refused("{\"command\": \"drain\", \"listener\": \"one\", \"vm_id\": 1}", "not_found");
    expect_refused("{\"command\": \"release\", \"listener\": \"one\", \"vm_id\": 1}", "not_found");
    expect_refused("{\"command\": \"quarantine\", \"listener\": \"one\", \"vm_id\": 1}",
                   "not_found");
    expect_refused("{\"command\": \"quarantine\"}", "invalid");
    expect_refused("{\"command\": \"drain\", \"listener\": \"one\", \"vm_id\": -1}", "invalid");
    expect_refused("{\"command\": \"drain\", \"listener\": \"one\", \"vm_id\": \"1\"}", "invalid");
    expect_refused("{\"command\": \"halt\", \"listener\": \"one\"}", "invalid");
    expect_refused("[]", "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_usage),
        TEST(test_quarantine_of_a_guest),
        TEST(test_quarantine_of_a_listener),
        TEST(test_drain),
        TEST(test_errors),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
