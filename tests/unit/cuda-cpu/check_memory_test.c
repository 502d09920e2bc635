/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device ptxc program) tests/unit/cuda-cpu/check_fixture.c
// libs: -ldl
/* The checks of kernels, of memory: each fault that is planted is found at its place, and the same
 * kernel without it is clean. What was never written, what was never freed; and the reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/check_fixture.h"

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

/* Of loads that are asked for together, one is wrong. */
static void test_one_of_several_reads(void **state)
{
    const char *source =
        KERNEL("", "ld.global.u32 %r5, [%rd3+640]; ld.global.u32 %r6, [%rd3+768];\n"
                   "/*1*/ld.global.u32 %r7, [%rd3+896];\n"
                   "/*2*/ld.global.u32 %r8, [%rd3+1024];\n"
                   "add.u32 %r5, %r5, %r6; add.u32 %r7, %r7, %r8;\n"
                   "add.u32 %r5, %r5, %r7; st.global.u32 [%rd3], %r5;");

    (void)state;
    out[160] = 1;
    out[192] = 2;
    out[224] = 3;
    run(source, 1, 32);
    assert_found(source, "memory", "/*2*/", 0, 0, &out[WORDS]);
    assert_int_equal(out[0], 6);
    assert_null(strstr(json, "\"kind\":\"init\""));
}

static void test_one_of_several_never_written(void **state)
{
    const char *source = KERNEL("", "setp.ne.u32 %p1, %r1, 0; @%p1 bra L;\n"
                                    "st.global.u32 [%rd2], %r1; st.global.u32 [%rd2+8], %r1; L:\n"
                                    "bar.sync 0; ld.global.u32 %r5, [%rd2];\n"
                                    "/*1*/ld.global.u32 %r6, [%rd2+4];\n"
                                    "ld.global.u32 %r7, [%rd2+8];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "init", "/*1*/", 0, 0, &in[1]);
    close_memory();
    assert_int_equal(errors, 32);
}

/* A vector of each lane, all of them beside each other. */
static void test_vectors_together(void **state)
{
    const char *source =
        KERNEL("", "mul.wide.u32 %rd9, %r1, 16; add.s64 %rd10, %rd9, %rd2;\n"
                   "st.global.v4.u32 [%rd10], {%r1, %r1, %r1, %r1};\n"
                   "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd10]; add.s64 %rd10, %rd10, 4;\n"
                   "/*1*/ld.global.v4.u32 {%r5, %r6, %r7, %r9}, [%rd10];");

    (void)state;
    run(source, 1, 32);
    assert_found(source, "memory", "/*1*/", 0, 0, &in[1]);
    assert_says(source, "memory", "/*1*/", "\"what\":\"which is misaligned\"");
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

/* What asks for memory otherwise than by a load or a store; then the kernel goes on. */
static void test_of_other_kinds(void **state)
{
    const char *source =
        KERNEL(".shared .align 16 .b8 tile[64]; .shared .align 8 .b64 m;",
               "mbarrier.init.shared.b64 [m], 9; /*1*/mbarrier.init.shared.b64 [m+4], 1;\n"
               "W: /*2*/mbarrier.test_wait.parity.shared.b64 %p1, [m+4], 0; @!%p1 bra W;\n"
               "/*3*/cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
               " [tile], [%rd1+8], 16, [m];\n"
               "/*4*/cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
               " [tile+8], [%rd1], 16, [m];\n"
               "st.global.u32 [%rd3], 7;");

    (void)state;
    run(source, 1, 1);
    assert_found(source, "memory", "/*1*/", 0, 0, NULL);
    assert_found(source, "memory", "/*2*/", 0, 0, NULL);
    assert_found(source, "memory", "/*3*/", 0, 0, &out[2]);
    assert_found(source, "memory", "/*4*/", 0, 0, NULL);
    assert_says(source, "memory", "/*4*/", "\"what\":\"which is misaligned\"");
    assert_int_equal(out[0], 7);
    close_memory();
    assert_int_equal(errors, 4);
}

static void test_surfaces(void **state)
{
    struct texture surface = {
        .format = TEXTURE_U32, .channels = 1, .level_count = 1, .is_surface = true};
    const char *source =
        KERNEL("", "ld.global.u64 %rd9, [%rd1+64]; mul.lo.u32 %r5, %r1, 4; mov.u32 %r6, 9;\n"
                   "/*1*/suld.b.1d.b32.trap %r6, [%rd9, {%r5}]; st.global.u32 [%rd3], %r6;\n"
                   "mov.u32 %r7, 9; add.u64 %rd9, %rd9, 1;\n"
                   "/*2*/suld.b.1d.b32.trap %r7, [%rd9, {%r5}]; st.global.u32 [%rd3+16], %r7;");
    uint64_t handle;

    (void)state;
    surface.levels[0] = (struct texture_level){.address = address_of(&out[32]),
                                               .width = 3,
                                               .height = 1,
                                               .depth = 1,
                                               .pitch = 12,
                                               .slice = 12};
    handle = textures_add(&textures, &surface);
    memcpy(&out[16], &handle, sizeof(handle));
    memset(&out[32], 0x55, 12);
    run(source, 1, 4);
    assert_found(source, "memory", "/*1*/", 0, 3, NULL);
    assert_says(source, "memory", "/*1*/", "\"what\":\"outside of the surface\"");
    assert_found(source, "memory", "/*2*/", 0, 0, NULL);
    assert_says(source, "memory", "/*2*/", "\"what\":\"no such texture or surface\"");
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(out[i], i < 3 ? 0x55555555 : 0);
    }
    close_memory();
    assert_int_equal(errors, 5);
}

/* Addresses of all spaces are the host's: what lies nearest is told of the space that is named. */
static void test_nearest_of_its_space(void **state)
{
    static const struct {
        const char *statements;
        bool is_shared;
    } accesses[] = {
        {SHARED("cvta.shared.u64 %rd9, %rd8; /*1*/st.global.u32 [%rd9+4100], 1;"), false},
        {SHARED("cvta.shared.u64 %rd9, %rd8; /*1*/st.u32 [%rd9+4100], 1;"), true},
        {SHARED("/*1*/st.shared.u32 [%rd8+4100], 1;"), true},
        {SHARED("cvta.to.shared.u64 %rd9, %rd1; st.shared.u32 [%rd8], 1;\n"
                "/*1*/st.shared.u32 [%rd9+1028], 1;"),
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        close_memory();
        open_memory(CHECK_ALL, CHECK_LIMIT);
        run(accesses[i].statements, 1, 1);
        assert_found(accesses[i].statements, "memory", "/*1*/", 0, 0, NULL);
        assert_int_equal(strstr(json, "\"kind\":\"shared memory\"") != NULL, accesses[i].is_shared);
        assert_true(accesses[i].is_shared || strstr(json, "\"offset\":1028") == NULL);
    }
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

/* Of calls without a known end each has memory of its own. */
static void test_recursion(void **state)
{
    (void)state;
    run_clean(KERNEL(".func (.param .b32 sum) f(.param .b32 n) { .reg .b32 %r<3>; .reg .pred %p;\n"
                     "ld.param.u32 %r1, [n]; mov.u32 %r2, 0; setp.eq.u32 %p, %r1, 0; @%p bra L;\n"
                     "sub.u32 %r2, %r1, 1; { .param .b32 n; .param .b32 r;\n"
                     "st.param.u32 [n], %r2; call (r), f, (n); ld.param.u32 %r2, [r]; }\n"
                     "L: add.u32 %r2, %r2, %r1; st.param.u32 [sum], %r2; ret; }",
                     "{ .param .b32 n; .param .b32 r; st.param.u32 [n], 20;\n"
                     "call (r), f, (n); ld.param.u32 %r5, [r]; } st.global.u32 [%rd3], %r5;"),
              1, 32);
    assert_int_equal(out[31], 210);
}

/* A structure with padding is copied as a whole. */
/* ---- Asynchronous copies ---- */

#define COPY(place) "cp.async.ca.shared.global [%rd7" place "], [%rd3" place "], 4;\n"
#define BEHIND_COPIES "\"what\":\"which a copy writes that was not waited for\""
#define STORES "st.global.u32 [%rd3+512], %r6;\n"

static void test_copies(void **state)
{
    static const char *const clean[] = {
        SHARED(COPY("") "cp.async.wait_all; ld.shared.u32 %r6, [%rd7];" STORES),
        SHARED(COPY("") "cp.async.commit_group; cp.async.wait_group 0; bar.sync 0;\n"
                        "xor.b32 %r5, %r1, 16; mul.wide.u32 %rd9, %r5, 4;\n"
                        "add.s64 %rd9, %rd9, %rd8; ld.shared.u32 %r6, [%rd9];" STORES),
        /* two stages, and the first one's place again */
        SHARED(COPY("") "cp.async.commit_group;\n" COPY(
            "+256") "cp.async.commit_group;\n"
                    "cp.async.wait_group 1; ld.shared.u32 %r6, [%rd7];\n" COPY(
                        "") "cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 %r7, "
                            "[%rd7+256];\n"
                            "cp.async.wait_group 0; ld.shared.u32 %r6, [%rd7];" STORES),
    };
    static const char *const wrong[] = {
        SHARED(COPY("") "/*1*/ld.shared.u32 %r6, [%rd7];" STORES),
        SHARED(COPY("") "cp.async.commit_group; cp.async.wait_group 1;\n"
                        "/*1*/ld.shared.u32 %r6, [%rd7];" STORES),
        SHARED(COPY("") "cp.async.wait_group 0;\n" /* of no group yet */
                        "/*1*/ld.shared.u32 %r6, [%rd7];" STORES),
        SHARED("st.shared.u32 [%rd7], 1;\n" COPY(
            "") "bar.sync 0; xor.b32 %r5, %r1, 16;\n"
                "mul.wide.u32 %rd9, %r5, 4; add.s64 %rd9, %rd9, %rd8;\n"
                "/*1*/ld.shared.u32 %r6, [%rd9];" STORES),
        SHARED(COPY("") "cp.async.commit_group;\n" COPY(
            "+256") "cp.async.commit_group;\n"
                    "cp.async.wait_group 1; /*1*/ld.shared.u32 %r6, [%rd7+256];" STORES),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        run_clean(clean[i], 2, 32);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        close_memory();
        open_memory(CHECK_ALL, CHECK_LIMIT);
        run(wrong[i], 2, 32);
        assert_says(wrong[i], "init", "/*1*/", BEHIND_COPIES);
    }
}

/* One thread copies, and an mbarrier counts what has come. */
#define BULK(count, copy)                                                                          \
    KERNEL(".shared .align 16 .b8 tile[256]; .shared .align 8 .b64 m;",                            \
           "mov.u64 %rd8, tile; add.s64 %rd7, %rd8, %rd6; setp.ne.u32 %p1, %r1, 0;\n"              \
           "@%p1 bra S; mbarrier.init.shared.b64 [m], " count "; S: bar.sync 0;\n" copy            \
           "/*1*/ld.shared.u32 %r6, [%rd7]; st.global.u32 [%rd3+512], %r6;")
#define BULK_COPY                                                                                  \
    "@%p1 bra A; mbarrier.arrive.expect_tx.shared.b64 %rd9, [m], 256;\n"                           \
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [tile], [%rd1], 256, "      \
    "[m];\n"                                                                                       \
    "A:\n"
#define WAIT "W: mbarrier.try_wait.parity.shared.b64 %p2, [m], 0; @!%p2 bra W;\n"

static void test_copies_of_mbarriers(void **state)
{
    static const char *const wrong[] = {
        BULK("1", BULK_COPY "bar.sync 0;\n"),
        BULK("64", "cp.async.ca.shared.global [%rd7], [%rd3], 4;\n"),
    };

    (void)state;
    run_clean(BULK("1", BULK_COPY WAIT), 1, 64);
    run_clean(BULK("64", "cp.async.ca.shared.global [%rd7], [%rd3], 4;\n"
                         "cp.async.mbarrier.arrive.noinc.shared.b64 [m];\n" WAIT),
              1, 64);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        close_memory();
        open_memory(CHECK_ALL, CHECK_LIMIT);
        run(wrong[i], 1, 64);
        assert_says(wrong[i], "init", "/*1*/", BEHIND_COPIES);
    }
}

static void test_padding(void **state)
{
    (void)state;
    run_clean(KERNEL("",
                     "mul.wide.u32 %rd9, %r3, 8; add.s64 %rd9, %rd9, %rd2; cvt.u16.u32 %h1, %r1;\n"
                     "st.global.u8 [%rd9], %h1; st.global.u32 [%rd9+4], %r1;\n"
                     "ld.global.u32 %r5, [%rd9]; ld.global.u64 %rd10, [%rd9];"),
              1, 64);
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

/* What is UTF-8 stays; each byte that is none is U+FFFD. */
static void test_json_of_names(void **state)
{
    static const struct {
        const char *name, *in_json;
    } names[] = {
        {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80.cu", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80.cu"},
        {"\xE9.cu", "\\ufffd.cu"},                            /* Latin-1 */
        {"\xC0\xAF", "\\ufffd\\ufffd"},                       /* longer than it has to be */
        {"\xED\xA0\x80", "\\ufffd\\ufffd\\ufffd"},            /* a surrogate */
        {"\xF4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* beyond Unicode */
        {"\xE2\x82", "\\ufffd\\ufffd"},                       /* cut off */
    };
    char source[2048], expected[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(source, sizeof(source),
                 ".version 8.0\n.target sm_90\n.address_size 64\n.file 1 \"%s\"\n"
                 ".visible .entry k(.param .u64 out, .param .u64 in)\n{\n.reg .b64 %%rd<2>;\n"
                 "ld.param.u64 %%rd1, [out];\n.loc 1 12 7\n"
                 "st.global.u32 [%%rd1+1028], 1;\nret;\n}\n",
                 names[i].name);
        close_memory();
        open_memory(CHECK_ALL, CHECK_LIMIT);
        run(source, 1, 1);
        snprintf(expected, sizeof(expected), "\"source\":\"%s\"", names[i].in_json);
        fflush(json_file);
        assert_within(json, expected);
    }
}

static void test_limit(void **state)
{
    (void)state;
    close_memory();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_out_of_bounds),
        TEST(test_one_of_several_reads),
        TEST(test_one_of_several_never_written),
        TEST(test_vectors_together),
        TEST(test_zero_is_read),
        TEST(test_misaligned),
        TEST(test_freed),
        TEST(test_read_only),
        TEST(test_other_spaces),
        TEST(test_of_other_kinds),
        TEST(test_surfaces),
        TEST(test_nearest_of_its_space),
        TEST(test_never_written),
        TEST(test_written),
        TEST(test_never_written_in_blocks),
        TEST(test_arguments),
        TEST(test_recursion),
        TEST(test_padding),
        TEST(test_copies),
        TEST(test_copies_of_mbarriers),
        TEST(test_leak),
        TEST(test_text),
        TEST(test_json),
        TEST(test_json_of_names),
        TEST(test_limit),
        TEST(test_chosen_kinds),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
