/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/common/patience.c
/* A thread that lets others go first, and then does not any more. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/patience.h"

#define NICE 3

static struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns; /* the first is 0 before Linux 6.12 */
} before, during, after;

static struct attributes look(pid_t thread)
{
    struct attributes attributes = {0};

    assert_int_equal(syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0), 0);
    return attributes;
}

/* Whatever runs these tests. */
static int setup(void **state)
{
    (void)state;
    return sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
}

static void test_begin_and_end(void **state)
{
    (void)state;
    assert_int_equal(setpriority(PRIO_PROCESS, 0, NICE), 0);
    before = look(0);
    patience_begin();
    during = look(0);
    patience_end();
    after = look(0);
    assert_int_equal(during.policy, SCHED_BATCH);
    assert_int_equal(during.nice, NICE);
    assert_true(before.slice_ns == 0 || during.slice_ns > before.slice_ns);
    assert_int_equal(after.policy, SCHED_OTHER);
    assert_int_equal(after.nice, NICE);
    assert_int_equal(after.slice_ns, before.slice_ns);
}

static void test_child_has_it(void **state)
{
    int status;

    (void)state;
    patience_begin();
    pid_t child = fork();
    if (child == 0) {
        _exit(sched_getscheduler(0) != SCHED_BATCH);
    }
    patience_end();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_child_has_it),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, NULL);
}
