/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/gic.c firmware/platform/gic_v2.c
// build: firmware/platform/gic_v3.c
// build: firmware/platform/gic_lpi.c tests/fake/gic.c tests/fake/hal.c
/* LPIs and the ITS against one that executes its commands and counts those that make no sense. */
/* Its state starts over with each test. Before cmocka.h, which has macros of common names. */
#include "firmware/platform/gic_its.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/gic.h"
#include "tests/fake/hal.h"

#define MESSAGES_MAX 4096

/* The ITS keeps its tables for ever; what is given back is counted (fake_hal.allocated). */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static struct bg_hal_msi messages[MESSAGES_MAX];

static void begin(uint32_t cpus)
{
    const char *problem = NULL;

    fake_gic_begin(3, cpus);
    memset(&its, 0, sizeof(its));
    memset(&lpi, 0, sizeof(lpi));
    memset(&gic, 0, sizeof(gic));
    assert_int_equal(gic_init(&problem), 0);
}

static void begin_ready(uint32_t cpus)
{
    begin(cpus);
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_null(its_problem());
}

static void expect_sense(void)
{
    if (fake_gic.errors) {
        fail_msg("%u bad commands: %s", fake_gic.errors, fake_gic.error);
    }
}

static void expect_problem(int result, int expected, const char *text)
{
    assert_int_equal(result, expected);
    assert_non_null(its_problem());
    if (strstr(its_problem(), text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", its_problem(), text);
    }
}

/* ---- Bringing it up ---- */

static void test_indirect_table(void **state)
{
    uint64_t base;

    (void)state;
    begin_ready(2);
    base = fake_gic.base[0];
    assert_true(base >> 63);
    assert_true(base >> 62 & 1);
    assert_int_equal(base >> 8 & 3, 0); /* pages of 4 KiB */
    assert_int_equal(base & 255, 0);    /* one of them: 512 pages of 512 devices */
    assert_int_equal(its.device_count, 65536);
    assert_true(fake_gic.base[1] >> 63); /* collections */
    assert_int_equal(fake_gic.its_control, 1);
    assert_int_equal(its_init(), ITS_LPIS_MAX); /* once */
    /* Two devices far apart: two pages. */
    assert_int_equal(its_alloc(0x0001, 1, false, 0, messages), 1);
    assert_int_equal(its_alloc(0xffff, 1, false, 0, messages), 1);
    assert_true(its.device_table[0] >> 63);
    assert_true(its.device_table[127] >> 63);
    assert_false(its.device_table[1] >> 63);
    expect_sense();
}

static void test_flat_table(void **state)
{
    (void)state;
    begin(1);
    fake_gic.base_fixed_mask[0] |= 1ull << 62; /* Indirect reads 0 */
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(fake_gic.base[0] & 255, 127); /* 512 KiB */
    assert_int_equal(its_alloc(0xffff, 1, false, 0, messages), 1);
    expect_sense();
    /* Few devices need no second level. */
    begin(1);
    fake_gic.its_type = (fake_gic.its_type & ~(31ull << 13)) | 8u << 13;
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_false(fake_gic.base[0] >> 62 & 1);
    assert_int_equal(fake_gic.base[0] & 255, 0);
    assert_int_equal(its_alloc(511, 1, false, 0, messages), 1);
    expect_problem(its_alloc(512, 1, false, 0, messages), BG_ERR_INVALID, "device id");
    expect_sense();
}

static void test_page_size_that_cannot_be_chosen(void **state)
{
    (void)state;
    begin(1);
    fake_gic.base_fixed[0] |= 2u << 8;
    fake_gic.base_fixed_mask[0] |= 3u << 8;
    fake_gic.base[0] = fake_gic.base_fixed[0];
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(fake_gic.base[0] >> 8 & 3, 2);
    assert_int_equal(its.device_page_bytes, 0x10000);
    assert_int_equal(its_alloc(0x1234, 2, false, 0, messages), 2);
    expect_sense();
}

/* A flat table of more pages than the field has: some device ids are out of reach. */
static void test_too_many_devices_for_a_table(void **state)
{
    (void)state;
    begin(1);
    fake_gic.base_fixed_mask[0] |= 1ull << 62;
    fake_gic.its_type = (fake_gic.its_type & ~(31ull << 13)) | 19u << 13; /* 20 bits */
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(its.device_count, 256 * 512);
    assert_int_equal(its_alloc(256 * 512 - 1, 1, false, 0, messages), 1);
    expect_problem(its_alloc(256 * 512, 1, false, 0, messages), BG_ERR_INVALID, "device id");
    expect_sense();
}

static void test_what_cannot_be_brought_up(void **state)
{
    (void)state;
    begin(1);
    machine_fake.gic_its.size = 0;
    expect_problem(its_init(), BG_ERR_UNSUPPORTED, "no ITS");
    begin(1);
    gic.has_lpis = false;
    expect_problem(its_init(), BG_ERR_UNSUPPORTED, "no LPIs");
    begin(1);
    gic.id_bits = 13;
    expect_problem(its_init(), BG_ERR_UNSUPPORTED, "no LPIs");
    begin(1);
    fake_gic.its_type &= ~1ull;
    expect_problem(its_init(), BG_ERR_UNSUPPORTED, "physical");
    begin(1);
    fake_gic.never_rests = true;
    expect_problem(its_init(), BG_ERR_TIMEOUT, "rest");
    begin(1);
    fake_gic.base_fixed[0] = 0;
    fake_gic.base_fixed_mask[0] = ~0ull;
    fake_gic.base[0] = 0;
    expect_problem(its_init(), BG_ERR_UNSUPPORTED, "device table");
    for (unsigned n = 1; n <= 5; n++) {
        begin(1);
        fake_hal.refuse_allocation = n;
        expect_problem(its_init(), BG_ERR_NO_MEMORY, "memory");
        assert_int_equal(its_init(), BG_ERR_NO_MEMORY); /* and stays so */
    }
}

static void test_redistributor_tables(void **state)
{
    (void)state;
    begin_ready(2);
    assert_int_equal(fake_gic.lpi_control[0], 0); /* only when an LPI goes there */
    assert_int_equal(its_alloc(1, 1, false, 1, messages), 1);
    assert_int_equal(fake_gic.lpi_control[0], 0);
    assert_int_equal(fake_gic.lpi_control[1], 1);
    assert_int_equal(fake_gic.property_base[1] & 31, 13); /* 14 bits of INTIDs */
    assert_int_equal(fake_gic.property_base[1] >> 10 & 3, 1);
    assert_int_equal(fake_gic.property_base[1] & 0xffffffffff000, lpi.properties_address);
    assert_int_equal(fake_gic.pending_base[1] & 0xffff, 7 << 7 | 1 << 10);
    assert_true(fake_gic.pending_base[1] >> 62 & 1);

    begin_ready(2);
    fake_gic.keeps_lpis = true;
    fake_gic.lpi_control[1] = 1;
    expect_problem(its_alloc(1, 1, false, 1, messages), BG_ERR_UNSUPPORTED, "not ours");
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    begin_ready(1);
    gic.redistributor_types[0] &= ~1ull;
    expect_problem(its_alloc(1, 1, false, 0, messages), BG_ERR_UNSUPPORTED, "without LPIs");
}

/* Who does not look into the caches is told so, and what it reads is written back. */
static void test_not_coherent(void **state)
{
    uint32_t cleaned;

    (void)state;
    begin(1);
    fake_gic.is_not_shared = true;
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(fake_gic.base[0] >> 59 & 7, 1);
    assert_int_equal(fake_gic.queue_base >> 59 & 7, 1);
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    assert_int_equal(fake_gic.property_base[0] >> 7 & 7, 1);
    cleaned = fake_gic.cleaned;
    its_lpi_set_enabled(messages[0].interrupt, true);
    assert_int_equal(fake_gic.cleaned, cleaned + 3); /* the property, two commands */
    expect_sense();
    begin_ready(1);
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    cleaned = fake_gic.cleaned;
    its_lpi_set_enabled(messages[0].interrupt, true);
    assert_int_equal(fake_gic.cleaned, cleaned);
}

/* ---- Messages ---- */

static void test_messages(void **state)
{
    uint32_t lpi_0;

    (void)state;
    begin_ready(2);
    assert_int_equal(its_alloc(0x18, 3, false, 0, messages), 3);
    lpi_0 = messages[0].interrupt;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(messages[i].address, FAKE_ITS + 0x10040);
        assert_int_equal(messages[i].data, i);
        assert_int_equal(fake_gic_message(0x18, i), 0); /* not enabled yet */
        assert_true(its_lpi_is_reserved(messages[i].interrupt));
    }
    assert_int_equal(fake_gic_device(0x18)->table % 256, 0);
    assert_int_equal(fake_gic_device(0x18)->event_count, ITS_EVENTS_MIN);
    assert_int_equal(its_lpi_set_enabled(lpi_0, true), 0);
    assert_int_equal(fake_gic_message(0x18, 0), lpi_0);
    assert_int_equal(fake_gic.properties[lpi_0 - 8192], 0xa0 | 2 | 1);
    assert_int_equal(its_lpi_set_priority(lpi_0, 0x47), 0);
    assert_int_equal(fake_gic.properties[lpi_0 - 8192], 0x44 | 2 | 1);
    assert_int_equal(its_lpi_set_pending(lpi_0, true), 0);
    assert_int_equal(fake_gic.delivered[lpi_0 - 8192], 1);
    assert_int_equal(its_lpi_set_cpu(lpi_0, 1), 0);
    assert_int_equal(fake_gic_device(0x18)->events[0].collection, 1);
    assert_int_equal(fake_gic.collections[1], (1ull << 16) + 1);
    assert_int_equal(fake_gic.counts[0x01], 1);
    assert_int_equal(its_lpi_set_cpu(lpi_0, 1), 0); /* nothing to do */
    assert_int_equal(fake_gic.counts[0x01], 1);
    assert_int_equal(its_lpi_set_enabled(lpi_0, false), 0);
    assert_int_equal(fake_gic_message(0x18, 0), 0);
    assert_int_equal(fake_gic.properties[lpi_0 - 8192], 0x44 | 2);
    expect_sense();

    its_free(0x18, messages, 3);
    assert_null(fake_gic_device(0x18));
    assert_false(its_lpi_is_reserved(lpi_0));
    assert_int_equal(its_lpi_set_enabled(lpi_0, true), BG_ERR_INVALID);
    assert_int_equal(its_lpi_set_cpu(8191, 0), BG_ERR_INVALID);
    assert_int_equal(its_lpi_set_pending(8192 + ITS_LPIS_MAX, true), BG_ERR_INVALID);
    its_free(0x18, messages, 3); /* twice is nothing */
    expect_sense();
}

/* RDbase as an address, where the ITS wants it so (GITS_TYPER.PTA). */
static void test_redistributors_by_address(void **state)
{
    (void)state;
    begin(3);
    fake_gic.its_type |= 1u << 19;
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(its_alloc(1, 1, false, 2, messages), 1);
    assert_int_equal(fake_gic.collections[2], FAKE_REDISTRIBUTOR + 2 * 0x20000 + 1);
    expect_sense();
}

static void test_memory_comes_back(void **state)
{
    size_t allocated;

    (void)state;
    begin_ready(1);
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    allocated = fake_hal.allocated;
    assert_int_equal(its_alloc(2, 300, false, 0, messages + 1), 300);
    assert_int_equal(fake_gic_device(2)->event_count, 512);
    assert_int_equal(fake_hal.allocated, allocated + 512 * 12);
    its_free(2, messages + 1, 300);
    assert_int_equal(fake_hal.allocated, allocated);
    fake_hal.refuse_allocation = 1;
    expect_problem(its_alloc(2, 1, false, 0, messages + 1), BG_ERR_NO_MEMORY, "translation");
    assert_int_equal(its_alloc(2, 1, false, 0, messages + 1), 1);
    fake_hal.refuse_allocation = 1;
    expect_problem(its_alloc(0x8000, 1, false, 0, messages + 2), BG_ERR_NO_MEMORY, "page");
    expect_sense();
}

static void test_blocks(void **state)
{
    struct bg_hal_msi other[8];

    (void)state;
    begin_ready(1);
    assert_int_equal(its_alloc(1, 1, false, 0, other), 1);
    assert_int_equal(its_alloc(1, 8, true, 0, messages), 8);
    assert_int_equal(messages[0].data, 8); /* aligned, behind the one */
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(messages[i].data, messages[0].data | i);
    }
    /* 55 are left, 32 of them in a row and aligned. */
    assert_int_equal(its_alloc(1, 64, true, 0, messages + 8), 32);
    assert_int_equal(messages[8].data, 32);
    assert_int_equal(its_alloc(1, 32, true, 0, messages + 40), 16);
    assert_int_equal(its_alloc(1, 16, true, 0, messages + 56), 4);
    assert_int_equal(its_alloc(1, 16, false, 0, messages + 60), 3);
    expect_problem(its_alloc(1, 1, false, 0, messages), BG_ERR_NO_SPACE, "events");
    expect_sense();
}

static void test_all_lpis(void **state)
{
    unsigned total = 0;

    (void)state;
    begin_ready(1);
    assert_int_equal(its_alloc(7, 2000, false, 0, messages), 2000);
    total = 2000;
    assert_int_equal(its_alloc(8, 100, false, 0, messages + total), 48);
    total += 48;
    expect_problem(its_alloc(9, 1, false, 0, messages), BG_ERR_NO_SPACE, "LPIs");
    assert_null(fake_gic_device(9));
    for (unsigned i = 1; i < total; i++) {
        assert_true(messages[i].interrupt > messages[i - 1].interrupt);
    }
    its_free(8, messages + 2000, 48);
    assert_int_equal(its_alloc(9, 64, true, 0, messages + 2000), 32);
    expect_sense();
}

static void test_all_devices(void **state)
{
    (void)state;
    begin_ready(1);
    for (uint32_t i = 0; i < ITS_DEVICES_MAX; i++) {
        assert_int_equal(its_alloc(i, 1, false, 0, &messages[i]), 1);
    }
    expect_problem(its_alloc(1000, 1, false, 0, messages + 100), BG_ERR_NO_SPACE, "devices");
    its_free(3, &messages[3], 1);
    assert_int_equal(its_alloc(1000, 1, false, 0, messages + 100), 1);
    expect_sense();
}

/* An ITS of few event ids gives a device what there is. */
static void test_few_events(void **state)
{
    (void)state;
    begin(1);
    fake_gic.its_type = (fake_gic.its_type & ~(31ull << 8)) | 2u << 8; /* 3 bits */
    assert_int_equal(its_init(), ITS_LPIS_MAX);
    assert_int_equal(its_alloc(1, 20, false, 0, messages), 8);
    assert_int_equal(fake_gic_device(1)->event_count, 8);
    expect_problem(its_alloc(1, 1, false, 0, messages + 8), BG_ERR_NO_SPACE, "events");
    expect_sense();
}

/* ---- Commands that go wrong ---- */

/* Wherever it stalls: an error, nothing left behind, and the queue goes on. */
static void expect_recovery(uint32_t stall_at)
{
    size_t allocated;
    int result;

    begin_ready(1);
    fake_gic.stays_stalled = stall_at % 2;
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    its_free(1, messages, 1);
    allocated = fake_hal.allocated;
    fake_gic.stall_at = fake_gic.commands + stall_at;
    result = its_alloc(2, 2, false, 0, messages);
    assert_true(fake_gic.commands >= fake_gic.stall_at);
    expect_problem(result, BG_ERR_IO, "stalled");
    assert_null(fake_gic_device(2));
    assert_int_equal(fake_hal.allocated, allocated);
    fake_gic.errors = 0; /* undoing what did not happen made no sense to the ITS */
    assert_int_equal(its_alloc(2, 2, false, 0, messages), 2);
    assert_int_equal(its_lpi_set_enabled(messages[1].interrupt, true), 0);
    assert_int_equal(fake_gic_message(2, 1), messages[1].interrupt);
    expect_sense();
}

static void test_stalls(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 6; n++) { /* MAPD SYNC MAPTI INV MAPTI INV */
        expect_recovery(n);
    }
}

static void test_collection_that_stalls(void **state)
{
    (void)state;
    begin_ready(1);
    fake_gic.stall_at = 1;
    expect_problem(its_alloc(1, 1, false, 0, messages), BG_ERR_IO, "stalled");
    fake_gic.errors = 0; /* INVALL of the collection that was not mapped */
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    expect_sense();
}

static void test_hang(void **state)
{
    uint64_t before_ns;

    (void)state;
    begin_ready(1);
    assert_int_equal(its_alloc(1, 1, false, 0, messages), 1);
    fake_gic.hangs = true;
    before_ns = fake_hal.now_ns;
    expect_problem(its_lpi_set_enabled(messages[0].interrupt, true), BG_ERR_TIMEOUT, "commands");
    assert_in_range(fake_hal.now_ns - before_ns, 1000000000, 1100000000);
    fake_gic.hangs = false;
    assert_int_equal(its_lpi_set_enabled(messages[0].interrupt, true), 0);
    assert_int_equal(fake_gic_message(1, 0), messages[0].interrupt);
    expect_sense();
}

/* The queue has 128 places. */
static void test_queue_wraps(void **state)
{
    (void)state;
    begin_ready(1);
    assert_int_equal(its_alloc(1, 1024, false, 0, messages), 1024);
    assert_true(fake_gic.commands > 2048);
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(its_lpi_set_enabled(messages[i].interrupt, true), 0);
    }
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(fake_gic_message(1, i), messages[i].interrupt);
    }
    its_free(1, messages, 1024);
    expect_sense();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indirect_table),
        cmocka_unit_test(test_flat_table),
        cmocka_unit_test(test_page_size_that_cannot_be_chosen),
        cmocka_unit_test(test_too_many_devices_for_a_table),
        cmocka_unit_test(test_what_cannot_be_brought_up),
        cmocka_unit_test(test_redistributor_tables),
        cmocka_unit_test(test_not_coherent),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_redistributors_by_address),
        cmocka_unit_test(test_memory_comes_back),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_all_lpis),
        cmocka_unit_test(test_all_devices),
        cmocka_unit_test(test_few_events),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_collection_that_stalls),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_queue_wraps),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
