/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/lease.c host/mediator/worker/control.c host/mediator/log.c
// build: host/mediator/compute/session.c host/common/fd_message.c
/* A worker's lease and session, with the test in the supervisor's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/worker/device.h"
#include "host/mediator/worker/lease.h"

static int pair[2]; /* the worker's end, the supervisor's */
static struct lease_ledger ledger;
static struct lease lease;
static unsigned prepared;

/* ---- The devices of this test: a CPU that needs no context, and no GPU ---- */

struct gpu *device_open(const struct control_attached *attached, char reason[GPU_ERROR_SIZE])
{
    static struct gpu cpu;

    if (!attached->cuda) {
        return &cpu;
    }
    snprintf(reason, GPU_ERROR_SIZE, "there is no device %d", attached->ordinal);
    return NULL;
}

enum bg_compute_status gpu_prepare(struct gpu *gpu)
{
    prepared++;
    return gpu->lost ? BG_COMPUTE_CUDA_ERROR : BG_COMPUTE_OK;
}

enum bg_compute_status gpu_alloc(struct gpu *gpu, uint64_t size, gpu_address *address)
{
    (void)gpu;
    (void)size;
    (void)address;
    return BG_COMPUTE_OUT_OF_MEMORY;
}

enum bg_compute_status gpu_free(struct gpu *gpu, gpu_address address, uint64_t size)
{
    (void)gpu;
    (void)address;
    (void)size;
    return BG_COMPUTE_OK;
}

/* ---- */

static int setup(void **state)
{
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    lease_ledger_init(&ledger, pair[0]);
    lease = (struct lease){.ledger = &ledger};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static struct control_message expect(uint32_t type)
{
    struct control_message message = {0};

    assert_int_equal(control_receive(pair[1], &message, NULL), 1);
    assert_int_equal(message.type, type);
    return message;
}

static void expect_silence(void)
{
    struct control_message message;

    assert_int_equal(control_receive(pair[1], &message, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

/* The supervisor kills who asks twice. */
static void test_asks_once(void **state)
{
    (void)state;
    lease_ask(&lease, 2);
    lease_ask(&lease, 1);
    assert_int_equal(expect(CONTROL_ASK).priority, 2);
    lease_take_grant(&lease, false);
    lease_ask(&lease, 2);
    expect_silence();
}

static void expect_ledger(enum control_lease state, uint32_t priority)
{
    struct control_message message = {.type = CONTROL_RESUMED};

    lease_ledger_tell(&ledger, &message);
    message = expect(CONTROL_RESUMED);
    assert_int_equal(message.resumed.lease, state);
    assert_int_equal(message.resumed.priority, priority);
}

/* A supervisor that takes over is told what was said to the one before it. */
static void test_ledger(void **state)
{
    (void)state;
    expect_ledger(CONTROL_LEASE_NONE, 0);
    lease_ask(&lease, 2);
    expect(CONTROL_ASK);
    expect_ledger(CONTROL_LEASE_ASKED, 2);
    lease_ledger_note_grant(&ledger);
    expect_ledger(CONTROL_LEASE_HELD, 2);
    lease_take_grant(&lease, true);
    lease_yield(&lease, 1);
    expect(CONTROL_YIELD);
    expect_ledger(CONTROL_LEASE_ASKED, 1);
    lease_ledger_note_grant(&ledger);
    lease_take_grant(&lease, true);
    lease_release(&lease);
    expect(CONTROL_RELEASE);
    expect_ledger(CONTROL_LEASE_NONE, 0);
}

/* While nobody else wants it a lease has no end. */
static void test_alone(void **state)
{
    (void)state;
    lease_ask(&lease, 0);
    lease_take_grant(&lease, false);
    lease_use(&lease);
    lease.until_ns = 0;
    assert_false(lease_is_wanted(&lease));
    assert_false(lease_is_over(&lease));
    assert_false(lease_has_lingered(&lease));
}

/* Others wait: it ends with its quantum, in which something must have run. */
static void test_quantum(void **state)
{
    (void)state;
    lease_ask(&lease, 0);
    expect(CONTROL_ASK);
    lease_take_grant(&lease, true);
    lease.until_ns = UINT64_MAX;
    lease_use(&lease);
    assert_false(lease_is_over(&lease));
    lease.until_ns = 0;
    assert_true(lease_is_over(&lease));
    lease_yield(&lease, 1);
    assert_int_equal(expect(CONTROL_YIELD).priority, 1);
    assert_false(lease_is_wanted(&lease));
    lease_ask(&lease, 1); /* is asked for already */
    expect_silence();
    lease_take_grant(&lease, false);
    lease_take_revoke(&lease);
    lease.until_ns = 0;
    assert_false(lease_is_over(&lease)); /* used by the lease before */
    lease_use(&lease);
    assert_true(lease_is_over(&lease));
    lease_release(&lease);
    expect(CONTROL_RELEASE);
}

/* Without work it is kept for a moment, but not for a guest that let the moment pass before. */
static void test_lingers(void **state)
{
    (void)state;
    lease_ask(&lease, 0);
    lease_take_grant(&lease, true);
    lease_use(&lease);
    lease.idle_ns = clock_now_ns() + NS_PER_S; /* "now", however slow this test is */
    assert_false(lease_has_lingered(&lease));
    lease.idle_ns = clock_now_ns() - LEASE_LINGER_NS;
    assert_true(lease_has_lingered(&lease));
    lease_release(&lease);
    lease.idle_ns = 1; /* long ago */
    lease_ask(&lease, 0);
    lease_take_grant(&lease, true);
    lease.idle_ns = clock_now_ns() + NS_PER_S;
    assert_true(lease_has_lingered(&lease));
    lease_release(&lease);
    lease_ask(&lease, 0); /* at once */
    lease_take_grant(&lease, true);
    lease.idle_ns = clock_now_ns() + NS_PER_S;
    assert_false(lease_has_lingered(&lease));
}

/* One that nobody wanted for a while, and that nobody uses, goes at once. */
static void test_idle_goes_at_once(void **state)
{
    (void)state;
    lease_ask(&lease, 0);
    lease_take_grant(&lease, false);
    lease_use(&lease);
    lease.until_ns = 1;
    lease_take_revoke(&lease);
    assert_true(lease_has_lingered(&lease));
    lease_release(&lease);
    lease_ask(&lease, 0);
    lease_take_grant(&lease, true); /* that was not the guest's fault */
    lease.idle_ns = clock_now_ns() + NS_PER_S;
    assert_false(lease_has_lingered(&lease));
}

static void test_session(void **state)
{
    const struct control_attached cpu = {.cuda = false}, cuda = {.cuda = true, .ordinal = 3};
    char reason[LEASE_REASON_SIZE] = "";
    struct session *session = NULL, *first;

    (void)state;
    assert_false(lease_prepare(&session, &cuda, 1000, true, reason));
    assert_string_equal(reason, "there is no device 3");
    assert_null(session);
    assert_true(lease_prepare(&session, &cpu, 1000, false, reason));
    assert_int_equal(session->memory_limit, 1000);
    assert_int_equal(prepared, 0);
    first = session;
    assert_true(lease_prepare(&session, &cpu, 1000, true, reason));
    assert_ptr_equal(session, first);
    assert_int_equal(prepared, 1);
    session->gpu->lost = true;
    assert_false(lease_prepare(&session, &cpu, 1000, true, reason));
    session_destroy(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_asks_once), TEST(test_ledger),  TEST(test_alone),
        TEST(test_quantum),   TEST(test_lingers), TEST(test_idle_goes_at_once),
        TEST(test_session),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
