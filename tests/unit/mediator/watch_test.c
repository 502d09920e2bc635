/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/watch.c
/* Limits of device time: what counts, what does not, and who stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/mediator/worker/watch.h"

#define LIMIT (10 * NS_PER_S)

static struct watch watch;
static uint64_t started_ns, next_ns;

static int setup(void **state)
{
    (void)state;
    watch = (struct watch){0};
    watch_open(&watch);
    watch_begin(&watch, WATCH_THREAD, clock_now_ns(), LIMIT);
    started_ns = watch.started_ns;
    return 0;
}

/* So long after the start, with so much processor time since the first look, and of other threads.
 */
static bool judge_with(uint64_t elapsed_ns, uint64_t used_ns, uint64_t others_ns)
{
    const struct watch_use used = {5 * NS_PER_S + used_ns, 7 * NS_PER_S + used_ns + others_ns};

    return watch_judge(&watch, started_ns, started_ns + elapsed_ns, &used, &next_ns);
}

static bool judge(uint64_t elapsed_ns, uint64_t used_ns)
{
    return judge_with(elapsed_ns, used_ns, 0);
}

static void test_nothing_runs(void **state)
{
    (void)state;
    watch_end(&watch);
    assert_false(watch_is_on(&watch));
    assert_false(watch_look(&watch, clock_now_ns(), &next_ns));
    assert_true(next_ns == WATCH_NEVER);
}

static void test_processor_time(void **state)
{
    (void)state;
    assert_false(judge(0, 0));
    assert_false(judge(60 * NS_PER_S, LIMIT - 1)); /* on a busy host */
    assert_true(next_ns > started_ns + 60 * NS_PER_S);
    assert_true(judge(60 * NS_PER_S, LIMIT));
}

/* What ran before is not this one's. */
static void test_each_for_itself(void **state)
{
    (void)state;
    judge(0, 0);
    watch_end(&watch);
    watch_begin(&watch, WATCH_THREAD, clock_now_ns(), LIMIT);
    started_ns++; /* the clock may stand still between the two */
    watch.started_ns = started_ns;
    assert_false(judge(0, 2 * LIMIT));
    assert_false(judge(LIMIT, 3 * LIMIT - 1));
    assert_true(judge(LIMIT, 3 * LIMIT));
}

static void test_ended_meanwhile(void **state)
{
    (void)state;
    judge(0, 0);
    watch_end(&watch);
    assert_false(judge(LIMIT, LIMIT));
}

/* A thread that stands still uses no processor, and is ended by the clock. */
static void test_hang(void **state)
{
    (void)state;
    judge(0, 0);
    assert_false(judge(LIMIT, 0));
    assert_true(judge(LIMIT + NS_PER_S, NS_PER_MS));
    assert_false(judge(LIMIT + NS_PER_S, NS_PER_S)); /* slow: one of eleven seconds */
}

/* Its kernels compute, in other threads, for as long as they may. */
static void test_waits_for_others(void **state)
{
    (void)state;
    judge(0, 0);
    assert_false(judge_with(LIMIT + NS_PER_S, 0, NS_PER_S));
    assert_false(judge_with(10 * LIMIT, 0, 2 * LIMIT));
    assert_true(judge_with(100 * LIMIT, 0, 2 * LIMIT));
}

/* It is looked at in time, whatever it does. */
static void test_next_look(void **state)
{
    (void)state;
    judge(0, 0);
    assert_true(next_ns == started_ns + NS_PER_S);
    judge(LIMIT, LIMIT - 2 * NS_PER_MS);
    assert_true(next_ns == started_ns + LIMIT + 2 * NS_PER_MS);
    judge(LIMIT, LIMIT - 1);
    assert_true(next_ns == started_ns + LIMIT + NS_PER_MS);
}

/* On a GPU the thread sleeps while the device computes. */
static void test_gpu(void **state)
{
    (void)state;
    watch.time = WATCH_CLOCK;
    assert_false(judge(LIMIT - 1, 0));
    assert_true(judge(LIMIT, 0));
}

/* Threads of a driver's draw, on processors that others want as well. */
static void test_a_drivers_threads(void **state)
{
    (void)state;
    watch.time = WATCH_PROCESS;
    judge(0, 0);
    assert_false(judge_with(10 * LIMIT, 0, LIMIT - 1)); /* on a busy host */
    assert_true(judge_with(10 * LIMIT, 0, LIMIT));
    assert_false(judge_with(LIMIT - 1, 0, 16 * LIMIT)); /* on many processors */
    assert_true(judge_with(LIMIT, 0, 16 * LIMIT));
    assert_true(judge_with(LIMIT + NS_PER_S, 0, NS_PER_MS)); /* it stands still */
}

/* Waiting for the next lease is nobody's device time. */
static void test_waiting(void **state)
{
    (void)state;
    watch.time = WATCH_CLOCK;
    watch_pause(&watch);
    watch.waiting_ns = started_ns + NS_PER_S;
    assert_false(judge(100 * LIMIT, 0));
    watch_resume(&watch);
    assert_int_equal(watch.waiting_ns, 0);
    watch.waited_ns = 99 * LIMIT;
    assert_false(judge(100 * LIMIT - 1, 0));
    assert_true(judge(100 * LIMIT, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, setup)
        TEST(test_nothing_runs),
        TEST(test_processor_time),
        TEST(test_each_for_itself),
        TEST(test_ended_meanwhile),
        TEST(test_hang),
        TEST(test_waits_for_others),
        TEST(test_next_look),
        TEST(test_gpu),
        TEST(test_a_drivers_threads),
        TEST(test_waiting),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
