/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/guest_record.c host/mediator/supervisor/peer.c
// build: host/mediator/worker/limiter.c host/common/listener.c
/* Who a guest is, rate limits, fault counts, quarantine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/mediator/supervisor/guest_record.h"

static void test_limiter(void **state)
{
    struct limiter limiter;
    uint64_t now_ns = 5 * NS_PER_S;

    (void)state;
    limiter_init(&limiter, 10, 3, 3, now_ns);
    assert_true(limiter_take(&limiter, now_ns));
    assert_true(limiter_take(&limiter, now_ns));
    assert_true(limiter_take(&limiter, now_ns));
    assert_false(limiter_take(&limiter, now_ns));
    assert_false(limiter_take(&limiter, now_ns + 99 * NS_PER_MS));
    assert_true(limiter_take(&limiter, now_ns + 100 * NS_PER_MS)); /* ten a second */
    assert_false(limiter_take(&limiter, now_ns + 100 * NS_PER_MS));
    /* A century fills the bucket and no more. */
    now_ns += UINT64_C(100) * 365 * 86400 * NS_PER_S;
    assert_int_equal(limiter_get_tokens(&limiter, now_ns), 3);
    limiter_init(&limiter, 1000000, 1000000, 0, 0);
    assert_int_equal(limiter_get_tokens(&limiter, UINT64_MAX / 2), 1000000);
    limiter_init(&limiter, 0, 1, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(limiter_take(&limiter, 0)); /* no limit */
    }
}

static struct config_listener listener = {
    .name = "one",
    .limits = {.requests_per_s = 10, .burst = 5},
    .quarantine_faults = 3,
    .quarantine_window_s = 60,
    .quarantine_s = 100,
};

/* A process of this number. */
static const struct peer *peer(pid_t process)
{
    static struct peer made;

    made = (struct peer){.user = 1000, .process = process, .start = 5};
    return &made;
}

/* The process and when it started, and the user: nothing else. */
static void test_identity(void **state)
{
    struct guest_table table;
    struct peer one = {.user = 1000, .process = 7, .start = 5}, other = one;
    uint32_t tokens;

    (void)state;
    assert_int_equal(guest_table_init(&table), 0);
    struct guest_record *guest = guest_record_attach(&table, &listener, &one, 0, &tokens);
    guest_record_name(guest, 0);
    assert_ptr_equal(guest_record_attach(&table, &listener, &other, 0, &tokens), guest);
    guest_record_name(guest, 9); /* it stays what it called itself */
    assert_int_equal(guest->past.vm_id, 0);
    other.start = 6; /* the number was used again */
    struct guest_record *later = guest_record_attach(&table, &listener, &other, 0, &tokens);
    assert_ptr_not_equal(later, guest);
    other = (struct peer){.user = 1001, .process = 7, .start = 5};
    assert_ptr_not_equal(guest_record_attach(&table, &listener, &other, 0, &tokens), guest);
    guest_record_name(later, 0); /* the same name is nothing in common */
    for (int i = 0; i < 3; i++) {
        guest_record_count_fault(later, 0);
    }
    assert_true(later->past.quarantined);
    assert_false(guest->past.quarantined);
    free(table.records);
}

static void test_quarantine_ends(void **state)
{
    struct config_listener lasting = listener;
    struct guest_table table;
    uint32_t tokens;

    (void)state;
    assert_int_equal(guest_table_init(&table), 0);
    lasting.quarantine_s = 0;
    struct guest_record *guest = guest_record_attach(&table, &listener, peer(1), 0, &tokens);
    struct guest_record *for_good = guest_record_attach(&table, &lasting, peer(2), 0, &tokens);
    assert_false(guest_record_has_served(guest, 1000 * NS_PER_S)); /* it is in none */
    for (int i = 0; i < 3; i++) {
        guest_record_count_fault(guest, 10 * NS_PER_S);
        guest_record_count_fault(for_good, 10 * NS_PER_S);
    }
    assert_false(guest_record_has_served(guest, 109 * NS_PER_S));
    assert_true(guest_record_has_served(guest, 110 * NS_PER_S));
    assert_false(guest_record_has_served(for_good, UINT64_MAX));
    free(table.records);
}

static void test_quarantine(void **state)
{
    struct guest_table table;
    struct guest_record *guest, *other;
    uint32_t tokens;

    (void)state;
    assert_int_equal(guest_table_init(&table), 0);
    guest = guest_record_attach(&table, &listener, peer(7), 0, &tokens);
    other = guest_record_attach(&table, &listener, peer(8), 0, &tokens);
    assert_false(guest_record_count_fault(guest, 0));
    assert_false(guest_record_count_fault(guest, 40 * NS_PER_S));
    assert_false(
        guest_record_count_fault(guest, 61 * NS_PER_S)); /* the first is out of the window */
    assert_false(guest->past.quarantined);
    assert_true(guest_record_count_fault(guest, 99 * NS_PER_S));
    assert_true(guest->past.quarantined);
    assert_false(guest_record_count_fault(guest, 99 * NS_PER_S)); /* once */
    assert_false(other->past.quarantined);
    assert_ptr_equal(guest_record_find(&table, &listener, peer(7)), guest);
    assert_null(guest_record_find(&table, &listener, peer(9)));
    assert_true(guest_record_release(guest));
    assert_false(guest_record_release(guest));
    assert_false(guest_record_count_fault(guest, 100 * NS_PER_S)); /* forgotten, all of them */
    free(table.records);
}

static void test_quarantine_off(void **state)
{
    struct config_listener lenient = listener;
    struct guest_table table;
    struct guest_record *guest;
    uint32_t tokens;

    (void)state;
    lenient.quarantine_faults = 0;
    assert_int_equal(guest_table_init(&table), 0);
    guest = guest_record_attach(&table, &lenient, peer(7), 0, &tokens);
    for (int i = 0; i < 200; i++) {
        assert_false(guest_record_count_fault(guest, 0));
    }
    free(table.records);
}

/* Connecting again brings no tokens. */
static void test_tokens_outlive_sessions(void **state)
{
    struct guest_table table;
    struct guest_record *guest;
    uint32_t tokens;

    (void)state;
    assert_int_equal(guest_table_init(&table), 0);
    guest = guest_record_attach(&table, &listener, peer(7), 0, &tokens);
    assert_int_equal(tokens, 5);
    guest_record_detach(guest, 1, 0);
    assert_ptr_equal(guest_record_attach(&table, &listener, peer(7), 0, &tokens), guest);
    assert_int_equal(tokens, 1);
    guest_record_attach(&table, &listener, peer(7), 0, &tokens); /* a second one beside it */
    assert_int_equal(tokens, 0);
    guest_record_detach(guest, 0, 0);
    guest_record_detach(guest, 0, 0);
    guest_record_attach(&table, &listener, peer(7), 200 * NS_PER_MS,
                        &tokens); /* two tenths of ten a second */
    assert_int_equal(tokens, 2);
    free(table.records);
}

/* Full of guests without sessions, the oldest goes; never one in quarantine. */
static void test_table_is_bounded(void **state)
{
    struct guest_table table;
    uint32_t tokens;

    (void)state;
    assert_int_equal(guest_table_init(&table), 0);
    for (int process = 0; process < (int)GUEST_TABLE_SIZE; process++) {
        struct guest_record *guest =
            guest_record_attach(&table, &listener, peer(process), (uint64_t)process, &tokens);

        assert_non_null(guest);
        guest->past.quarantined = process == 0;
        guest_record_detach(guest, 0, (uint64_t)process);
    }
    assert_non_null(
        guest_record_attach(&table, &listener, peer(100000), GUEST_TABLE_SIZE, &tokens));
    assert_non_null(guest_record_find(&table, &listener, peer(0))); /* in quarantine */
    assert_null(guest_record_find(&table, &listener, peer(1)));     /* the oldest other */
    for (int process = 2; process < (int)GUEST_TABLE_SIZE; process++) {
        guest_record_find(&table, &listener, peer(process))->past.quarantined = true;
    }
    assert_null(guest_record_attach(&table, &listener, peer(100001), GUEST_TABLE_SIZE, &tokens));
    free(table.records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),         cmocka_unit_test(test_quarantine_ends),
        cmocka_unit_test(test_limiter),          cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_quarantine_off),   cmocka_unit_test(test_tokens_outlive_sessions),
        cmocka_unit_test(test_table_is_bounded),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
