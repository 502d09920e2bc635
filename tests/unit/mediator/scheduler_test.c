/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/scheduler.c
/* Leases: order, shares by weight, the bound on waiting, deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/supervisor/scheduler.h"

#define CLIENTS 64
#define QUANTUM 1000 /* that a lease lasts here */

enum { LOW, MEDIUM, HIGH };

static struct scheduler scheduler;
static struct scheduler_account tenants[4], guests[CLIENTS];
static struct scheduler_client clients[CLIENTS]; /* each a guest of the first tenant */
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
    memset(tenants, 0, sizeof(tenants));
    memset(guests, 0, sizeof(guests));
    for (int i = 0; i < 4; i++) {
        tenants[i] = (struct scheduler_account){.parent = &scheduler.root, .weight = 100};
    }
    for (int i = 0; i < CLIENTS; i++) {
        guests[i] = (struct scheduler_account){.parent = &tenants[0], .weight = 1};
        clients[i].account = (struct scheduler_account){.parent = &guests[i], .weight = 1};
        clients[i].release_ns = 100;
    }
    events[0] = '\0';
    scheduler_init(&scheduler, &ops, 1);
    return 0;
}

static struct scheduler_client *holder(void)
{
    return TAILQ_FIRST(&scheduler.holders);
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
        assert_true(scheduler_release(&scheduler, holder(), 10));
    }
    expect_events("G3 G5 G2 G4 g1 ");
    assert_null(holder());
}

static void test_misuse_is_refused(void **state)
{
    (void)state;
    scheduler_ask(&scheduler, &clients[0], LOW, 1);
    assert_false(scheduler_ask(&scheduler, &clients[0], LOW, 2)); /* holds it */
    scheduler_ask(&scheduler, &clients[1], LOW, 3);
    assert_false(scheduler_ask(&scheduler, &clients[1], HIGH, 4)); /* waits */
    assert_false(scheduler_release(&scheduler, &clients[1], 5));   /* does not hold it */
    assert_false(scheduler_yield(&scheduler, &clients[1], LOW, 6));
    expect_events("g0 r0 ");
}

/* A low waiter among endless high ones goes after SCHEDULER_PASS_LIMIT of them. */
static void test_no_starvation(void **state)
{
    int grants_before = 0;

    (void)state;
    scheduler_ask(&scheduler, &clients[0], HIGH, 1);
    scheduler_ask(&scheduler, &clients[1], LOW, 2);
    for (int i = 2; holder() != &clients[1]; i++) {
        assert_true(i < CLIENTS);
        scheduler_ask(&scheduler, &clients[i], HIGH, 3);
        scheduler_release(&scheduler, holder(), 4);
        grants_before += holder() != &clients[1];
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

        if (random >> 31 || holder() == NULL) {
            unsigned before = 0;

            for (int j = 0; j < CLIENTS; j++) {
                before += waiting[j];
            }
            if (scheduler_ask(&scheduler, &clients[i], priority, 1) && holder() != &clients[i]) {
                waiting[i] = true;
                waited[i] = 0;
                found[i] = before;
            }
        } else {
            scheduler_release(&scheduler, holder(), 1);
            for (int j = 0; j < CLIENTS && holder() != NULL; j++) {
                if (holder() == &clients[j]) {
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

/* ---- Shares ---- */

/* Client i is a guest of this tenant. */
static void join(int i, int tenant)
{
    guests[i].parent = &tenants[tenant];
}

/* All that hold yield after a quantum, so many times; what each of `count` clients had, into
 * had. From now_ns on; returns when it ended. */
static uint64_t run_turns(int turns, int count, uint64_t now_ns, unsigned had[])
{
    for (int turn = 0; turn < turns; turn++) {
        now_ns += QUANTUM;
        for (int slot = 0; slot < (int)scheduler.room; slot++) {
            struct scheduler_client *first = holder();

            had[first - clients]++;
            assert_true(first - clients < count);
            scheduler_yield(&scheduler, first, MEDIUM, now_ns);
        }
        events[0] = '\0';
    }
    return now_ns;
}

static void expect_about(unsigned value, unsigned expected)
{
    if (value + 3 < expected || value > expected + 3) {
        fail_msg("%u instead of about %u", value, expected);
    }
}

/* 1:2:4, whatever number of guests the tenants have, on a device with any room. */
static void test_weights(void **state)
{
    static const int tenant_of[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2};
    enum { COUNT = sizeof(tenant_of) / sizeof(tenant_of[0]), TURNS = 700 };

    (void)state;
    for (unsigned room = 1; room <= 3; room++) {
        unsigned had[CLIENTS] = {0}, of_tenant[3] = {0};

        setup(NULL);
        scheduler.room = room;
        tenants[1].weight = 200;
        tenants[2].weight = 400;
        for (int i = 0; i < COUNT; i++) {
            join(i, tenant_of[i]);
            scheduler_ask(&scheduler, &clients[i], MEDIUM, 0);
        }
        run_turns(TURNS, COUNT, 0, had);
        for (int i = 0; i < COUNT; i++) {
            of_tenant[tenant_of[i]] += had[i];
        }
        expect_about(of_tenant[0], TURNS * room / 7);
        expect_about(of_tenant[1], TURNS * room * 2 / 7);
        expect_about(of_tenant[2], TURNS * room * 4 / 7);
        expect_about(had[0], of_tenant[0] / 4); /* and its guests equally */
        expect_about(had[11], of_tenant[2] / 5);
    }
}

/* More sessions are no larger share: not of a tenant's, and not of a guest's. */
static void test_many_sessions_share_one_share(void **state)
{
    unsigned had[CLIENTS] = {0}, of_many = 0;

    (void)state;
    for (int i = 0; i < 30; i++) {
        clients[i].account.parent = &guests[0];
        scheduler_ask(&scheduler, &clients[i], MEDIUM, 0);
    }
    scheduler_ask(&scheduler, &clients[30], MEDIUM, 0); /* another guest of that tenant */
    join(31, 1);
    scheduler_ask(&scheduler, &clients[31], MEDIUM, 0);
    run_turns(400, 32, 0, had);
    for (int i = 0; i < 30; i++) {
        of_many += had[i];
        expect_about(had[i], 100 / 30);
    }
    expect_about(of_many, 100);
    expect_about(had[30], 100);
    expect_about(had[31], 200);
}

/* What counts is time, not turns: two turns of the one for each of twice the length. */
static void test_time_counts(void **state)
{
    unsigned had[2] = {0};
    uint64_t now_ns = 0;

    (void)state;
    scheduler_ask(&scheduler, &clients[0], MEDIUM, 0);
    scheduler_ask(&scheduler, &clients[1], MEDIUM, 0);
    for (int turn = 0; turn < 300; turn++) {
        struct scheduler_client *now = holder();

        now_ns += now == &clients[0] ? QUANTUM : 2 * QUANTUM;
        had[now - clients]++;
        scheduler_yield(&scheduler, now, MEDIUM, now_ns);
        events[0] = '\0';
    }
    expect_about(had[0], 200);
    expect_about(had[1], 100);
    assert_int_equal(clients[0].charged_ns, had[0] * QUANTUM);
    assert_int_equal(clients[1].charged_ns, had[1] * 2 * QUANTUM);
}

/* Nobody waits: it costs nothing. And who rests does not save up. */
static void test_past_is_past(void **state)
{
    unsigned had[3] = {0};
    uint64_t now_ns;

    (void)state;
    scheduler_ask(&scheduler, &clients[0], MEDIUM, 0);
    scheduler_ask(&scheduler, &clients[1], MEDIUM, 1000000); /* 0 was alone until here */
    now_ns = run_turns(100, 2, 1000000, had);
    expect_about(had[0], 50);
    scheduler_ask(&scheduler, &clients[2], MEDIUM, now_ns); /* has had nothing */
    memset(had, 0, sizeof(had));
    run_turns(99, 3, now_ns, had);
    expect_about(had[2], 33);
}

/* Of a priority what was had with another one is not held against anybody. */
static void test_priorities_are_apart(void **state)
{
    uint64_t now_ns = 0;

    (void)state;
    scheduler_ask(&scheduler, &clients[0], HIGH, 0);
    scheduler_ask(&scheduler, &clients[1], LOW, 0);
    for (int turn = 0; turn < 10; turn++) {
        now_ns += QUANTUM;
        assert_ptr_equal(holder(), &clients[0]);
        scheduler_yield(&scheduler, &clients[0], HIGH, now_ns);
    }
    events[0] = '\0';
    scheduler_yield(&scheduler, &clients[0], LOW, now_ns);
    scheduler_yield(&scheduler, &clients[1], LOW, now_ns + QUANTUM);
    expect_events("G1 G0 ");
}

/* The documented bound: while a client waits, each other tenant has at most a turn, and its
 * weight's share of what this one's last turn lasted; and the turn that it found ends. */
static void test_bound_in_time(void **state)
{
    enum { TENANTS = 4, TURN_MAX = 10000, ROUNDS = 100000 };
    uint64_t asked_ns[TENANTS] = {0}, last_ns[TENANTS] = {0}, now_ns = 0;
    uint32_t random = 1;

    (void)state;
    for (int i = 0; i < TENANTS; i++) {
        join(i, i);
        tenants[i].weight = 1u << i;
    }
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        int i = (int)(random >> 8) % TENANTS;
        struct scheduler_client *before = holder();

        if (clients[i].state == SCHEDULER_IDLE) {
            asked_ns[i] = now_ns;
            scheduler_ask(&scheduler, &clients[i], MEDIUM, now_ns);
        } else if (before != NULL) {
            last_ns[before - clients] = (random >> 12) % TURN_MAX;
            now_ns += last_ns[before - clients];
            if (random >> 31) {
                asked_ns[before - clients] = now_ns;
                scheduler_yield(&scheduler, before, MEDIUM, now_ns);
            } else {
                scheduler_release(&scheduler, before, now_ns);
            }
        }
        events[0] = '\0';
        if (holder() == NULL || holder() == before) {
            continue;
        }
        int next = (int)(holder() - clients);
        uint64_t most_ns = TURN_MAX;
        for (int other = 0; other < TENANTS; other++) {
            most_ns += other != next
                           ? TURN_MAX + last_ns[next] * tenants[other].weight / tenants[next].weight
                           : 0;
        }
        assert_true(now_ns - asked_ns[next] <= most_ns);
    }
}

/* ---- Room ---- */

static void test_room(void **state)
{
    (void)state;
    scheduler.room = 3;
    for (int i = 0; i < 3; i++) {
        scheduler_ask(&scheduler, &clients[i], LOW, 1);
    }
    expect_events("g0 g1 g2 ");
    scheduler_ask(&scheduler, &clients[3], LOW, 2); /* one waits: one is told, the oldest */
    scheduler_ask(&scheduler, &clients[4], LOW, 2);
    expect_events("r0 r1 ");
    scheduler_release(&scheduler, &clients[2], 3);
    expect_events("g3 "); /* those told are enough for who still waits */
    scheduler_release(&scheduler, &clients[0], 4);
    expect_events("g4 ");
    scheduler_yield(&scheduler, &clients[1], LOW, 5); /* nobody waits any more */
    expect_events("g1 ");
}

/* Nobody keeps a lease because another one, granted later, is told in its place. */
static void test_all_of_the_room_goes_round(void **state)
{
    unsigned had[3] = {0};

    (void)state;
    scheduler.room = 2;
    for (int i = 0; i < 3; i++) {
        scheduler_ask(&scheduler, &clients[i], LOW, 0);
    }
    for (uint64_t turn = 1; turn <= 300; turn++) {
        struct scheduler_client *now = holder();

        while (now->deadline_ns == 0) {
            now = TAILQ_NEXT(now, link);
        }
        had[now - clients]++;
        scheduler_yield(&scheduler, now, LOW, turn * QUANTUM);
        events[0] = '\0';
    }
    for (int i = 0; i < 3; i++) {
        expect_about(had[i], 100);
    }
}

static void test_deadline(void **state)
{
    (void)state;
    scheduler_ask(&scheduler, &clients[0], LOW, 1000);
    scheduler_ask(&scheduler, &clients[1], LOW, 5000); /* told now, has 100 ns */
    assert_null(scheduler_get_overdue(&scheduler, 5099));
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5100), &clients[0]);
    scheduler_extend(&clients[0], 5150);
    assert_null(scheduler_get_overdue(&scheduler, 5149));
    scheduler_ask(&scheduler, &clients[2], LOW, 5050); /* a second waiter gives no new time */
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5150), &clients[0]);
    scheduler_remove(&scheduler, &clients[0], 5200);
    expect_events("g0 r0 G1 "); /* told with the grant: others wait */
    assert_null(scheduler_get_overdue(&scheduler, 5299));
    assert_ptr_equal(scheduler_get_overdue(&scheduler, 5300), &clients[1]);
    scheduler_release(&scheduler, &clients[1], 5250);
    expect_events("g2 ");
    assert_null(scheduler_get_overdue(&scheduler, UINT64_MAX));
}

/* Leases of a scheduler before this one: more than there is room, and others have their turns. */
static void test_hold(void **state)
{
    (void)state;
    scheduler_hold(&scheduler, &clients[0], MEDIUM, 0);
    scheduler_hold(&scheduler, &clients[1], LOW, 0);
    assert_int_equal(scheduler.held, 2);
    expect_events("");
    assert_true(scheduler_ask(&scheduler, &clients[2], HIGH, 10));
    expect_events("r0 ");
    assert_true(scheduler_release(&scheduler, &clients[0], 20));
    expect_events("r1 "); /* there is no room yet */
    assert_true(scheduler_release(&scheduler, &clients[1], 30));
    expect_events("g2 ");
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
        cmocka_unit_test_setup(test_weights, setup),
        cmocka_unit_test_setup(test_many_sessions_share_one_share, setup),
        cmocka_unit_test_setup(test_time_counts, setup),
        cmocka_unit_test_setup(test_past_is_past, setup),
        cmocka_unit_test_setup(test_priorities_are_apart, setup),
        cmocka_unit_test_setup(test_bound_in_time, setup),
        cmocka_unit_test_setup(test_room, setup),
        cmocka_unit_test_setup(test_all_of_the_room_goes_round, setup),
        cmocka_unit_test_setup(test_deadline, setup),
        cmocka_unit_test_setup(test_hold, setup),
        cmocka_unit_test_setup(test_remove, setup),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
