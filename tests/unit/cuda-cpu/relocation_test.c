/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/device/relocation.c
/*
 * Relocations of AArch64 on any machine, against instructions as an assembler writes them; those of
 * x86-64 are what all other tests run on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/device/relocation.h"

#define ADRP 0x90000000u /* adrp x0, 0 */
#define BL 0x94000000u

/* A page, so that distances in pages are what they are in it. */
static _Alignas(4096) unsigned char page[4096];

static const char *apply(uint32_t type, size_t at, size_t room, uint64_t value)
{
    const struct relocation relocation = {type, page + at, room, value};

    return relocation_apply(EM_AARCH64, &relocation);
}

static uint32_t patched(uint32_t type, uint32_t instruction, size_t at, uint64_t value)
{
    uint32_t word;

    memcpy(page + at, &instruction, sizeof(instruction));
    assert_null(apply(type, at, 4, value));
    memcpy(&word, page + at, sizeof(word));
    return word;
}

static uint64_t here(int64_t distance)
{
    return (uintptr_t)page + (uint64_t)distance;
}

static void test_pages(void **state)
{
    (void)state;
    assert_int_equal(patched(R_AARCH64_ADR_PREL_PG_HI21, ADRP, 0, here(4095)), 0x90000000);
    assert_int_equal(patched(R_AARCH64_ADR_PREL_PG_HI21, ADRP, 4092, here(0)), 0x90000000);
    assert_int_equal(patched(R_AARCH64_ADR_PREL_PG_HI21, ADRP, 8, here(4096)), 0xB0000000);
    assert_int_equal(patched(R_AARCH64_ADR_PREL_PG_HI21, ADRP, 8, here(5 * 4096)), 0xB0000020);
    assert_int_equal(patched(R_AARCH64_ADR_PREL_PG_HI21, ADRP, 8, here(-1)), 0xF0FFFFE0);
    assert_non_null(apply(R_AARCH64_ADR_PREL_PG_HI21, 0, 4, here((int64_t)1 << 32)));
    assert_null(apply(R_AARCH64_ADR_PREL_PG_HI21, 0, 4, here(-((int64_t)1 << 32))));
    assert_non_null(apply(R_AARCH64_ADR_PREL_PG_HI21, 0, 4, here(-((int64_t)1 << 32) - 1)));
}

static void test_offsets(void **state)
{
    (void)state;
    /* add x0, x0, #0x7f8; ldrb w1, [x0, #0x7f1]; ldrh #0x7f2; ldr w1, x1, q1 #0x7f0 */
    assert_int_equal(patched(R_AARCH64_ADD_ABS_LO12_NC, 0x91000000, 0, here(0x7F8)), 0x911FE000);
    assert_int_equal(patched(R_AARCH64_LDST8_ABS_LO12_NC, 0x39400001, 0, here(0x7F1)), 0x395FC401);
    assert_int_equal(patched(R_AARCH64_LDST16_ABS_LO12_NC, 0x79400001, 0, here(0x7F2)), 0x794FE401);
    assert_int_equal(patched(R_AARCH64_LDST32_ABS_LO12_NC, 0xB9400001, 0, here(0x7F0)), 0xB947F001);
    assert_int_equal(patched(R_AARCH64_LDST64_ABS_LO12_NC, 0xF9400001, 0, here(0x7F0)), 0xF943F801);
    assert_int_equal(patched(R_AARCH64_LDST128_ABS_LO12_NC, 0x3DC00001, 0, here(0x7F0)),
                     0x3DC1FC01);
    assert_non_null(apply(R_AARCH64_LDST128_ABS_LO12_NC, 0, 4, here(0x7F8)));
}

static void test_branches(void **state)
{
    (void)state;
    assert_int_equal(patched(R_AARCH64_CALL26, BL, 0, here(8)), 0x94000002);
    assert_int_equal(patched(R_AARCH64_CALL26, BL, 4, here(0)), 0x97FFFFFF);
    assert_int_equal(patched(R_AARCH64_JUMP26, 0x14000000, 0, here((1 << 27) - 4)), 0x15FFFFFF);
    assert_non_null(apply(R_AARCH64_CALL26, 0, 4, here(1 << 27)));
    assert_null(apply(R_AARCH64_CALL26, 0, 4, here(-(1 << 27))));
    assert_non_null(apply(R_AARCH64_CALL26, 0, 4, here(-(1 << 27) - 4)));
    assert_non_null(apply(R_AARCH64_CALL26, 0, 4, here(2)));
}

static void test_data(void **state)
{
    uint64_t value;
    int32_t distance;

    (void)state;
    assert_null(apply(R_AARCH64_ABS64, 16, 8, 0x123456789ABCDEF0));
    memcpy(&value, page + 16, sizeof(value));
    assert_int_equal(value, 0x123456789ABCDEF0);
    assert_null(apply(R_AARCH64_PREL64, 16, 8, here(0)));
    memcpy(&value, page + 16, sizeof(value));
    assert_int_equal(value, (uint64_t)-16);
    assert_null(apply(R_AARCH64_PREL32, 16, 4, here(-4)));
    memcpy(&distance, page + 16, sizeof(distance));
    assert_int_equal(distance, -20);
    assert_non_null(apply(R_AARCH64_PREL32, 0, 4, here((int64_t)1 << 31)));
}

/* The last bytes of a section can be changed, and none behind them. */
static void test_room(void **state)
{
    static const uint32_t words[] = {R_AARCH64_PREL32, R_AARCH64_CALL26, R_AARCH64_ADR_PREL_PG_HI21,
                                     R_AARCH64_ADD_ABS_LO12_NC};

    (void)state;
    memset(page, 0, sizeof(page));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_null(apply(words[i], 4092, 4, here(0)));
        assert_non_null(apply(words[i], 0, 3, here(0)));
    }
    assert_non_null(apply(R_AARCH64_ABS64, 0, 7, ~(uint64_t)0));
    assert_non_null(apply(R_AARCH64_NONE, 0, 8, 0));
    assert_non_null(apply(R_X86_64_PC32, 0, 8, here(0)));
    assert_int_equal(page[0], 0);
}

static void test_stub(void **state)
{
    static const unsigned char code[] = {0x50, 0, 0, 0x58, 0, 2, 0x1F, 0xD6};
    const uint64_t function = 0x0000FEDCBA987654;

    (void)state;
    relocation_stub(EM_AARCH64, page, function);
    assert_memory_equal(page, code, sizeof(code));
    assert_memory_equal(page + 8, &function, sizeof(function));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),    cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_branches), cmocka_unit_test(test_data),
        cmocka_unit_test(test_room),     cmocka_unit_test(test_stub),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
