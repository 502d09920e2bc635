/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* Connections before they have a worker: what they cost, whose turn it is, how they end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "protocol/pvgpu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define AT_ONCE 16 /* workers that a guest gets; then it is this often in a second: */
#define RATE_KEYS "guest_connections_per_s = 1\n"
#define SOME 60 /* above AT_ONCE by more than a test takes seconds to look */
#define MANY 250

static void open_many(struct client *clients, unsigned count)
{
    struct request nop = request_nop();

    for (unsigned i = 0; i < count; i++) {
        clients[i] = client_open(path, 1);
        client_send(&clients[i], &nop);
    }
}

static void close_many(struct client *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        client_close(&clients[i]);
    }
}

/* Another guest is served; how many sessions there have been, its own with them. */
static unsigned count_workers(void)
{
    struct request nop = request_nop();
    struct client other = client_open_from(1, path, 4711);
    unsigned count = 0;
    size_t index;
    json_t *session;

    client_expect_ok(&other, &nop);
    json_t *status = admin_status(path);
    json_array_foreach (json_object_get(status, "sessions"), index, session) {
        if (json_integer_value(json_object_get(session, "vm_id")) == 4711) {
            count = (unsigned)json_integer_value(json_object_get(session, "session"));
        }
    }
    json_decref(status);
    client_close(&other);
    return count;
}

static int get_accepted(void)
{
    json_t *status = admin_status(path);
    json_t *listener = json_array_get(json_object_get(status, "listeners"), 0);
    int accepted = (int)json_integer_value(json_object_get(listener, "accepted"));

    json_decref(status);
    return accepted;
}

static void wait_accepted(int count)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;

    while (get_accepted() < count) {
        assert_true(harness_now_ms() < until_ms);
    }
}

/* ---- What they cost ---- */

static void test_silence_costs_no_worker(void **state)
{
    struct request nop = request_nop();
    struct client silent[SOME];

    (void)state;
    fixture_start("one", "vgpu-stub", "");
    for (unsigned i = 0; i < SOME; i++) {
        silent[i] = client_open(path, 1);
    }
    wait_accepted(SOME);
    assert_int_equal(count_workers(), 1);
    client_expect_ok(&silent[0], &nop);
    client_expect_ok(&silent[SOME - 1], &nop);
    close_many(silent, SOME);
}

/* Who connects all the time, and waits for nothing. */
static void test_leaving_costs_few_workers(void **state)
{
    struct client client;

    (void)state;
    fixture_start("one", "vgpu-stub", RATE_KEYS);
    uint64_t start_ms = harness_now_ms();
    for (int i = 0; i < SOME; i++) {
        open_many(&client, 1);
        client_close(&client);
    }
    wait_accepted(SOME);
    unsigned most = AT_ONCE + 2 + (unsigned)(harness_now_ms() - start_ms) / 1000;
    assert_in_range(count_workers(), 1, most);
}

/* ---- Whose turn it is ---- */

/* All are answered, as fast as their guest may; another one does not wait for them. */
static void test_too_many_wait(void **state)
{
    struct client clients[AT_ONCE + 3];

    (void)state;
    fixture_start("one", "vgpu-stub", RATE_KEYS);
    uint64_t start_ms = harness_now_ms();
    open_many(clients, AT_ONCE + 3);
    count_workers();
    for (unsigned i = 0; i < AT_ONCE + 3; i++) {
        assert_int_equal(client_receive(&clients[i]).status, BG_COMPUTE_OK);
    }
    assert_true(harness_now_ms() - start_ms >= 2000);
    close_many(clients, AT_ONCE + 3);
}

/* 128 at once are let in, and one in a second; nobody else is closed. */
static void test_more_are_closed(void **state)
{
    static struct client clients[MANY];

    (void)state;
    fixture_start("one", "vgpu-stub", RATE_KEYS);
    open_many(clients, MANY);
    assert_int_equal(client_receive(&clients[0]).status, BG_COMPUTE_OK);
    assert_int_equal(client_receive(&clients[MANY - 1]).type, 0);
    process_wait_text(mediator, "connects more often than 1 times a second");
    count_workers();
    close_many(clients, MANY);
}

/* ---- The mediator's end ---- */

static void test_end_says_busy(void **state)
{
    static struct client clients[SOME];

    (void)state;
    fixture_start("one", "vgpu-stub", RATE_KEYS);
    open_many(clients, SOME);
    wait_accepted(SOME);
    process_signal(mediator, SIGTERM);
    struct answer answer = client_receive(&clients[SOME - 1]);
    assert_int_equal(answer.type, BG_VGPU_STUB_MESSAGE_BUSY);
    assert_int_equal(client_receive(&clients[SOME - 1]).type, 0);
    assert_int_equal(process_wait(mediator), 0);
    close_many(clients, SOME);
}

static void test_end_says_shutdown(void **state)
{
    struct bg_pvgpu_message message;

    (void)state;
    fixture_start("one", "pvgpu", "");
    struct client silent = client_open(path, 1);
    wait_accepted(1);
    process_signal(mediator, SIGTERM);
    assert_int_equal(socket_read(silent.fd, &message, sizeof(message), CLIENT_TIMEOUT_MS),
                     sizeof(message));
    assert_int_equal(message.type, BG_PVGPU_MESSAGE_SHUTDOWN);
    assert_int_equal(message.size, 0);
    assert_int_equal(process_wait(mediator), 0);
    client_close(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_silence_costs_no_worker), TEST(test_leaving_costs_few_workers),
        TEST(test_too_many_wait),           TEST(test_more_are_closed),
        TEST(test_end_says_busy),           TEST(test_end_says_shutdown),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
