/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* What an access met before says nothing of what it may touch later, or what others may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"

/* A kernel over out, in %rd0, with the thread in %r0. */
#define KERNEL(statements)                                                                         \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".extern .func (.param .b64 r) malloc (.param .b64 n);\n.extern .func free (.param .b64 p);\n" \
    ".const .align 128 .b32 constants[64];\n"                                                      \
    ".entry k(.param .u64 out)\n{\n"                                                               \
    ".reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .pred %p<9>;\n"                                       \
    "mov.u32 %r0, %tid.x; ld.param.u64 %rd0, [out];\n" statements "\nret;\n}\n"

#define WORDS 256

static struct memory memory;
static struct launch_fault fault;
static uint32_t stop;
static _Alignas(256) uint32_t out[WORDS];

static uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static int setup(void **state)
{
    (void)state;
    memset(out, 0, sizeof(out));
    return memory_add(&memory, address_of(out), sizeof(out), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_clear(&memory);
    return 0;
}

static struct program *load(const char *text, struct launch *launch)
{
    static char log_text[4096];
    struct program *program;
    struct ptx_log log;

    *launch =
        (struct launch){.grid = {1, 1, 1}, .block = {32, 1, 1}, .memory = &memory, .stop = &stop};
    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch->shared_size = program_find_kernel(program, "k")->shared_size;
    return program;
}

static enum launch_status run(const char *text)
{
    uint64_t params[1] = {address_of(out)};
    struct heap *heap = heap_create(64 << 10);
    struct launch launch;
    struct program *program = load(text, &launch);
    enum launch_status status;

    launch.params = params;
    launch.heap = heap;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    heap_destroy(heap);
    return status;
}

static void expect_fault(const char *text, uint32_t thread, bool write)
{
    enum launch_status status = run(text);

    if (status != LAUNCH_FAULT || fault.fault != WARP_FAULT_ADDRESS || fault.thread[0] != thread ||
        fault.write != write) {
        print_error("%s\nstatus %d, fault %d of thread %u\n", text, status, fault.fault,
                    fault.thread[0]);
        fail();
    }
}

/* All lanes touch their own memory, then lane 1 that of lane 0, at one instruction. */
#define OWN_THEN_OTHERS(access)                                                                    \
    KERNEL(".local .align 8 .b64 mine; .shared .align 8 .b64 first; mov.u32 %r1, 0;\n"             \
           "mov.u64 %rd1, mine; cvta.local.u64 %rd1, %rd1; setp.eq.u32 %p1, %r0, 0; "              \
           "@%p1 st.shared.u64 [first], %rd1; bar.sync 0; setp.eq.u32 %p2, %r0, 1;\n"              \
           "L: " access "; @%p2 ld.shared.u64 %rd1, [first]; add.u32 %r1, %r1, 1; "                \
           "setp.lt.u32 %p3, %r1, 2; @%p3 bra L;")

static void test_memory_of_other_lanes(void **state)
{
    (void)state;
    expect_fault(OWN_THEN_OTHERS("ld.u64 %rd2, [%rd1]"), 1, false);
    expect_fault(OWN_THEN_OTHERS("st.u64 [%rd1], %rd1"), 1, true);
    expect_fault(OWN_THEN_OTHERS("atom.add.u64 %rd2, [%rd1], 1"), 1, true);
}

/* Three rounds with the memory, then one without. */
#define USE_AFTER_FREE(access)                                                                     \
    KERNEL("{ .param .b64 n, r; st.param.b64 [n], 64; call (r), malloc, (n); "                     \
           "ld.param.b64 %rd1, [r]; } mov.u32 %r1, 0; setp.eq.u32 %p2, %r0, 9;\n"                  \
           "L: " access "; add.u32 %r1, %r1, 1; setp.eq.and.u32 %p1, %r1, 3, %p2; @!%p1 bra M;\n"  \
           "{ .param .b64 n; st.param.b64 [n], %rd1; call free, (n); }\n"                          \
           "M: setp.lt.u32 %p3, %r1, 4; @%p3 bra L;")

static void test_heap_that_was_given_back(void **state)
{
    (void)state;
    expect_fault(USE_AFTER_FREE("ld.u32 %r2, [%rd1]"), 9, false);
    expect_fault(USE_AFTER_FREE("st.u32 [%rd1], %r1"), 9, true);
    expect_fault(USE_AFTER_FREE("atom.add.u32 %r2, [%rd1], 1"), 9, true);
}

static void test_memory_freed_between_launches(void **state)
{
    uint64_t params[1] = {address_of(out)};
    struct launch launch;
    struct program *program =
        load(KERNEL("mul.wide.u32 %rd1, %r0, 8; add.s64 %rd1, %rd1, %rd0; "
                    "mov.u32 %r1, 0; L: ld.global.u32 %r2, [%rd1]; st.global.u32 [%rd1 + 4], %r1; "
                    "add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 3; @%p1 bra L;"),
             &launch);

    (void)state;
    launch.params = params;
    launch.pool = pool_create(0); /* what blocks are made of stays */
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
    memory_remove(&memory, address_of(out));
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.thread[0], 0);
    assert_true(memory_add(&memory, address_of(out), 64, false));
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.thread[0], 8);
    pool_destroy(launch.pool);
    program_destroy(program);
}

/* A launch may have more shared memory than the kernel has variables: 32 words, and 16 more. Each
 * thread's place is in %r1, %r2 is 5 and %r6 is 0, which nobody knows. */
#define IN_SHARED(access)                                                                          \
    KERNEL(".shared .align 8 .b32 s[32]; ld.global.u32 %r6, [%rd0]; mov.u32 %r2, 5; "              \
           "mov.u32 %r4, s; shl.b32 %r1, %r0, 2; add.u32 %r1, %r1, %r4; mul.wide.u32 %rd1, %r0, "  \
           "4; add.u64 %rd1, %rd0, %rd1; bar.sync 0;\n" access                                     \
           "\nld.shared.u32 %r3, [%r1]; st.global.u32 [%rd1], %r3;")

#define NOBODY 32

static void expect_in_shared(const char *text, uint32_t faulting)
{
    uint64_t params[1] = {address_of(out)};
    struct launch launch;
    struct program *program = load(text, &launch);

    memset(out, 0, sizeof(out));
    launch.params = params;
    launch.shared_size += 64;
    if (faulting == NOBODY) {
        assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
    } else {
        assert_int_equal(launch_run(&launch, &fault), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
        assert_int_equal(fault.thread[0], faulting);
    }
    program_destroy(program);
}

static void test_shared_memory_behind_variables(void **state)
{
    (void)state;
    expect_in_shared(IN_SHARED("add.u32 %r1, %r1, 64; red.shared.add.u32 [%r1], %r2;"), NOBODY);
    assert_int_equal(out[31], 5);
    expect_in_shared(IN_SHARED("st.shared.u32 [%r1+64], %r2; add.u32 %r1, %r1, 64;"), NOBODY);
    assert_int_equal(out[31], 5);
    expect_in_shared(IN_SHARED("add.u32 %r1, %r1, 68; red.shared.add.u32 [%r1], %r2;"), 31);
    expect_in_shared(IN_SHARED("st.shared.u32 [%r1+72], %r2;"), 30);
}

static void test_scattered_shared_memory(void **state)
{
    (void)state;
    expect_in_shared(IN_SHARED("and.b32 %r1, %r1, 60; xor.b32 %r1, %r1, %r6; add.u32 %r1, %r1, 8; "
                               "atom.shared.add.u32 %r5, [%r1+-8], %r2; add.u32 %r1, %r1, -8;"),
                     NOBODY);
    assert_int_equal(out[31], 10);
    expect_in_shared(IN_SHARED("and.b32 %r1, %r1, 60; xor.b32 %r1, %r1, %r6; "
                               "atom.shared.add.u32 %r5, [%r1+-8], %r2;"),
                     0);
    expect_in_shared(IN_SHARED("mad.lo.u32 %r1, %r0, %r0, %r6; shl.b32 %r1, %r1, 2; "
                               "atom.shared.add.u32 %r5, [%r1], %r2;"),
                     7);
}

/* Of 32 bits are an address's register and what is added to it together, as loops of nvcc's need.
 */
#define FAR "add.u32 %r1, %r1, -128; "
#define NEAR "add.u32 %r1, %r1, 128; "

static void test_shared_addresses_wrap(void **state)
{
    static const char *const texts[] = {
        IN_SHARED(FAR "st.shared.u32 [%r1+128], %r2; " NEAR),
        IN_SHARED(FAR "red.shared.add.u32 [%r1+128], %r2; " NEAR),
        IN_SHARED(FAR
                  "and.b32 %r3, %r0, 1; setp.eq.u32 %p1, %r3, 0; "
                  "@%p1 st.shared.u32 [%r1+128], %r2; @!%p1 st.shared.u32 [%r1+128], %r2; " NEAR),
        IN_SHARED("xor.b32 %r1, %r1, 4; " FAR "st.shared.u32 [%r1+128], %r2; " NEAR),
        IN_SHARED("mov.u32 %r3, -124; st.shared.u32 [%r3+128], %r2; mov.u32 %r1, 4;"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_in_shared(texts[i], NOBODY);
        assert_int_equal(out[0], 5);
        assert_int_equal(out[31], 5);
    }
    expect_in_shared(IN_SHARED(FAR "st.shared.u32 [%r1+124], %r2;"), 0);
}

/* Memory that a load has met is not a store's. */
static void test_constants_are_read_alone(void **state)
{
    (void)state;
    expect_fault(KERNEL("mov.u64 %rd1, constants; cvta.const.u64 %rd1, %rd1; mul.wide.u32 %rd2, "
                        "%r0, 4; add.s64 %rd1, %rd1, %rd2; mov.u32 %r1, 0;\n"
                        "L: ld.u32 %r2, [%rd1]; ld.u32 %r3, [%rd1]; add.u32 %r1, %r1, 1; "
                        "setp.lt.u32 %p1, %r1, 3; @%p1 bra L; ld.u32 %r2, [%rd1]; "
                        "st.u32 [%rd1], %r1;"),
                 0, true);
    expect_fault(KERNEL("mov.u64 %rd1, constants; cvta.const.u64 %rd1, %rd1; mov.u32 %r1, 0;\n"
                        "L: setp.lt.u32 %p2, %r1, 2; selp.b64 %rd2, %rd0, %rd1, %p2; "
                        "ld.u32 %r2, [%rd1]; st.u32 [%rd2], %r2; add.u32 %r1, %r1, 1; "
                        "setp.lt.u32 %p1, %r1, 3; @%p1 bra L;"),
                 0, true);
    expect_fault(KERNEL("mov.u64 %rd1, constants; cvta.const.u64 %rd1, %rd1; mov.u32 %r1, 0;\n"
                        "mul.wide.u32 %rd3, %r0, 4;\n"
                        "L: setp.lt.u32 %p2, %r1, 2; selp.b64 %rd2, %rd0, %rd1, %p2; "
                        "add.s64 %rd2, %rd2, %rd3; ld.u32 %r2, [%rd2]; st.u32 [%rd2], %r2; "
                        "add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 3; @%p1 bra L;"),
                 0, true);
}

/* Four rounds, in the third of which thread 9 has another index than its own, which differs from
 * thread to thread in no equal steps. What is read goes to the upper half. */
#define INDEXED(index, bad, address, access)                                                       \
    KERNEL("mov.u32 %r3, 0; add.s64 %rd2, %rd0, 1024; sub.s64 %rd3, %rd0, 4096; "                  \
           "mul.wide.u32 %rd4, %r0, 4; add.s64 %rd4, %rd4, %rd0;\n"                                \
           "L: xor.b32 %r1, %r0, 5; " index "; setp.eq.u32 %p1, %r3, 2; "                          \
           "setp.eq.and.u32 %p2, %r0, 9, %p1; selp.b32 %r1, " bad ", %r1, %p2;\n" address          \
           "; " access "; add.u32 %r3, %r3, 1; setp.lt.u32 %p3, %r3, 4; @%p3 bra L;\n"             \
           "st.global.u32 [%rd4 + 512], %r2;")
#define NO_CHANGE "mov.u32 %r4, 0"
#define SIGNED(base) "mul.wide.s32 %rd1, %r1, 4; add.s64 %rd1, " base ", %rd1"
#define UNSIGNED(base) "mad.wide.u32 %rd1, %r1, 4, " base
#define LOAD "ld.global.u32 %r2, [%rd1]"

static void expect_indexed(const char *text, uint32_t of_thread_30)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        out[i] = i * 3;
    }
    assert_int_equal(run(text), LAUNCH_OK);
    assert_int_equal(out[128 + 30], of_thread_30);
}

static void test_indexed(void **state)
{
    (void)state;
    expect_indexed(INDEXED(NO_CHANGE, "255", SIGNED("%rd0"), LOAD), 27 * 3);
    expect_indexed(INDEXED(NO_CHANGE, "0", UNSIGNED("%rd0"), LOAD), 27 * 3);
    expect_indexed(INDEXED("not.b32 %r1, %r1", "-256", SIGNED("%rd2"), LOAD), 228 * 3);
    expect_indexed(INDEXED("add.u32 %r1, %r1, 1024", "1024", UNSIGNED("%rd3"), LOAD), 27 * 3);
    expect_indexed(INDEXED(NO_CHANGE, "254", SIGNED("%rd0"), "ld.global.u32 %r2, [%rd1 + 4]"),
                   28 * 3);
    expect_indexed(INDEXED(NO_CHANGE, "0", SIGNED("%rd0"), "mov.u32 %r1, 99999; " LOAD), 27 * 3);
    expect_indexed(INDEXED(NO_CHANGE, "0", SIGNED("%rd0"), LOAD "; mov.u32 %r1, 8; " LOAD), 27 * 3);
    expect_fault(INDEXED(NO_CHANGE, "256", SIGNED("%rd0"), LOAD), 9, false);
    expect_fault(INDEXED(NO_CHANGE, "-1", SIGNED("%rd0"), LOAD), 9, false);
    expect_fault(INDEXED(NO_CHANGE, "0x80000000", SIGNED("%rd0"), LOAD), 9, false);
    expect_fault(INDEXED(NO_CHANGE, "-1", UNSIGNED("%rd0"), LOAD), 9, false);
    expect_fault(INDEXED(NO_CHANGE, "255", SIGNED("%rd0"), "ld.global.u32 %r2, [%rd1 + 4]"), 9,
                 false);
    expect_fault(INDEXED("not.b32 %r1, %r1", "0", SIGNED("%rd2"), LOAD), 9, false);
    expect_fault(INDEXED("add.u32 %r1, %r1, 1024", "1023", UNSIGNED("%rd3"), LOAD), 9, false);
    expect_fault(INDEXED(NO_CHANGE, "256", SIGNED("%rd0"), "st.global.u32 [%rd1], %r0"), 9, true);
    assert_int_equal(run(INDEXED(NO_CHANGE, "0", SIGNED("%rd0"), "ld.global.u32 %r2, [%rd1 + 2]")),
                     LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_MISALIGNED);
}

/* Out of loops of a large function accesses are done another way. */
#define TEN(statements)                                                                            \
    statements statements statements statements statements statements statements statements        \
        statements statements
#define LARGE(access)                                                                              \
    KERNEL("mul.wide.u32 %rd1, %r0, 4; add.s64 %rd1, %rd1, %rd0; " TEN(                            \
        TEN(TEN("add.u32 %r1, %r1, %r0; "))) access)

static void test_large_functions(void **state)
{
    (void)state;
    assert_int_equal(run(LARGE("ld.global.u32 %r2, [%rd1 + 896]; st.global.u32 [%rd1], %r1;")),
                     LAUNCH_OK);
    assert_int_equal(out[31], 31000);
    expect_fault(LARGE("ld.global.u32 %r2, [%rd1 + 900];"), 31, false);
    expect_fault(LARGE("st.global.u32 [%rd1 + 1000], %r1;"), 6, true);
}

/* Odd threads alone, each at 16 bytes of its own. */
#define VECTORS(accesses)                                                                          \
    KERNEL("and.b32 %r1, %r0, 1; setp.ne.u32 %p1, %r1, 0; .reg .b64 %l<2>; "                       \
           "mul.wide.u32 %rd1, %r0, 16; add.s64 %rd1, %rd1, %rd0;\n" accesses)
#define LOAD_WORDS "@%p1 ld.global.v4.u32 {%r2, %r3, %r4, %r5}, "
#define STORED_WORDS ", {%r5, %r4, %r3, %r2};"

static void test_vectors_under_masks(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORDS; i++) {
        out[i] = i;
    }
    assert_int_equal(run(VECTORS(LOAD_WORDS "[%rd1]; @%p1 st.global.v4.u32 [%rd1 + 512]" //
                                 STORED_WORDS)),
                     LAUNCH_OK);
    for (uint32_t i = 0; i < 128; i++) {
        assert_int_equal(out[128 + i], i / 4 % 2 ? i / 4 * 4 + 3 - i % 4 : 128 + i);
    }
    assert_int_equal(run(VECTORS("@%p1 ld.global.v2.u64 {%l0, %l1}, [%rd1]; "
                                 "@%p1 st.global.v2.u64 [%rd1], {%l1, %l0}; "
                                 "@%p1 ld.global.v4.u8 {%r2, %r3, %r4, %r5}, [%rd1]; "
                                 "@%p1 st.global.v4.u8 [%rd1]" STORED_WORDS)),
                     LAUNCH_OK);
    assert_int_equal(out[3], 3);
    assert_int_equal(out[4], 6 << 24);
    assert_int_equal(out[7], 5);
}

static void test_vectors_beyond_memory(void **state)
{
    (void)state;
    expect_fault(VECTORS(LOAD_WORDS "[%rd1 + 528];"), 31, false);
    expect_fault(VECTORS("@%p1 st.global.v4.u32 [%rd1 + 768]" STORED_WORDS), 17, true);
    assert_int_equal(run(VECTORS(LOAD_WORDS "[%rd1 + 8];")), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_MISALIGNED);
    assert_int_equal(fault.size, 16);
    memory_remove(&memory, address_of(out));
    assert_true(memory_add(&memory, address_of(out), 24, false));
    expect_fault(VECTORS(LOAD_WORDS "[%rd1];"), 1, false);
    expect_fault(VECTORS("@%p1 st.global.v4.u32 [%rd1]" STORED_WORDS), 1, true);
}

static void test_nothing_is_in_empty_ranges(void **state)
{
    (void)state;
    expect_fault(KERNEL("mov.u64 %rd1, 0; cvta.shared.u64 %rd1, %rd1; ld.u8 %r1, [%rd1];"), 0,
                 false);
    expect_fault(KERNEL("mov.u64 %rd1, 0; cvta.local.u64 %rd1, %rd1; st.u8 [%rd1], %r0;"), 0, true);
    expect_fault(KERNEL("ld.shared.u8 %r1, [0];"), 0, false);
    memory_remove(&memory, address_of(out));
    assert_true(memory_add(&memory, address_of(out), 0, false));
    expect_fault(KERNEL("ld.global.u8 %r1, [%rd0];"), 0, false);
    expect_fault(KERNEL("st.global.u8 [%rd0], %r0;"), 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_memory_of_other_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heap_that_was_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_freed_between_launches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_memory_behind_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scattered_shared_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_addresses_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_constants_are_read_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_indexed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_under_masks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_beyond_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_in_empty_ranges, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
