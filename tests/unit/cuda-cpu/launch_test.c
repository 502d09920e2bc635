/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* Threads that wait for each other, blocks on several host threads, and how launches end. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/program/program.h"

/* A kernel over out, in %rd0: with the thread in %r0 and the block in %r1, and &out[thread of the
 * grid] in %rd1. */
#define KERNEL(declarations, statements)                                                           \
    ".version 8.0\n.target sm_90\n.address_size 64\n" declarations                                 \
    "\n.entry k(.param .u64 out)\n{\n"                                                             \
    ".reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<9>;\n"                                     \
    "mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; ld.param.u64 %rd0, [out]; " \
    "mad.lo.u32 %r3, %r1, %r2, %r0; mul.wide.u32 %rd1, %r3, 4; add.u64 %rd1, %rd0, "               \
    "%rd1;\n" statements "\nret;\n}\n"

#define OUT_MAX 8192
#define DEADLINE_S 60

static struct memory memory;
static struct launch_fault fault;
static char log_text[4096];
static uint32_t stop;
static _Alignas(256) uint32_t out[OUT_MAX];
static struct launch launch; /* what the next one is launched with */

static int setup(void **state)
{
    (void)state;
    memset(out, 0, sizeof(out));
    stop = 0;
    launch =
        (struct launch){.grid = {1, 1, 1}, .block = {32, 1, 1}, .memory = &memory, .stop = &stop};
    return memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    if (launch.pool != NULL) {
        pool_destroy(launch.pool);
    }
    memory_clear(&memory);
    return 0;
}

static struct program *load(const char *text)
{
    struct ptx_log log;
    struct program *program;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch.shared_size = program_find_kernel(program, "k")->shared_size + 64;
    return program;
}

static enum launch_status run(const char *text)
{
    uint64_t params[1] = {(uint64_t)(uintptr_t)out};
    struct program *program = load(text);
    enum launch_status status;

    launch.params = params;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

static void run_well(const char *text)
{
    enum launch_status status = run(text);

    if (status != LAUNCH_OK) {
        print_error("%s\nstatus %d, fault %d, %s\n", text, status, fault.fault, fault.waits);
        fail();
    }
}

static void use_threads(unsigned threads)
{
    launch.threads = threads;
    launch.pool = pool_create(threads - 1);
    assert_non_null(launch.pool);
}

/* ---- Lanes that wait for lanes of their warp ---- */

/* Each thread takes the lock and gives it back, as code does that knows of no warps. */
#define SPIN_LOCK                                                                                  \
    "S: atom.global.cas.b32 %r4, [%rd0], 0, 1; setp.ne.u32 %p1, %r4, 0; @%p1 bra S;\n"             \
    "ld.volatile.global.u32 %r5, [%rd0 + 4]; add.u32 %r5, %r5, 1; "                                \
    "st.volatile.global.u32 [%rd0 + 4], %r5; membar.gl; atom.global.exch.b32 %r6, [%rd0], 0;"

static void test_spin_lock(void **state)
{
    (void)state;
    launch.block[0] = 100;
    launch.grid[0] = 3;
    run_well(KERNEL("", SPIN_LOCK));
    assert_int_equal(out[1], 300);
    assert_int_equal(out[0], 0);
}

/* The same in a function: lanes that have the lock come back while others are in it. */
static void test_spin_lock_in_function(void **state)
{
    (void)state;
    launch.block[0] = 64;
    run_well(KERNEL(".func take (.param .b64 lock) { .reg .b64 %a; .reg .b32 %b; .reg .pred %p; "
                    "ld.param.u64 %a, [lock]; S: atom.global.cas.b32 %b, [%a], 0, 1; "
                    "setp.ne.u32 %p, %b, 0; @%p bra S; ret; }\n"
                    ".func outer (.param .b64 lock) { .reg .b64 %a; .param .b64 p; "
                    "ld.param.u64 %a, [lock]; st.param.u64 [p], %a; call take, (p); ret; }\n",
                    ".param .b64 q; st.param.u64 [q], %rd0; mov.u32 %r7, 0;\n"
                    "L: call outer, (q); ld.volatile.global.u32 %r5, [%rd0 + 4]; "
                    "add.u32 %r5, %r5, 1; st.volatile.global.u32 [%rd0 + 4], %r5; membar.gl; "
                    "atom.global.exch.b32 %r6, [%rd0], 0; add.u32 %r7, %r7, 1; "
                    "setp.lt.u32 %p2, %r7, 5; @%p2 bra L;"));
    assert_int_equal(out[1], 320);
}

/* Lane 3 waits for a flag that lane 20 sets behind the loop; it stands before it in the code. */
static void test_flag_of_a_lane(void **state)
{
    (void)state;
    run_well(KERNEL("", "setp.ne.u32 %p1, %r0, 3; @%p1 bra E;\n"
                        "W: ld.volatile.global.u32 %r4, [%rd0 + 4096]; setp.eq.u32 %p2, %r4, 0; "
                        "@%p2 bra W; st.global.u32 [%rd0], %r4;\n"
                        "E: setp.ne.u32 %p3, %r0, 20; @%p3 bra D; "
                        "st.volatile.global.u32 [%rd0 + 4096], 77; D:"));
    assert_int_equal(out[0], 77);
}

/* Lanes in a ring, each waiting for the one before it, in one loop. */
static void test_ring_of_lanes(void **state)
{
    (void)state;
    launch.block[0] = 96;
    run_well(KERNEL("", "sub.u32 %r4, 95, %r0;\n"
                        "W: ld.acquire.gpu.global.u32 %r5, [%rd0]; setp.ne.u32 %p1, %r5, %r4; "
                        "@%p1 bra W; add.u32 %r5, %r5, 1; st.release.gpu.global.u32 [%rd0], %r5;"));
    assert_int_equal(out[0], 96);
}

/* ---- Warps and blocks that wait for each other ---- */

/* Producer and consumer, through shared memory, without barriers. */
static void test_warps_without_barriers(void **state)
{
    (void)state;
    launch.block[0] = 64;
    run_well(KERNEL(".shared .b32 full, value;\n",
                    "mov.u32 %r4, 0; setp.ge.u32 %p1, %r0, 32; @%p1 bra C;\n"
                    "P: and.b32 %r6, %r0, 31; setp.ne.u32 %p2, %r6, 0; @%p2 bra D;\n"
                    "A: ld.volatile.shared.u32 %r5, [full]; setp.ne.u32 %p2, %r5, 0; @%p2 bra A; "
                    "st.volatile.shared.u32 [value], %r4; membar.cta; "
                    "st.volatile.shared.u32 [full], 1; add.u32 %r4, %r4, 1; "
                    "setp.lt.u32 %p3, %r4, 50; @%p3 bra A; bra D;\n"
                    "C: setp.ne.u32 %p2, %r0, 40; @%p2 bra D; mov.u32 %r7, 0;\n"
                    "B: ld.volatile.shared.u32 %r5, [full]; setp.eq.u32 %p2, %r5, 0; @%p2 bra B; "
                    "ld.volatile.shared.u32 %r5, [value]; add.u32 %r7, %r7, %r5; "
                    "st.volatile.shared.u32 [full], 0; add.u32 %r4, %r4, 1; "
                    "setp.lt.u32 %p3, %r4, 50; @%p3 bra B; st.global.u32 [%rd0], %r7;\nD:"));
    assert_int_equal(out[0], 49 * 50 / 2);
}

/* All blocks meet again and again, by a counter; each block sees what all wrote before. */
#define GRID_SYNC                                                                                  \
    "mov.u32 %r10, %nctaid.x; mov.u32 %r11, 0;\n"                                                  \
    "L: bar.sync 0; setp.ne.u32 %p1, %r0, 0; @%p1 bra J; membar.gl; "                              \
    "atom.global.add.u32 %r12, [%rd0], 1; add.u32 %r13, %r11, 1; mul.lo.u32 %r13, %r13, %r10;\n"   \
    "W: ld.volatile.global.u32 %r14, [%rd0]; setp.lt.u32 %p2, %r14, %r13; @%p2 bra W; "            \
    "membar.gl;\n"                                                                                 \
    "J: bar.sync 0; add.u32 %r11, %r11, 1; setp.lt.u32 %p3, %r11, 4; @%p3 bra L; "                 \
    "st.global.u32 [%rd1 + 1024], %r11;"

static void test_grid_sync(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        memset(out, 0, sizeof(out));
        launch.grid[0] = 24;
        launch.block[0] = 64;
        launch.cooperative = true;
        use_threads(threads);
        run_well(KERNEL("", GRID_SYNC));
        assert_int_equal(out[0], 4 * 24);
        assert_int_equal(out[256 + 24 * 64 - 1], 4);
        pool_destroy(launch.pool);
        launch.pool = NULL;
    }
}

/* Without being told: the first block waits for the last one. */
static void test_blocks_that_wait(void **state)
{
    (void)state;
    launch.grid[0] = 50;
    run_well(KERNEL("", "setp.ne.u32 %p1, %r1, 0; @%p1 bra B;\n"
                        "W: ld.volatile.global.u32 %r4, [%rd0]; setp.eq.u32 %p2, %r4, 0; "
                        "@%p2 bra W; st.global.u32 [%rd0 + 4], %r4; bra E;\n"
                        "B: setp.ne.u32 %p1, %r1, 49; @%p1 bra E; st.volatile.global.u32 [%rd0], 9;"
                        "\nE:"));
    assert_int_equal(out[1], 9);
}

/* ---- Barriers ---- */

/* Lanes of a warp come to the same barrier at two places. */
static void test_barrier_of_parted_lanes(void **state)
{
    (void)state;
    launch.block[0] = 64;
    run_well(KERNEL("", "and.b32 %r4, %r0, 1; setp.eq.u32 %p1, %r4, 0; @%p1 bra A;\n"
                        "st.global.u32 [%rd1], %r0; barrier.sync 0; "
                        "ld.volatile.global.u32 %r5, [%rd1 + -4]; bra E;\n"
                        "A: st.global.u32 [%rd1], %r0; barrier.sync 0; "
                        "ld.volatile.global.u32 %r5, [%rd1 + 4];\n"
                        "E: st.global.u32 [%rd1 + 4096], %r5;"));
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(out[1024 + i], i ^ 1);
    }
}

/* Two warps produce, two consume: bar.arrive and bar.sync with counts. */
static void test_barrier_arrive(void **state)
{
    (void)state;
    launch.block[0] = 128;
    run_well(KERNEL(".shared .b32 s[64];\n",
                    "mov.u32 %r4, s; and.b32 %r5, %r0, 63; shl.b32 %r5, %r5, 2; "
                    "add.u32 %r4, %r4, %r5; mov.u32 %r6, 0; mov.u32 %r8, 0; "
                    "setp.ge.u32 %p1, %r0, 64; @%p1 bra C;\n"
                    "P: st.shared.u32 [%r4], %r6; bar.arrive 1, 128; bar.sync 2, 128; "
                    "add.u32 %r6, %r6, 1; setp.lt.u32 %p2, %r6, 10; @%p2 bra P; bra E;\n"
                    "C: bar.sync 1, 128; ld.shared.u32 %r7, [%r4]; add.u32 %r8, %r8, %r7; "
                    "bar.arrive 2, 128; add.u32 %r6, %r6, 1; setp.lt.u32 %p2, %r6, 10; "
                    "@%p2 bra C; st.global.u32 [%rd1], %r8;\nE:"));
    assert_int_equal(out[64], 45);
    assert_int_equal(out[127], 45);
    assert_int_equal(out[0], 0);
}

/* Threads that ended are not waited for, be it a part of a warp; votes are of those that are left.
 */
static void test_barrier_without_the_ended(void **state)
{
    (void)state;
    launch.block[0] = 70;
    run_well(KERNEL("", "setp.lt.u32 %p1, %r0, 40; @%p1 ret; setp.ne.u32 %p2, %r0, 50; "
                        "bar.red.popc.u32 %r4, 0, %p2; st.global.u32 [%rd1], %r4;"));
    assert_int_equal(out[39], 0);
    assert_int_equal(out[40], 29);
    assert_int_equal(out[69], 29);
}

/* A number that differs from lane to lane: each barrier is for the lanes of both warps that come to
 * it. A warp that does not come whole counts its lanes. */
static void test_barrier_numbers(void **state)
{
    (void)state;
    launch.block[0] = 64;
    run_well(KERNEL("", "and.b32 %r4, %r0, 1; and.b32 %r5, %r0, 2; setp.eq.u32 %p1, %r5, 0; "
                        "barrier.red.popc.u32 %r6, %r4, 32, %p1; st.global.u32 [%rd1], %r6; "
                        "barrier.sync 2;"));
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(out[i], 16);
    }
}

static void test_deadlock(void **state)
{
    (void)state;
    launch.block[0] = 96;
    launch.grid[0] = 2;
    assert_int_equal(run(KERNEL("", "setp.lt.u32 %p1, %r0, 32; @%p1 bra A; bar.sync 1, 96; bra E;\n"
                                    "A: bar.sync 2, 96;\nE:")),
                     LAUNCH_DEADLOCK);
    assert_string_equal(fault.waits, "warp 0, lanes 0xffffffff: at barrier 2, with 32 of 96 "
                                     "threads; warp 1, lanes 0xffffffff: at barrier 1, with 64 of "
                                     "96 threads; warp 2, lanes 0xffffffff: at barrier 1, with 64 "
                                     "of 96 threads");
    assert_int_equal(run(KERNEL("", "setp.eq.u32 %p1, %r0, 7; @%p1 bar.warp.sync 0x180; "
                                    "setp.eq.u32 %p1, %r0, 8; @%p1 bar.sync 0;")),
                     LAUNCH_DEADLOCK);
}

/* ---- Lanes that meet ---- */

/* Each half of the warp comes from elsewhere; what they exchange is of all. */
static void test_lanes_meet(void **state)
{
    (void)state;
    run_well(KERNEL("",
                    "setp.lt.u32 %p1, %r0, 16; @%p1 bra A;\n"
                    "shfl.sync.bfly.b32 %r4, %r0, 16, 31, -1; setp.gt.u32 %p2, %r0, 20; "
                    "vote.sync.ballot.b32 %r5, %p2, -1; redux.sync.add.u32 %r6, %r0, -1; bra E;\n"
                    "A: add.u32 %r7, %r0, 100; shfl.sync.bfly.b32 %r4, %r7, 16, 31, -1; "
                    "setp.eq.u32 %p2, %r0, 1; vote.sync.ballot.b32 %r5, %p2, -1; "
                    "redux.sync.add.u32 %r6, 1, -1;\n"
                    "E: bar.warp.sync -1; st.global.u32 [%rd1], %r4; "
                    "st.global.u32 [%rd1 + 1024], %r5; st.global.u32 [%rd1 + 2048], %r6;"));
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], i < 16 ? i + 16 : i - 16 + 100);
        assert_int_equal(out[256 + i], 0xFFE00002);
        assert_int_equal(out[512 + i], 16 + (16 + 31) * 8);
    }
}

/* Groups of one instruction, each with its own mask. */
static void test_masks_of_groups(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.u32 %r4, 0xFF; and.b32 %r5, %r0, 24; shl.b32 %r4, %r4, %r5; "
                        "and.b32 %r6, %r0, 1; setp.ne.u32 %p1, %r6, 0; "
                        "vote.sync.ballot.b32 %r7, %p1, %r4; redux.sync.max.s32 %r8, %r0, %r4; "
                        "setp.lt.u32 %p2, %r0, 8; vote.sync.all.pred %p3, %p2, %r4; "
                        "selp.u32 %r9, 100, 0, %p3; add.u32 %r8, %r8, %r9; "
                        "elect.sync %r10|%p4, %r4; selp.u32 %r9, 1000, 0, %p4; "
                        "add.u32 %r8, %r8, %r9; st.global.u32 [%rd1], %r7; "
                        "st.global.u32 [%rd1 + 1024], %r8;"));
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], 0xAAU << (i & 24));
        assert_int_equal(out[256 + i], (i | 7) + (i < 8 ? 100 : 0) + (i % 8 == 0 ? 1000 : 0));
    }
}

/* ---- Ends ---- */

static void test_exit_in_function(void **state)
{
    (void)state;
    launch.block[0] = 64;
    run_well(KERNEL(".func leave (.param .b32 x) { .reg .b32 %a; .reg .pred %p; "
                    "ld.param.u32 %a, [x]; and.b32 %a, %a, 1; setp.ne.u32 %p, %a, 0; @%p exit; "
                    "ret; }\n",
                    ".param .b32 x; st.param.b32 [x], %r0; call leave, (x); bar.sync 0; "
                    "st.global.u32 [%rd1], 1;"));
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(out[i], !(i & 1));
    }
}

/* When the kernel has begun. */
static void *set_stop(void *argument)
{
    const uint64_t end_ns = clock_now_ns() + DEADLINE_S * NS_PER_S;

    (void)argument;
    while (__atomic_load_n(&out[0], __ATOMIC_RELAXED) == 0 && clock_now_ns() < end_ns) {
        sched_yield();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Of a grid that has no end in sight; out[0] says that it has begun. */
#define ENDLESS(declarations, statements)                                                          \
    KERNEL(declarations, "st.global.u32 [%rd0], 1; " statements)

static const char *const endless[] = {
    ENDLESS("", ""),
    ENDLESS("", "L: bra L;"),
    ENDLESS("", "L: setp.lt.u32 %p1, %r0, 3; @%p1 bra L; bar.sync 0;"),
    ENDLESS("", "L: nanosleep.u32 1000; bra L;"),
    ENDLESS("", "L: bar.sync 0; bra L;"),
    ENDLESS("", "L: atom.global.cas.b32 %r4, [%rd0], 7, 7; setp.ne.u32 %p1, %r4, 7; @%p1 bra L;"),
    ENDLESS(".func f0 () { ret; }\n.func f1 () { call f0; call f0; ret; }\n"
            ".func f2 () { call f1; call f1; ret; }\n.func f3 () { call f2; call f2; ret; }\n"
            ".func f4 () { call f3; call f3; ret; }\n.func f5 () { call f4; call f4; ret; }\n"
            ".func f6 () { call f5; call f5; ret; }\n.func f7 () { call f6; call f6; ret; }\n"
            ".func f8 () { call f7; call f7; ret; }\n.func f9 () { call f8; call f8; ret; }\n"
            ".func g1 () { call f9; call f9; ret; }\n.func g2 () { call g1; call g1; ret; }\n"
            ".func g3 () { call g2; call g2; ret; }\n.func g4 () { call g3; call g3; ret; }\n"
            ".func g5 () { call g4; call g4; ret; }\n.func g6 () { call g5; call g5; ret; }\n"
            ".func g7 () { call g6; call g6; ret; }\n.func g8 () { call g7; call g7; ret; }\n"
            ".func h1 () { call g8; call g8; ret; }\n.func h2 () { call h1; call h1; ret; }\n"
            ".func h3 () { call h2; call h2; ret; }\n.func h4 () { call h3; call h3; ret; }\n"
            ".func h5 () { call h4; call h4; ret; }\n.func h6 () { call h5; call h5; ret; }\n"
            ".func h7 () { call h6; call h6; ret; }\n.func h8 () { call h7; call h7; ret; }\n",
            "call h8; call h8; call h8; call h8;"),
};

/* By the flag, and by the limit: wherever it loops. */
static void test_time(void **state)
{
    (void)state;
    launch.block[0] = 70;
    launch.grid[0] = INT32_MAX;
    launch.grid[1] = launch.grid[2] = UINT16_MAX;
    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        pthread_t timer;

        stop = out[0] = 0;
        launch.limit_ns = 0;
        assert_int_equal(pthread_create(&timer, NULL, set_stop, NULL), 0);
        assert_int_equal(run(endless[i]), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
        pthread_join(timer, NULL);
        stop = 0;
        launch.limit_ns = 1;
        assert_int_equal(run(endless[i]), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
    }
}

/* ---- Host threads ---- */

/* Each block's result is the same, wherever it runs. */
static void test_threads_share_blocks(void **state)
{
    (void)state;
    launch.grid[0] = 100;
    launch.block[0] = 64;
    use_threads(4);
    for (unsigned i = 0; i < 5; i++) {
        memset(out, 0, sizeof(out));
        run_well(KERNEL(".shared .b32 s[64];\n",
                        "mov.u32 %r4, s; shl.b32 %r5, %r0, 2; add.u32 %r4, %r4, %r5; "
                        "st.shared.u32 [%r4], %r3; bar.sync 0; xor.b32 %r6, %r5, 252; "
                        "mov.u32 %r4, s; add.u32 %r4, %r4, %r6; ld.shared.u32 %r7, [%r4]; "
                        "st.global.u32 [%rd1], %r7;"));
        for (uint32_t j = 0; j < 6400; j++) {
            assert_int_equal(out[j], j ^ 63);
        }
    }
}

/* Each block of a grid of three dimensions begins once, and knows where it is. */
static void assert_all_begin(uint64_t seed)
{
    launch.grid[0] = 5;
    launch.grid[1] = 4;
    launch.grid[2] = 40;
    launch.seed = seed;
    memset(out, 0, sizeof(out));
    run_well(KERNEL("", "setp.ne.u32 %p1, %r0, 0; @%p1 ret; mov.u32 %r4, %ctaid.y; "
                        "mov.u32 %r5, %ctaid.z; mad.lo.u32 %r5, %r5, 4, %r4; "
                        "mad.lo.u32 %r5, %r5, 5, %r1; mul.wide.u32 %rd4, %r5, 4; "
                        "add.u64 %rd4, %rd0, %rd4; red.global.add.u32 [%rd4], 1;"));
    for (uint32_t i = 0; i < 800; i++) {
        assert_int_equal(out[i], 1);
    }
    assert_int_equal(out[800], 0);
}

static void test_all_blocks_begin(void **state)
{
    (void)state;
    assert_all_begin(0);
    assert_all_begin(7);
    use_threads(3);
    assert_all_begin(0);
    assert_all_begin(7);
}

/* The fault of the first block, though later ones come to theirs sooner. */
static void test_first_fault(void **state)
{
    (void)state;
    launch.grid[0] = 64;
    use_threads(3);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(run(KERNEL("", "mov.u32 %r4, 0; setp.lt.u32 %p1, %r1, 10; @%p1 bra E; "
                                        "sub.u32 %r5, 64, %r1; mul.lo.u32 %r5, %r5, 100;\n"
                                        "L: add.u32 %r4, %r4, 1; setp.lt.u32 %p1, %r4, %r5; "
                                        "@%p1 bra L; setp.eq.u32 %p1, %r0, 9; @%p1 trap;\nE:")),
                         LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TRAP);
        assert_int_equal(fault.block[0], 10);
        assert_int_equal(fault.thread[0], 9);
    }
}

/* Blocks behind the one that faults stop, even if they never end. */
static void test_fault_stops_others(void **state)
{
    (void)state;
    launch.grid[0] = 4;
    use_threads(4);
    assert_int_equal(run(KERNEL("", "setp.eq.u32 %p1, %r1, 0; @%p1 trap; L: bra L;")),
                     LAUNCH_FAULT);
    assert_int_equal(fault.block[0], 0);
}

/* Seeds order blocks and warps: each of them once, the same again for the same seed. */
static void order_of(uint64_t seed, uint32_t numbers[96])
{
    launch.grid[0] = 12;
    launch.block[0] = 256;
    launch.seed = seed;
    memset(out, 0, sizeof(out));
    run_well(KERNEL("", "and.b32 %r4, %r0, 31; setp.ne.u32 %p1, %r4, 0; @%p1 ret; "
                        "atom.global.add.u32 %r5, [%rd0], 1; add.u32 %r5, %r5, 1; "
                        "mul.wide.u32 %rd4, %r5, 4; add.u64 %rd4, %rd0, %rd4; "
                        "shr.u32 %r6, %r3, 5; st.global.u32 [%rd4], %r6;"));
    memcpy(numbers, out + 1, 96 * sizeof(numbers[0]));
}

static void test_schedule(void **state)
{
    uint32_t first[96], again[96], other[96], seen[96] = {0};

    (void)state;
    order_of(0, first);
    for (uint32_t i = 0; i < 96; i++) {
        assert_int_equal(first[i], i);
    }
    order_of(7, first);
    order_of(7, again);
    order_of(8, other);
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
    for (uint32_t i = 0; i < 96; i++) {
        seen[first[i]]++;
    }
    for (uint32_t i = 0; i < 96; i++) {
        assert_int_equal(seen[i], 1);
    }
}

/* ---- Special registers ---- */

static void test_special_registers(void **state)
{
    uint64_t before = (uint64_t)time(NULL), after;
    uint64_t timer;

    (void)state;
    run_well(KERNEL(".shared .b32 s[4];\n",
                    "setp.ne.u32 %p1, %r0, 3; @%p1 ret; mov.u32 %r5, s; mov.u64 %rd4, "
                    "%globaltimer; st.global.u64 [%rd0], %rd4; mov.u32 %r4, %dynamic_smem_size; "
                    "st.global.u32 [%rd0 + 8], %r4; mov.u32 %r4, %total_smem_size; "
                    "st.global.u32 [%rd0 + 12], %r4; mov.u64 %rd4, %clock64; mov.u64 %rd5, "
                    "%clock64; setp.ge.u64 %p2, %rd5, %rd4; selp.u32 %r4, 1, 0, %p2; "
                    "st.global.u32 [%rd0 + 16], %r4;"));
    after = (uint64_t)time(NULL);
    memcpy(&timer, out, sizeof(timer));
    assert_in_range(timer / 1000000000, before, after);
    assert_int_equal(out[2], 64);
    assert_int_equal(out[3], 64 + 16);
    assert_int_equal(out[4], 1);
}

/* ---- Calls ---- */

#define FIBONACCI                                                                                  \
    ".func (.param .u32 r) fib(.param .u32 n)\n{\n"                                                \
    ".reg .pred %p; .reg .b32 %a, %b, %n; .param .u32 x, y;\n"                                     \
    "ld.param.u32 %n, [n]; setp.lt.u32 %p, %n, 2; @%p bra END;\n"                                  \
    "sub.u32 %a, %n, 1; st.param.u32 [x], %a; call (y), fib, (x);\n"                               \
    "ld.param.u32 %b, [y]; sub.u32 %a, %n, 2; st.param.u32 [x], %a;\n"                             \
    "call (y), fib, (x); ld.param.u32 %a, [y]; add.u32 %n, %a, %b;\n"                              \
    "END: st.param.u32 [r], %n; ret;\n}\n"

/* Each lane to another depth. */
static void test_recursion(void **state)
{
    uint32_t a = 0, b = 1;

    (void)state;
    launch.block[0] = 20;
    run_well(KERNEL(FIBONACCI, ".param .u32 x, y; st.param.u32 [x], %r0; call (y), fib, (x); "
                               "ld.param.u32 %r4, [y]; st.global.u32 [%rd1], %r4;"));
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(out[i], a);
        b += a;
        a = b - a;
    }
}

/* Too deep, by local memory and by the host's stack: a fault, and no more. */
static void test_stack_overflow(void **state)
{
    static const char *const endless_calls[] = {
        KERNEL(".func deep (.param .b32 x) { .local .b8 l[100]; .reg .b32 %a; .param .b32 y; "
               "ld.param.u32 %a, [x]; st.param.b32 [y], %a; call deep, (y); ret; }\n",
               ".param .b32 y; st.param.b32 [y], %r0; call deep, (y);"),
        KERNEL(".func deep () { call deep; ret; }\n", "setp.eq.u32 %p1, %r0, 7; @%p1 call deep;"),
        KERNEL("", "L: alloca.u64 %rd4, 100; bra L;"),
        KERNEL("", "setp.ne.u32 %p1, %r0, 7; @%p1 ret; alloca.u64 %rd4, 0xFFFFFFFFFFFFFFF0;"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(endless_calls) / sizeof(endless_calls[0]); i++) {
        launch.stack_size = i ? 1 << 20 : 0;
        assert_int_equal(run(endless_calls[i]), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_STACK);
        assert_int_equal(fault.thread[0], i % 2 ? 7 : 0);
    }
}

/* Frames with much in them, of which fewer fit. */
static void test_large_frames(void **state)
{
    static char text[1 << 16];
    size_t used = 0;

    (void)state;
    used += (size_t)sprintf(text, ".version 8.0\n.target sm_90\n.address_size 64\n"
                                  ".func deep (.param .b64 p) { .reg .b64 %%x, %%a<40>; "
                                  ".param .b64 q; ld.param.u64 %%x, [p]; st.param.b64 [q], %%x;\n");
    for (int i = 0; i < 40; i++) {
        used += (size_t)sprintf(text + used, "ld.global.u64 %%a%d, [%%x + %d];\n", i, i * 8);
    }
    used += (size_t)sprintf(text + used, "call deep, (q);\n");
    for (int i = 0; i < 40; i++) {
        used += (size_t)sprintf(text + used, "st.global.u64 [%%x + %d], %%a%d;\n", i * 8, i);
    }
    sprintf(text + used,
            "ret; }\n.entry k(.param .u64 out) { .reg .b64 %%r; .param .b64 p; "
            "ld.param.u64 %%r, [out]; st.param.b64 [p], %%r; call deep, (p); ret; }\n");
    launch.stack_size = 1 << 20;
    assert_int_equal(run(text), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_STACK);
}

/* Functions by their addresses: from a table in memory, other ones in each lane. */
static void test_calls_by_address(void **state)
{
    static const char *const text =
        KERNEL(".func (.reg .u32 r) twice(.reg .u32 a) { add.u32 r, a, a; ret; }\n"
               ".func (.reg .u32 r) square(.reg .u32 a) { mul.lo.u32 r, a, a; ret; }\n"
               ".func (.reg .u32 r) wait(.reg .u32 a) { barrier.sync 0; add.u32 r, a, 7; ret; }\n"
               ".func (.reg .u64 r) other(.reg .u64 a) { mov.u64 r, a; ret; }\n"
               ".global .u64 table[4] = {twice, square, wait, other};\n",
               "P: .callprototype (.reg .u32 _) _ (.reg .u32 _); ld.global.u32 %r5, [%rd1]; "
               "mul.wide.u32 %rd5, %r5, 8; mov.u64 %rd6, table; add.u64 %rd6, %rd6, %rd5; "
               "ld.global.u64 %rd7, [%rd6]; ld.global.u32 %r6, [%rd1 + 1024]; cvt.u64.u32 %rd8, "
               "%r6; add.u64 %rd7, %rd7, %rd8; call (%r4), %rd7, (%r0), P; "
               "st.global.u32 [%rd1], %r4;");

    (void)state;
    for (uint32_t i = 0; i < 32; i++) {
        out[i] = i % 3;
    }
    run_well(text);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], i % 3 == 0 ? 2 * i : i % 3 == 1 ? i * i : i + 7);
    }
    for (uint32_t i = 0; i < 32; i++) {
        out[i] = i == 21 ? 3 : 0; /* not of this shape */
    }
    assert_int_equal(run(text), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_FUNCTION);
    assert_int_equal(fault.thread[0], 21);
    memset(out, 0, sizeof(out));
    out[256 + 9] = 8; /* between two functions */
    assert_int_equal(run(text), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_FUNCTION);
    assert_int_equal(fault.thread[0], 9);
}

/* Arrays, vectors and predicates go to functions and back. */
static void test_arguments(void **state)
{
    (void)state;
    run_well(KERNEL(
        ".func (.reg .pred q, .param .align 8 .b8 r[16]) f (.reg .pred p, .param .align 8 .b8 "
        "a[16], .reg .v2 .b32 v) { .reg .b64 %x, %y; .reg .b32 %l; ld.param.u64 %x, [a]; "
        "ld.param.u64 %y, [a + 8]; cvt.u64.u32 %x, v.x; add.u64 %y, %y, %x; "
        "cvt.u64.u32 %x, v.y; st.param.u64 [r], %x; st.param.u64 [r + 8], %y; not.pred q, p; "
        "ret; }\n",
        ".param .align 8 .b8 a[16]; .param .align 8 .b8 b[16]; .reg .v2 .b32 %v; "
        "mov.u64 %rd4, 100; st.param.u64 [a], %rd4; st.param.u64 [a + 8], %rd4; "
        "mov.b32 %v.x, %r0; mov.b32 %v.y, 33; setp.lt.u32 %p1, %r0, 5; "
        "call (%p2, b), f, (%p1, a, %v); ld.param.u64 %rd5, [b]; ld.param.u64 %rd6, [b + 8]; "
        "add.u64 %rd5, %rd5, %rd6; cvt.u32.u64 %r4, %rd5; selp.u32 %r5, 1000, 0, %p2; "
        "add.u32 %r4, %r4, %r5; st.global.u32 [%rd1], %r4;"));
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], i + 133 + (i < 5 ? 0 : 1000));
    }
}

/* Each lane takes as much as it wants, and gives it back. */
static void test_alloca(void **state)
{
    (void)state;
    run_well(KERNEL(".func sum (.param .b64 p, .param .b64 n) { .reg .b64 %a; .local .b32 l[8]; "
                    "ld.param.u64 %a, [p]; st.local.u32 [l], 1; st.local.u32 [%a], 9; ret; }\n",
                    "mov.u32 %r5, 0; mov.u32 %r7, 0; .param .b64 p, q;\n"
                    "L: stacksave.u64 %rd4; mad.lo.u32 %r4, %r0, 4, 4; cvt.u64.u32 %rd5, %r4; "
                    "alloca.u64 %rd6, %rd5, 16; mul.wide.u32 %rd7, %r0, 4; add.u64 %rd7, %rd7, "
                    "%rd6; st.local.u32 [%rd7], %r0; alloca.u64 %rd8, 64; st.param.b64 [p], %rd8; "
                    "call sum, (p, q); ld.local.u32 %r6, [%rd7]; add.u32 %r7, %r7, %r6; "
                    "stackrestore.u64 %rd4; add.u32 %r5, %r5, 1; setp.lt.u32 %p1, %r5, 1000; "
                    "@%p1 bra L; st.global.u32 [%rd1], %r7;"));
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], i * 1000);
    }
}

/* ---- The heap ---- */

#define HEAP                                                                                       \
    ".extern .func (.param .b64 r) malloc (.param .b64 n);\n.extern .func free (.param .b64 p);\n"
#define MALLOC(size, to)                                                                           \
    "{ .param .b64 n, r; mov.u64 %rd5, " size "; st.param.b64 [n], %rd5; call (r), malloc, (n); "  \
    "ld.param.b64 " to ", [r]; }\n"
#define FREE(what) "{ .param .b64 n; st.param.b64 [n], " what "; call free, (n); }\n"

static void test_heap(void **state)
{
    static const struct {
        const char *text;
        uint32_t thread;
        enum warp_fault fault;
    } faults[] = {
        {KERNEL(HEAP, MALLOC("20", "%rd4") "st.u32 [%rd4 + 16], 5; st.u32 [%rd4 + 20], 5;"), 0,
         WARP_FAULT_ADDRESS},
        {KERNEL(HEAP, MALLOC("20", "%rd4") "ld.u8 %r4, [%rd4 + -1];"), 0, WARP_FAULT_ADDRESS},
        {KERNEL(HEAP, MALLOC("20", "%rd4") FREE("%rd4") "st.u32 [%rd4], 5;"), 0,
         WARP_FAULT_ADDRESS},
        {KERNEL(HEAP, MALLOC("20", "%rd4") "st.u32 [%rd4], 5; setp.ne.u32 %p1, %r0, 6; @%p1 ret; "
                                           "add.u64 %rd4, %rd4, 4;" FREE("%rd4")),
         6, WARP_FAULT_HEAP},
        {KERNEL(HEAP, MALLOC("20", "%rd4") FREE("%rd4") FREE("%rd4")), 0, WARP_FAULT_HEAP},
        {KERNEL(HEAP, FREE("%rd1")), 0, WARP_FAULT_HEAP},
    };

    (void)state;
    launch.block[0] = 64;
    launch.grid[0] = 8;
    launch.heap = heap_create(64 << 10);
    for (unsigned i = 0; i < 3; i++) { /* it does not become less */
        run_well(KERNEL(HEAP, MALLOC("100", "%rd4") "st.u32 [%rd4 + 96], %r0; bar.sync 0; "
                                                    "ld.u32 %r4, [%rd4 + 96]; "
                                                    "st.global.u32 [%rd1], %r4;" FREE("%rd4")));
        assert_int_equal(out[64 + 63], 63);
    }
    run_well(KERNEL(HEAP, MALLOC("100000", "%rd4") "cvt.u32.u64 %r4, %rd4; "
                                                   "st.global.u32 [%rd1], %r4;" FREE("%rd4")));
    assert_int_equal(out[0], 0);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_int_equal(run(faults[i].text), LAUNCH_FAULT);
        assert_int_equal(fault.fault, faults[i].fault);
        assert_int_equal(fault.thread[0], faults[i].thread);
        heap_destroy(launch.heap);
        launch.heap = heap_create(64 << 10);
    }
    heap_destroy(launch.heap);
}

static char printed[4096];

static void print(void *context, const char *text)
{
    (void)context;
    strncat(printed, text, sizeof(printed) - strlen(printed) - 1);
}

static void test_assertion(void **state)
{
    (void)state;
    launch.print = print;
    assert_int_equal(
        run(KERNEL(".extern .func __assertfail (.param .b64 e, .param .b64 f, .param .b32 l, "
                   ".param .b64 n, .param .b64 s);\n.global .b8 e[] = {120, 62, 48, 0};\n"
                   ".global .b8 f[] = {97, 46, 99, 117, 0};\n.global .b8 n[] = {107, 40, 41, 0};\n",
                   "setp.ne.u32 %p1, %r0, 5; @%p1 ret; .param .b64 a, b, c, d; .param .b32 l; "
                   "mov.u64 %rd4, e; st.param.b64 [a], %rd4; mov.u64 %rd4, f; "
                   "st.param.b64 [b], %rd4; mov.u64 %rd4, n; st.param.b64 [c], %rd4; "
                   "st.param.b32 [l], 12; call __assertfail, (a, b, l, c, d);")),
        LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ASSERT);
    assert_string_equal(printed,
                        "a.cu:12: k(): block: [0,0,0], thread: [5,0,0] Assertion `x>0` failed.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spin_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spin_lock_in_function, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flag_of_a_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ring_of_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_warps_without_barriers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grid_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks_that_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_of_parted_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_without_the_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lanes_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_masks_of_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit_in_function, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schedule, setup, teardown),
        cmocka_unit_test_setup_teardown(test_special_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recursion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stack_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_by_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alloca, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assertion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_share_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_blocks_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault_stops_others, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
