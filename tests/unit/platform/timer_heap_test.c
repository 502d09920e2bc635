/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/timer_heap.c
/* The heap of timers against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/platform/timer.h"

#define TIMERS 1000
#define STEPS 200000

static struct timer timers[TIMERS];
static struct timer *root;

/* Each child is not earlier than its parent, and the links are each other's. */
static unsigned check(const struct timer *node)
{
    unsigned count = 0;

    for (; node != NULL; node = node->next) {
        count += 1 + check(node->child);
        if (node->child != NULL) {
            assert_ptr_equal(node->child->previous, node);
        }
        for (const struct timer *child = node->child; child != NULL; child = child->next) {
            assert_true(child->deadline_ns >= node->deadline_ns);
        }
        if (node->next != NULL) {
            assert_ptr_equal(node->next->previous, node);
        }
    }
    return count;
}

static void start_over(void)
{
    memset(timers, 0, sizeof(timers));
    root = NULL;
    srand(42);
}

static void insert(unsigned i, uint64_t deadline_ns)
{
    timers[i].deadline_ns = deadline_ns;
    timers[i].is_armed = true;
    timer_heap_insert(&root, &timers[i]);
}

static void take_out(struct timer *timer)
{
    timer->is_armed = false;
    timer_heap_remove(&root, timer);
    assert_null(timer->child);
    assert_null(timer->next);
    assert_null(timer->previous);
}

static void test_sorted(void **state)
{
    uint64_t last_ns = 0;

    (void)state;
    for (unsigned order = 0; order < 3; order++) {
        start_over();
        last_ns = 0;
        for (unsigned i = 0; i < TIMERS; i++) {
            insert(i, order == 0 ? i : order == 1 ? TIMERS - i : (unsigned)rand() % 100);
        }
        assert_int_equal(check(root), TIMERS);
        for (unsigned left = TIMERS; left > 0; left--) {
            assert_true(root->deadline_ns >= last_ns);
            last_ns = root->deadline_ns;
            take_out(root);
            if (left % 50 == 0) {
                assert_int_equal(check(root), left - 1);
            }
        }
        assert_null(root);
    }
}

static void test_random(void **state)
{
    unsigned armed = 0;

    (void)state;
    start_over();
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand() % TIMERS;
        const struct timer *earliest = NULL;

        if (timers[i].is_armed) {
            take_out(&timers[i]);
            armed--;
        } else {
            insert(i, (unsigned)rand() % 5000);
            armed++;
        }
        if (step % 500 != 0) {
            continue;
        }
        assert_int_equal(check(root), armed);
        for (unsigned k = 0; k < TIMERS; k++) {
            if (timers[k].is_armed &&
                (earliest == NULL || timers[k].deadline_ns < earliest->deadline_ns)) {
                earliest = &timers[k];
            }
        }
        assert_int_equal(root->deadline_ns, earliest->deadline_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_random),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
