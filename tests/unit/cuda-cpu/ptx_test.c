/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c)
/* PTX as compilers and people write it: what is understood, and what is said of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/ptx/module.h"

#define HEAD ".version 8.0\n.target sm_90\n.address_size 64\n"

/* The statements from line 7 on. */
#define BODY_LINE 7
#define KERNEL(statements)                                                                         \
    HEAD ".visible .entry k(.param .u64 p, .param .u32 n)\n{\n"                                    \
         ".reg .b16 %h<9>; .reg .b32 %r<99>; .reg .b64 %rd<9>; .reg .f32 %f<9>; "                  \
         ".reg .f64 %d<9>; .reg .pred %p<9>; .shared .align 16 .b8 s[64];\n" statements "\n}\n"

static struct ptx_limits limits;
static char log_text[4096];
static struct ptx_module *module;

static int setup(void **state)
{
    (void)state;
    limits = ptx_default_limits;
    module = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptx_module_destroy(module);
    return 0;
}

static struct ptx_module *parse(const char *text)
{
    struct ptx_log log;

    ptx_module_destroy(module);
    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &limits, &log);
    return module;
}

static const struct ptx_function *parse_good(const char *text)
{
    if (parse(text) == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    assert_string_equal(log_text, "");
    return module->function_count ? module->functions[0] : NULL;
}

static void expect_error(const char *text, const char *error)
{
    assert_null(parse(text));
    assert_string_equal(log_text, error);
}

/* ---- The tables ---- */

static void test_words_are_sorted(void **state)
{
    (void)state;
    for (enum ptx_word word = 2; word < PTX_WORDS; word++) {
        assert_true(strcmp(ptx_word_name(word - 1), ptx_word_name(word)) < 0);
    }
    for (enum ptx_word word = 1; word < PTX_WORDS; word++) {
        assert_int_equal(ptx_word_find(ptx_word_name(word), strlen(ptx_word_name(word))), word);
    }
    for (enum ptx_opcode opcode = 0; opcode < PTX_OPCODES; opcode++) {
        const char *name = ptx_opcode_name(opcode);

        assert_int_equal(ptx_opcode_find(name, strlen(name)), opcode);
        assert_non_null(ptx_form_first(opcode));
    }
    assert_int_equal(ptx_word_find("u", 1), PTX_W_NONE);
    assert_int_equal(ptx_word_find("u322", 4), PTX_W_NONE);
    assert_int_equal(ptx_opcode_find("", 0), PTX_OPCODES);
}

/* A word that is written wrongly would never match. */
static void test_forms_are_sorted_and_spelled(void **state)
{
    (void)state;
    for (size_t i = 0; i < ptx_form_count; i++) {
        const char *text = ptx_forms[i].words;

        assert_true(!i || ptx_forms[i - 1].opcode <= ptx_forms[i].opcode);
        while (*(text += strspn(text, "().|?*")) != '\0') {
            size_t length = strcspn(text, "().|?*");

            if (ptx_word_find(text, length) == PTX_W_NONE) {
                print_error("%s: %.*s\n", ptx_forms[i].words, (int)length, text);
                fail();
            }
            text += length;
        }
    }
}

/* ---- Text ---- */

static void test_comments_and_blanks(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    kernel = parse_good("// c\n.version 7.8 /* two\nlines */ .target sm_75, debug\n"
                        "# 1 \"x.ptx\"\n\t.address_size\f64\r\n.entry k ( ) { ret ; }");
    assert_string_equal(kernel->name, "k");
    assert_int_equal(module->version_major, 7);
    assert_int_equal(module->version_minor, 8);
    assert_int_equal(module->target, 75);
    expect_error(HEAD "/* ", "4:4: error: a comment, string or word without an end\n");
    expect_error(HEAD ".file 1 \"x\n", "4:10: error: a comment, string or word without an end\n");
    expect_error(HEAD "\x80", "4:1: error: a byte 0x80 has no meaning here\n");
}

static void test_heads(void **state)
{
    (void)state;
    expect_error("", "1:1: error: a module begins with .version\n");
    expect_error(".version 10.0\n.target sm_90\n",
                 "1:10: error: PTX version 10.0 is newer than 9\n");
    expect_error(".version 8.0\n", "2:1: error: .target is missing\n");
    expect_error(".version 8.0\n.target sm_100a\n", "2:9: error: sm_100a: this device is sm_90\n");
    parse_good(".version 8.6\n.target sm_100\n.address_size 64\n");
    expect_error(".version 8.0\n.target sm_90\n.address_size 32\n",
                 "3:15: error: only addresses of 64 bits are supported\n");
    expect_error(HEAD ".entry k() .reqnctapercluster 2 { ret; }",
                 "4:12: error: clusters of blocks are not supported\n");
}

static void test_limits(void **state)
{
    char text[4096] = HEAD ".entry k() {";

    (void)state;
    for (int i = 0; i < 100; i++) {
        strcat(text, "{");
    }
    expect_error(text, "4:77: error: nested more than 64 deep\n");
    limits.text = 10;
    expect_error(HEAD, "1:1: error: 44 bytes of text, the limit is 10\n");
    limits = ptx_default_limits;
    limits.instructions = 2;
    expect_error(KERNEL("ret;ret;ret;ret;"), "7:9: error: more than 2 instructions\n");
    limits = ptx_default_limits;
    limits.memory = 100;
    expect_error(KERNEL("ret;"), "1:1: error: the module needs more than 100 bytes of memory\n");
    limits = ptx_default_limits;
    expect_error(HEAD ".global .b8 x[4294967296];",
                 "4:15: error: a bound should be from 0 to 2147483648\n");
    expect_error(HEAD ".global .b64 x[2147483648];",
                 "4:15: error: x is larger than 2147483648 bytes\n");
}

/* ---- Constants ---- */

static uint64_t constant(const char *expression, const char *type)
{
    char text[512];
    uint64_t value = 0;

    snprintf(text, sizeof(text), HEAD ".global .%s x = %s;", type, expression);
    parse_good(text);
    memcpy(&value, module->variables[0]->initial, module->variables[0]->size);
    return value;
}

static void test_constants(void **state)
{
    static const struct {
        const char *expression, *type;
        uint64_t value;
    } cases[] = {
        {"0x7fffffffffffffff", "u64", INT64_MAX},
        {"0b101", "u32", 5},
        {"0777", "u32", 511},
        {"18446744073709551615U", "u64", UINT64_MAX},
        {"1 + 2 * 3", "u32", 7},
        {"(1 + 2) * 3", "u32", 9},
        {"-7 / 2", "s32", 0xFFFFFFFD},
        {"-7 % 2", "s32", 0xFFFFFFFF},
        {"1 << 2 + 1", "u32", 8},
        {"0xFF & ~0xF | 1", "u32", 0xF1},
        {"5 > 3 ? 10 : 20", "u32", 10},
        {"-1 < 0", "u32", 1},
        {"(.u64)-1 < 0", "u32", 0},
        {"-1 >> 60", "s64", UINT64_MAX},
        {"!5 || 2 && 1", "u32", 1},
        {"WARP_SZ * 2", "u32", 64},
        {"1.5", "f32", 0x3FC00000},
        {"-1.5", "f64", 0xBFF8000000000000},
        {"0f3F800000", "f32", 0x3F800000},
        {"0f7FC00001", "f32", 0x7FC00001},
        {"0d3FF0000000000000", "f64", 0x3FF0000000000000},
        {"0f3F800000", "f64", 0x3FF0000000000000},
        {"1e3", "f32", 0x447A0000},
        {".5", "f32", 0x3F000000},
        {"-.5e1", "f32", 0xC0A00000},
        {"3", "f32", 0x40400000},
        {"1.0 / 4.0 + 1", "f32", 0x3FA00000},
        {"300", "b8", 44},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = constant(cases[i].expression, cases[i].type);

        if (value != cases[i].value) {
            print_error("%s: 0x%llx\n", cases[i].expression, (unsigned long long)value);
            fail();
        }
    }
    expect_error(HEAD ".global .u32 x = 1 / 0;", "4:20: error: a division by zero\n");
    expect_error(HEAD ".global .u64 x = 18446744073709551616;",
                 "4:18: error: 18446744073709551616 is no number of 64 bits\n");
    expect_error(HEAD ".global .f32 x = 1.0 << 2;",
                 "4:22: error: << of floating-point constants\n");
}

/* ---- Variables ---- */

static void test_variables(void **state)
{
    struct ptx_variable *const *variables;

    (void)state;
    parse_good(HEAD ".visible .global .align 8 .v2 .f32 a[3];\n"
                    ".const .u16 b[2][3] = {{1, 2, 3}, {4, 5}};\n"
                    ".extern .shared .align 16 .b8 dynamic[];\n"
                    ".global .b8 c[] = {1, 2, 3, 4, 5};\n"
                    ".global .attribute(.managed) .u32 d, e = 7;\n"
                    ".global .texref t;\n"
                    ".global .samplerref q = { addr_mode_0 = clamp_to_edge };\n");
    variables = module->variables;
    assert_int_equal(module->variable_count, 8);
    assert_int_equal(variables[0]->size, 24);
    assert_int_equal(variables[0]->align, 8);
    assert_int_equal(variables[0]->vector, 2);
    assert_int_equal(variables[0]->linkage, PTX_LINK_VISIBLE);
    assert_int_equal(variables[1]->size, 12);
    assert_memory_equal(variables[1]->initial, "\1\0\2\0\3\0\4\0\5\0\0\0", 12);
    assert_int_equal(variables[2]->size, 0);
    assert_int_equal(variables[2]->linkage, PTX_LINK_EXTERN);
    assert_int_equal(variables[3]->size, 5);
    assert_null(variables[4]->initial);
    assert_int_equal(variables[5]->initial[0], 7);
    assert_int_equal(variables[6]->type, PTX_W_TEXREF);
    expect_error(HEAD ".global .u32 a; .global .u32 a;", "4:30: error: a is declared already\n");
    expect_error(HEAD ".global .u32 a = {1, 2};",
                 "4:18: error: 8 bytes of initial value for a, which has 4\n");
    expect_error(HEAD ".shared .u32 a = 1;",
                 "4:18: error: only .global and .const variables have an initial value\n");
    expect_error(HEAD ".global .u32 a[];", "4:14: error: a has no size and is not .extern\n");
    expect_error(HEAD ".global .align 3 .u32 a;",
                 "4:16: error: an alignment should be a power of two\n");
}

/* Each of its own type's size; arrays and initial values are not for them. */
static void test_ranges_of_variables(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    parse_good(HEAD ".shared .align 16 .u32 s<3>, t;\n");
    assert_int_equal(module->variable_count, 4);
    assert_string_equal(module->variables[0]->name, "s0");
    assert_string_equal(module->variables[2]->name, "s2");
    assert_int_equal(module->variables[2]->size, 4);
    assert_int_equal(module->variables[2]->align, 16);
    assert_string_equal(module->variables[3]->name, "t");
    kernel = parse_good(KERNEL(".local .u64 l<2>; st.local.u64 [l1], %rd1;"));
    assert_int_equal(kernel->variable_count, 3);
    expect_error(HEAD ".shared .u32 s<2>, s1;", "4:20: error: s1 is declared already\n");
    expect_error(HEAD ".global .u32 p<4>[2];", "4:18: error: \";\" should be where \"[\" is\n");
    expect_error(HEAD ".global .u32 p<4> = 1;", "4:19: error: \";\" should be where \"=\" is\n");
    expect_error(HEAD ".global .u32 p<65537>;",
                 "4:16: error: a number up to 65536 should be here\n");
}

static void test_room_of_constants(void **state)
{
    (void)state;
    parse_good(HEAD ".const .b8 c[65532]; .const .align 4 .u32 d;");
    expect_error(HEAD ".const .b8 c[65533]; .const .u32 d;",
                 "4:34: error: more than 65536 bytes of .const variables\n");
    expect_error(HEAD ".const .b8 c[40000];\n.func f() { .const .b8 d[30000]; ret; }",
                 "5:24: error: more than 65536 bytes of .const variables\n");
}

static void test_addresses_in_initial_values(void **state)
{
    const struct ptx_relocation *relocations;

    (void)state;
    parse_good(HEAD ".global .u32 a[4];\n.func f() { ret; }\n"
                    ".global .u64 b[3] = {a + 8, generic(a), f};\n"
                    ".global .b8 c[2] = {0xFF(a), 0xFF00(a)};\n");
    relocations = module->variables[1]->relocations;
    assert_int_equal(module->variables[1]->relocation_count, 3);
    assert_string_equal(relocations[0].symbol->name, "a");
    assert_int_equal(relocations[0].addend, 8);
    assert_false(relocations[0].generic);
    assert_true(relocations[1].generic);
    assert_int_equal(relocations[1].offset, 8);
    assert_string_equal(relocations[2].symbol->name, "f");
    relocations = module->variables[2]->relocations;
    assert_int_equal(relocations[1].shift, 8);
    assert_int_equal(relocations[1].size, 1);
    expect_error(HEAD ".global .u64 b = nobody;",
                 "4:18: error: nobody is no variable and no function\n");
    expect_error(HEAD ".global .u64 a; .global .b8 c = 0xF(a);",
                 "4:33: error: a mask should choose one byte: 0xFF, 0xFF00, ...\n");
}

/* As cuLaunchKernel's buffer has them. */
static void test_parameters(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    kernel = parse_good(HEAD ".entry k(.param .u8 a, .param .u64 .ptr .global .align 16 b, "
                             ".param .align 8 .b8 c[12], .param .u32 d) "
                             ".maxntid 128, 2 .minnctapersm 4 .maxnreg 64 { ret; }");
    assert_int_equal(kernel->param_count, 4);
    assert_int_equal(kernel->params[0]->offset, 0);
    assert_int_equal(kernel->params[1]->offset, 8);
    assert_int_equal(kernel->params[1]->align, 8);
    assert_int_equal(kernel->params[2]->offset, 16);
    assert_int_equal(kernel->params[3]->offset, 28);
    assert_int_equal(kernel->param_size, 32);
    assert_int_equal(kernel->maxntid[0], 128);
    assert_int_equal(kernel->maxntid[1], 2);
    assert_int_equal(kernel->maxntid[2], 1);
    assert_int_equal(kernel->maxnreg, 64);
    expect_error(HEAD ".entry k(.param .b8 a[40000]) { ret; }",
                 "4:21: error: more than 32764 bytes of parameters\n");
}

/* ---- Statements ---- */

static void test_registers_and_scopes(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    kernel = parse_good(KERNEL("mov.b32 %r0, %r98; { .reg .f32 %r0; add.f32 %r0, %f1, %f1; }\n"
                               "mov.b32 %r98, %r0;"));
    assert_int_equal(kernel->instruction_count, 3);
    assert_int_equal(kernel->instructions[0].operands[0].reg,
                     kernel->instructions[2].operands[1].reg);
    assert_int_not_equal(kernel->instructions[0].operands[0].reg,
                         kernel->instructions[1].operands[0].reg);
    expect_error(KERNEL("mov.b32 %r99, %r1;"), "7:9: error: %r99 is not declared\n");
    expect_error(KERNEL("mov.b32 %r01, %r1;"), "7:9: error: %r01 is not declared\n");
    expect_error(KERNEL("{ .reg .b32 x; } mov.b32 x, 1;"), "7:26: error: x is not declared\n");
    expect_error(KERNEL(".reg .u4 x;"), "7:6: error: no type of a variable: .u4\n");
}

static void test_labels(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    kernel = parse_good(KERNEL("A: @%p1 bra B; { A: bra A; } bra A; B: ret;"));
    assert_int_equal(kernel->branches[kernel->instructions[0].operands[0].label].instruction, 3);
    assert_int_equal(kernel->branches[kernel->instructions[1].operands[0].label].instruction, 1);
    assert_int_equal(kernel->branches[kernel->instructions[2].operands[0].label].instruction, 0);
    assert_true(kernel->instructions[0].has_guard);
    expect_error(KERNEL("bra A;"), "7:5: error: A is not declared\n");
    expect_error(KERNEL("{ A: ret; } bra A;"), "7:17: error: A is not declared\n");
    expect_error(KERNEL("A: ret; A: ret;"), "7:9: error: A is declared already\n");
    expect_error(KERNEL("@%r1 bra A; A: ret;"), "7:6: error: %r1 is no predicate\n");
    parse_good(KERNEL("T: .branchtargets A, B; brx.idx %r1, T; A: ret; B: ret;"));
    kernel = parse_good(KERNEL("T: .branchtargets L<2>, A; brx.idx %r1, T; L0: exit; L1: A: ret;"));
    assert_int_equal(kernel->branch_count, 3);
    assert_int_equal(kernel->branches[0].instruction, 1);
    assert_int_equal(kernel->branches[1].instruction, 2);
    expect_error(KERNEL("T: .branchtargets L<2>; brx.idx %r1, T; L0: ret;"),
                 "7:19: error: L1 is not declared\n");
    expect_error(KERNEL("T: .branchtargets L<0>; ret;"), "7:19: error: L<0> is no label\n");
}

static void test_calls(void **state)
{
    const char *functions =
        HEAD ".func (.param .b32 r) f (.param .b64 a, .param .b32 b);\n"
             ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
             ".extern .func nobody ();\n";
    char text[2048];
    static const struct {
        const char *call, *error;
    } cases[] = {
        {"call.uni (o), f, (x, y);", ""},
        {"call (o), vprintf, (x, x);", ""},
        {"P: .callprototype (.param .b32 _) _ (.param .b64 _, .param .b32 _); "
         "call (o), %rd1, (x, y), P;",
         ""},
        {"T: .calltargets f; call (o), %rd1, (x, y), T;", ""},
        {"call (_), f, (x, y);", ""},
        {"call (o), f, (_, y);", "9:15: error: call: a register or a constant should be here\n"},
        {"call f, (x, y);", "9:6: error: call: 0 results where there should be 1\n"},
        {"call (o), f, (x);", "9:14: error: call: 1 arguments where there should be 2\n"},
        {"call (o), f, (x, x);", "9:18: error: call: x has 8 bytes, the parameter 4\n"},
        {"call nobody;", "9:6: error: call: nobody has no body\n"},
        {"call k;",
         "9:6: error: call: k is a kernel: launches from the device are not supported\n"},
        {"call (o), %rd1, (x, y);",
         "9:17: error: call: a call by address needs a .callprototype or .calltargets\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text),
                 "%s.entry k() { .reg .b64 %%rd<3>;\n"
                 ".param .b32 o; .param .b64 x; .param .b32 y;\n%s\nret; }\n"
                 ".func (.param .b32 r) f (.param .b64 a, .param .b32 b) { ret; }\n",
                 functions, cases[i].call);
        if (cases[i].error[0] != '\0') {
            expect_error(text, cases[i].error);
        } else {
            parse_good(text);
        }
    }
    parse_good(HEAD ".visible .func (.param .b32 r) f (.param .b32 a)\n.file 1 \"a\"\n"
                    ".func g ()\n.entry k() { call g; ret; }\n.func g () { ret; }");
    parse_good(HEAD ".func .attribute(.unified(5, 6)) f() { ret; }");
    expect_error(HEAD ".entry .attribute(.unified(5, 6)) f() { ret; }",
                 "4:8: error: a function's name should be where \".attribute\" is\n");
    expect_error(HEAD ".func f () g", "4:12: error: \";\" should be where \"g\" is\n");
}

static void test_source_lines(void **state)
{
    const struct ptx_function *kernel;

    (void)state;
    kernel = parse_good(HEAD ".file 1 \"a.cu\"\n.file 2 \"b.cuh\", 1, 2\n.entry k() {\nret;\n"
                             ".loc 1 10 5\nret;\n.loc 2 3 1, function_name $L1, inlined_at 1 10 5\n"
                             "ret; }\n.section .debug_str { $L1: .b8 1 }\n");
    assert_int_equal(kernel->instructions[0].location, 0);
    assert_int_equal(module->locations[kernel->instructions[1].location - 1].line, 10);
    assert_string_equal(module->files[module->locations[kernel->instructions[2].location - 1].file],
                        "b.cuh");
}

/* ---- Instructions ---- */

static void test_operands(void **state)
{
    static const char *const good[] = {
        "add.s32 %r1, %r2, -5;",
        "add.f32 %f1, %f2, 0f3F800000;",
        "mov.u32 %r1, %tid.x;",
        "mov.u64 %rd1, %clock64;",
        "mov.b32 %r1, %envreg31;",
        "mov.u32 %r1, %pm7;",
        "mov.u64 %rd1, %pm7_64;",
        "mov.v4.u32 {%r1, %r2, %r3, _}, %ctaid;",
        "mov.u64 %rd1, s;",
        "mov.u64 %rd1, s+4;",
        "mov.b64 {%r1, %r2}, %rd1;",
        "mov.b64 %rd1, {%r1, 0};",
        "mov.b64 {%r1, _}, %rd1;",
        "ld.shared.v4.f32 {%f1, %f2, %f3, %f4}, [s + 16];",
        "ld.u8 %r1, [%rd1 + -4];",
        "ld.global.u32 %r1, [4096];",
        "st.global.u8 [%rd1], %h1;",
        "st.global.u64 [%rd1], %rd2 + 1;",
        "setp.lt.and.s32 %p1|%p2, %r1, %r2, !%p3;",
        "shfl.sync.bfly.b32 %r1|%p1, %r2, 1, 31, -1;",
        "lop3.or.b32 _|%p1, %r1, %r2, %r3, 0x1A, !%p2;",
        "div.ftz.rn.f32 %f1, %f2, %f3;",
        "cvt.u64.u8 %rd1, %h1;",
        "vadd.u32.u32.u32 %r1.b0, %r2.h1, %r3, %r4;",
        "vmad.s32.s32.s32.shr7 %r1, -%r2.b1, %r3, %r4;",
        "tex.2d.v4.f32.s32 {%f1, %f2, %f3, %f4}, [t, {%r1, %r2}];",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, "
        "{%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};",
        "mma.sp::ordered_metadata.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%f1, %f2, %f3, %f4}, {%r1, %r2}, {%r5, %r6}, {%f1, %f2, %f3, %f4}, %r7, 0x3;",
        "wmma.load.a.sync.aligned.m8n8k4.row.f64 {%d1}, [%rd1];",
        "wmma.load.a.sync.aligned.row.m8n8k4.f64 {%d1}, [%rd1];",
        "isspacep.local %p1, %r1;",
        "selp.b32 %r1, %r2, %r3, !%p1;",
        "bar.sync 0;",
        "barrier.sync.aligned 1, 64;",
        "@!%p1 exit;",
        "ld.param.u64 %rd1, [p];",
        ";",
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text),
                 HEAD ".global .texref t;\n.visible .entry k(.param .u64 p)\n{\n.reg .b16 %%h<9>; "
                      ".reg .b32 %%r<99>; .reg .b64 %%rd<9>; .reg .f32 %%f<9>; .reg .pred %%p<9>; "
                      ".reg .f64 %%d<9>; .shared .align 16 .b8 s[64];\n%s\n}\n",
                 good[i]);
        parse_good(text);
    }
}

static void test_errors_of_instructions(void **state)
{
    (void)state;
    expect_error(KERNEL("frob.b32 %r1;"), "7:1: error: no instruction is called frob\n");
    expect_error(KERNEL("add.foo.s32 %r1, %r2, %r3;"), "7:4: error: add has no .foo\n");
    expect_error(KERNEL("add.rn.s32 %r1, %r2, %r3;"),
                 "7:1: error: add.rn.s32: no instruction has these words\n");
    expect_error(KERNEL("add.s32 %r1, %r2;"), "7:1: error: add.s32: operands are missing\n");
    expect_error(KERNEL("add.s32 %r1, %r2, %r3, %r4;"),
                 "7:24: error: add.s32: this operand is one too many\n");
    expect_error(KERNEL("add.s32 %r1, %f2, 1;"),
                 "7:14: error: add.s32: %f2 is .f32 where .s32 should be\n");
    expect_error(KERNEL("add.s32 5, %r2, 1;"),
                 "7:9: error: add.s32: a register should be here, to be written\n");
    expect_error(KERNEL("add.f32 %f1, %f2, 1;"),
                 "7:19: error: add.f32: a constant of type .f32 should be here\n");
    expect_error(KERNEL("mov.u32 %r1, %tid;"),
                 "7:14: error: mov.u32: %tid has the parts .x, .y, .z and .w\n");
    expect_error(KERNEL("mov.u32 %r1, %envreg32;"), "7:14: error: %envreg32 is not declared\n");
    expect_error(KERNEL("mov.u32 %r1, %pm8;"), "7:14: error: %pm8 is not declared\n");
    expect_error(KERNEL("mov.u32 %r1, %pm01;"), "7:14: error: %pm01 is not declared\n");
    expect_error(KERNEL("ld.global.v2.u32 %r1, [%rd1];"),
                 "7:18: error: ld.global.v2.u32: 2 registers in braces should be here\n");
    expect_error(KERNEL("ld.global.u32 %r1, %rd1;"),
                 "7:20: error: ld.global.u32: an address in brackets should be here\n");
    expect_error(KERNEL("ld.global.u32 %r1, [%f1];"),
                 "7:21: error: ld.global.u32: %f1 is .f32, no address\n");
    expect_error(KERNEL("add.s32 %r1, -%r2, 1;"),
                 "7:14: error: add.s32: this operand cannot be negated\n");
    expect_error(KERNEL("add.f16x2 %r1, %r2, 1.0;"),
                 "7:21: error: add.f16x2: a constant of type .f16x2 should be here\n");
    expect_error(KERNEL("vadd.s32.s32.s32 %r1, -%r2, 1;"),
                 "7:23: error: vadd.s32.s32.s32: this operand cannot be negated\n");
    expect_error(KERNEL("vadd.s32.s32.s32 %r1, %r2.h2, 1;"),
                 "7:23: error: vadd.s32.s32.s32: %r2 has no part .h2\n");
    expect_error(KERNEL("vadd2.s32.s32.s32 %r1.h01, %r2.h31, %r2.h00, 1;"),
                 "7:19: error: vadd2.s32.s32.s32: %r1 has no part .h01\n");
    expect_error(KERNEL("vadd4.s32.s32.s32 %r1, %r2.b018, %r2.b3210, 1;"),
                 "7:24: error: vadd4.s32.s32.s32: %r2 has no part .b018\n");
    expect_error(KERNEL("add.s32 %r1, %r2.x, 1;"), "7:14: error: add.s32: %r2 has no part .x\n");
    expect_error(KERNEL("add.s32 %r1|%p1, %r2, 1;"),
                 "7:9: error: add.s32: only one destination should be here\n");
    expect_error(KERNEL("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, "
                        "{%r1, %r2}, {%r5, %r6}, {%f1, %f2, %f3, %f4};"),
                 "7:73: error: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32: 2 registers "
                 "where the fragment has 4\n");
    expect_error(KERNEL("mma.sp.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r1, %r2, %r3, %r4}, "
                        "{%r1, %r2}, {%r5, %r6}, {%r1, %r2, %r3, %r4}, %r7, 2;"),
                 "7:125: error: mma.sp.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32: a constant "
                 "below 2 should be here\n");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    expect_error(KERNEL("wgmma.fence.sync.aligned;"),
                 "7:1: error: wgmma.fence: warpgroup instructions (sm_90a) are not supported\n");
    expect_error(KERNEL("tcgen05.alloc.cta_group::1.sync.aligned.b32 [%rd1], 32;"),
                 "7:1: error: tcgen05.alloc: it needs sm_100 or higher; this device is sm_90\n");
    expect_error(KERNEL("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes."
                        "multicast::cluster [%rd1], [%rd2], 16, [%rd3], %h1;"),
                 "7:1: error: cp.async.bulk.shared::cluster.global."
                 "mbarrier::complete_tx::bytes.multicast::cluster: clusters of blocks are not "
                 "supported\n");
    expect_error(KERNEL("cp.async.bulk.tensor.1d.global.shared::cta.tile.bulk_group "
                        "[%rd1, {%r1}], [%rd2];"),
                 "7:1: error: cp.async.bulk.tensor.1d.global.shared::cta.tile: tensor maps are not "
                 "supported\n");
}

/* One error does not hide the next, and does not make others. */
static void test_errors_go_on(void **state)
{
    char text[8192] = HEAD ".entry k() { .reg .b32 %r<9>;";

    (void)state;
    expect_error(KERNEL("mov.b32 {%r1, %r2; add.s32 %r1, %r2, ;\nA: bra B;"),
                 "7:18: error: \"}\" should be where \";\" is\n"
                 "7:38: error: an operand should be here\n"
                 "8:8: error: B is not declared\n");
    for (int i = 0; i < 100; i++) {
        strcat(text, "frob;");
    }
    strcat(text, "}");
    assert_null(parse(text));
    assert_non_null(strstr(log_text, "4:130: more errors follow\n"));
    assert_null(strstr(log_text, "4:135:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words_are_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forms_are_sorted_and_spelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comments_and_blanks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_constants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges_of_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_of_constants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses_in_initial_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers_and_scopes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_source_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_instructions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_go_on, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
