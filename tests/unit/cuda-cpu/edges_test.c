/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c
// cflags: -frounding-math
// libs: -ldl
/*
 * What code for whole warps takes together ends where one lane leaves: memory, at each lane, from
 * either end; a number's range; the steps in which lanes lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "tests/unit/cuda-cpu/compare.h"

#define LANES 32
#define BYTES 1024 /* of the memory */

static _Alignas(256) unsigned char room[3 * BYTES]; /* its middle is the memory */
static struct memory memory;
static uint64_t start; /* in its first elements, where that is not 0 */
static char text[8192];

/* ---- One lane outside ---- */

/* Three rounds at %rd5, 32 lanes with so many bytes between them, then one that is `off` away. */
#define ROUNDS                                                                                     \
    COMPARE_HEAD                                                                                   \
    ".entry k(.param .u64 out, .param .u64 off)\n{\n"                                              \
    ".shared .align 256 .b8 shared[1024];\n"                                                       \
    ".reg .b32 %%r<9>; .reg .b64 %%rd<9>; .reg .pred %%p<3>;\n"                                    \
    "ld.param.u64 %%rd0, [out]; ld.param.u64 %%rd1, [off]; mov.u32 %%r0, %%tid.x;\n"               \
    "mov.u64 %%rd7, shared; mov.u32 %%r1, 0; mov.u32 %%r2, 0; mov.u32 %%r3, 0;\n"                  \
    "mul.wide.u32 %%rd2, %%r0, %d; %s.s64 %%rd3, %s, %%rd2; add.s64 %%rd3, %%rd3, %d;\n"           \
    "L: setp.lt.u32 %%p1, %%r1, 3; selp.b64 %%rd4, 0, %%rd1, %%p1;\n"                              \
    "add.s64 %%rd5, %%rd3, %%rd4; %s;\n"                                                           \
    "add.u32 %%r1, %%r1, 1; setp.lt.u32 %%p2, %%r1, 4; @%%p2 bra L; ret;\n}\n"

struct access {
    const char *words;
    int step, size; /* bytes */
    bool is_shared;
};

static const struct access accesses[] = {
    {"ld.global.u32 %r2, [%rd5]", 4, 4, false},
    {"st.global.u32 [%rd5], %r2", 4, 4, false},
    {"ld.u8 %r2, [%rd5]", 1, 1, false},
    {"st.u64 [%rd5], %rd2", 8, 8, false},
    {"ld.v2.u32 {%r2, %r3}, [%rd5]", 8, 8, false},
    {"st.v4.u32 [%rd5], {%r2, %r2, %r2, %r2}", 16, 16, false},
    {"ld.global.u32 %r2, [%rd5]", 12, 4, false},
    {"st.global.u32 [%rd5], %r2", -4, 4, false},
    {"ld.global.u32 %r2, [%rd5]", -20, 4, false},
    {"atom.global.add.u32 %r2, [%rd5], 1", 4, 4, false},
    {"atom.global.cas.b64 %rd6, [%rd5], %rd2, %rd2", 8, 8, false},
    {"red.global.max.u32 [%rd5], 7", 4, 4, false},
    {"ld.shared.u32 %r2, [%rd5]", 4, 4, true},
    {"st.shared.u64 [%rd5], %rd2", 8, 8, true},
    {"ld.shared.u32 %r2, [%rd5]", -4, 4, true},
    {"atom.shared.add.f32 %r2, [%rd5], %r3", 4, 4, true},
    {"red.shared.inc.u32 [%rd5], 7", 4, 4, true},
};

static uint64_t middle(void)
{
    return (uint64_t)(uintptr_t)(room + BYTES);
}

/* Lane 0's distance from the memory's beginning, in the first rounds. */
static int64_t first_offset(const struct access *access)
{
    int64_t least = start ? 16 : 0;

    return least + (access->step < 0 ? -(int64_t)access->step * (LANES - 1) : 0);
}

/* LANES: all lanes are inside. */
static uint32_t first_outside(const struct access *access, uint64_t off)
{
    uint32_t lane = 0;

    for (; lane < LANES; lane++) {
        uint64_t offset =
            off + (uint64_t)first_offset(access) + (uint64_t)((int64_t)lane * access->step);

        if (offset < start || offset > BYTES - (uint64_t)access->size ||
            offset % (uint64_t)access->size != 0) {
            break;
        }
    }
    return lane;
}

static void try_offset(const struct access *access, struct launch *launch, uint64_t off)
{
    const uint64_t params[] = {middle(), off};
    uint32_t expected = first_outside(access, off);
    struct launch_fault fault;
    enum launch_status status;

    launch->params = params;
    status = launch_run(launch, &fault);
    if (expected == LANES ? status != LAUNCH_OK
                          : status != LAUNCH_FAULT || fault.thread[0] != expected) {
        print_error("%s: %lld bytes away: status %d, thread %u, not %u\n", access->words,
                    (long long)off, status, fault.thread[0], expected);
        fail();
    }
}

static void try_offsets(const struct access *access, struct launch *launch)
{
    const uint64_t far[] = {UINT64_C(1) << 32,
                            UINT64_C(1) << 63,
                            -(UINT64_C(1) << 32),
                            -middle(),
                            -middle() - (uint64_t)access->size,
                            -middle() - 16 * (uint64_t)access->size,
                            UINT64_MAX - 15};

    for (int lane = -1; lane <= LANES; lane++) {
        for (int by = -1; by <= 1; by++) {
            int64_t off = (int64_t)lane * access->step + by;

            try_offset(access, launch, (uint64_t)-off);
            try_offset(access, launch, (uint64_t)(BYTES - off));
        }
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        try_offset(access, launch, far[i]);
    }
}

static void try_access(const struct access *access, bool is_alone)
{
    static char log_text[4096];
    static const uint32_t never;
    struct launch launch = {.grid = {1, 1, 1},
                            .block = {LANES, 1, 1},
                            .memory = &memory,
                            .is_alone = is_alone,
                            .stop = &never};
    struct program *program;
    struct ptx_log log;

    snprintf(text, sizeof(text), ROUNDS, access->step < 0 ? -access->step : access->step,
             access->step < 0 ? "sub" : "add", access->is_shared ? "%rd7" : "%rd0",
             (int)first_offset(access), access->words);
    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch.shared_size = BYTES;
    try_offsets(access, &launch);
    program_destroy(program);
}

static void test_one_lane_outside(void **state)
{
    (void)state;
    assert_true(memory_add(&memory, middle(), BYTES, false));
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        try_access(&accesses[i], i & 1);
    }
    memory_clear(&memory);
}

/* Its first bytes are no whole element, as a module's variable of bytes may lie. */
static void test_memory_that_begins_between_elements(void **state)
{
    (void)state;
    llvm_is_hasty = true;
    for (start = 1; start < 4; start++) {
        assert_true(memory_add(&memory, middle() + start, BYTES - start, false));
        try_access(&accesses[0], false);
        try_access(&accesses[3], true);
        memory_clear(&memory);
    }
    start = 0;
    llvm_is_hasty = false;
}

/* ---- One lane beyond a number's range ---- */

#define HEAD                                                                                       \
    COMPARE_HEAD                                                                                   \
    ".entry k(.param .u64 in, .param .u64 out)\n{\n"                                               \
    ".shared .align 8 .b8 shared[256];\n"                                                          \
    ".reg .b32 %%r<9>; .reg .b64 %%rd<9>; .reg .pred %%p<3>;\n"                                    \
    "ld.param.u64 %%rd0, [out]; mov.u32 %%r0, %%tid.x; mad.wide.u32 %%rd0, %%r0, 32, %%rd0;\n"     \
    "mov.u32 %%r3, %%ctaid.x; add.u32 %%r3, %%r3, 0x%x;\n" /* which the compiler does not know */

#define STORE_AND_END "st.global.v2.u64 [%%rd0], {%%rd1, %%rd2}; ret;\n}\n"

/* Lane `lane` is the first that is beyond. */
static void try_range(unsigned least, int lane, const char *statements)
{
    int used =
        snprintf(text, sizeof(text), HEAD "%s" STORE_AND_END, least - (unsigned)lane, statements);

    assert_true(used > 0 && (size_t)used < sizeof(text));
    compare(text, 64);
}

static void test_ranges(void **state)
{
    static const char *const statements[] = {
        "add.s32 %r1, %r0, %r3; cvt.s64.s32 %rd1, %r1; mul.wide.s32 %rd2, %r1, 4;\n",
        "add.u32 %r1, %r0, %r3; cvt.u64.u32 %rd1, %r1; mul.wide.u32 %rd2, %r1, 4;\n",
        "sub.s32 %r1, %r3, %r0; cvt.u64.u32 %rd1, %r1; mad.wide.s32 %rd2, %r1, 12, %rd1;\n",
        "mad.lo.s32 %r1, %r0, 3, %r3; mul.wide.u32 %rd1, %r1, 8; shl.b64 %rd2, %rd1, 3;\n"
        "cvt.u32.u64 %r2, %rd2; cvt.s64.s32 %rd2, %r2;\n",
    };
    static const unsigned ends[] = {0, 0x80000000};

    (void)state;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        for (int lane = -1; lane <= LANES; lane += i % 2 ? 3 : 2) {
            try_range(ends[0], lane, statements[i]);
            try_range(ends[1], lane, statements[i]);
        }
    }
}

/* ---- Branches that all lanes take, or none ---- */

/* What lies in steps is compared with what is the same in all lanes, either of them first, for two
 * branches or for one alone. */
static void try_branch(const char *how, const char *type, unsigned least, int lane,
                       const char *steps, const char *operands)
{
    const char *second = (unsigned)lane % 3 ? "@!%p1 bra N;" : "";
    char statements[512];

    snprintf(statements, sizeof(statements),
             "add.u32 %%r4, %%r3, %d; %s;\nmov.u64 %%rd1, 1; mov.u64 %%rd2, 2;\n"
             "setp.%s.%s %%p1, %s; @%%p1 bra M; mov.u64 %%rd1, 3; M: %s\n"
             "mov.u64 %%rd2, 4; N: cvt.u64.u32 %%rd3, %%r1; add.u64 %%rd2, %%rd2, %%rd3;\n",
             lane, steps, how, type, operands, second);
    try_range(least, 0, statements);
}

static void test_branches(void **state)
{
    static const char *const comparisons[][2] = {
        {"lt", "u32"}, {"le", "s32"}, {"gt", "u32"}, {"ge", "s32"}, {"eq", "u32"}, {"ne", "b32"},
        {"ls", "u32"}, {"hs", "u32"}, {"lt", "s32"}, {"gt", "s32"}, {"eq", "s32"}, {"hi", "u32"},
    };
    static const char *const steps[] = {"add.u32 %r1, %r0, %r3", "sub.u32 %r1, %r4, %r0",
                                        "mad.lo.u32 %r1, %r0, 3, %r4",
                                        "mov.u32 %r1, %tid.y; add.u32 %r1, %r1, %r3"};
    static const unsigned ends[] = {0, 0x80000000};
    static const int lanes[] = {-1, 0, 1, 30, 31, 32, 63};

    (void)state;
    llvm_is_hasty = true;
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        for (size_t j = 0; j < sizeof(lanes) / sizeof(lanes[0]); j++) {
            const char *operands = (i + j) % 2 ? "%r4, %r1" : "%r1, %r4";
            const char *step = steps[(i + j / 2) % 4];

            try_branch(comparisons[i][0], comparisons[i][1], 7, lanes[j], step, operands);
            try_branch(comparisons[i][0], comparisons[i][1], ends[j % 2] - 40, lanes[j], step,
                       operands);
        }
    }
    llvm_is_hasty = false;
}

/* ---- Lanes that went other ways ---- */

/* Each of these sets %rd1 and %rd2 in steps, but not all lanes come by. */
static void test_ways(void **state)
{
    static const char *const statements[] = {
        /* some lanes take one more step */
        "mul.wide.u32 %rd1, %r0, 4; mov.u64 %rd2, %rd1; and.b32 %r1, %r0, 4; setp.eq.u32 %p1, %r1, "
        "0;\n@%p1 bra M; add.s64 %rd1, %rd1, 64; M: add.s64 %rd2, %rd2, %rd1;\n",
        /* and in loops, of which some lanes go more rounds, or none */
        "mul.wide.u32 %rd1, %r0, 4; mov.u64 %rd2, %rd1; and.b32 %r1, %r0, 7; mov.u32 %r2, 0;\n"
        "L: setp.ge.u32 %p1, %r2, %r1; @%p1 bra M; add.s64 %rd1, %rd1, 4; add.u32 %r2, %r2, 1;\n"
        "bra L; M: add.s64 %rd2, %rd2, %rd1; add.s64 %rd2, %rd2, %rd2;\n",
        /* all lanes go apart and come back as they were, and go on together */
        "mul.wide.u32 %rd1, %r0, 4; mov.u64 %rd2, 0; mov.u32 %r2, 0;\n"
        "L: and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 0; @%p1 bra M; add.s64 %rd2, %rd2, 3; bra N;"
        "\nM: add.s64 %rd2, %rd2, 5; N: add.s64 %rd1, %rd1, 8; add.u32 %r2, %r2, 1;\n"
        "setp.lt.u32 %p2, %r2, 5; @%p2 bra L; add.s64 %rd2, %rd2, %rd1;\n",
        /* by a guard */
        "mul.wide.u32 %rd1, %r0, 4; and.b32 %r1, %r0, 16; setp.eq.u32 %p1, %r1, 0;\n"
        "@%p1 add.s64 %rd1, %rd1, 4; mov.u64 %rd2, %rd1;\n",
        /* before a barrier, whole or not, and around one */
        "mul.wide.u32 %rd1, %r0, 4; mov.u64 %rd2, %rd1; bar.sync 0; add.s64 %rd2, %rd2, %rd1;\n"
        "and.b32 %r1, %r0, 4; setp.eq.u32 %p1, %r1, 0; @%p1 bra M; add.s64 %rd1, %rd1, 64;\n"
        "M: bar.sync 0; add.s64 %rd1, %rd1, 8; mov.u32 %r2, 0;\n"
        "L: add.s64 %rd2, %rd2, %rd1; bar.sync 0; add.u32 %r2, %r2, 1;\n"
        "setp.lt.u32 %p2, %r2, 3; @%p2 bra L;\n",
        "mul.wide.u32 %rd1, %r0, 4; mov.u32 %r2, 0; mov.u64 %rd2, 0;\n"
        "L: add.s64 %rd1, %rd1, 12; bar.sync 0; add.u32 %r2, %r2, 1; add.s64 %rd2, %rd2, %rd1;\n"
        "setp.lt.u32 %p2, %r2, 5; @%p2 bra L;\n",
        /* some lanes have another one's number */
        "mov.u32 %r1, %laneid; and.b32 %r2, %r0, 2; setp.eq.u32 %p1, %r2, 0; @%p1 bra M;\n"
        "mov.u32 %r1, %tid.x; M: cvt.u64.u32 %rd1, %r1; sub.s64 %rd2, %rd1, %rd0;\n"
        "add.s64 %rd2, %rd2, %rd0;\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        try_range(0, 0, statements[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_lane_outside),
        cmocka_unit_test(test_memory_that_begins_between_elements),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_ways),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
