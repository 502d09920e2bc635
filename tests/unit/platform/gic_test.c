/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/gic.c firmware/platform/gic_v2.c
// build: firmware/platform/gic_v3.c
// build: tests/fake/gic.c tests/fake/hal.c
/* Distributor and redistributors, on a fake register file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/error.h"
#include "firmware/platform/gic.h"
#include "tests/fake/gic.h"
#include "tests/fake/hal.h"

static const char *problem;

static void begin(uint32_t version, uint32_t cpus)
{
    fake_gic_begin(version, cpus);
    memset(&gic, 0, sizeof(gic));
    problem = NULL;
}

static void begin_ready(uint32_t version, uint32_t cpus)
{
    begin(version, cpus);
    assert_int_equal(gic_init(&problem), 0);
    assert_null(problem);
}

static uint32_t distributor_word(uint32_t offset)
{
    return fake_gic.registers[offset / 4];
}

static void test_v3_init(void **state)
{
    (void)state;
    begin(3, 4);
    memset(fake_gic.enabled, 0xff, sizeof(fake_gic.enabled));
    memset(fake_gic.pending, 0xff, sizeof(fake_gic.pending));
    assert_int_equal(gic_init(&problem), 0);
    assert_int_equal(gic.spi_end, 288);
    assert_int_equal(gic.id_bits, 16);
    assert_true(gic.has_lpis);
    assert_int_equal(fake_gic.control, 1u << 4 | 1u << 1);
    for (uint32_t i = 1; i < 9; i++) {
        assert_int_equal(fake_gic.enabled[i], 0);
        assert_int_equal(fake_gic.pending[i], 0);
        assert_int_equal(distributor_word(GICD_IGROUPR + i * 4), ~0u);
    }
    assert_int_equal(fake_gic.enabled[0], ~0u); /* SGIs and PPIs are each CPU's own */
    for (uint32_t intid = 32; intid < 288; intid += 4) {
        assert_int_equal(distributor_word(GICD_IPRIORITYR + intid), 0xa0a0a0a0);
    }
    assert_int_equal(distributor_word(GICD_IPRIORITYR + 288), 0);
    assert_int_equal(gic_init_cpu(2, &problem), 0);
    assert_int_equal(fake_gic.wakers[2], 0);
    assert_int_equal(fake_gic.wakers[1], 6);
    assert_int_equal(fake_gic.enabled[0], 0);
}

static void test_no_more_than_there_are(void **state)
{
    (void)state;
    begin(3, 1);
    fake_gic.type = 31 | 15u << 19;
    assert_int_equal(gic_init(&problem), 0);
    assert_int_equal(gic.spi_end, 1020);
    assert_false(gic.has_lpis);
    assert_true(gic_is_line(1019));
    assert_false(gic_is_line(1020));
}

static void test_failures(void **state)
{
    (void)state;
    begin(3, 1);
    machine_fake.gic_version = 0;
    assert_int_equal(gic_init(&problem), BG_ERR_UNSUPPORTED);
    assert_non_null(strstr(problem, "no GIC"));
    begin(3, 1);
    fake_hal.refuse_map = true;
    assert_int_equal(gic_init(&problem), BG_ERR_UNSUPPORTED);
    assert_non_null(problem);
    begin(3, 1);
    fake_gic.is_never_ready = true;
    assert_int_equal(gic_init(&problem), BG_ERR_UNSUPPORTED);
    assert_non_null(strstr(problem, "distributor"));
    assert_true(fake_hal.now_ns >= 1000000000);
    begin_ready(3, 2);
    gic.redistributors[1] = NULL;
    assert_int_equal(gic_init_cpu(1, &problem), BG_ERR_UNSUPPORTED);
    assert_non_null(strstr(problem, "redistributor"));
}

/* In the devicetree's order, wherever their frames are. */
static void test_redistributors(void **state)
{
    uint64_t first;

    (void)state;
    begin(3, 6);
    first = fake_gic.redistributor_types[0];
    fake_gic.redistributor_types[0] = fake_gic.redistributor_types[3];
    fake_gic.redistributor_types[3] = first;
    assert_int_equal(gic_init(&problem), 0);
    assert_ptr_equal(gic.redistributors[0], FAKE_REDISTRIBUTOR + 3 * 0x20000);
    assert_ptr_equal(gic.redistributors[3], FAKE_REDISTRIBUTOR);
    assert_ptr_equal(gic.redistributors[5], FAKE_REDISTRIBUTOR + 5 * 0x20000);

    /* The region's last one ends it. */
    begin(3, 6);
    fake_gic.redistributor_types[2] |= 1u << 4;
    assert_int_equal(gic_init(&problem), 0);
    assert_non_null(gic.redistributors[2]);
    assert_null(gic.redistributors[3]);
    /* And so does the region's end. */
    begin(3, 6);
    machine_fake.gic_redistributors[0].size = 4 * 0x20000 + 0x1ffff;
    assert_int_equal(gic_init(&problem), 0);
    assert_non_null(gic.redistributors[3]);
    assert_null(gic.redistributors[4]);
}

static void test_redistributors_of_two_regions_with_gaps(void **state)
{
    (void)state;
    begin(3, 4);
    fake_gic.stride = 0x40000;
    fake_gic.redistributor_types[0] |= 2; /* virtual LPIs: two more frames */
    fake_gic.redistributor_types[1] |= 2 | 1u << 4;
    fake_gic.redistributor_types[2] |= 2;
    fake_gic.redistributor_types[3] |= 2;
    machine_fake.gic_redistributors[0].size = 0x80000;
    machine_fake.gic_redistributors[1] =
        (struct machine_range){FAKE_REDISTRIBUTOR + 0x80000, 0x80000};
    assert_int_equal(gic_init(&problem), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_ptr_equal(gic.redistributors[i], FAKE_REDISTRIBUTOR + i * 0x40000);
    }

    begin(3, 2);
    fake_gic.stride = 0x30000;
    machine_fake.gic_redistributor_stride = 0x30000;
    machine_fake.gic_redistributors[0].size = 0x60000;
    assert_int_equal(gic_init(&problem), 0);
    assert_ptr_equal(gic.redistributors[1], FAKE_REDISTRIBUTOR + 0x30000);
}

static void test_lines(void **state)
{
    (void)state;
    begin_ready(3, 2);
    gic_enable(70);
    assert_true(gic_is_enabled(70));
    assert_int_equal(fake_gic.enabled[2], 1u << 6);
    gic_set_pending(70, true);
    assert_true(gic_is_pending(70));
    gic_set_pending(70, false);
    assert_false(gic_is_pending(70));
    gic_disable(70);
    assert_int_equal(fake_gic.enabled[2], 0);
    gic_set_priority(71, 0x40);
    assert_int_equal(distributor_word(GICD_IPRIORITYR + 68), 0x40a0a0a0);
    gic_set_edge(49, true);
    assert_int_equal(distributor_word(GICD_ICFGR + 12), 2u << 2);
    gic_set_edge(50, true);
    gic_set_edge(49, false);
    assert_int_equal(distributor_word(GICD_ICFGR + 12), 2u << 4);
    gic_set_target(287, 1);
    assert_int_equal(fake_gic.routes[287], 1);
    machine_fake.cpus[1] = 0x1200345678;
    gic_set_target(40, 1);
    assert_int_equal(fake_gic.routes[40], 0x1200345678);
}

static void test_v3_sgis(void **state)
{
    (void)state;
    begin_ready(3, 12);
    gic_send_sgi(5, 1);
    assert_int_equal(fake_gic.sgi, 5ull << 24 | 1);
    gic_send_sgi(15, 0xa); /* CPUs 1 and 3 of the first cluster: one write */
    assert_int_equal(fake_gic.sgi_count, 2);
    assert_int_equal(fake_gic.sgi, 15ull << 24 | 0xa);
    gic_send_sgi(1, 0xf00); /* the third cluster: Aff1 2 */
    assert_int_equal(fake_gic.sgi, 1ull << 24 | 2ull << 16 | 0xf);
    gic_send_sgi(1, 0x111); /* one of each */
    assert_int_equal(fake_gic.sgi_count, 6);
    gic_send_sgi(1, 0);
    assert_int_equal(fake_gic.sgi_count, 6);

    begin_ready(3, 2);
    machine_fake.cpus[1] = 0x1200340023; /* Aff3 12, Aff2 34, Aff0 23: the third range of 16 */
    gic_send_sgi(2, 2);
    assert_int_equal(fake_gic.sgi, 0x12ull << 48 | 2ull << 44 | 0x34ull << 32 | 2u << 24 | 1u << 3);
}

static void test_v2(void **state)
{
    (void)state;
    begin_ready(2, 4);
    assert_int_equal(fake_gic.control, 1);
    /* A machine of one CPU reads 0 there. */
    assert_int_equal(gic_init_cpu(0, &problem), 0);
    assert_int_equal(gic.cpu_bit[0], 1);
    fake_gic.registers[GICD_ITARGETSR / 4] = 0x08080808;
    assert_int_equal(gic_init_cpu(2, &problem), 0);
    assert_int_equal(gic.cpu_bit[2], 8);
    gic_set_target(45, 2);
    assert_int_equal(distributor_word(GICD_ITARGETSR + 44), 0x0800);
    gic_send_sgi(4, 0x7); /* CPU 1 is not there */
    assert_int_equal(fake_gic.sgir, 9u << 16 | 4);
    fake_gic.sgir = 0;
    gic_send_sgi(4, 2);
    assert_int_equal(fake_gic.sgir, 0);
    gic_set_pending(6, true);
    assert_int_equal(fake_gic.sgir, 2u << 24 | 6);
    gic_set_pending(6, false);
    assert_int_equal(distributor_word(GICD_CPENDSGIR + 4), 0xff0000);
    begin(2, 1);
    machine_fake.gic_cpu_interface.size = 0;
    assert_int_equal(gic_init(&problem), BG_ERR_UNSUPPORTED);
    assert_non_null(strstr(problem, "CPU interface"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v3_init),
        cmocka_unit_test(test_no_more_than_there_are),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_redistributors),
        cmocka_unit_test(test_redistributors_of_two_regions_with_gaps),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_v3_sgis),
        cmocka_unit_test(test_v2),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
