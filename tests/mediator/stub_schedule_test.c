/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/*
 * Whose turn it is on one device, across clients. The device is blocked by stopping the worker that
 * holds the lease; the others then ask in a known order; the log says in which order they got it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define PASS_LIMIT 16 /* docs/mediator.md */
#define HOLDER 1000   /* a vm_id */

static void start(const char *keys)
{
    fixture_on_one_cpu = true;
    fixture_start("one", "vgpu-stub", keys);
}

/* A client that has the lease and whose worker is stopped. */
static pid_t block_device(struct client *holder)
{
    struct request add = request_add(1, 2);
    pid_t worker;

    *holder = client_open(path, HOLDER);
    client_expect_ok(holder, &add);
    worker = admin_worker_pid(path, HOLDER);
    assert_int_equal(kill(worker, SIGSTOP), 0);
    return worker;
}

/* The vm_ids of the grants in the log, in order, from the given one on; returns how many. */
static size_t grants(size_t skip, uint32_t *vm_ids, size_t most)
{
    const char *text = process_errors(mediator);
    size_t count = 0;

    while ((text = strstr(text, ": lease granted")) != NULL) {
        const char *vm = text;

        while (vm[0] != 'v' || vm[1] != 'm') {
            vm--;
        }
        if (skip > 0) {
            skip--;
        } else if (count < most) {
            vm_ids[count++] = (uint32_t)strtoul(vm + 3, NULL, 10);
        }
        text++;
    }
    return count;
}

struct waiter {
    uint32_t vm_id;
    uint8_t priority;
    uint32_t flags;
};

/* Lets them ask one after the other while the device is blocked, then expects this order. */
static void expect_order(const struct waiter *waiters, const uint32_t *expected, size_t count)
{
    struct request add = request_add(1, 2);
    struct client holder, clients[32];
    uint32_t order[33];
    pid_t worker = block_device(&holder);

    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++) {
        clients[i] = client_open(path, waiters[i].vm_id);
        clients[i].priority = waiters[i].priority;
        add.flags = waiters[i].flags;
        client_send(&clients[i], &add);
        admin_wait_waiting(path, (int)i + 1);
    }
    assert_int_equal(kill(worker, SIGCONT), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client_receive(&clients[i]).status, BG_COMPUTE_OK);
    }
    admin_wait_waiting(path, 0); /* the log is behind the answers, not behind this */
    assert_int_equal(grants(1, order, 33), count); /* the holder's was the first */
    for (size_t i = 0; i < count; i++) {
        if (order[i] != expected[i]) {
            fail_msg("grant %zu went to %u instead of %u", i, order[i], expected[i]);
        }
        client_close(&clients[i]);
    }
    client_close(&holder);
}

static void test_priority_then_arrival(void **state)
{
    static const struct waiter waiters[] = {
        {1, BG_VGPU_STUB_PRIORITY_LOW, 0},  {2, BG_VGPU_STUB_PRIORITY_MEDIUM, 0},
        {3, BG_VGPU_STUB_PRIORITY_HIGH, 0}, {4, BG_VGPU_STUB_PRIORITY_MEDIUM, 0},
        {5, BG_VGPU_STUB_PRIORITY_HIGH, 0}, {6, BG_VGPU_STUB_PRIORITY_LOW, 0}};
    static const uint32_t order[] = {3, 5, 2, 4, 1, 6};

    (void)state;
    start("");
    expect_order(waiters, order, 6);
}

/* The flag raises by one step; the listener's max_priority bounds everything. */
static void test_raised_and_bounded(void **state)
{
    static const struct waiter waiters[] = {
        {1, BG_VGPU_STUB_PRIORITY_LOW, 0},
        {2, BG_VGPU_STUB_PRIORITY_LOW, BG_VGPU_STUB_FLAG_RAISE_PRIORITY},
        {3, BG_VGPU_STUB_PRIORITY_MEDIUM, 0},
        {4, BG_VGPU_STUB_PRIORITY_HIGH, BG_VGPU_STUB_FLAG_RAISE_PRIORITY}};
    static const uint32_t order[] = {2, 3, 4, 1};

    (void)state;
    start("max_priority = medium\n");
    expect_order(waiters, order, 4);
}

/* A low one goes after PASS_LIMIT later ones of high priority, not after all. */
static void test_no_starvation(void **state)
{
    struct waiter waiters[PASS_LIMIT + 5] = {{500, BG_VGPU_STUB_PRIORITY_LOW, 0}};
    uint32_t order[PASS_LIMIT + 5];

    (void)state;
    for (uint32_t i = 1; i < PASS_LIMIT + 5; i++) {
        waiters[i] = (struct waiter){i, BG_VGPU_STUB_PRIORITY_HIGH, 0};
        order[i <= PASS_LIMIT ? i - 1 : i] = i;
    }
    order[PASS_LIMIT] = 500;
    start("");
    expect_order(waiters, order, PASS_LIMIT + 5);
}

/* Alone, the lease stays: no messages to the supervisor per request. */
static void test_alone_keeps_the_lease(void **state)
{
    struct request add = request_add(1, 2);
    uint32_t order[4];

    (void)state;
    start("");
    struct client client = client_open(path, 1);
    for (int i = 0; i < 100; i++) {
        client_expect_ok(&client, &add);
    }
    admin_wait_waiting(path, 0);
    assert_int_equal(grants(0, order, 4), 1);
    client_close(&client);
}

/* Who does not give the lease back in time is killed, and the next one served. */
static void test_overdue_worker_is_killed(void **state)
{
    struct request add = request_add(1, 2);
    struct client holder, client;

    (void)state;
    start("request_timeout_ms = 100\n");
    block_device(&holder); /* and never lets it go */
    client = client_open(path, 1);
    uint64_t asked_ms = harness_now_ms();
    client_expect_ok(&client, &add);
    /* The request's limit and a second; CLIENT_TIMEOUT_MS allows for a slow machine. */
    assert_true(harness_now_ms() - asked_ms >= 1000);
    assert_int_equal(client_receive(&holder).type, 0);
    process_wait_text(mediator, "keeps a lease beyond its request's limit");
    client_close(&holder);
    client_close(&client);
}

/* NOP and device information do not wait for the device. */
static void test_no_lease_needed(void **state)
{
    struct request nop = request_nop(), information = {.opcode = BG_VGPU_STUB_OP_GET_DEVICE_INFO};
    struct client holder, client;

    (void)state;
    start("");
    pid_t worker = block_device(&holder);
    client = client_open(path, 1);
    client_expect_ok(&client, &nop);
    client_expect_ok(&client, &information);
    assert_int_equal(kill(worker, SIGCONT), 0);
    client_close(&holder);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_priority_then_arrival),
        TEST(test_raised_and_bounded),
        TEST(test_no_starvation),
        TEST(test_alone_keeps_the_lease),
        TEST(test_overdue_worker_is_killed),
        TEST(test_no_lease_needed),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
