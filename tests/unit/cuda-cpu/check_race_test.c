/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device ptxc program) tests/unit/cuda-cpu/check_fixture.c
// libs: -ldl
/* The checks of kernels, of races: who touches the same bytes, and what orders it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/check_fixture.h"

/* ---- Races ---- */

static void test_race_in_shared_memory(void **state)
{
    const char *source = SHARED("/*1*/st.shared.u32 [%rd7], %r1;\n"
                                "xor.b32 %r5, %r1, 32; mul.wide.u32 %rd9, %r5, 4;\n"
                                "add.s64 %rd9, %rd9, %rd8; /*2*/ld.shared.u32 %r6, [%rd9];\n"
                                "st.global.u32 [%rd3], %r6;");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "race", "/*2*/", 0, 32, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 0);
    assert_says(source, "race", "/*2*/", "\"kind\":\"shared variable\",\"name\":\"tile\"");
}

static void test_barrier_orders(void **state)
{
    (void)state;
    run_clean(SHARED("st.shared.u32 [%rd7], %r1; bar.sync 0;\n"
                     "xor.b32 %r5, %r1, 32; mul.wide.u32 %rd9, %r5, 4;\n"
                     "add.s64 %rd9, %rd9, %rd8; ld.shared.u32 %r6, [%rd9]; bar.sync 0;\n"
                     "st.shared.u32 [%rd7], %r6; bar.sync 0; ld.shared.u32 %r6, [%rd9];\n"
                     "st.global.u32 [%rd3], %r6;"),
              3, 64);
}

/* What is read must not be overwritten before all have read it. */
static void test_race_after_reading(void **state)
{
    const char *source = SHARED("st.shared.u32 [%rd7], %r1; bar.sync 0;\n"
                                "xor.b32 %r5, %r1, 32; mul.wide.u32 %rd9, %r5, 4;\n"
                                "add.s64 %rd9, %rd9, %rd8; /*1*/ld.shared.u32 %r6, [%rd9];\n"
                                "/*2*/st.shared.u32 [%rd7], %r6;");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "race", "/*2*/", 0, 0, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 32);
}

#define NEIGHBOUR "xor.b32 %r5, %r1, 1; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd8;\n"

static void test_race_within_a_warp(void **state)
{
    const char *source = SHARED(NEIGHBOUR "/*1*/st.shared.u32 [%rd7], %r1;\n"
                                          "/*2*/ld.shared.u32 %r6, [%rd9];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*2*/", 0, 0, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 1);
}

static void test_lanes_that_meet(void **state)
{
    (void)state;
    run_clean(SHARED(NEIGHBOUR "st.shared.u32 [%rd7], %r1; bar.warp.sync 0xffffffff;\n"
                               "ld.shared.u32 %r6, [%rd9]; shfl.sync.idx.b32 %r7, %r6, 0, 31, "
                               "0xffffffff; st.shared.u32 [%rd7], %r6;"),
              1, 64);
}

/* Groups of eight lanes, each on its own; then pairs, whose knowledge goes on. */
#define GROUPS                                                                                     \
    "and.b32 %r10, %r1, 24; mov.u32 %r11, 255; shl.b32 %r11, %r11, %r10;\n"                        \
    "and.b32 %r12, %r1, 30; mov.u32 %r13, 3; shl.b32 %r13, %r13, %r12;\n"

static void test_groups_of_lanes(void **state)
{
    (void)state;
    run_clean(SHARED(GROUPS "xor.b32 %r5, %r1, 7; mul.wide.u32 %rd9, %r5, 4;\n"
                            "add.s64 %rd9, %rd9, %rd8; st.shared.u32 [%rd7], %r1;\n"
                            "bar.warp.sync %r11; bar.warp.sync %r13; ld.shared.u32 %r6, [%rd9];"),
              1, 32);
}

static void test_race_of_groups(void **state)
{
    const char *source = SHARED(GROUPS "xor.b32 %r5, %r1, 8; mul.wide.u32 %rd9, %r5, 4;\n"
                                       "add.s64 %rd9, %rd9, %rd8; /*1*/st.shared.u32 [%rd7], %r1;\n"
                                       "bar.warp.sync %r11; /*2*/ld.shared.u32 %r6, [%rd9];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*2*/", 0, 0, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 8);
}

static void test_one_instruction(void **state)
{
    const char *source = SHARED("/*1*/st.shared.u32 [%rd8], %r1;");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*1*/", 0, 1, NULL);
    assert_other(source, "race", "/*1*/", "/*1*/", 0, 0);
}

static void test_same_value(void **state)
{
    (void)state;
    run_clean(SHARED("mov.u32 %r5, 3; st.shared.u32 [%rd8], %r5; st.global.u32 [%rd1], %r5;"), 2,
              64);
}

static void test_race_of_blocks(void **state)
{
    const char *source = KERNEL("", "setp.ne.u32 %p1, %r1, 3; @%p1 ret;\n"
                                    "/*1*/st.global.u32 [%rd1+40], %r3;");

    (void)state;
    run(source, 3, 32);
    assert_found(source, "race", "/*1*/", 1, 3, &out[10]);
    assert_other(source, "race", "/*1*/", "/*1*/", 0, 3);
    assert_says(source, "race", "/*1*/", "\"number\":1");
}

/* Each launch is behind the one before. */
static void test_launches_are_ordered(void **state)
{
    (void)state;
    run(KERNEL("", "st.global.u32 [%rd3], %r1;"), 2, 64);
    run(KERNEL("", "xor.b32 %r5, %r3, 64; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd1;\n"
                   "ld.global.u32 %r6, [%rd9];"),
        2, 64);
    assert_clean();
}

static void test_bytes_are_apart(void **state)
{
    (void)state;
    run_clean(KERNEL("", "cvt.u64.u32 %rd9, %r3; add.s64 %rd9, %rd9, %rd1; cvt.u16.u32 %h1, %r1;\n"
                         "st.global.u8 [%rd9], %h1; ld.global.u8 %h2, [%rd9];"),
              4, 50);
}

static void test_race_of_bytes(void **state)
{
    const char *source =
        KERNEL("", "add.u32 %r5, %r3, %r2; cvt.u64.u32 %rd9, %r3; add.s64 %rd9, %rd9, %rd1;\n"
                   "sub.s64 %rd9, %rd9, %rd10; cvt.u16.u32 %h1, %r5;\n"
                   "mul.wide.u32 %rd10, %r2, 1; sub.s64 %rd9, %rd9, %rd10;\n"
                   "/*1*/st.global.u8 [%rd9], %h1;");

    (void)state;
    run(source, 2, 50);
    assert_found(source, "race", "/*1*/", 1, 0, (char *)out + 49);
    assert_other(source, "race", "/*1*/", "/*1*/", 0, 49);
}

/* ---- Loads that are asked for together ---- */

/* Who reads what afterwards is known of each. */
static void test_reads_together(void **state)
{
    const char *source =
        SHARED("st.shared.u32 [%rd7], %r1; st.shared.u32 [%rd7+128], %r1;\n"
               "bar.sync 0; /*1*/ld.shared.u32 %r5, [%rd8];\n"
               "/*2*/ld.shared.u32 %r6, [%rd8+4]; /*3*/ld.shared.u32 %r7, [%rd7];\n"
               "/*4*/ld.shared.u32 %r8, [%rd7+128];\n"
               "setp.ne.u32 %p1, %r1, 31; @%p1 bra L;\n"
               "/*5*/st.shared.u32 [%rd8+4], %r5;\n"
               "/*6*/st.shared.u32 [%rd8+128], %r7; L:");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*5*/", 0, 31, NULL);
    assert_other(source, "race", "/*5*/", "/*2*/", 0, 0);
    assert_found(source, "race", "/*6*/", 0, 31, NULL);
    assert_other(source, "race", "/*6*/", "/*4*/", 0, 0);
}

/* Lanes meet between the two loads: that orders the first one alone. */
static void test_read_behind_a_meeting(void **state)
{
    const char *source = SHARED(
        "st.shared.u32 [%rd7], %r1; st.shared.u32 [%rd7+128], %r1;\n"
        "xor.b32 %r5, %r1, 1; mul.wide.u32 %rd9, %r5, 4;\n"
        "add.s64 %rd9, %rd9, %rd8; ld.shared.u32 %r5, [%rd7];\n"
        "shfl.sync.bfly.b32 %r5, %r5, 1, 31, 0xffffffff; /*1*/ld.shared.u32 %r6, [%rd7+128];\n"
        "st.shared.u32 [%rd9], %r6; /*2*/st.shared.u32 [%rd9+128], %r5;");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*2*/", 0, 0, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 1);
}

/* What was written between two loads only the second one meets. */
static void test_write_between_reads(void **state)
{
    const char *source = SHARED(NEIGHBOUR "st.shared.u32 [%rd7], %r1;\n"
                                          "st.shared.u32 [%rd7+128], %r1; bar.sync 0;\n"
                                          "ld.shared.u32 %r5, [%rd7];\n"
                                          "/*1*/st.shared.u32 [%rd9+128], %r5;\n"
                                          "/*2*/ld.shared.u32 %r6, [%rd7+128];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*2*/", 0, 0, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 1);
}

/* ---- Lines that warps touch as a whole, and then not ---- */

#define VECTOR(place) "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd8+" #place "];\n"

/* All of a line, by vectors that all lanes read: each has its place. */
static void test_line_read_by_all(void **state)
{
    const char *source = SHARED(
        "st.shared.u32 [%rd7], %r1; bar.sync 0;\n" VECTOR(0) VECTOR(16) "/*1*/" VECTOR(32)
            VECTOR(48) VECTOR(64) VECTOR(80) VECTOR(96) "/*2*/" VECTOR(
                112) "setp.ne.u32 %p1, %r1, 31; @%p1 bra L;\n"
                     "/*3*/st.shared.u32 [%rd8+36], %r5; /*4*/st.shared.u32 [%rd8+124], %r5; L:");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*3*/", 0, 31, NULL);
    assert_other(source, "race", "/*3*/", "/*1*/", 0, 0);
    assert_found(source, "race", "/*4*/", 0, 31, NULL);
    assert_other(source, "race", "/*4*/", "/*2*/", 0, 0);
}

/* Of two words for a lane, half a warp has a line. */
static void test_line_of_long_words(void **state)
{
    const char *source = SHARED("mul.wide.u32 %rd9, %r1, 8; add.s64 %rd9, %rd9, %rd8;\n"
                                "cvt.u64.u32 %rd10, %r1; /*1*/st.shared.u64 [%rd9], %rd10;\n"
                                "setp.ne.u32 %p1, %r1, 2; @%p1 bra L;\n"
                                "/*2*/ld.shared.u32 %r5, [%rd8+180]; L:");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "race", "/*2*/", 0, 2, NULL);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 22);
}

/* A word of its own, then the line again. */
static void test_line_after_words(void **state)
{
    const char *source =
        SHARED("st.shared.u32 [%rd7], %r1; bar.sync 0;\n"
               "setp.ne.u32 %p1, %r1, 5; @%p1 bra L; ld.shared.u32 %r5, [%rd7]; L:\n"
               "bar.sync 0; /*1*/st.shared.u32 [%rd7], %r1;\n"
               "ld.shared.u32 %r6, [%rd7]; /*3*/st.shared.u32 [%rd7], %r6;\n"
               "setp.ne.u32 %p1, %r1, 40; @%p1 bra M;\n"
               "/*2*/st.shared.u32 [%rd8+40], %r1; M:");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "race", "/*2*/", 0, 40, NULL);
    assert_other(source, "race", "/*2*/", "/*3*/", 0, 10);
}

/* Two warps read a line; a third one writes it. */
static void test_line_of_readers(void **state)
{
    const char *source =
        SHARED("setp.ge.u32 %p1, %r1, 32; @%p1 bra L; st.shared.u32 [%rd7], %r1; L:\n"
               "bar.sync 0; and.b32 %r5, %r1, 31; mul.wide.u32 %rd9, %r5, 4;\n"
               "add.s64 %rd9, %rd9, %rd8; setp.ge.u32 %p1, %r1, 64; @%p1 bra M;\n"
               "/*1*/ld.shared.u32 %r6, [%rd9]; bra N; M:\n"
               "/*2*/st.shared.u32 [%rd9], %r1; N:");

    (void)state;
    run(source, 1, 96);
    assert_found(source, "race", "/*1*/", 0, 0, NULL);
    assert_other(source, "race", "/*1*/", "/*2*/", 0, 64);
}

/* Reads of lines behind each other are asked for at once, and remembered each at its own place. */
static void test_lines_behind_each_other(void **state)
{
    static const char *const sources[] = {
        SHARED("st.shared.u32 [%rd7], %r1; st.shared.u32 [%rd7+256], %r1; bar.sync 0;\n"
               "/*1*/ld.shared.u32 %r6, [%rd7]; /*2*/ld.shared.u32 %r7, [%rd7+128];\n"
               "add.u32 %r6, %r6, %r7; /*3*/st.shared.u32 [%rd7+256], %r6;"),
        SHARED("mul.wide.u32 %rd9, %r1, 8; add.s64 %rd9, %rd9, %rd8;\n"
               "st.shared.u64 [%rd9], %rd9; st.shared.u64 [%rd9+512], %rd9; bar.sync 0;\n"
               "/*1*/ld.shared.u64 %rd10, [%rd9]; /*2*/ld.shared.u64 %rd11, [%rd9+256];\n"
               "add.u64 %rd10, %rd10, %rd11; /*3*/st.shared.u64 [%rd9+512], %rd10;"),
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        close_memory();
        open_memory(CHECK_ALL, CHECK_LIMIT);
        run(sources[i], 1, 64);
        assert_found(sources[i], "race", "/*3*/", 0, 0, NULL);
        assert_other(sources[i], "race", "/*3*/", "/*2*/", 0, 32);
    }
}

/* ---- Atomics and fences ---- */

static void test_atomics_are_no_race(void **state)
{
    (void)state;
    run_clean(KERNEL("",
                     "and.b32 %r5, %r1, 7; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd1;\n"
                     "atom.global.add.u32 %r6, [%rd9], 1; red.global.add.u32 [%rd9], 1;\n"
                     "ld.volatile.global.u32 %r7, [%rd9]; ld.relaxed.gpu.u32 %r7, [%rd9];"),
              4, 64);
}

static void test_atomic_and_plain(void **state)
{
    const char *source =
        KERNEL("", "/*1*/red.global.add.u32 [%rd1], 1; /*2*/ld.global.u32 %r5, [%rd1];");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "race", "/*2*/", 0, 0, &out[0]);
    assert_other(source, "race", "/*2*/", "/*1*/", 0, 31);
}

/* How an atomic is made that the hardware does not have. */
static void test_guess(void **state)
{
    (void)state;
    run_clean(KERNEL("", "ld.global.u32 %r5, [%rd1];\n"
                         "L: add.u32 %r6, %r5, 3; mov.u32 %r7, %r5;\n"
                         "atom.global.cas.b32 %r5, [%rd1], %r7, %r6; setp.ne.u32 %p1, %r5, %r7;\n"
                         "@%p1 bra L;"),
              2, 64);
    assert_int_equal(out[0], 3 * 128);
}

static void test_atomics_of_a_block(void **state)
{
    const char *source = KERNEL("", "/*1*/red.relaxed.cta.global.add.u32 [%rd1], 1;");

    (void)state;
    run_clean(source, 1, 64);
    run(source, 2, 64);
    assert_found(source, "race", "/*1*/", 1, 0, &out[0]);
}

/* Each thread adds to what a lock guards. */
#define LOCKED(fence_before, fence_behind)                                                         \
    KERNEL("", "L: atom.global.cas.b32 %r5, [%rd1], 0, 1; setp.ne.u32 %p1, %r5, 0; @%p1 bra "      \
               "L;\n" fence_before "ld.global.u32 %r6, [%rd1+64]; add.u32 %r6, %r6, 1;\n"          \
               "/*1*/st.global.u32 [%rd1+64], %r6;\n" fence_behind                                 \
               "atom.global.exch.b32 %r5, [%rd1], 0;")

static void test_lock(void **state)
{
    (void)state;
    run_clean(LOCKED("membar.gl;", "membar.gl;"), 4, 64);
    assert_int_equal(out[16], 256);
}

static void test_lock_without_fence(void **state)
{
    (void)state;
    run(LOCKED("membar.gl;", ""), 2, 1);
    assert_says(LOCKED("membar.gl;", ""), "race",
                "L: atom.global.cas.b32 %r5, [%rd1], 0, 1; "
                "setp.ne.u32 %p1, %r5, 0; @%p1 bra L;\nmembar.gl;",
                "\"block\":[1,0,0]");
}

/* A fence for the block is none for others. */
static void test_lock_with_narrow_fence(void **state)
{
    (void)state;
    run_clean(LOCKED("membar.cta;", "membar.cta;"), 1, 64);
    run(LOCKED("membar.cta;", "membar.cta;"), 2, 1);
    fflush(json_file);
    assert_within(json, "\"kind\":\"race\"");
}

/* The last block adds what all have written. */
#define LAST_BLOCK(fence)                                                                          \
    KERNEL(".shared .u32 is_last;",                                                                \
           "st.global.u32 [%rd3], %r3; " fence " bar.sync 0;\n"                                    \
           "setp.ne.u32 %p1, %r1, 0; @%p1 bra W;\n"                                                \
           "atom.global.inc.u32 %r5, [%rd2], 1000; mov.u32 %r6, %nctaid.x; sub.u32 %r6, %r6, 1;\n" \
           "setp.eq.u32 %p2, %r5, %r6; selp.u32 %r7, 1, 0, %p2; st.shared.u32 [is_last], %r7;\n"   \
           "W: bar.sync 0; ld.shared.u32 %r7, [is_last]; setp.eq.u32 %p2, %r7, 0; @%p2 ret;\n"     \
           "mul.wide.u32 %rd9, %r1, 4; add.s64 %rd9, %rd9, %rd1; /*1*/ld.global.u32 %r8, [%rd9];")

static void test_last_block(void **state)
{
    (void)state;
    check_written(memory.check, address_of(in), sizeof(in));
    run_clean(LAST_BLOCK("membar.gl;"), 4, 64);
}

static void test_last_block_without_fence(void **state)
{
    (void)state;
    check_written(memory.check, address_of(in), sizeof(in));
    run(LAST_BLOCK(""), 4, 64);
    assert_found(LAST_BLOCK(""), "race", "/*1*/", 3, 0, &out[0]);
}

/* One warp waits for a flag that another sets. */
#define FLAG(store, load)                                                                          \
    SHARED("setp.ge.u32 %p1, %r1, 32; setp.eq.u32 %p2, %r1, 0; @%p2 st.shared.u32 [%rd8+64], 0;\n" \
           "bar.sync 0; @%p1 bra C;\n"                                                             \
           "setp.ne.u32 %p1, %r1, 0; @%p1 ret;\n"                                                  \
           "st.shared.u32 [%rd8], 42; " store " [%rd8+64], 1; ret;\n"                              \
           "C: " load " %r5, [%rd8+64]; setp.eq.u32 %p1, %r5, 0; @%p1 bra C;\n"                    \
           "/*1*/ld.shared.u32 %r6, [%rd8]; st.global.u32 [%rd3], %r6;")

static void test_flags(void **state)
{
    (void)state;
    run_clean(FLAG("membar.cta; st.volatile.shared.u32", "ld.volatile.shared.u32"), 1, 64);
    assert_int_equal(out[40], 42);
    run_clean(FLAG("st.release.cta.shared.u32", "ld.acquire.cta.shared.u32"), 1, 64);
}

static void test_flag_without_release(void **state)
{
    const char *source = FLAG("st.volatile.shared.u32", "ld.volatile.shared.u32");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "race", "/*1*/", 0, 32, NULL);
}

/* One warp gives, the other takes: bar.arrive and bar.sync of 64 threads. */
static void test_producer_and_consumer(void **state)
{
    (void)state;
    run_clean(SHARED("and.b32 %r5, %r1, 31; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd8;\n"
                     "setp.ge.u32 %p1, %r1, 32; @%p1 bra C;\n"
                     "st.shared.u32 [%rd9], %r1; bar.arrive 1, 64; bar.sync 2, 64;\n"
                     "st.shared.u32 [%rd9], %r5; ret;\n"
                     "C: bar.sync 1, 64; ld.shared.u32 %r6, [%rd9]; bar.arrive 2, 64;"),
              1, 64);
}

/* Of a counted barrier a warp's end orders nothing: what it did up to its arrival is ordered. */
#define ARRIVES(behind)                                                                            \
    SHARED("and.b32 %r5, %r1, 31; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd8;\n"          \
           "setp.ge.u32 %p1, %r1, 32; @%p1 bra C;\n"                                               \
           "bar.sync 1, 64; /*1*/ld.shared.u32 %r6, [%rd9]; st.global.u32 [%rd3], %r6; ret;\n"     \
           "C: st.shared.u32 [%rd9], 7; bar.arrive 1, 64;\n" behind)

static void test_warp_that_arrived_and_ended(void **state)
{
    const char *source = ARRIVES("/*2*/st.shared.u32 [%rd9], %r1;");

    (void)state;
    run_clean(ARRIVES(""), 1, 64);
    run(source, 1, 64);
    assert_found(source, "race", "/*1*/", 0, 0, NULL);
    assert_other(source, "race", "/*1*/", "/*2*/", 0, 32);
}

/* A first warp writes and ends, and two others meet. */
#define ENDS(barrier)                                                                              \
    SHARED("and.b32 %r5, %r1, 31; mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd8;\n"          \
           "setp.ge.u32 %p1, %r1, 32; @%p1 bra C;\n"                                               \
           "/*1*/st.shared.u32 [%rd9], %r1; ret;\n"                                                \
           "C: " barrier " /*2*/ld.shared.u32 %r6, [%rd9]; st.global.u32 [%rd3], %r6;")

static void test_warp_that_ended(void **state)
{
    (void)state;
    run_clean(ENDS("bar.sync 0;"), 1, 96);
    run(ENDS("bar.sync 1, 64;"), 1, 96);
    assert_found(ENDS("bar.sync 1, 64;"), "race", "/*2*/", 0, 64, NULL);
    assert_other(ENDS("bar.sync 1, 64;"), "race", "/*2*/", "/*1*/", 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_race_in_shared_memory),
        TEST(test_barrier_orders),
        TEST(test_race_after_reading),
        TEST(test_race_within_a_warp),
        TEST(test_lanes_that_meet),
        TEST(test_groups_of_lanes),
        TEST(test_race_of_groups),
        TEST(test_one_instruction),
        TEST(test_same_value),
        TEST(test_race_of_blocks),
        TEST(test_launches_are_ordered),
        TEST(test_reads_together),
        TEST(test_read_behind_a_meeting),
        TEST(test_write_between_reads),
        TEST(test_line_read_by_all),
        TEST(test_line_of_long_words),
        TEST(test_line_after_words),
        TEST(test_line_of_readers),
        TEST(test_lines_behind_each_other),
        TEST(test_bytes_are_apart),
        TEST(test_race_of_bytes),
        TEST(test_atomics_are_no_race),
        TEST(test_atomic_and_plain),
        TEST(test_guess),
        TEST(test_atomics_of_a_block),
        TEST(test_lock),
        TEST(test_lock_without_fence),
        TEST(test_lock_with_narrow_fence),
        TEST(test_last_block),
        TEST(test_last_block_without_fence),
        TEST(test_flags),
        TEST(test_flag_without_release),
        TEST(test_producer_and_consumer),
        TEST(test_warp_that_arrived_and_ended),
        TEST(test_warp_that_ended),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
