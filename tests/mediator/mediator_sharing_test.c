/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* How a device is shared by guests that want it all the time: room, quanta, weights, slices. */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

/* Requests that a client has in flight, so that its worker's queue is never empty, however late
 * this test is. */
#define AHEAD 500
#define QUEUE "max_queued = 1000\n"

struct worker_load {
    struct client client;
    struct request copy;
};

/* Copies of so many bytes. */
static struct worker_load begin_load(const char *socket, uint32_t vm_id, uint64_t size)
{
    struct worker_load load = {.client = client_open(socket, vm_id)};
    struct request alloc = request_alloc(size);
    uint32_t dst = client_expect_ok(&load.client, &alloc);

    load.copy = request_move(dst, client_expect_ok(&load.client, &alloc), size);
    for (int ahead = 0; ahead < AHEAD; ahead++) {
        client_send(&load.client, &load.copy);
    }
    return load;
}

/* Takes an answer, if there is one, and sends another request. */
static unsigned take_one(struct worker_load *load)
{
    if (!harness_wait_readable(load->client.fd, 0)) {
        return 0;
    }
    assert_int_equal(client_receive(&load->client).status, BG_COMPUTE_OK);
    client_send(&load->client, &load->copy);
    return 1;
}

/* Until they have so many answers more. */
static void keep_busy(struct worker_load *loads, unsigned count, unsigned answers)
{
    struct pollfd polled[16];

    for (unsigned i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = loads[i].client.fd, .events = POLLIN};
    }
    for (unsigned done = 0; done < answers;) {
        assert_true(poll(polled, count, CLIENT_TIMEOUT_MS) > 0);
        for (unsigned i = 0; i < count; i++) {
            done += take_one(&loads[i]);
        }
    }
}

static unsigned count_text(const char *text)
{
    const char *place = process_errors(mediator);
    unsigned count = 0;

    for (; (place = strstr(place, text)) != NULL; place++) {
        count++;
    }
    return count;
}

/* Before, each request changed the lease. */
static void test_a_lease_is_many_requests(void **state)
{
    enum { TOTAL = 10000 };
    struct worker_load loads[2];

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start("one", "vgpu-stub", QUEUE);
    for (uint32_t i = 0; i < 2; i++) {
        loads[i] = begin_load(path, i, 4096);
    }
    keep_busy(loads, 2, TOTAL);
    client_close(&loads[0].client);
    client_close(&loads[1].client);
    admin_wait_sessions(path, 0);                    /* the log is whole */
    assert_true(count_text(": lease granted") >= 4); /* and both had their turns */
    assert_true(count_text(": lease granted") < TOTAL / 2);
}

/* Of all sessions of a listener, as the mediator charged them. */
static json_int_t get_device_us(const char *listener)
{
    json_t *status = admin_status(path), *session;
    json_int_t sum = 0;
    size_t i;

    json_array_foreach (json_object_get(status, "sessions"), i, session) {
        if (strcmp(json_string_value(json_object_get(session, "listener")), listener) == 0) {
            sum += json_integer_value(json_object_get(session, "device_us"));
        }
    }
    json_decref(status);
    return sum;
}

/* Keeps them busy until the first listener has had `least_us` of the device, and the other one at
 * least `times` as much: a turn that the host made long needs some others to make up for it. */
static void expect_share(struct worker_load *loads, unsigned count, const char *listener,
                         json_int_t least_us, const char *other, double times)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    json_int_t start_us = get_device_us(listener), other_start_us = get_device_us(other);
    json_int_t had_us, other_had_us;

    do {
        keep_busy(loads, count, 300);
        had_us = get_device_us(listener) - start_us;
        other_had_us = get_device_us(other) - other_start_us;
        if (harness_now_ms() > until_ms) {
            fail_msg("%s had %lld us, %s %lld us", listener, (long long)had_us, other,
                     (long long)other_had_us);
        }
    } while (had_us < least_us || (double)other_had_us < times * (double)had_us);
}

/* 9 to 1. */
static void test_weights(void **state)
{
    enum { LONG_COPY = 16 << 20 };
    char *heavy_path = harness_temp_path("heavy.sock");
    struct worker_load loads[2];

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start_with("cpu",
                       "[listener light]\npath = %s\n" QUEUE
                       "[listener heavy]\npath = %s\nweight = 900\n" QUEUE,
                       path, heavy_path);
    loads[0] = begin_load(path, 1, LONG_COPY);
    loads[1] = begin_load(heavy_path, 2, LONG_COPY);
    expect_share(loads, 2, "light", 50000, "heavy", 6);
    client_close(&loads[0].client);
    client_close(&loads[1].client);
    free(heavy_path);
}

/* Many sessions with short requests have no more of the device than one with long ones. */
static void test_many_sessions_steal_nothing(void **state)
{
    enum { MANY = 8, LONG_COPY = 16 << 20 };
    char *other_path = harness_temp_path("other.sock");
    struct worker_load loads[MANY + 1];

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start_with("cpu",
                       "[listener many]\npath = %s\n" QUEUE "[listener one]\npath = %s\n" QUEUE,
                       path, other_path);
    loads[MANY] = begin_load(other_path, 99, LONG_COPY);
    for (uint32_t i = 0; i < MANY; i++) {
        loads[i] = begin_load(path, i, 1 << 20);
    }
    expect_share(loads, MANY + 1, "many", 100000, "one", 0.6); /* an eighth, by turns */
    for (uint32_t i = 0; i <= MANY; i++) {
        client_close(&loads[i].client);
    }
    free(other_path);
}

static size_t count_held(void)
{
    json_t *status = admin_status(path), *session;
    size_t count = 0, i;

    json_array_foreach (json_object_get(status, "sessions"), i, session) {
        count += strcmp(json_string_value(json_object_get(session, "lease")), "held") == 0;
    }
    json_decref(status);
    return count;
}

/* As many compute at once as there are processors. */
static void test_room(void **state)
{
    struct request add = request_add(1, 2);
    struct client clients[3];
    cpu_set_t allowed;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    if (CPU_COUNT(&allowed) < 2) {
        skip();
    }
    fixture_start("one", "vgpu-stub", "");
    for (uint32_t i = 0; i < 2; i++) {
        clients[i] = client_open(path, i);
        client_expect_ok(&clients[i], &add);
    }
    assert_int_equal(count_held(), 2);
    client_close(&clients[0]);
    client_close(&clients[1]);
    process_end(mediator);
    fixture_on_one_cpu = true;
    fixture_start("one", "vgpu-stub", "");
    for (uint32_t i = 0; i < 3; i++) {
        clients[i] = client_open(path, i);
        client_expect_ok(&clients[i], &add);
    }
    assert_int_equal(count_held(), 1);
    for (uint32_t i = 0; i < 3; i++) {
        client_close(&clients[i]);
    }
}

/* ---- Long requests ---- */

/* While another guest adds all the time: the request has its turns, and not one for the whole. */
static void expect_turns(struct client *busy, const struct request *request, struct client *other)
{
    struct request add = request_add(1, 2);
    unsigned turns;

    admin_wait_waiting(path, 0);
    turns = count_text("(one, vm 1): lease granted");
    client_send(busy, request);
    while (!harness_wait_readable(busy->fd, 0)) {
        client_expect_ok(other, &add);
    }
    assert_int_equal(client_receive(busy).status, BG_COMPUTE_OK);
    admin_wait_waiting(path, 0); /* the log is behind the answers, not behind this */
    turns = count_text("(one, vm 1): lease granted") - turns;
    if (turns < 5) {
        fail_msg("operation 0x%x: %u turns", request->opcode, turns);
    }
}

/* Before, the device was theirs until they ended. */
static void test_long_requests_give_way(void **state)
{
    enum { SIZE = 256 << 20, COUNT = SIZE / 4 };
    struct request alloc = request_alloc(SIZE);

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start("one", "vgpu-stub", "memory_limit = 1G\n");
    struct client busy = client_open(path, 1), other = client_open(path, 2);
    uint32_t a = client_expect_ok(&busy, &alloc), b = client_expect_ok(&busy, &alloc);
    struct request copy = request_move(a, b, SIZE);
    struct request add = {.opcode = BG_COMPUTE_VECTOR_ADD_MEMORY,
                          .param_count = 12,
                          .params = {BG_COMPUTE_ELEMENT_FLOAT32, a, a, b, 0, 0, 0, 0, 0, 0, COUNT}};
    expect_turns(&busy, &copy, &other);
    expect_turns(&busy, &add, &other);
    client_close(&busy);
    client_close(&other);
}

/* A request in slices has one limit, for all of them. */
static void test_slices_have_one_limit(void **state)
{
    enum { SIZE = 1 << 30 };
    struct request alloc = request_alloc(SIZE), add = request_add(1, 2);

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start("one", "vgpu-stub", "memory_limit = 2G\nrequest_timeout_ms = 40\n");
    struct client busy = client_open(path, 1), other = client_open(path, 2);
    uint32_t a = client_expect_ok(&busy, &alloc), b = client_expect_ok(&busy, &alloc);
    struct request copy = request_move(a, b, SIZE);
    client_send(&busy, &copy);
    while (!harness_wait_readable(busy.fd, 0)) {
        client_expect_ok(&other, &add);
    }
    assert_int_equal(client_receive(&busy).status, BG_COMPUTE_TIMEOUT);
    client_expect_ok(&other, &add);
    client_close(&busy);
    client_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_a_lease_is_many_requests),    TEST(test_weights),
        TEST(test_many_sessions_steal_nothing), TEST(test_room),
        TEST(test_long_requests_give_way),      TEST(test_slices_have_one_limit),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
