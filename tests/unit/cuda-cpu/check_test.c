/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device ptxc program)
// libs: -ldl
/*
 * The checks of kernels: each fault that is planted is found at its place, and the same kernel
 * without it is clean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/program/program.h"

/* A kernel over two arrays of words, with the thread's place in %rd3 of the first and in %rd4 of
 * the second; %r1 is its number in the block, %r2 the block's, %r3 its number in the grid. */
#define KERNEL(declarations, statements)                                                           \
    ".version 8.0\n.target sm_90\n.address_size 64\n" declarations                                 \
    "\n.visible .entry k(.param .u64 out, .param .u64 in)\n{\n"                                    \
    ".reg .b16 %h<9>; .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .f32 %f<9>; .reg .pred %p<9>;\n"   \
    "mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r4, %ntid.x;\n"                          \
    "mad.lo.u32 %r3, %r2, %r4, %r1; ld.param.u64 %rd1, [out]; ld.param.u64 %rd2, [in];\n"          \
    "mul.wide.u32 %rd5, %r3, 4; add.s64 %rd3, %rd1, %rd5; add.s64 %rd4, %rd2, %rd5;\n"             \
    "mul.wide.u32 %rd6, %r1, 4;\n" statements "\nret;\n}\n"

/* The same, with %rd7 the thread's word of an array in shared memory, and %rd8 its beginning. */
#define SHARED(statements)                                                                         \
    KERNEL(".shared .align 4 .b8 tile[4096];",                                                     \
           "mov.u64 %rd8, tile; add.s64 %rd7, %rd8, %rd6;\n" statements)

#define WORDS 256

static _Alignas(256) uint32_t out[WORDS + 64], in[WORDS];
static struct memory memory;
static char *json, *text;
static size_t json_size, text_size;
static struct check_options options;
static FILE *json_file, *text_file;
static uint64_t errors;

static uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static void open_memory(unsigned kinds, unsigned limit)
{
    memset(out, 0, sizeof(out));
    memset(in, 0, sizeof(in));
    json_file = open_memstream(&json, &json_size);
    text_file = open_memstream(&text, &text_size);
    options = (struct check_options){kinds, limit, text_file, json_file};
    memory.check = check_create(&options);
    assert_non_null(memory.check);
    assert_true(memory_add(&memory, address_of(out), WORDS * sizeof(out[0]), false));
    assert_true(memory_add(&memory, address_of(in), sizeof(in), false));
    check_written(memory.check, address_of(out), WORDS * sizeof(out[0]));
}

static int setup(void **state)
{
    (void)state;
    open_memory(CHECK_ALL, CHECK_LIMIT);
    return 0;
}

/* What was found can be read afterwards. */
static void close_memory(void)
{
    if (memory.check != NULL) {
        memory_remove(&memory, address_of(out));
        memory_remove(&memory, address_of(in));
        errors = check_destroy(memory.check);
        memory_clear(&memory);
        fclose(json_file);
        fclose(text_file);
    }
}

static int teardown(void **state)
{
    (void)state;
    close_memory();
    free(json);
    free(text);
    return 0;
}

static struct program *load(const char *source, struct launch *launch, const struct ptx_log *log)
{
    struct program *program =
        program_create(source, strlen(source), &memory, (struct ptx_log *)(uintptr_t)log);

    if (program == NULL || !program_prepare(program, program_find_kernel(program, "k"), launch,
                                            (struct ptx_log *)(uintptr_t)log)) {
        print_error("%s\n%s", source, log->text);
        fail();
    }
    return program;
}

static enum launch_status launch_at(const char *source, unsigned grid, unsigned block,
                                    const void *first, const void *second)
{
    static const uint32_t never;
    static char log_text[4096];
    const uint64_t params[2] = {address_of(first), address_of(second)};
    struct launch launch = {
        .grid = {grid, 1, 1},
        .block = {block, 1, 1},
        .params = params,
        .memory = &memory,
        .stop = &never,
    };
    struct launch_fault fault;
    struct ptx_log log;
    struct program *program;
    enum launch_status status;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = load(source, &launch, &log);
    launch.shared_size = program_find_kernel(program, "k")->shared_size;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

static void run(const char *source, unsigned grid, unsigned block)
{
    assert_int_equal(launch_at(source, grid, block, out, in), LAUNCH_OK);
}

/* ---- What was found ---- */

/* The place of the instruction behind a mark. */
static void find_mark(const char *source, const char *mark, unsigned *line, unsigned *column)
{
    const char *place = strstr(source, mark);

    assert_non_null(place);
    place += strlen(mark);
    *line = *column = 1;
    for (const char *c = source; c < place; c++) {
        *line += *c == '\n';
        *column = *c == '\n' ? 1 : *column + 1;
    }
}

static void assert_within(const char *where, const char *what)
{
    if (strstr(where, what) == NULL) {
        print_error("%s\nis not in\n%s", what, where);
        fail();
    }
}

/* The first finding of a kind at a mark: what follows its place. */
static const char *finding(const char *source, const char *kind, const char *mark)
{
    char start[64], place[64];
    unsigned line, column;
    char *found;

    fflush(json_file);
    find_mark(source, mark, &line, &column);
    snprintf(start, sizeof(start), "{\"kind\":\"%s\",\"what\"", kind);
    snprintf(place, sizeof(place), "\"line\":%u,\"column\":%u,\"block\"", line, column);
    for (found = json; (found = strstr(found, start)) != NULL; found++) {
        char *end = strchr(found, '\n'), *at = strstr(found, place);
        char *other = strstr(found, "\"other\"");

        if (at != NULL && at < end && (other == NULL || other > end || at < other)) {
            return at;
        }
    }
    print_error("no %s at %s (%s) in\n%s", kind, mark, place, json);
    fail();
    return NULL;
}

/* By whom and where in memory. */
static void assert_found(const char *source, const char *kind, const char *mark, unsigned block,
                         unsigned thread, const void *address)
{
    const char *at = finding(source, kind, mark);
    char who[128], where[128], line[2048];

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    snprintf(who, sizeof(who), "\"block\":[%u,0,0],\"thread\":[%u,0,0]", block, thread);
    assert_within(line, who);
    if (address != NULL) {
        snprintf(where, sizeof(where), "\"address\":\"0x%llx\"",
                 (unsigned long long)address_of(address));
        assert_within(line, where);
    }
}

/* Who else: at a mark. */
static void assert_other(const char *source, const char *kind, const char *mark,
                         const char *other_mark, unsigned block, unsigned thread)
{
    const char *at = finding(source, kind, mark);
    char other[128], line_text[2048];
    unsigned line, column;

    snprintf(line_text, sizeof(line_text), "%.*s", (int)strcspn(at, "\n"), at);
    find_mark(source, other_mark, &line, &column);
    snprintf(other, sizeof(other),
             "\"other\":{\"line\":%u,\"column\":%u,\"block\":[%u,0,0],\"thread\":[%u,0,0]", line,
             column, block, thread);
    assert_within(line_text, other);
}

static void assert_says(const char *source, const char *kind, const char *mark, const char *what)
{
    const char *at = finding(source, kind, mark);
    char line[2048];

    while (at > json && at[-1] != '\n') {
        at--;
    }
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    assert_within(line, what);
}

static void assert_clean(void)
{
    fflush(json_file);
    if (json_size != 0) {
        print_error("%s", json);
        fail();
    }
}

static void run_clean(const char *source, unsigned grid, unsigned block)
{
    run(source, grid, block);
    assert_clean();
}

/* ---- Memory ---- */

static void test_out_of_bounds(void **state)
{
    const char *source = KERNEL("", "mov.u32 %r5, 7; ld.global.u32 %r5, [%rd3+32];\n"
                                    "/*1*/ld.global.u32 %r6, [%rd3+960];\n"
                                    "add.u32 %r6, %r6, %r5; add.u32 %r6, %r6, 1;\n"
                                    "/*2*/st.global.u32 [%rd3+960], %r6;");

    (void)state;
    out[WORDS] = 77;
    run(source, 1, 32);
    assert_found(source, "memory", "/*1*/", 0, 16, &out[WORDS]);
    assert_found(source, "memory", "/*2*/", 0, 16, &out[WORDS]);
    assert_says(source, "memory", "/*1*/", "\"what\":\"which is not allocated\"");
    assert_says(source, "memory", "/*1*/", "\"access\":\"read\"");
    assert_says(source, "memory", "/*2*/", "\"size\":1024,\"offset\":1024}");
    assert_int_equal(out[WORDS], 77);    /* was not written */
    assert_int_equal(out[WORDS - 1], 1); /* while the others were */
    close_memory();
    assert_int_equal(errors, 32);
}

static void test_zero_is_read(void **state)
{
    (void)state;
    run(KERNEL("",
               "ld.global.u32 %r6, [%rd3+1024]; add.u32 %r6, %r6, 5; st.global.u32 [%rd3], %r6;"),
        1, 32);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(out[i], 5);
    }
}

static void test_misaligned(void **state)
{
    const char *source = KERNEL(
        "", "setp.ne.u32 %p1, %r1, 5; add.s64 %rd9, %rd3, 2; selp.b64 %rd9, %rd3, %rd9, %p1;\n"
            "/*1*/ld.global.u32 %r6, [%rd9];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "memory", "/*1*/", 0, 5, (char *)&out[5] + 2);
    assert_says(source, "memory", "/*1*/", "\"what\":\"which is misaligned\"");
}

static void test_freed(void **state)
{
    const char *source = KERNEL("", "/*1*/ld.global.u32 %r6, [%rd4+8];");
    static _Alignas(256) uint32_t freed[64];

    (void)state;
    assert_true(memory_add(&memory, address_of(freed), sizeof(freed), false));
    check_written(memory.check, address_of(freed), sizeof(freed));
    assert_int_equal(launch_at(source, 1, 8, out, freed), LAUNCH_OK);
    assert_clean();
    memory_remove(&memory, address_of(freed));
    assert_int_equal(launch_at(source, 1, 8, out, freed), LAUNCH_OK);
    assert_found(source, "memory", "/*1*/", 0, 0, &freed[2]);
    assert_says(source, "memory", "/*1*/", "\"what\":\"which was freed\"");
    assert_says(source, "memory", "/*1*/", "\"kind\":\"allocation\",\"number\":3");
    assert_says(source, "memory", "/*1*/", "\"freed_after_launches\":1}");
}

static void test_read_only(void **state)
{
    const char *source =
        KERNEL(".const .u32 table[4] = {1, 2, 3, 4};",
               "mov.u64 %rd9, table; cvta.const.u64 %rd9, %rd9; /*1*/st.u32 [%rd9+4], %r1;\n"
               "mov.u64 %rd9, out; cvta.param.u64 %rd9, %rd9; /*2*/st.u32 [%rd9], %r1;");

    (void)state;
    run(source, 1, 1);
    assert_found(source, "memory", "/*1*/", 0, 0, NULL);
    assert_says(source, "memory", "/*1*/", "\"kind\":\"variable\",\"name\":\"table\"");
    assert_says(source, "memory", "/*1*/", "\"what\":\"which is read-only\"");
    assert_says(source, "memory", "/*2*/", "\"kind\":\"the parameters\"");
}

static void test_other_spaces(void **state)
{
    const char *source = SHARED("/*1*/st.shared.u32 [%rd7+4080], %r1;\n"
                                "{ .local .b8 frame[16]; /*2*/st.local.u32 [frame+16], %r1; }\n"
                                "/*3*/atom.global.add.u32 %r6, [%rd3+1024], 1;\n"
                                "/*4*/ld.global.v2.u32 {%r7, %r8}, [%rd1+1024];");

    (void)state;
    run(source, 1, 8);
    assert_found(source, "memory", "/*1*/", 0, 4, NULL);
    assert_found(source, "memory", "/*2*/", 0, 0, NULL);
    assert_found(source, "memory", "/*3*/", 0, 0, &out[WORDS]);
    assert_found(source, "memory", "/*4*/", 0, 0, &out[WORDS]);
    assert_says(source, "memory", "/*3*/", "\"access\":\"atomic\"");
}

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

/* ---- What was never written ---- */

static void test_never_written(void **state)
{
    const char *source = KERNEL("", "/*1*/ld.global.u32 %r5, [%rd4+16];");

    (void)state;
    check_written(memory.check, address_of(in), 16);
    run(source, 1, 8);
    assert_found(source, "init", "/*1*/", 0, 0, &in[4]);
    assert_says(source, "init", "/*1*/", "\"number\":2");
}

static void test_written(void **state)
{
    (void)state;
    run(KERNEL("", "st.global.u32 [%rd4], %r1;"), 1, 64);
    check_written(memory.check, address_of(&in[64]), 64 * sizeof(in[0]));
    run(KERNEL("", "ld.global.u32 %r5, [%rd4];"), 2, 64);
    assert_clean();
}

static void test_never_written_in_blocks(void **state)
{
    const char *source =
        SHARED("setp.ne.u32 %p1, %r2, 0; @%p1 bra R; st.shared.u32 [%rd7], %r1;\n"
               "R: /*1*/ld.shared.u32 %r5, [%rd7];\n"
               "{ .local .b8 frame[16]; st.local.u32 [frame], %r1; ld.local.u32 %r6, [frame];\n"
               "/*2*/ld.local.u32 %r6, [frame+4]; }");

    (void)state;
    run(source, 2, 40);
    assert_found(source, "init", "/*1*/", 1, 0, NULL);
    assert_found(source, "init", "/*2*/", 0, 0, NULL);
}

/* What is handed over to a function is written by that. */
static void test_arguments(void **state)
{
    (void)state;
    run_clean(KERNEL(".func (.param .b32 twice) f(.param .b32 x) { .reg .b32 %r<3>;\n"
                     "ld.param.b32 %r1, [x]; add.u32 %r2, %r1, %r1; st.param.b32 [twice], %r2; "
                     "ret; }\n",
                     "{ .param .b32 a; .param .b32 b; st.param.b32 [a], %r1;\n"
                     "call (b), f, (a); ld.param.b32 %r5, [b]; }\n"
                     "st.global.u32 [%rd3], %r5;"),
              1, 40);
    assert_int_equal(out[39], 78);
}

/* A structure with padding is copied as a whole. */
static void test_padding(void **state)
{
    (void)state;
    run_clean(KERNEL("",
                     "mul.wide.u32 %rd9, %r3, 8; add.s64 %rd9, %rd9, %rd2; cvt.u16.u32 %h1, %r1;\n"
                     "st.global.u8 [%rd9], %h1; st.global.u32 [%rd9+4], %r1;\n"
                     "ld.global.u32 %r5, [%rd9]; ld.global.u64 %rd10, [%rd9];"),
              1, 64);
}

/* ---- What threads do together ---- */

static void test_divergent_barrier(void **state)
{
    const char *source = KERNEL("", "setp.lt.u32 %p1, %r1, 8; @%p1 bra E; /*1*/bar.sync 0;\nE:");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "sync", "/*1*/", 0, 8, NULL);
    assert_says(source, "sync", "/*1*/", "24 of the 32 threads of the warp come to the barrier");
}

static void test_barrier_after_exits(void **state)
{
    (void)state;
    run_clean(KERNEL("", "setp.lt.u32 %p1, %r1, 40; @%p1 ret; bar.sync 0;"), 1, 96);
}

static void test_numbers_of_barriers(void **state)
{
    const char *source = KERNEL("", "and.b32 %r5, %r1, 1; /*1*/bar.sync %r5, 32;");

    (void)state;
    launch_at(source, 1, 32, out, in);
    assert_found(source, "sync", "/*1*/", 0, 1, NULL);
}

static void test_barrier_for_ever(void **state)
{
    const char *source = KERNEL("", "setp.ge.u32 %p1, %r1, 32; @%p1 ret; /*1*/bar.sync 1, 64;");

    (void)state;
    assert_int_equal(launch_at(source, 1, 64, out, in), LAUNCH_DEADLOCK);
    assert_found(source, "sync", "/*1*/", 0, 0, NULL);
    assert_says(source, "sync", "/*1*/", "the barrier is waited at for ever");
}

static void test_named_lanes(void **state)
{
    const char *source = KERNEL("", "mov.u32 %r5, 0xffff; setp.eq.u32 %p1, %r1, 20;\n"
                                    "@%p1 shfl.sync.idx.b32 %r6, %r1, 0, 31, %r5;\n"
                                    "@!%p1 shfl.sync.idx.b32 %r6, %r1, 0, 31, 0xffefffff;");

    (void)state;
    launch_at(source, 1, 32, out, in);
    fflush(json_file);
    assert_within(json, "the lanes that are named leave out its own");
    assert_within(json, "\"thread\":[20,0,0]");
}

static void test_lanes_that_never_come(void **state)
{
    const char *source =
        KERNEL("", "setp.lt.u32 %p1, %r1, 8; @%p1 bra A; /*1*/bar.warp.sync 0xffffffff; bra E;\n"
                   "A: /*2*/bar.warp.sync 0xff00ff;\nE:");

    (void)state;
    assert_int_equal(launch_at(source, 1, 32, out, in), LAUNCH_DEADLOCK);
    assert_found(source, "sync", "/*1*/", 0, 8, NULL);
    assert_says(source, "sync", "/*1*/", "lanes that it names never take part");
}

/* ---- Leaks ---- */

static void test_leak(void **state)
{
    static uint32_t lost[8];
    char line[256];

    (void)state;
    assert_true(memory_add(&memory, address_of(lost), sizeof(lost), false));
    close_memory();
    snprintf(line, sizeof(line),
             "{\"kind\":\"leak\",\"what\":\"never freed\",\"memory\":{\"kind\":\"allocation\","
             "\"number\":3,\"address\":\"0x%llx\",\"size\":32,\"offset\":0}}\n"
             "{\"kind\":\"sum\",\"errors\":1,\"places\":[{\"kind\":\"leak\",\"line\":0,"
             "\"column\":0,\"count\":1}],\"more\":false}\n",
             (unsigned long long)address_of(lost));
    assert_string_equal(json, line);
    snprintf(line, sizeof(line),
             "leak: never freed\n  allocation 3: 32 bytes at 0x%llx\n1 error in 1 place\n",
             (unsigned long long)address_of(lost));
    assert_string_equal(text, line);
}

/* ---- Reports ---- */

static const char lined[] = ".version 8.0\n.target sm_90\n.address_size 64\n"
                            ".visible .entry k(.param .u64 out, .param .u64 in)\n{\n"
                            "    .reg .b64 %rd<4>; .reg .b32 %r<4>;\n"
                            "    ld.param.u64 %rd1, [out];\n"
                            "    .loc 1 12 7\n"
                            "    st.global.u32 [%rd1+1028], 1;\n"
                            "    st.global.u32 [%rd1+1028], 1;\n"
                            "    ret;\n}\n"
                            ".file 1 \"kernel.cu\"\n";

static void test_text(void **state)
{
    char expected[2048];
    unsigned long long at = (unsigned long long)address_of(&out[WORDS + 1]);
    unsigned long long start = (unsigned long long)address_of(out);

    (void)state;
    run(lined, 1, 2);
    close_memory();
    snprintf(expected, sizeof(expected),
             "ptx:9:5: memory: k writes 4 bytes at 0x%llx, which is not allocated\n"
             "  thread (0, 0, 0) of block (0, 0, 0), kernel.cu:12\n"
             "  4 bytes behind allocation 1: 1024 bytes at 0x%llx\n"
             "ptx:10:5: memory: k writes 4 bytes at 0x%llx, which is not allocated\n"
             "  thread (0, 0, 0) of block (0, 0, 0), kernel.cu:12\n"
             "  4 bytes behind allocation 1: 1024 bytes at 0x%llx\n"
             "ptx:9:5: memory: 2 times\nptx:10:5: memory: 2 times\n"
             "4 errors in 2 places\n",
             at, start, at, start);
    assert_string_equal(text, expected);
}

static void test_json(void **state)
{
    char expected[2048];
    unsigned long long at = (unsigned long long)address_of(&out[WORDS + 1]);
    unsigned long long start = (unsigned long long)address_of(out);

    (void)state;
    run(lined, 1, 1);
    close_memory();
    snprintf(expected, sizeof(expected),
             "{\"kind\":\"memory\",\"what\":\"which is not allocated\",\"kernel\":\"k\","
             "\"file\":\"\",\"line\":9,\"column\":5,\"source\":\"kernel.cu\",\"source_line\":12,"
             "\"block\":[0,0,0],\"thread\":[0,0,0],\"access\":\"write\",\"address\":\"0x%llx\","
             "\"size\":4,\"memory\":{\"kind\":\"allocation\",\"number\":1,\"address\":\"0x%llx\","
             "\"size\":1024,\"offset\":1028}}\n",
             at, start);
    assert_memory_equal(json, expected, strlen(expected));
}

static void test_limit(void **state)
{
    (void)state;
    close_memory();
    free(json);
    free(text);
    open_memory(CHECK_ALL, 1);
    run(lined, 1, 3);
    close_memory();
    assert_int_equal(errors, 6);
    assert_null(strstr(text, "ptx:10:5"));
    assert_within(text, "6 errors in 1 place, and more places\n");
}

static void test_chosen_kinds(void **state)
{
    unsigned kinds;

    (void)state;
    assert_true(check_parse("race,leak", &kinds));
    assert_int_equal(kinds, 1u << CHECK_RACE | 1u << CHECK_LEAK);
    assert_true(check_parse("all", &kinds));
    assert_int_equal(kinds, CHECK_ALL);
    assert_false(check_parse("races", &kinds));
    assert_false(check_parse("", &kinds));
    assert_false(check_parse("race,,leak", &kinds));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_out_of_bounds),
        TEST(test_zero_is_read),
        TEST(test_misaligned),
        TEST(test_freed),
        TEST(test_read_only),
        TEST(test_other_spaces),
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
        TEST(test_never_written),
        TEST(test_written),
        TEST(test_never_written_in_blocks),
        TEST(test_arguments),
        TEST(test_padding),
        TEST(test_divergent_barrier),
        TEST(test_barrier_after_exits),
        TEST(test_numbers_of_barriers),
        TEST(test_barrier_for_ever),
        TEST(test_named_lanes),
        TEST(test_lanes_that_never_come),
        TEST(test_leak),
        TEST(test_text),
        TEST(test_json),
        TEST(test_limit),
        TEST(test_chosen_kinds),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
