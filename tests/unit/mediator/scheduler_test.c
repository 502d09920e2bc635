/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/scheduler.c
/* Leases: order, the bound on waiting, deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/supervisor/scheduler.h"

#define CLIENTS 64

enum { LOW, MEDIUM, HIGH };

static struct scheduler scheduler;
static struct scheduler_client clients[CLIENTS];
static char events[4096]; /* "g3" granted to 3, "G3" contended, "r3" revoked */

static void note(char kind, struct scheduler_client *client)
{
    size_t used = strlen(events);

    snprintf(events + used, sizeof(events) - used, "%c%d ", kind, (int)(client - clients));
}

static void on_grant(struct scheduler_client *client, bool contended)
{
    note(contended ? 'G' : 'g', client);
}

static void on_revoke(struct scheduler_client *client)
{
    note('r', client);
}

static const struct scheduler_ops ops = {.grant = on_grant, .revoke = on_revoke};

static int setup(void **state)
{
    (void)state;
    memset(clients, 0, sizeof(clients));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].release_ns = 100;
    }
    events[0] = '\0';
    scheduler_init(&scheduler, &ops);
    return 0;
}

static void expect_events(const char *expected)
{
    assert_string_equal(events, expected);
    events[0] = '\0';
}

static void test_alone_keeps(void **state)
{
    (void)state;
    assert_true(scheduler_ask(&scheduler, &clients[0], LOW, 1));
    expect_events("g0 ");
    assert_null(scheduler_get_overdue(&scheduler, UINT64_MAX)); /* as long as nobody waits */
}

static void test_priority_then_arrival(void **state)
{
    (void)state;
    scheduler_ask(&scheduler, &clients[0], LOW, 1);
    scheduler_ask(&scheduler, &clients[1], LOW, 2);
    scheduler_ask(&scheduler, &clients[2], MEDIUM, 3);
    scheduler_ask(&scheduler, &clients[3], HIGH, 4);
    scheduler_ask(&scheduler, &clients[4], MEDIUM, 5);
    scheduler_ask(&scheduler, &clients[5], HIGH, 6);
    expect_events("g0 r0 "); /* one revocation, however many wait */
    for (int i = 0; i < 6; i++) {
        assert_true(scheduler_release(&scheduler, scheduler.holder, 10));
    }
    expect_events("G3 G5 G2 G4 g1 ");
    assert_null(scheduler.holder);
}

static void test_misuse_is_refused(void **state)
{
    (void)state;
    scheduler_ask(&scheduler, &clients[0], LOW, 1);
    assert_false(scheduler_ask(&scheduler, &clients[0], LOW, 2)); /* holds it */
    scheduler_ask(&scheduler, &clients[1], LOW, 3);
    assert_false(scheduler_ask(&scheduler, &clients[1], HIGH, 4)); /* waits */
    assert_false(scheduler_release(&scheduler, &clients[1], 5));   /* does not hold it */
    expect_events("g0 r0 ");
}

/* A low waiter among endless high ones goes after SCHEDULER_PASS_LIMIT of them. */
static void test_no_starvation(void **state)
{
    int grants_before = 0;

    (void)state;
    scheduler_ask(&scheduler, &clients[0], HIGH, 1);
    scheduler_ask(&scheduler, &clients[1], LOW, 2);
    for (int i = 2; scheduler.holder != &clients[1]; i++) {
        assert_true(i < CLIENTS);
        scheduler_ask(&scheduler, &clients[i], HIGH, 3);
        scheduler_release(&scheduler, scheduler.holder, 4);
        grants_before += scheduler.holder != &clients[1];
    }
    assert_int_equal(grants_before, SCHEDULER_PASS_LIMIT);
}

/* The documented bound for every mix: W found waiting, at most W + limit leases of others. */
static void test_bound(void **state)
{
    uint32_t random = 1;
    unsigned waited[CLIENTS] = {0}, found[CLIENTS] = {0};
    bool waiting[CLIENTS] = {false};

    (void)state;
    for (int round = 0; round < 20000; round++) {
        random = random * 1664525 + 1013904223;
        int i = (int)(random >> 8) % CLIENTS;
        uint32_t priority = (uint32_t)(i % 8 == 0 ? (random >> 20) % 3 : HIGH);

        if (random >> 31 || scheduler.holder == NULL) {
            unsigned before = 0;

            for (int j = 0; j < CLIENTS; j++) {
                before += waiting[j];
            }
            if (scheduler_ask(&scheduler, &clients[i], priority, 1) &&
                scheduler.holder != &clients[i]) {
                waiting[i] = true;
                waited[i] = 0;
                found[i] = before;
            }
        } else {
            scheduler_release(&scheduler, scheduler.holder, 1);
            for (int j = 0; j < CLIENTS && scheduler.holder != NULL; j++) {
                if (scheduler.holder == &clients[j]) {
                    assert_true(waited[j] <= found[j] + SCHEDULER_PASS_LIMIT);
                    waiting[j] = false;
                } else if (waiting[j]) {
                    waited[j]++;
                }
            }
        }
        events[0] = '\0';
    }
}

static void test_deadline(void **state)
{
    (void)state;
    scheduler_ask(&scheduler, &clients[0], LOW, 1000);
    scheduler_ask(&scheduler, &clients[1], LOW, 5000); /* told now, has 100 ns */
    assert_null(scheduler_get_overdue(&scheduler, 5099));
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5100), &clients[0]);
    scheduler_ask(&scheduler, &clients[2], LOW, 5050); /* a second waiter gives no new time */
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5100), &clients[0]);
    scheduler_remove(&scheduler, &clients[0], 5200);
    expect_events("g0 r0 G1 "); /* told with the grant: others wait */
    assert_null(scheduler_get_overdue(&scheduler, 5299));
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5300), &clients[1]);
    scheduler_release(&scheduler, &clients[1], 5250);
    expect_events("g2 ");
    assert_null(scheduler_get_overdue(&scheduler, UINT64_MAX));
}

static void test_remove(void **state)
{
    (void)state;
    scheduler_remove(&scheduler, &clients[9], 1); /* neither holds nor waits */
    scheduler_ask(&scheduler, &clients[0], LOW, 1);
    scheduler_ask(&scheduler, &clients[1], LOW, 2);
    scheduler_ask(&scheduler, &clients[2], LOW, 3);
    scheduler_remove(&scheduler, &clients[1], 4);
    scheduler_remove(&scheduler, &clients[0], 5);
    expect_events("g0 r0 g2 ");
    assert_true(scheduler_ask(&scheduler, &clients[1], LOW, 6)); /* a new life */
    expect_events("r2 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_alone_keeps, setup),
        cmocka_unit_test_setup(test_priority_then_arrival, setup),
        cmocka_unit_test_setup(test_misuse_is_refused, setup),
        cmocka_unit_test_setup(test_no_starvation, setup),
        cmocka_unit_test_setup(test_bound, setup),
        cmocka_unit_test_setup(test_deadline, setup),
        cmocka_unit_test_setup(test_remove, setup),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
