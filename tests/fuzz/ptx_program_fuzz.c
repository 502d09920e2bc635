/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c)
// build: $(wildcard host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c tests/models/ptx/*.c) tests/unit/cuda-cpu/forced.c
// build: tests/fuzz/ptx_text.c tests/fuzz/ptx_linear.c tests/fuzz/ptx_statements.c
// build: tests/fuzz/ptx_values.c tests/fuzz/ptx_memory.c tests/fuzz/ptx_control.c
// libs: -ldl -Wl,--wrap=processor_options -Wl,--wrap=dlopen
// cflags: -O2 -fno-sanitize=undefined -fno-sanitize-coverage=trace-cmp
/*
 * Whole programs: the input chooses statements, and what the compiled kernel leaves in memory is
 * what the reference leaves. All programs end, and none of them depends on the order of threads.
 * Each is compiled once and launched several times, over other blocks and other numbers; and small,
 * as a compiler takes most of the time, and does less with what is large.
 */
#define _GNU_SOURCE 1 /* dlmopen */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/program/program.h"
#include "host/cuda-cpu/ptx/input.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/ptx_linear.h"
#include "tests/fuzz/ptx_statements.h"
#include "tests/fuzz/ptx_text.h"
#include "tests/models/ptx/reference.h"
#include "tests/unit/cuda-cpu/forced.h"

#define THREADS_MAX 1024 /* of all blocks */
#define BLOCKS_MAX 3
#define LAUNCHES_MAX 8
#define STEPS_MAX 400000 /* of the reference: what takes more is left out */
#define RESULTS 4        /* words of a thread, behind its own: one, so that all are aligned */
#define WORDS (OWN_WORDS + RESULTS)
/* Elements of threads, beside each other: of each thread one of 8 bytes, of 4, of 2 and of 1. */
#define CELLS_SIZE (16 * THREADS_MAX)
#define TILES_OFFSET (THREADS_MAX * WORDS * sizeof(uint32_t))
#define SUMS_OFFSET (TILES_OFFSET + BLOCKS_MAX * (size_t)TILE_SIZE)
#define CELLS_OFFSET (SUMS_OFFSET + SUMS_SIZE)
#define TABLE_OFFSET (CELLS_OFFSET + CELLS_SIZE)
#define OUTPUT_SIZE (TABLE_OFFSET + TABLE_SIZE)

/* ---- Programs ---- */

#define REGISTERS                                                                                  \
    ".reg .b32 %%r<8>, %%c<4>, %%v, %%l; .reg .pred %%p<4>, %%pc; .reg .b64 %%q<4>, %%x, %%y; "    \
    ".reg .f32 %%f<4>; .reg .f64 %%d<2>; .reg .b16 %%h<4>;\n"

static void say_head(void)
{
    say(".version 8.0\n.target sm_90\n.address_size 64\n");
}

/* Of an input of its own, half the time: to be linked. */
static void say_function(void)
{
    bool is_apart = choose(2);

    if (is_apart) {
        say("%cf\n", PTX_INPUT_MARK);
    }
    say_head();
    say("%s.func (.reg .b32 result) f (.reg .b32 a, .reg .b32 b)\n{\n" REGISTERS
        "mov.b32 %%r0, a; mov.b32 %%r1, b; xor.b32 %%r2, a, b; add.u32 %%r3, a, 1;\n"
        "setp.lt.u32 %%p0, a, b; setp.lt.s32 %%p1, a, 0;\n",
        is_apart ? ".visible " : "");
    program.in_function = true;
    program.statements = choose(8);
    say_block();
    say("mov.b32 result, %%r%u;\nret;\n}\n", choose(8));
    program.words.count = program.doubles.count = 0;
    program.in_function = false;
    program.has_function = true;
    if (is_apart) {
        say("%ck\n", PTX_INPUT_MARK);
        say_head();
        say(".extern .func (.reg .b32 result) f (.reg .b32 a, .reg .b32 b);\n");
    }
}

/* To %me: a thread's number in its block; to %n: how many there are. */
static void say_number_of_thread(void)
{
    const uint32_t *block = program.block;

    if (block[1] * block[2] == 1) {
        say("mov.u32 %%me, %%tid.x; mov.u32 %%n, %%ntid.x;\n");
        return;
    }
    say("{ .reg .b32 %%x, %%y, %%z, %%w, %%h, %%u; mov.u32 %%x, %%tid.x; mov.u32 %%y, %%tid.y; "
        "mov.u32 %%z, %%tid.z; mov.u32 %%w, %%ntid.x; mov.u32 %%h, %%ntid.y;\n");
    if (program.is_of_one_block && choose(2)) {
        say("mad.lo.u32 %%u, %%z, %u, %%y; mad.lo.u32 %%me, %%u, %u, %%x;\n", block[1], block[0]);
    } else {
        say("mad.lo.u32 %%u, %%z, %%h, %%y; mad.lo.u32 %%me, %%u, %%w, %%x;\n");
    }
    say("mov.u32 %%u, %%ntid.z; mul.lo.u32 %%n, %%w, %%h; mul.lo.u32 %%n, %%n, %%u; }\n");
}

/* What is said of a kernel first: what stands before it and behind it is of the registers in it. */
static char body[TEXT_MAX];

static bool is_used(const char *name)
{
    return strstr(body, name) != NULL;
}

static bool is_register_used(char letter, unsigned number)
{
    const char name[] = {'%', letter, (char)('0' + number), 0};

    return is_used(name);
}

/* Values of each thread, and values of all. None is loaded: that is much to compile. */
static void say_first_value(char letter, unsigned number)
{
    static const char *const words[] = {
        "mov.u32 %%r%u, %%me;\n",       "mov.u32 %%r%u, %%ctaid.x;\n",
        "shr.u32 %%r%u, %%me, 4;\n",    "and.b32 %%r%u, %%t, 3;\n",
        "mov.u32 %%r%u, 7;\n",          "mul.lo.u32 %%r%u, %%t, 0x9E3779B1;\n",
        "add.u32 %%r%u, %%t, %%u0;\n",  "mad.lo.u32 %%r%u, %%t, 0x85EBCA6B, %%u0;\n",
        "xor.b32 %%r%u, %%me, %%u0;\n", "mad.lo.u32 %%r%u, %%u0, %%t, 0x7FFFFFFF;\n",
    };
    static const char *const doubles[] = {
        "mul.wide.u32 %%q%u, %%t, 0x9E3779B1;\n",
        "cvt.s64.s32 %%q%u, %%u0;\n",
        "cvt.u64.u32 %%q%u, %%me;\n",
        "mov.u64 %%q%u, 7;\n",
        "mad.wide.u32 %%q%u, %%t, %%u0, 5;\n",
    };
    static const char *const predicates[] = {
        "setp.lt.u32 %%p%u, %%me, 13;\n",
        "setp.lt.u32 %%p%u, %%t, %%u0;\n",
        "and.b32 %%v, %%me, 1; setp.ne.u32 %%p%u, %%v, 0;\n",
        "setp.eq.u32 %%p%u, %%t, 40;\n",
    };
    static const char *const floats[] = {
        "cvt.rn.f32.u32 %%f%u, %%me;\n",
        "mov.f32 %%f%u, 0f3FC00000;\n",
        "mul.lo.u32 %%v, %%t, 0x9E3779B1; mov.b32 %%f%u, %%v;\n",
        "cvt.rn.f32.s32 %%f%u, %%u0;\n",
    };

    switch (letter) {
    case 'r':
        say(ONE_OF(words), number);
        break;
    case 'q':
        say(ONE_OF(doubles), number);
        break;
    case 'p':
        say(ONE_OF(predicates), number);
        break;
    case 'f':
        say(ONE_OF(floats), number);
        break;
    case 'd':
        say("cvt.rn.f64.u32 %%d%u, %%t;\n", number);
        break;
    case 'h':
        say("cvt.u16.u32 %%h%u, %%%s;\n", number, choose(2) ? "t" : "u0");
        break;
    case 'u':
        say(choose(2) ? "mov.u32 %%u%u, %%ctaid.x;\n" : "mov.u32 %%u%u, 2;\n", number);
        break;
    case 'g':
        say("mov.u32 %%g%u, %%warpid;\n", number);
        break;
    default:
        say("mov.u32 %%k%u, %u;\n", number, choose(2) ? choose_number() : choose_bits());
    }
}

static const struct file {
    char letter;
    unsigned count;
} files[] = {{'r', 8}, {'q', 4}, {'p', 4}, {'f', 4}, {'d', 2},
             {'h', 4}, {'u', 3}, {'g', 3}, {'k', 3}};

static void say_first_values(void)
{
    say("ld.param.u32 %%u0, [n];\n");
    for (const struct file *file = files; file < files + COUNT(files); file++) {
        for (unsigned i = file->letter == 'u'; i < file->count; i++) {
            if (is_register_used(file->letter, i)) {
                say_first_value(file->letter, i);
            }
        }
    }
}

/* The addresses of a thread's elements: %s8 and so on in shared memory, %m8 in global memory. */
static void say_elements(void)
{
    for (unsigned size = 8, place = 0; size; place += size * THREADS_MAX, size /= 2) {
        if (is_register_used('s', size)) {
            say("{ .reg .b32 %%z; mov.u32 %%z, strip; add.u32 %%z, %%z, %u; "
                "mad.lo.u32 %%s%u, %%me, %u, %%z; }\n",
                place, size, size);
        }
        if (is_register_used('m', size) || (program.is_straight && size == 4)) {
            say("{ .reg .b64 %%z; add.s64 %%z, %%table, %zu; mad.wide.u32 %%m%u, %%t, %u, %%z; }\n",
                CELLS_OFFSET + place, size, size);
        }
    }
}

static void say_beginning(void)
{
    if (is_used("__assertfail")) {
        say(".extern .func __assertfail(.param .b64 m, .param .b64 f, .param .b32 l, .param .b64 "
            "n, "
            ".param .b64 s);\n.global .b8 text[2] = {120, 0};\n");
    }
    say(".entry k(.param .u64 out, .param .u32 n)\n{\n.shared .align 16 .b8 tile[%u];\n"
        ".shared .align 8 .b8 hist[%u];\n.shared .align 8 .b8 strip[%u];\n"
        ".local .align 16 .b8 mine[%u];\n" REGISTERS
        ".reg .b32 %%i<3>, %%a<3>, %%u<3>, %%g<3>, %%k<3>, %%t, %%n, %%all, %%me, %%b; "
        ".reg .b64 %%own, %%sums, %%cell, %%table, %%middle, %%m<9>; .reg .b32 %%s<9>;\n",
        2 * TILE_SIZE, SUMS_SIZE, CELLS_SIZE, LOCAL_SIZE);
    say_number_of_thread();
    say("mov.u32 %%b, %%ctaid.x; mad.lo.u32 %%t, %%b, %%n, %%me;\n");
    if (program.edge) {
        say("mov.b32 %%v, 0; mov.b32 %%l, 0; mov.b64 %%x, 0; mov.b64 %%y, 0;\n"
            "setp.ge.u32 %%pc, %%%s, %u; @%%pc bra END;\n",
            program.is_straight ? "t" : "me", program.edge);
    }
    say("ld.param.u64 %%table, [out]; mad.wide.u32 %%own, %%t, %zu, %%table;\n",
        WORDS * sizeof(uint32_t));
    say_elements();
    if (is_used("%sums")) {
        say("add.s64 %%sums, %%table, %zu;\n", SUMS_OFFSET);
    }
    if (is_used("%table") || is_used("%middle")) {
        say("add.s64 %%table, %%table, %zu;\n", TABLE_OFFSET);
    }
    if (is_used("%middle")) {
        say("add.s64 %%middle, %%table, %u;\n", TABLE_SIZE / 2);
    }
    if (program.has_linear) {
        say_linear_registers(TILES_OFFSET);
    }
    if (is_used("%all")) {
        say("activemask.b32 %%all;\n");
    }
    say_first_values();
    for (unsigned i = 0; i < LOCAL_SIZE && has_kind(SAY_LOCAL_MEMORY); i += 16) {
        say("st.local.v2.u64 [mine + %u], {5, 6};\n", i);
    }
}

/* All registers come to one number, as each store is as much to compile as ten sums. Which of NaNs
 * it is does not count. */
static void say_mixed(char letter, unsigned number)
{
    static const char sum[] = "mad.lo.u32 %l, %l, 0x9E3779B1";

    switch (letter) {
    case 'q':
        say("{ .reg .b32 %%z; mov.b64 {%%v, %%z}, %%q%u; %s, %%v; %s, %%z; }\n", number, sum, sum);
        break;
    case 'w':
        say("cvt.u32.u64 %%v, %%w%u; %s, %%v;\n", number, sum);
        break;
    case 'p':
        say("selp.u32 %%v, 1, 0, %%p%u; %s, %%v;\n", number, sum);
        break;
    case 'f':
        say("setp.num.f32 %%pc, %%f%u, %%f%u; mov.b32 %%v, %%f%u;\n", number, number, number);
        say(program.is_straight ? "selp.b32 %%v, %%v, 3, %%pc; %s, %%v;\n" : "@%%pc %s, %%v;\n",
            sum);
        break;
    case 'd':
        say("{ .reg .b32 %%z; setp.num.f64 %%pc, %%d%u, %%d%u; mov.b64 {%%v, %%z}, %%d%u; "
            "xor.b32 %%v, %%v, %%z; @%%pc %s, %%v; }\n",
            number, number, number, sum);
        break;
    case 'h':
        say("cvt.u32.u16 %%v, %%h%u; %s, %%v;\n", number, sum);
        break;
    default:
        say("%s, %%%c%u;\n", sum, letter, number);
    }
}

/* What has been summed in shared memory: each thread looks at one cell. */
static void say_sums_mixed(void)
{
    say("{ .reg .b32 %%z; bar.sync 0; shl.b32 %%v, %%me, 3; and.b32 %%v, %%v, %u; "
        "mov.u32 %%z, hist; add.u32 %%v, %%v, %%z; ld.shared.v2.u32 {%%v, %%z}, [%%v]; "
        "xor.b32 %%l, %%v, %%z; }\n",
        SUMS_SIZE - 8);
}

static void say_end(void)
{
    if (is_used("hist")) {
        say_sums_mixed();
    } else {
        say("mov.u32 %%l, 1;\n");
    }
    for (const struct file *file = files; file < files + COUNT(files); file++) {
        for (unsigned i = 0; i < file->count && file->letter != 'k'; i++) {
            if (is_register_used(file->letter, i)) {
                say_mixed(file->letter, i);
            }
        }
    }
    for (unsigned i = 0; i < LINEAR; i++) {
        if (is_register_used('a', i)) {
            say_mixed('a', i);
        }
    }
    for (unsigned size = 8; size; size /= 2) {
        if (is_register_used('s', size)) {
            say("ld.shared.u%u %%v, [%%s%u]; mad.lo.u32 %%l, %%l, 0x9E3779B1, %%v;\n",
                size < 4 ? 8 * size : 32, size);
        }
    }
    for (unsigned i = 0; i < program.words.count && i < 4; i++) {
        say_mixed('z', program.words.seen[i]);
    }
    for (unsigned i = 0; i < program.doubles.count && i < 2; i++) {
        say_mixed('w', program.doubles.seen[i]);
    }
    if (program.is_straight) {
        say("st.global.u32 [%%m4], %%l;\n");
    } else {
        say("st.global.u32 [%%own + %zu], %%l;\n", OWN_WORDS * sizeof(uint32_t));
    }
    say("END: ret;\n}\n");
}

static void say_body(void)
{
    size_t start = program.used;

    program.is_together = program.is_warp_together = true;
    program.statements = 1 + choose(program.is_straight || choose(8) ? 8 : 24);
    while (program.statements) {
        say_block();
    }
    memcpy(body, program.text + start, program.used - start + 1);
    program.used = start;
}

/* Half of all kinds of statements: what is seldom together with something else comes to be. */
static void choose_kinds(void)
{
    program.kinds = choose(256) | choose(256) << 8 | choose(512) << 16;
    program.is_plain = choose(4) != 0;
    program.is_straight = choose(4) == 0;
    if (program.is_straight) {
        program.is_plain = true;
        program.kinds &= 1 << SAY_INTEGERS | 1 << SAY_WIDE | 1 << SAY_FLOATS | 1 << SAY_HALVES |
                         1 << SAY_ALIKE | 1 << SAY_STEPS;
        program.kinds |= 1 << SAY_ELEMENT;
    }
    program.has_few = choose(2);
    program.reads_middle = choose(2);
    program.has_linear = has_kind(SAY_STEPS) || choose(4) == 0;
}

/* As kernels begin whose last block has too many threads. */
static void choose_edge(unsigned threads)
{
    if (choose(3) == 0) {
        program.edge = choose(2) ? THREADS_MAX : 1 + choose(threads);
        program.has_full_warps &= program.edge >= threads;
    }
}

static void say_program(const uint32_t block[3])
{
    unsigned threads = block[0] * block[1] * block[2];

    program.block = block;
    program.has_full_warps = threads % 32 == 0;
    choose_edge(threads);
    program.is_of_one_block = choose(4) == 0;
    choose_kinds();
    if (!program.is_plain && has_kind(SAY_CALL)) {
        say_function();
    } else {
        say_head();
    }
    say_body();
    say_beginning();
    say("%s", body);
    say_end();
}

/* ---- Blocks ---- */

/* Those for which a kernel is compiled alike; of some sizes, and small for the most part. */
static void choose_block(uint32_t block[3])
{
    static const uint32_t blocks[][3] = {
        {32, 1, 1},  {64, 1, 1},  {96, 1, 1}, {128, 1, 1},  {1, 1, 1},   {48, 1, 1}, {40, 1, 1},
        {100, 1, 1}, {16, 2, 1},  {16, 4, 1}, {16, 6, 1},   {16, 3, 1},  {16, 5, 1}, {16, 2, 3},
        {16, 3, 2},  {16, 1, 4},  {8, 4, 1},  {8, 8, 1},    {8, 4, 3},   {8, 6, 1},  {8, 6, 2},
        {8, 1, 8},   {32, 2, 1},  {32, 1, 2}, {32, 3, 1},   {64, 2, 1},  {48, 2, 1}, {24, 4, 1},
        {4, 8, 2},   {2, 4, 8},   {7, 5, 2},  {1, 33, 1},   {16, 16, 1}, {32, 8, 1}, {256, 1, 1},
        {1, 2, 64},  {32, 32, 1}, {8, 8, 16}, {1000, 1, 1}, {3, 300, 1}, {16, 8, 2}, {8, 16, 2},
    };

    /* the first four are what most programs have */
    memcpy(block, blocks[choose(choose(3) ? COUNT(blocks) : 4)], 3 * sizeof(*block));
}

static bool are_alike(const uint32_t a[3], const uint32_t b[3])
{
    struct kernel_options of_a = {0}, of_b = {0};

    program_set_rows(a, &of_a);
    program_set_rows(b, &of_b);
    return of_a.row == of_b.row && of_a.is_stacked == of_b.is_stacked &&
           of_a.is_full == of_b.is_full;
}

/* A smaller one, for which no other code is made; or the same. */
static void choose_smaller_block(const uint32_t most[3], uint32_t block[3])
{
    bool is_full = most[0] * most[1] * most[2] % 32 == 0;

    for (unsigned i = 0; i < 3; i++) {
        block[i] = i || most[1] * most[2] == 1 ? 1 + choose(most[i]) : most[i];
    }
    if (program.is_of_one_block || !are_alike(block, most) ||
        (is_full && block[0] * block[1] * block[2] % 32 != 0)) {
        memcpy(block, most, 3 * sizeof(*block));
    }
}

/* ---- Running it ---- */

static _Alignas(256) unsigned char outputs[2][OUTPUT_SIZE];
static char log_text[4096];

struct params {
    uint64_t out;
    uint32_t n;
};

struct trial {
    uint32_t block[3], blocks, n;
    uint64_t seed; /* of the order of warps */
    bool is_alone;
    uint32_t table_start, table_end; /* the part of the table that may be read */
};

static size_t thread_bytes(const struct trial *trial)
{
    return WORDS * sizeof(uint32_t) * trial->blocks * trial->block[0] * trial->block[1] *
           trial->block[2];
}

/* Some numbers are edges. */
static void fill_outputs(const struct trial *trial)
{
    static const uint32_t edges[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x3F800000, 31, 255};
    uint64_t noise = trial->n * 0x9E3779B97F4A7C15 + 1;
    uint32_t *words = (uint32_t *)(void *)outputs[0];
    size_t size = thread_bytes(trial);

    memset(outputs[0] + TILES_OFFSET, 0, SUMS_OFFSET - TILES_OFFSET);
    memset(outputs[0] + SUMS_OFFSET, 0x33, SUMS_SIZE + CELLS_SIZE);
    for (size_t i = 0; i < size / sizeof(uint32_t); i++) {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        words[i] = noise >> 60 ? (uint32_t)noise : edges[noise >> 32 & 7];
    }
    memcpy(outputs[1], outputs[0], size);
    memcpy(outputs[1] + TILES_OFFSET, outputs[0] + TILES_OFFSET, TABLE_OFFSET - TILES_OFFSET);
}

/* Nobody writes to it: once is enough. */
static void fill_table(void)
{
    static bool is_filled;

    for (unsigned i = 0; i < TABLE_SIZE && !is_filled; i++) {
        outputs[0][TABLE_OFFSET + i] = outputs[1][TABLE_OFFSET + i] =
            (unsigned char)(i * 0x9E3779B1 >> 24);
    }
    is_filled = true;
}

static struct ptx_log *begin_log(void)
{
    static struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    return &log;
}

/* Every program that is said is one. */
static void expect_no_error(bool is_well)
{
    if (!is_well) {
        fprintf(stderr, "%s%s", program.text, log_text);
        abort();
    }
}

static struct ptx_module *parse(void)
{
    struct ptx_module *module =
        ptx_module_create(program.text, program.used, &ptx_default_limits, begin_log());

    expect_no_error(module != NULL);
    return module;
}

static bool is_table_short(const struct trial *trial)
{
    return trial->table_start > 0 || trial->table_end < TABLE_SIZE;
}

static enum reference_status run_reference(const struct ptx_module *module,
                                           const struct trial *trial)
{
    struct reference_memory memory = {0};
    const struct params params = {(uint64_t)(uintptr_t)outputs[0], trial->n};
    struct reference_fault fault;
    struct reference_module *placed;
    enum reference_status status;
    struct reference_launch launch = {
        .memory = &memory,
        .kernel = ptx_module_kernel(module, "k"),
        .grid = {trial->blocks, 1, 1},
        .block = {trial->block[0], trial->block[1], trial->block[2]},
        .params = &params,
        .local_size = 4096,
        .step_limit = STEPS_MAX,
    };

    reference_memory_add(&memory, outputs[0], TABLE_OFFSET, true);
    reference_memory_add(&memory, outputs[0] + TABLE_OFFSET + trial->table_start,
                         trial->table_end - trial->table_start, true);
    launch.module = placed = reference_module_create(module, &memory);
    CHECK(placed != NULL);
    status = reference_run(&launch, &fault);
    if (status != REFERENCE_OK && status != REFERENCE_STEP_LIMIT &&
        (status != REFERENCE_ILLEGAL_ADDRESS || !is_table_short(trial))) {
        fprintf(stderr, "%sreference: %s, instruction %zu\n", program.text,
                reference_status_text(status), fault.instruction);
        abort();
    }
    reference_module_destroy(placed);
    reference_memory_free(&memory);
    return status;
}

static void say_trial(const struct trial *trial, const char *what)
{
    fprintf(stderr,
            "%s%s: %u blocks of %u x %u x %u threads, n %u, seed %u, bytes %u to %u of the table, "
            "%s: ",
            program.text, forced.masked_alone ? "masked" : "", trial->blocks, trial->block[0],
            trial->block[1], trial->block[2], trial->n, (unsigned)trial->seed, trial->table_start,
            trial->table_end, what);
}

/* Compiled when it is first needed. */
struct compiled {
    struct memory memory;
    struct program *program;
};

static void compile(struct compiled *compiled)
{
    *compiled = (struct compiled){0};
    CHECK(memory_add(&compiled->memory, (uint64_t)(uintptr_t)outputs[1], TABLE_OFFSET, false));
    compiled->program = program_create(program.text, program.used, &compiled->memory, begin_log());
    expect_no_error(compiled->program != NULL);
}

/* The reference comes to an address outside of memory, or does not: so does this. */
static void run_compiled(struct compiled *compiled, const struct trial *trial, bool faults)
{
    const struct params params = {(uint64_t)(uintptr_t)outputs[1], trial->n};
    const uint64_t table = (uint64_t)(uintptr_t)outputs[1] + TABLE_OFFSET + trial->table_start;
    uint32_t stop = 0;
    struct launch launch = {
        .grid = {trial->blocks, 1, 1},
        .block = {trial->block[0], trial->block[1], trial->block[2]},
        .params = &params,
        .memory = &compiled->memory,
        .stop = &stop,
        .seed = trial->seed,
        .is_alone = trial->is_alone,
    };
    struct launch_fault fault;
    const struct program_kernel *kernel = program_find_kernel(compiled->program, "k");

    expect_no_error(program_prepare(compiled->program, kernel, &launch, begin_log()));
    launch.shared_size = kernel->shared_size;
    CHECK(memory_add(&compiled->memory, table, trial->table_end - trial->table_start, false));
    if (launch_run(&launch, &fault) == LAUNCH_OK) {
        fault = (struct launch_fault){0};
    }
    memory_remove(&compiled->memory, table);
    if (fault.fault != (faults ? WARP_FAULT_ADDRESS : 0)) {
        say_trial(trial, faults ? "no fault" : "fault");
        fprintf(stderr, "%d at 0x%llx\n", fault.fault, (unsigned long long)fault.address);
        abort();
    }
}

static void compare_words(const struct trial *trial, size_t from, size_t end)
{
    const uint32_t *expected = (const uint32_t *)(const void *)outputs[0];
    const uint32_t *got = (const uint32_t *)(const void *)outputs[1];

    if (memcmp(outputs[0] + from, outputs[1] + from, end - from) == 0) {
        return;
    }
    for (size_t i = from / sizeof(uint32_t); i < end / sizeof(uint32_t); i++) {
        if (expected[i] != got[i]) {
            say_trial(trial, from ? "memory of all" : "threads");
            fprintf(stderr, "thread %zu, word %zu: 0x%x, not 0x%x\n", i / WORDS,
                    from ? i - from / sizeof(uint32_t) : i % WORDS, got[i], expected[i]);
            abort();
        }
    }
}

/* Blocks have a tile each; but those of programs without, which may be rows of many. */
static uint32_t most_blocks(uint32_t threads)
{
    uint32_t most = program.is_straight && !program.has_linear ? THREADS_MAX : BLOCKS_MAX;

    return THREADS_MAX / threads < most ? THREADS_MAX / threads : most;
}

/* With the last thread of a later warp. */
static void shorten_nearby(struct trial *trial, unsigned warps)
{
    uint32_t bytes = 16 * 32 * (2 + choose(warps - 1)) - 4 * choose(5);

    if (program.reads_middle) {
        trial->table_start = TABLE_SIZE / 2 - bytes;
    } else {
        trial->table_end = bytes;
    }
}

/* Often as programs read from it; or up to some place near that. */
static void shorten_table(struct trial *trial)
{
    static const uint32_t starts[] = {
        0, 16, 4, TABLE_SIZE / 2 - 128, TABLE_SIZE / 2 - 112, TABLE_SIZE / 2 - 124, TABLE_SIZE / 4};
    static const uint32_t ends[] = {
        TABLE_SIZE,           32768, 256, 240, 252, TABLE_SIZE / 2 + 128, TABLE_SIZE / 2 + 112,
        TABLE_SIZE / 2 + 124, 49152, 1024};

    unsigned warps = trial->block[0] * trial->block[1] * trial->block[2] / 32;

    if (program.reads_nearby && warps > 1) {
        shorten_nearby(trial, warps);
        return;
    }
    trial->table_start = choose(2) ? 0 : ONE_OF(starts);
    trial->table_end = choose(3) ? ONE_OF(ends) : 4 * (1 + choose(TABLE_SIZE / 4));
    if (trial->table_end <= trial->table_start) {
        trial->table_end = TABLE_SIZE;
    }
}

static struct trial choose_trial(const uint32_t most[3])
{
    struct trial trial = {
        .n = choose(4) ? choose(4) : choose_bits(),
        .seed = choose(3) ? 0 : choose(256),
        .is_alone = choose(2),
        .table_end = TABLE_SIZE,
    };

    choose_smaller_block(most, trial.block);
    trial.blocks = 1 + choose(most_blocks(trial.block[0] * trial.block[1] * trial.block[2]));
    if (choose(program.reads_nearby ? 2 : 3) == 0) {
        shorten_table(&trial);
    }
    return trial;
}

static void run_trials(const struct ptx_module *module, const uint32_t most[3])
{
    struct compiled compiled = {0};

    for (unsigned left = 1 + choose(LAUNCHES_MAX); left; left--) {
        struct trial trial = choose_trial(most);

        enum reference_status status;

        fill_outputs(&trial);
        status = run_reference(module, &trial);
        if (status == REFERENCE_STEP_LIMIT) { /* it takes too long */
            continue;
        }
        if (compiled.program == NULL) {
            compile(&compiled);
        }
        run_compiled(&compiled, &trial, status != REFERENCE_OK);
        if (status == REFERENCE_OK) {
            compare_words(&trial, 0, thread_bytes(&trial));
            compare_words(&trial, TILES_OFFSET, TABLE_OFFSET);
        }
    }
    if (compiled.program != NULL) {
        program_destroy(compiled.program);
        memory_clear(&compiled.memory);
    }
}

/* Most of the time is LLVM's, which allocates much. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:malloc_context_size=0:"
           "detect_leaks=0";
}

/* LLVM, with a libc of its own: the sanitizer's malloc would be more than half of its time. */
void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags)
{
    return name != NULL && strncmp(name, "libLLVM", 7) == 0 ? dlmopen(LM_ID_NEWLM, name, flags)
                                                            : __real_dlopen(name, flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char ways[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};
    struct ptx_module *module;
    uint32_t block[3];

    text_begin(data, size);
    fill_table();
    forced_choose(ONE_OF(ways)); /* else as it comes */
    llvm_is_hasty = choose(16) != 0;
    choose_block(block);
    say_program(block);
    module = parse();
    run_trials(module, block);
    ptx_module_destroy(module);
    return 0;
}
