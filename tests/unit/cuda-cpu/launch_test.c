/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* Threads that wait for each other, blocks on several host threads, and how launches end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

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

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
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

static void *set_stop(void *argument)
{
    const struct timespec some_time = {0, 20 * 1000 * 1000};

    (void)argument;
    nanosleep(&some_time, NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static const char *const endless[] = {
    KERNEL("", "L: bra L;"),
    KERNEL("", "L: setp.lt.u32 %p1, %r0, 3; @%p1 bra L; bar.sync 0;"),
    KERNEL("", "L: nanosleep.u32 1000; bra L;"),
    KERNEL("", "L: bar.sync 0; bra L;"),
    KERNEL("", "L: atom.global.cas.b32 %r4, [%rd0], 7, 7; setp.ne.u32 %p1, %r4, 7; @%p1 bra L;"),
    KERNEL(".func f0 () { ret; }\n.func f1 () { call f0; call f0; ret; }\n"
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

/* By the flag, and by the deadline: wherever it loops. */
static void test_time(void **state)
{
    (void)state;
    launch.block[0] = 70;
    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        pthread_t timer;

        stop = 0;
        launch.deadline_ns = 0;
        assert_int_equal(pthread_create(&timer, NULL, set_stop, NULL), 0);
        assert_int_equal(run(endless[i]), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
        pthread_join(timer, NULL);
        stop = 0;
        launch.deadline_ns = now_ns() + 1;
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
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_share_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault_stops_others, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
