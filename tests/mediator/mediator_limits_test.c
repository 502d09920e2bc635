/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* What a guest may not have: queue, rate, memory, time, sessions, and the way into quarantine. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define MIB (UINT64_C(1) << 20)

/* A mediator with one listener, named one, and these keys. */
static void start(const char *keys)
{
    fixture_start("one", "vgpu-stub", keys);
}

static void expect_type(struct client *client, const struct request *request, uint32_t type)
{
    assert_int_equal(client_call(client, request).type, type);
}

/* ---- Queue ---- */

static void test_queue_full(void **state)
{
    enum { QUEUED = 5, SENT = 9 };
    struct request add = request_add(1, 2);
    unsigned full = 0, done = 0;

    (void)state;
    fixture_on_one_cpu = true; /* so that one holder blocks the device */
    start("max_queued = 5\n");
    struct client holder = client_open(path, 1), client = client_open(path, 2);
    client_expect_ok(&holder, &add); /* has the lease from now on */
    pid_t worker = admin_worker_pid(path, 1);
    assert_int_equal(kill(worker, SIGSTOP), 0);
    for (int i = 0; i < SENT; i++) {
        client_send(&client, &add);
    }
    /* One is about to run, five wait; the others are answered at once, before those. */
    for (int i = QUEUED + 1; i < SENT; i++) {
        struct answer answer = client_receive(&client);

        assert_int_equal(answer.status, BG_COMPUTE_QUEUE_FULL);
        assert_int_equal(answer.request_id, i + 1);
        full++;
    }
    assert_int_equal(kill(worker, SIGCONT), 0);
    for (int i = 0; i <= QUEUED; i++) {
        struct answer answer = client_receive(&client);

        assert_int_equal(answer.status, BG_COMPUTE_OK);
        assert_int_equal(answer.request_id, i + 1);
        done++;
    }
    assert_int_equal(full + done, SENT);
    client_expect_ok(&client, &add);
    client_close(&client);
    client_close(&holder);
}

/* ---- Rate ---- */

static void test_rate(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start("requests_per_s = 1\nburst = 3\n");
    uint64_t start_ms = harness_now_ms();
    struct client client = client_open(path, 1), other = client_open_from(1, path, 1);
    for (int i = 0; i < 3; i++) {
        expect_type(&client, &nop, BG_VGPU_STUB_MESSAGE_RESPONSE);
    }
    expect_type(&client, &nop, BG_VGPU_STUB_MESSAGE_BUSY);
    client_send_ping(&client, 99, false); /* costs nothing */
    assert_int_equal(client_receive(&client).type, BG_VGPU_STUB_MESSAGE_PONG);
    expect_type(&other, &nop, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
    admin_wait_sessions(path, 1);
    client = client_open(path, 5); /* brings no tokens, whatever it calls itself */
    client.is_long = true;
    struct answer answer = client_call(&client, &nop);
    if (harness_now_ms() - start_ms < 1000) { /* else a token came meanwhile */
        assert_int_equal(answer.type, BG_VGPU_STUB_MESSAGE_BUSY);
    }
    while (client_call(&client, &nop).type == BG_VGPU_STUB_MESSAGE_BUSY) {
        assert_true(harness_now_ms() - start_ms < CLIENT_TIMEOUT_MS); /* it comes back */
    }
    client_close(&client);
    client_close(&other);
}

/* A guest that was on a pool it may not have starts on the other with the tokens it has left. */
static void test_rate_after_a_refused_pool(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start("pools = B\nrequests_per_s = 1\nburst = 100\n");
    struct client client = client_open(path, 1);
    assert_int_equal(client_call(&client, &nop).status, BG_COMPUTE_INVALID_POOL);
    process_wait_text(mediator, "pool A is not served here");
    client.pool_id = 'B';
    expect_type(&client, &nop, BG_VGPU_STUB_MESSAGE_RESPONSE);
    client_close(&client);
}

/* ---- Memory ---- */

static void test_memory_limit(void **state)
{
    struct request too_much = request_alloc(2 * MIB + 1), all = request_alloc(2 * MIB);
    struct request byte = request_alloc(1), enormous = request_alloc(UINT64_MAX);

    (void)state;
    start("memory_limit = 2M\n");
    struct client one = client_open(path, 1), two = client_open(path, 2);
    assert_int_equal(client_call(&one, &too_much).status, BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(client_call(&one, &enormous).status, BG_COMPUTE_OUT_OF_MEMORY);
    uint32_t handle = client_expect_ok(&one, &all);
    assert_int_equal(client_call(&one, &byte).status, BG_COMPUTE_OUT_OF_MEMORY);
    client_expect_ok(&two, &all); /* each session has its own */
    struct request release = request_free(handle);
    client_expect_ok(&one, &release);
    client_expect_ok(&one, &byte);
    client_close(&one);
    client_close(&two);
}

/* A session's memory goes with it, and nobody else sees it. */
static void test_sessions_are_apart(void **state)
{
    static const uint8_t secret[64] = "secret", zeros[64];
    struct request alloc = request_alloc(64 * MIB);

    (void)state;
    start("memory_limit = 64M\n");
    for (int i = 0; i < 5; i++) {
        struct client one = client_open(path, 1), two = client_open(path, 2);
        uint32_t handle = client_expect_ok(&one, &alloc);
        struct request write = request_write(handle, secret, sizeof(secret));
        struct request read = request_read(handle, sizeof(secret));

        /* Memory is new every time, however often it was written before. */
        struct answer answer = client_call(&one, &read);
        assert_memory_equal(answer.data, zeros, sizeof(zeros));
        client_expect_ok(&one, &write);
        /* The number is no handle in another session, before and after that one has memory. */
        assert_int_equal(client_call(&two, &read).status, BG_COMPUTE_INVALID_HANDLE);
        struct request others = request_read(client_expect_ok(&two, &alloc), sizeof(secret));
        assert_int_equal(client_call(&two, &read).status, BG_COMPUTE_INVALID_HANDLE);
        answer = client_call(&two, &others);
        assert_int_equal(answer.status, BG_COMPUTE_OK);
        assert_memory_equal(answer.data, zeros, sizeof(zeros));
        pid_t worker = admin_worker_pid(path, 1);
        client_close(&one);
        client_close(&two);
        admin_wait_sessions(path, 0);
        assert_int_equal(kill(worker, 0), -1); /* and with it every byte */
        assert_int_equal(errno, ESRCH);
    }
}

/* ---- Time ---- */

static void test_timeout(void **state)
{
    struct request alloc = request_alloc(2048 * MIB), add = request_add(1, 2);

    (void)state;
    start("memory_limit = 4G\nrequest_timeout_ms = 100\n");
    struct client client = client_open(path, 1), other = client_open(path, 2);
    client_expect_ok(&other, &add);
    uint32_t dst = client_expect_ok(&client, &alloc), src = client_expect_ok(&client, &alloc);
    struct request move = request_move(dst, src, 2048 * MIB); /* page faults for longer than that */
    uint32_t first = client_send(&client, &move);
    client_send(&client, &add);
    /* The one that runs, then the one that waits, then the end: each has its answer, once. */
    struct answer answer = client_receive(&client);
    assert_int_equal(answer.request_id, first);
    assert_int_equal(answer.status, BG_COMPUTE_TIMEOUT);
    answer = client_receive(&client);
    assert_int_equal(answer.request_id, first + 1);
    assert_int_equal(answer.status, BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(client_receive(&client).type, 0);
    process_wait_text(mediator, "longer than the limit of 100 ms");
    client_expect_ok(&other, &add); /* the GPU is free again */
    client_close(&client);
    client_close(&other);
}

/* Time in which the host does not let the worker compute is not the request's. */
static void test_a_busy_host_is_no_timeout(void **state)
{
    struct request alloc = request_alloc(512 * MIB);

    (void)state;
    start("memory_limit = 2G\nrequest_timeout_ms = 1500\n");
    struct client client = client_open(path, 1);
    uint32_t dst = client_expect_ok(&client, &alloc), src = client_expect_ok(&client, &alloc);
    struct request move = request_move(dst, src, 512 * MIB);
    pid_t worker = admin_worker_pid(path, 1);
    uint32_t id = client_send(&client, &move);
    client_send_ping(&client, 99, false);
    assert_int_equal(client_receive(&client).type, BG_VGPU_STUB_MESSAGE_PONG); /* it runs */
    assert_int_equal(kill(worker, SIGSTOP), 0);
    assert_false(harness_wait_readable(client.fd, 2000));
    assert_int_equal(kill(worker, SIGCONT), 0);
    struct answer answer = client_receive(&client);
    assert_int_equal(answer.request_id, id);
    assert_int_equal(answer.status, BG_COMPUTE_OK);
    client_close(&client);
}

/* ---- Quarantine ---- */

static int release(const char *guest)
{
    char *program = harness_build_path("host/baregpu-mediator");
    char *admin_path = harness_format("%s.admin", path);
    const char *const arguments[] = {program, "--admin-socket", admin_path, "--release", guest,
                                     NULL};
    struct process *process = process_start(arguments, NULL);
    int status = process_wait(process);

    process_end(process);
    free(program);
    free(admin_path);
    return status;
}

/* Until the guest of this process is in quarantine, by two faults; calls itself vm 7, and 70. */
static void cause_quarantine(unsigned process, size_t others)
{
    struct request add = request_add(1, 2);

    for (uint32_t fault = 0; fault < 2; fault++) {
        struct client client = client_open_from(process, path, fault ? 70 : 7);

        client_expect_ok(&client, &add);
        json_t *status = admin_status(path);
        json_t *sessions = json_object_get(status, "sessions");
        json_t *last = json_array_get(sessions, json_array_size(sessions) - 1);
        pid_t worker = (pid_t)json_integer_value(json_object_get(last, "worker_pid"));
        json_decref(status);
        assert_true(worker > 1);
        assert_int_equal(kill(worker, SIGKILL), 0);
        assert_int_equal(client_receive(&client).type, 0); /* the session is lost */
        client_close(&client);
        admin_wait_sessions(path, others);
    }
    process_wait_text(mediator, "vm 7: quarantined after 2 faults");
}

/* Who is in quarantine is the process, with all its sessions, whatever they call themselves; and
 * nobody else, with the same name or another. */
static void test_quarantine(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start("quarantine_faults = 2\n");
    struct client beside = client_open(path, 7), other = client_open_from(1, path, 7);
    client_expect_ok(&beside, &add);
    client_expect_ok(&other, &add);
    cause_quarantine(0, 2);
    struct client client = client_open(path, 9);
    expect_type(&client, &add, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    expect_type(&beside, &add, BG_VGPU_STUB_MESSAGE_QUARANTINED); /* its other sessions, too */
    client_expect_ok(&other, &add);                               /* and nobody else */

    assert_int_equal(release("one:8"), 6);
    assert_int_equal(release("two:7"), 6);
    assert_int_equal(release("one:7"), 0);
    assert_int_equal(release("one:7"), 6);
    process_wait_text(mediator, "vm 7: released from quarantine");
    client_expect_ok(&client, &add);
    client_expect_ok(&beside, &add);
    client_close(&client);
    client_close(&beside);
    client_close(&other);
}

/* It ends by itself. */
static void test_quarantine_ends(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start("quarantine_faults = 2\nquarantine_s = 1\n");
    cause_quarantine(0, 0);
    process_wait_text(mediator, "vm 7: its quarantine is over");
    struct client client = client_open(path, 7);
    client_expect_ok(&client, &add);
    client_close(&client);
}

/* ---- Sessions ---- */

static void test_session_limit(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start("max_sessions = 2\n");
    struct client one = client_open(path, 1), two = client_open(path, 2);
    client_expect_ok(&one, &nop);
    client_expect_ok(&two, &nop);
    struct client three = client_open(path, 3);
    assert_int_equal(client_call(&three, &nop).type, 0);
    process_wait_text(mediator, "all its 2 sessions are in use");
    client_close(&one);
    client_close(&three);
    admin_wait_sessions(path, 1);
    three = client_open(path, 3);
    client_expect_ok(&three, &nop);
    client_close(&two);
    client_close(&three);
}

/* ---- Checks of kernels ---- */

/* Memory that nobody wrote reads as zero; that it was read is said, of who wants to know. */
static void test_checks(void **state)
{
    struct request alloc = request_alloc(4096);

    (void)state;
    fixture_start_with("cpu", "[listener one]\npath = %s\nchecks = init\n", path);
    struct client client = client_open(path, 1);
    uint32_t handle = client_expect_ok(&client, &alloc);
    struct request add = {
        .opcode = BG_COMPUTE_VECTOR_ADD_MEMORY,
        .param_count = 12,
        .params = {BG_COMPUTE_ELEMENT_UINT32, handle, handle, handle, 0, 0, 0, 0, 0, 0, 4, 0}};
    client_expect_ok(&client, &add);
    process_wait_text(mediator, "init: vector_add_uint32 reads 4 bytes");
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_queue_full),
        TEST(test_rate),
        TEST(test_rate_after_a_refused_pool),
        TEST(test_memory_limit),
        TEST(test_sessions_are_apart),
        TEST(test_timeout),
        TEST(test_a_busy_host_is_no_timeout),
        TEST(test_quarantine),
        TEST(test_quarantine_ends),
        TEST(test_session_limit),
        TEST(test_checks),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
