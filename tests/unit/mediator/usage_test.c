/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/usage.c host/mediator/supervisor/histogram.c
/* What sessions use is counted: shares of an interval, waits by classes, what workers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/mediator/supervisor/state.h"

static void test_share_of_an_interval(void **state)
{
    struct usage usage = {.busy_ns = NS_PER_S, .marked_ns = NS_PER_S};

    (void)state;
    usage.busy_ns += NS_PER_S;
    usage_mark(&usage, 2 * NS_PER_S, 2);
    assert_true(usage.share == 0.25);
    usage_mark(&usage, NS_PER_S, 2);
    assert_true(usage.share == 0);
    usage.busy_ns += 2 * NS_PER_S + 1;
    usage_mark(&usage, NS_PER_S, 2);
    assert_true(usage.share == 1);
    assert_int_equal(usage.busy_ns, 4 * NS_PER_S + 1);
}

static void test_classes_of_a_histogram(void **state)
{
    struct histogram histogram = {.sum_ns = 0};

    (void)state;
    histogram_add(&histogram, 0);
    histogram_add(&histogram, 10 * NS_PER_US);
    histogram_add(&histogram, 10 * NS_PER_US + 1);
    histogram_add(&histogram, 10 * NS_PER_S);
    histogram_add(&histogram, 10 * NS_PER_S + 1);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.counts[1], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_CLASSES - 2], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_CLASSES - 1], 1);
    assert_int_equal(histogram.sum_ns, 20 * NS_PER_S + 20 * NS_PER_US + 2);
    for (unsigned i = 1; i < HISTOGRAM_CLASSES - 1; i++) {
        assert_true(histogram_bounds_us[i - 1] < histogram_bounds_us[i]);
    }
}

/* A worker may be in a guest's hands: a listener's counts never go back, and a session has no more
 * memory than it may. */
static void test_what_a_worker_says(void **state)
{
    static struct supervisor_listener listener;
    struct worker_process worker = {.listener = &listener,
                                    .start.limits = {.memory_limit = 1000, .max_queued = 4}};
    struct control_statistics said = {.requests = 10,
                                      .errors = 1,
                                      .bytes_in = 100,
                                      .bytes_out = 50,
                                      .memory_used = 999,
                                      .queued = 4};

    (void)state;
    usage_take_statistics(&worker, &said);
    said.requests = 3;
    said.bytes_in = 150;
    said.memory_used = UINT64_MAX;
    said.queued = UINT32_MAX;
    usage_take_statistics(&worker, &said);
    assert_int_equal(listener.counts.requests, 10);
    assert_int_equal(listener.counts.errors, 1);
    assert_int_equal(listener.counts.bytes_in, 150);
    assert_int_equal(listener.counts.bytes_out, 50);
    assert_int_equal(worker.statistics.memory_used, 1000);
    assert_int_equal(worker.statistics.queued, 4);
    for (int i = 0; i < 2; i++) { /* and none begins anew */
        said.requests = UINT64_MAX;
        usage_take_statistics(&worker, &said);
        assert_true(listener.counts.requests == INT64_MAX);
        said.requests = 0;
        usage_take_statistics(&worker, &said);
    }
}

/* What a session did under the mediator before this one is not counted again. */
static void test_a_session_that_was_there_before(void **state)
{
    static struct supervisor_listener listener;
    struct worker_process worker = {
        .listener = &listener, .adopted = true, .start.limits = {.memory_limit = 1000}};
    struct control_statistics said = {.requests = 10, .memory_used = 7};

    (void)state;
    usage_take_statistics(&worker, &said);
    assert_int_equal(listener.counts.requests, 0);
    assert_int_equal(worker.statistics.requests, 10);
    assert_int_equal(worker.statistics.memory_used, 7);
    said.requests = 12;
    usage_take_statistics(&worker, &said);
    assert_int_equal(listener.counts.requests, 2);
}

static void test_processor_time(void **state)
{
    static struct supervisor_listener listener;
    static struct supervisor_device cpu, gpu = {.cuda = true};
    struct worker_process worker = {.listener = &listener, .pid = getpid()};
    volatile unsigned spun = 0;
    uint64_t before_ns, now_ns;

    (void)state;
    usage_take(&worker); /* it has no device yet */
    assert_int_equal(listener.usage.busy_ns, 0);
    worker.device = &gpu;
    usage_take(&worker); /* a GPU's is its driver's to say */
    assert_int_equal(gpu.usage.busy_ns, 0);
    worker.device = &cpu;
    usage_begin(&worker);
    assert_true(usage_read_ns(&worker, &before_ns));
    do {
        spun++;
        assert_true(usage_read_ns(&worker, &now_ns));
    } while (now_ns < before_ns + 5 * NS_PER_MS);
    usage_take(&worker);
    assert_true(cpu.usage.busy_ns >= 5 * NS_PER_MS);
    assert_int_equal(cpu.usage.busy_ns, listener.usage.busy_ns);
    assert_int_equal(cpu.usage.busy_ns, worker.usage.busy_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_of_an_interval),
        cmocka_unit_test(test_classes_of_a_histogram),
        cmocka_unit_test(test_what_a_worker_says),
        cmocka_unit_test(test_a_session_that_was_there_before),
        cmocka_unit_test(test_processor_time),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
