// SPDX-License-Identifier: BSD-2-Clause
// build: host/mediator/supervisor/guest_record.c host/mediator/worker/limiter.c
/* Rate limits, fault counts, quarantine. */
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
};

static void test_quarantine(void **state)
{
    struct tenant_table table;
    struct tenant *tenant, *other;
    uint32_t tokens;

    (void)state;
    assert_int_equal(tenant_table_init(&table), 0);
    tenant = tenant_attach(&table, &listener, 7, 0, &tokens);
    other = tenant_attach(&table, &listener, 8, 0, &tokens);
    assert_false(tenant_count_fault(tenant, 0));
    assert_false(tenant_count_fault(tenant, 40 * NS_PER_S));
    assert_false(tenant_count_fault(tenant, 61 * NS_PER_S)); /* the first is out of the window */
    assert_false(tenant->quarantined);
    assert_true(tenant_count_fault(tenant, 99 * NS_PER_S));
    assert_true(tenant->quarantined);
    assert_false(tenant_count_fault(tenant, 99 * NS_PER_S)); /* once */
    assert_false(other->quarantined);
    assert_ptr_equal(tenant_find(&table, &listener, 7), tenant);
    assert_null(tenant_find(&table, &listener, 9));
    assert_true(tenant_release(tenant));
    assert_false(tenant_release(tenant));
    assert_false(tenant_count_fault(tenant, 100 * NS_PER_S)); /* forgotten, all of them */
    free(table.tenants);
}

static void test_quarantine_off(void **state)
{
    struct config_listener lenient = listener;
    struct tenant_table table;
    struct tenant *tenant;
    uint32_t tokens;

    (void)state;
    lenient.quarantine_faults = 0;
    assert_int_equal(tenant_table_init(&table), 0);
    tenant = tenant_attach(&table, &lenient, 7, 0, &tokens);
    for (int i = 0; i < 200; i++) {
        assert_false(tenant_count_fault(tenant, 0));
    }
    free(table.tenants);
}

/* Connecting again brings no tokens. */
static void test_tokens_outlive_sessions(void **state)
{
    struct tenant_table table;
    struct tenant *tenant;
    uint32_t tokens;

    (void)state;
    assert_int_equal(tenant_table_init(&table), 0);
    tenant = tenant_attach(&table, &listener, 7, 0, &tokens);
    assert_int_equal(tokens, 5);
    tenant_detach(tenant, 1, 0);
    assert_ptr_equal(tenant_attach(&table, &listener, 7, 0, &tokens), tenant);
    assert_int_equal(tokens, 1);
    tenant_attach(&table, &listener, 7, 0, &tokens); /* a second one beside it */
    assert_int_equal(tokens, 0);
    tenant_detach(tenant, 0, 0);
    tenant_detach(tenant, 0, 0);
    tenant_attach(&table, &listener, 7, 200 * NS_PER_MS, &tokens); /* two tenths of ten a second */
    assert_int_equal(tokens, 2);
    free(table.tenants);
}

/* Full of tenants without sessions, the oldest goes; never one in quarantine. */
static void test_table_is_bounded(void **state)
{
    struct tenant_table table;
    uint32_t tokens;

    (void)state;
    assert_int_equal(tenant_table_init(&table), 0);
    for (uint32_t vm_id = 0; vm_id < TENANT_COUNT; vm_id++) {
        struct tenant *tenant = tenant_attach(&table, &listener, vm_id, vm_id, &tokens);

        assert_non_null(tenant);
        tenant->quarantined = vm_id == 0;
        tenant_detach(tenant, 0, vm_id);
    }
    assert_non_null(tenant_attach(&table, &listener, 100000, TENANT_COUNT, &tokens));
    assert_non_null(tenant_find(&table, &listener, 0)); /* in quarantine */
    assert_null(tenant_find(&table, &listener, 1));     /* the oldest other */
    for (uint32_t vm_id = 2; vm_id < TENANT_COUNT; vm_id++) {
        tenant_find(&table, &listener, vm_id)->quarantined = true;
    }
    assert_null(tenant_attach(&table, &listener, 100001, TENANT_COUNT, &tokens));
    free(table.tenants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_quarantine_off),
        cmocka_unit_test(test_tokens_outlive_sessions),
        cmocka_unit_test(test_table_is_bounded),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
