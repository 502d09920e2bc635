/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c)
// build: $(wildcard host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c tests/models/ptx/*.c) tests/unit/cuda-cpu/forced.c
// build: tests/fuzz/ptx_text.c tests/fuzz/ptx_linear.c
// libs: -ldl -Wl,--wrap=processor_options
/*
 * Whole programs: the input chooses statements, and what the compiled kernel leaves in memory is
 * what the reference leaves. All programs end, and none of them depends on the order of threads:
 * threads meet at barriers, or touch memory of their own, or add to what nobody reads before the
 * end.
 */
#include <stdbool.h>
#include <string.h>

#include "host/cuda-cpu/program/program.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/ptx_linear.h"
#include "tests/fuzz/ptx_text.h"
#include "tests/models/ptx/reference.h"
#include "tests/unit/cuda-cpu/forced.h"

#define STATEMENTS_MAX 48
#define DEPTH_MAX 4
#define THREADS_MAX 96
#define BLOCKS 2
#define WORDS 32 /* of the output, for each thread */
#define SUMS 8   /* words that all threads add to, behind those */
#define SUMS_OFFSET (THREADS_MAX * BLOCKS * WORDS * sizeof(uint32_t))
/* Of each block, behind the sums; and what is only read behind them. */
#define TILES_OFFSET (SUMS_OFFSET + SUMS * sizeof(uint32_t))
#define TABLE_OFFSET (TILES_OFFSET + BLOCKS * (size_t)TILE_SIZE)
#define OUTPUT_SIZE (TABLE_OFFSET + TABLE_SIZE)

/* ---- Statements ---- */

static void say_guard(void)
{
    static const char *const guards[] = {"", "", "", "@P ", "@!P "};

    say_template(guards[choose(sizeof(guards) / sizeof(guards[0]))]);
}

/* Exact ones. Floats come back to integers as numbers, so that no NaN is looked into. */
static void arithmetic(void)
{
    static const char *const templates[] = {
        "add.u32 R, R, S;",
        "sub.u32 R, S, R;",
        "mul.lo.u32 R, R, S;",
        "mul.hi.s32 R, R, S;",
        "mad.lo.u32 R, R, S, R;",
        "and.b32 R, R, S;",
        "or.b32 R, R, S;",
        "xor.b32 R, R, S;",
        "not.b32 R, R;",
        "shl.b32 R, R, S;",
        "shr.u32 R, R, S;",
        "shr.s32 R, R, S;",
        "min.s32 R, R, S;",
        "max.u32 R, R, S;",
        "div.u32 R, R, S;",
        "rem.s32 R, R, S;",
        "abs.s32 R, R;",
        "popc.b32 R, R;",
        "clz.b32 R, R;",
        "brev.b32 R, R;",
        "bfe.u32 R, R, S, S;",
        "bfi.b32 R, R, R, S, S;",
        "prmt.b32 R, R, R, S;",
        "lop3.b32 R, R, R, R, 0x6C;",
        "shf.l.wrap.b32 R, R, R, S;",
        "selp.b32 R, R, S, P;",
        "add.cc.u32 R, R, S; addc.u32 R, R, S;",
        "mov.b32 R, I;",
        "mov.u32 R, %ctaid.x;",
        "mov.u32 R, %laneid;",
        "cvt.u64.u32 Q, R;",
        "cvt.s64.s32 Q, R;",
        "cvt.u32.u64 R, Q;",
        "cvt.s32.s8 R, R;",
        "add.s64 Q, Q, Q;",
        "mul.lo.u64 Q, Q, Q;",
        "mul.wide.u32 Q, R, S;",
        "mad.wide.s32 Q, R, S, Q;",
        "shr.s64 Q, Q, S;",
        "xor.b64 Q, Q, Q;",
        "mov.b64 Q, {R, R};",
        "cvt.rn.f32.s32 F, R;",
        "cvt.rzi.s32.f32 R, F;",
        "add.f32 F, F, F;",
        "mul.f32 F, F, F;",
        "fma.rn.f32 F, F, F, F;",
        "max.f32 F, F, F;",
        "div.rn.f32 F, F, F;",
        "sqrt.rn.f32 F, F;",
        "setp.lt.s32 P, R, S;",
        "setp.eq.u32 P, R, S;",
        "setp.ge.u64 P, Q, Q;",
        "setp.gt.f32 P, F, F;",
        "and.b32 %v, R, 1; setp.ne.u32 P, %v, 0;",
        "and.pred P, P, P;",
        "not.pred P, P;",
    };

    say_guard();
    /* A guard is of the first instruction alone. */
    say_template(templates[choose(sizeof(templates) / sizeof(templates[0]))]);
    say("\n");
}

/* A word of the thread's own; beside it, vectors. */
static void own_memory(void)
{
    static const char *const templates[] = {
        "ld.global.u32 R, [%a];",
        "st.global.u32 [%a], R;",
        "st.global.u8 [%a], R;",
        "ld.global.s16 R, [%a];",
        "ld.global.v2.u32 {R, R}, [%b];",
        "st.global.u64 [%b], Q;",
        "st.local.u32 [%l], R;",
        "ld.local.u32 R, [%l];",
        "ld.u32 R, [%a];",
        "atom.global.add.u32 R, [%a], R;",
        "ld.global.u32 R, [%cell];",
        "st.global.u32 [%cell], R;",
        "ld.global.v2.u32 {R, R}, [%cell];",
        "st.global.u64 [%cell], Q;",
    };

    say_template("and.b32 %v, R, 15; mul.wide.u32 %x, %v, 4; add.s64 %a, %own, %x; "
                 "and.b64 %x, %x, -8; add.s64 %b, %own, %x; cvt.u32.u64 %l, %x; ");
    say_guard();
    say_template(templates[choose(sizeof(templates) / sizeof(templates[0]))]);
    say("\n");
}

/* To sums of all threads, whatever the order. */
static void sum(void)
{
    static const char *const templates[] = {
        "red.global.add.u32 [%sums], R;",     "red.global.xor.b32 [%sums + 4], R;",
        "red.global.min.u32 [%sums + 8], R;", "red.global.max.s32 [%sums + 12], R;",
        "red.global.or.b32 [%sums + 16], S;", "red.global.add.u64 [%sums + 24], Q;",
    };

    say_guard();
    say_template(templates[choose(sizeof(templates) / sizeof(templates[0]))]);
    say("\n");
}

/* What threads do together, where all of them come. */
static void meet(void)
{
    /* The first four in warps that are not full, too. */
    static const char *const templates[] = {
        "st.shared.u32 [%mine], R; bar.sync 0; ld.shared.u32 R, [%other]; bar.sync 0;",
        "red.shared.add.u32 [s], R; bar.sync 0; ld.shared.u32 R, [s]; bar.sync 0;",
        "bar.red.popc.u32 R, 0, P;",
        "bar.red.or.pred P, 1, P;",
        "shfl.sync.bfly.b32 R, R, I, 31, %all;",
        "shfl.sync.idx.b32 R|P, R, R, 31, %all;",
        "shfl.sync.down.b32 R|P, R, I, 7199, %all;",
        "vote.sync.ballot.b32 R, P, %all;",
        "vote.sync.any.pred P, P, %all;",
        "redux.sync.add.s32 R, R, %all;",
    };

    say_template(
        templates[choose(program.has_full_warps ? sizeof(templates) / sizeof(templates[0]) : 4)]);
    say("\n");
}

static void say_block(void);

/* Statements that not all threads come to. */
static void say_part(bool is_together)
{
    bool was = program.is_together;

    program.is_together = was && is_together;
    program.depth++;
    say_block();
    program.depth--;
    program.is_together = was;
}

static void branch(void)
{
    unsigned other = ++program.labels, end = ++program.labels;

    say_template(choose(2) ? "@P" : "@!P");
    say(" bra L%u;\n", other);
    say_part(false);
    if (choose(2)) {
        say("bra L%u;\nL%u:\n", end, other);
        say_part(false);
        say("L%u:\n", end);
    } else {
        say("L%u:\n", other);
    }
}

static void branch_by_table(void)
{
    unsigned labels = program.labels;

    program.labels += 5;
    say("{ T: .branchtargets L%u, L%u, L%u, L%u;\n", labels + 1, labels + 2, labels + 3,
        labels + 1);
    say_template("and.b32 %v, R, 3;");
    say(" brx.idx %%v, T;\n");
    for (unsigned i = 1; i <= 3; i++) {
        say("L%u:\n", labels + i);
        say_part(false);
        if (choose(3)) {
            say("bra L%u;\n", labels + 4); /* else on to the next one */
        }
    }
    say("L%u: }\n", labels + 4);
}

/* As often as a register says, each thread for itself; or all alike. */
static void loop(void)
{
    unsigned labels = program.labels, counter = program.loops++, was = program.way_out;
    bool is_alike = choose(2);

    program.labels += 3;
    if (is_alike) {
        say("mov.u32 %%c%u, %u;\n", counter, choose(4) + 1);
    } else {
        say_template("and.b32 %v, R, 7;");
        say(" add.u32 %%c%u, %%v, 1;\n", counter);
    }
    say("L%u:\n", labels + 1);
    program.way_out = is_alike && program.is_together ? 0 : labels + 2 + choose(2);
    say_part(is_alike);
    program.way_out = was;
    say("L%u: sub.u32 %%c%u, %%c%u, 1; setp.ne.u32 %%pc, %%c%u, 0; @%%pc bra L%u;\nL%u:\n",
        labels + 2, counter, counter, counter, labels + 1, labels + 3);
    program.loops--;
}

/* Out of a loop, or to its end. */
static void jump_out(void)
{
    if (program.way_out) {
        say_template("@P");
        say(" bra L%u;\n", program.way_out);
    }
}

static void call(void)
{
    if (program.has_function && !program.in_function) {
        say_guard();
        say_template("call (R), f, (R, R);\n");
    }
}

static void say_statement(void)
{
    unsigned kind = choose(28);

    if (kind >= 26 && program.is_together && !program.in_function) {
        exchange();
    } else if (kind >= 24 && !program.in_function) {
        (choose(2) ? read_table : value_of_thread)();
    } else if (kind >= 18 && kind < 24 && program.depth < DEPTH_MAX) {
        void (*const parts[])(void) = {branch, branch, loop, loop, branch_by_table, jump_out};

        parts[kind - 18]();
    } else if (kind >= 16 && kind < 18 && program.is_together && !program.in_function) {
        meet();
    } else if (kind == 15 && !program.in_function) {
        sum();
    } else if (kind >= 12 && !program.in_function) {
        own_memory();
    } else if (kind == 11) {
        call();
    } else {
        arithmetic();
    }
}

static void say_block(void)
{
    for (unsigned left = choose(6) + 1; left && program.statements; left--) {
        program.statements--;
        say_statement();
    }
}

/* ---- Programs ---- */

#define REGISTERS                                                                                  \
    ".reg .b32 %%r<8>, %%c<8>, %%i<3>, %%v, %%l, %%t, %%n, %%mine, %%other, %%all, %%me; "         \
    ".reg .pred %%p<4>, %%pc; .reg .b64 %%q<4>, %%x, %%a, %%b, %%own, %%sums, %%cell, %%table; "   \
    ".reg .f32 %%f<4>;\n"

static void say_function(void)
{
    say(".func (.reg .b32 result) f (.reg .b32 a, .reg .b32 b)\n{\n" REGISTERS
        "mov.b32 %%r0, a; mov.b32 %%r1, b; xor.b32 %%r2, a, b; add.u32 %%r3, a, 1;\n"
        "setp.lt.u32 %%p0, a, b; setp.lt.s32 %%p1, a, 0;\n");
    program.in_function = true;
    program.statements = choose(8);
    say_block();
    say("mov.b32 result, %%r%u;\nret;\n}\n", choose(8));
    program.in_function = false;
    program.has_function = true;
}

/* To %me: a thread's number in its block; to %n: how many there are. */
static void say_number_of_thread(void)
{
    const uint32_t *block = program.block;

    say("{ .reg .b32 %%x, %%y, %%z, %%w, %%h, %%u; mov.u32 %%x, %%tid.x; mov.u32 %%y, %%tid.y; "
        "mov.u32 %%z, %%tid.z;\n");
    if (choose(2)) {
        say("mad.lo.u32 %%u, %%z, %u, %%y; mad.lo.u32 %%me, %%u, %u, %%x;\n", block[1], block[0]);
    } else {
        say("mov.u32 %%w, %%ntid.x; mov.u32 %%h, %%ntid.y; mad.lo.u32 %%u, %%z, %%h, %%y; "
            "mad.lo.u32 %%me, %%u, %%w, %%x;\n");
    }
    say("mov.u32 %%n, %u; }\n", block[0] * block[1] * block[2]);
}

static void say_beginning(void)
{
    say(".entry k(.param .u64 out)\n{\n.shared .b32 s[%u];\n.shared .align 16 .b8 tile[%u];\n"
        ".local .align 8 .b8 mine[64];\n" REGISTERS,
        THREADS_MAX, TILE_SIZE);
    say_number_of_thread();
    say("mov.u32 %%t, %%ctaid.x; mov.u32 %%r0, %%me; mad.lo.u32 %%t, %%t, %%n, %%me; "
        "ld.param.u64 %%own, [out];\n"
        "add.s64 %%sums, %%own, %zu; add.s64 %%table, %%own, %zu; mul.wide.u32 %%x, %%t, %zu; "
        "add.s64 %%own, %%own, %%x;\n",
        SUMS_OFFSET, TABLE_OFFSET, WORDS * sizeof(uint32_t));
    say("mov.u32 %%v, s; mad.lo.u32 %%mine, %%r0, 4, %%v; add.u32 %%r1, %%r0, %u; "
        "rem.u32 %%r1, %%r1, %%n; mad.lo.u32 %%other, %%r1, 4, %%v; activemask.b32 %%all;\n",
        choose(THREADS_MAX));
    say_linear_registers(TILES_OFFSET);
    /* Values of each thread, and values of all. */
    say("mul.lo.u32 %%r2, %%t, 0x9E3779B1; mov.u32 %%r3, %%ctaid.x; mov.u32 %%r4, %%n; "
        "xor.b32 %%r5, %%r2, %%r0; mov.u32 %%r6, %u; shr.u32 %%r7, %%r0, 4;\n"
        "cvt.u64.u32 %%q0, %%r2; mov.u64 %%q1, %%q0; mul.wide.u32 %%q2, %%r2, %%r5; "
        "mov.u64 %%q3, 7;\n"
        "cvt.rn.f32.u32 %%f0, %%r0; mov.f32 %%f1, 0f3FC00000; cvt.rn.f32.s32 %%f2, %%r2; "
        "mov.f32 %%f3, %%f0;\n"
        "setp.lt.u32 %%p0, %%r0, %u; setp.lt.s32 %%p1, %%r2, 0; setp.eq.u32 %%p2, %%r3, 0; "
        "setp.ne.u32 %%p3, %%r7, 0;\n",
        choose(256), choose(64));
    /* Shared and local memory begin as they may. */
    say("st.shared.u32 [%%mine], %%t; bar.sync 0;\n");
    for (unsigned i = 0; i < 64; i += 16) {
        say("st.local.v2.u64 [mine + %u], {%%q0, %%q1};\n", i);
    }
}

static void say_end(void)
{
    for (unsigned i = 0; i < LINEAR; i++) {
        say("{ .reg .b64 %%y, %%z; mul.wide.u32 %%y, %%i%u, 4; add.s64 %%q0, %%q0, %%y; "
            "mul.wide.s32 %%z, %%i%u, 4; add.s64 %%q1, %%q1, %%z; }\n",
            i, i);
    }
    for (unsigned i = 0; i < 8; i++) {
        say("st.global.u32 [%%own + %u], %%r%u;\n", 64 + 4 * i, i);
    }
    for (unsigned i = 0; i < 2; i++) {
        say("st.global.u64 [%%own + %u], %%q%u;\n", 96 + 8 * i, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        say("selp.u32 %%v, 1, 0, %%p%u; cvt.rzi.s32.f32 %%l, %%f%u; xor.b32 %%v, %%v, %%l; "
            "st.global.u32 [%%own + %u], %%v;\n",
            i, i, 112 + 4 * i);
    }
    say("ret;\n}\n");
}

static void say_program(const uint32_t block[3])
{
    program.block = block;
    program.has_full_warps = block[0] * block[1] * block[2] % 32 == 0;
    say(".version 8.0\n.target sm_90\n.address_size 64\n");
    if (choose(3) == 0) {
        say_function();
    }
    say_beginning();
    program.is_together = true;
    program.statements = choose(STATEMENTS_MAX);
    while (program.statements) {
        say_block();
    }
    say_end();
}

/* ---- Running it ---- */

static _Alignas(256) unsigned char outputs[2][OUTPUT_SIZE];

static void clear_outputs(void)
{
    memset(outputs, 0, sizeof(outputs));
    for (unsigned i = 0; i < TABLE_SIZE; i++) {
        outputs[0][TABLE_OFFSET + i] = outputs[1][TABLE_OFFSET + i] =
            (unsigned char)(i * 0x9E3779B1 >> 24);
    }
}

static struct ptx_module *parse(void)
{
    static char log_text[4096];
    struct ptx_log log;
    struct ptx_module *module;

    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(program.text, program.used, &ptx_default_limits, &log);
    if (module == NULL) {
        fprintf(stderr, "%s%s", program.text, log_text);
        abort();
    }
    return module;
}

static void run_reference(const struct ptx_module *module, const uint32_t block[3])
{
    struct reference_memory memory = {0};
    uint64_t params = (uint64_t)(uintptr_t)outputs[0];
    struct reference_fault fault;
    struct reference_module *placed;
    struct reference_launch launch = {
        .memory = &memory,
        .kernel = ptx_module_kernel(module, "k"),
        .grid = {BLOCKS, 1, 1},
        .block = {block[0], block[1], block[2]},
        .params = &params,
    };

    reference_memory_add(&memory, outputs[0], OUTPUT_SIZE, true);
    launch.module = placed = reference_module_create(module, &memory);
    CHECK(placed != NULL);
    CHECK(reference_run(&launch, &fault) == REFERENCE_OK);
    reference_module_destroy(placed);
    reference_memory_free(&memory);
}

static void run_compiled(const uint32_t block[3])
{
    static char log_text[4096];
    uint64_t params = (uint64_t)(uintptr_t)outputs[1];
    uint32_t stop = 0;
    struct memory memory = {0};
    struct launch launch = {
        .grid = {BLOCKS, 1, 1},
        .block = {block[0], block[1], block[2]},
        .params = &params,
        .memory = &memory,
        .stop = &stop,
        .is_alone = program.used & 1, /* either */
    };
    struct launch_fault fault;
    const struct program_kernel *kernel;
    struct program *compiled;
    struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    CHECK(memory_add(&memory, params, OUTPUT_SIZE, false));
    compiled = program_create(program.text, program.used, &memory, &log);
    CHECK(compiled != NULL);
    kernel = program_find_kernel(compiled, "k");
    if (!program_prepare(compiled, kernel, &launch, &log)) {
        fprintf(stderr, "%s%s", program.text, log_text);
        abort();
    }
    launch.shared_size = kernel->shared_size;
    CHECK(launch_run(&launch, &fault) == LAUNCH_OK);
    program_destroy(compiled);
    memory_clear(&memory);
}

static void compare(const uint32_t block[3])
{
    const uint32_t *expected = (const uint32_t *)(const void *)outputs[0];
    const uint32_t *got = (const uint32_t *)(const void *)outputs[1];

    for (size_t i = 0; i < OUTPUT_SIZE / sizeof(uint32_t); i++) {
        if (expected[i] != got[i]) {
            fprintf(stderr, "%s%u x %u x %u threads: thread %zu, word %zu: 0x%x, not 0x%x\n",
                    program.text, block[0], block[1], block[2], i / WORDS, i % WORDS, got[i],
                    expected[i]);
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t blocks[][3] = {
        {32, 1, 1}, {64, 1, 1}, {96, 1, 1}, {40, 1, 1}, {1, 1, 1},  {48, 1, 1}, {16, 2, 1},
        {16, 4, 1}, {16, 6, 1}, {16, 3, 1}, {16, 5, 1}, {16, 2, 3}, {16, 3, 2}, {16, 1, 4},
        {8, 4, 1},  {8, 8, 1},  {8, 4, 3},  {8, 6, 1},  {8, 6, 2},  {8, 1, 8},  {32, 2, 1},
        {32, 1, 2}, {48, 2, 1}, {24, 4, 1}, {4, 8, 2},  {2, 4, 8},  {7, 5, 2},  {1, 33, 1},
    };
    struct ptx_module *module;
    const uint32_t *block;

    text_begin(data, size);
    block = blocks[choose(sizeof(blocks) / sizeof(blocks[0]))];
    say_program(block);
    forced.masked_alone = choose(4) == 0;
    module = parse();
    clear_outputs();
    run_reference(module, block);
    run_compiled(block);
    compare(block);
    ptx_module_destroy(module);
    return 0;
}
