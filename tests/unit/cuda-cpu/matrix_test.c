/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/form_text.c
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c
// cflags: -frounding-math
// libs: -ldl
/* Matrices: all rows of the table of forms, on random bits, compiled and by the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/ptx/matrix.h"
#include "tests/unit/cuda-cpu/compare.h"
#include "tests/unit/cuda-cpu/form_text.h"

#define HEAD                                                                                       \
    COMPARE_HEAD ".entry k(.param .u64 in, .param .u64 out)\n{\n"                                  \
                 ".reg .b32 %a<8>, %b<8>, %c<8>, %d<8>, %e, %r<4>; .reg .pred %p; "                \
                 ".reg .b64 %A<8>, %B<8>, %C<8>, %D<8>, %rd<4>;\n"                                 \
                 "ld.param.u64 %rd0, [in]; ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x;\n"       \
                 "mad.wide.u32 %rd2, %r0, 8, %rd0; mad.wide.u32 %rd3, %r0, 16, %rd1;\n"

#define REGION 32768u /* bytes of the input for each operand */

static char text[8192];
static unsigned tried;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, sizeof(text) - used, format, arguments);
    va_end(arguments);
    assert_true(strlen(text) + 1 < sizeof(text));
}

/* ---- Fragments in registers ---- */

static const char *register_name(const struct ptx_instruction *instruction, unsigned operand)
{
    static const char *const names[2][4] = {{"d", "a", "b", "c"}, {"D", "A", "B", "C"}};

    return names[ptx_fragment_of(instruction, operand).register_bits == 64][operand];
}

static void add_fragment(const struct ptx_instruction *instruction, unsigned operand)
{
    unsigned count = ptx_fragment_of(instruction, operand).registers;

    for (unsigned i = 0; i < count; i++) {
        add("%s%%%s%u%s", i ? ", " : "{", register_name(instruction, operand), i,
            i + 1 == count ? "}" : "");
    }
}

static void add_operands(const struct ptx_instruction *instruction)
{
    for (unsigned operand = 0; operand < 4; operand++) {
        add(operand ? ", " : " ");
        add_fragment(instruction, operand);
    }
}

/* Registers of a thread lie 512 bytes from each other. */
static void add_loads(const struct ptx_instruction *instruction, unsigned operand)
{
    struct ptx_fragment fragment = ptx_fragment_of(instruction, operand);

    for (unsigned i = 0; i < fragment.registers; i++) {
        add("ld.global.b%u %%%s%u, [%%rd2 + %u];\n", fragment.register_bits,
            register_name(instruction, operand), i, operand * REGION + i * 512);
    }
}

static void add_stores(const struct ptx_instruction *instruction)
{
    struct ptx_fragment fragment = ptx_fragment_of(instruction, 0);

    for (unsigned i = 0; i < fragment.registers; i++) {
        add("st.global.b%u [%%rd3 + %u], %%%s%u;\n", fragment.register_bits, i * 1024,
            register_name(instruction, 0), i);
    }
}

/* ---- Inputs ---- */

/* What keeps numbers of a type near 1, in words of 32 bits. */
static void tame(uint32_t *word, enum ptx_word type, bool is_high)
{
    switch (type) {
    case PTX_W_F16:
        *word &= 0xBFFFBFFF;
        break;
    case PTX_W_BF16:
        *word = (*word & 0x87FF87FF) | 0x38003800;
        break;
    case PTX_W_F32:
    case PTX_W_TF32:
        *word = (*word & 0x83FFFFFF) | 0x3C000000;
        break;
    case PTX_W_F64:
        *word = is_high ? (*word & 0x803FFFFF) | 0x3FC00000 : *word;
        break;
    case PTX_W_E4M3:
    case PTX_W_E5M2:
        *word &= 0xBFBFBFBF;
        break;
    default:
        break;
    }
}

/* Codes that the ISA defines. */
static uint32_t metadata_word(bool is_ordered, bool is_tf32)
{
    static const unsigned char codes[] = {0x4, 0xE, 0x8, 0x9, 0xC, 0xD,
                                          0x1, 0x2, 0x3, 0x6, 0x7, 0xB};
    uint32_t word = 0;

    for (unsigned i = 0; i < 8; i++) {
        word = word << 4 | codes[compare_random() % (is_tf32 ? 2 : is_ordered ? 6 : 12)];
    }
    return word;
}

/* The metadata of a sparse matrix is where a loaded D would be. */
static void fill_metadata(const struct ptx_instruction *instruction)
{
    for (size_t i = 0; i < REGION; i += sizeof(uint32_t)) {
        uint32_t word = metadata_word(ptx_has_word(instruction, PTX_W_SP_ORDERED_METADATA),
                                      ptx_element_of(instruction, 1) == PTX_W_TF32);

        memcpy(compare_input + i, &word, sizeof(word));
    }
}

static void fill_input(const struct ptx_instruction *instruction, bool is_tame)
{
    uint32_t words[COMPARE_BYTES / 4];

    compare_fill_input();
    memcpy(words, compare_input, sizeof(words));
    for (size_t i = 0; is_tame && i < COMPARE_BYTES / 4; i++) {
        tame(&words[i], ptx_element_of(instruction, i * 4 / REGION), i & 1);
    }
    memcpy(compare_input, words, sizeof(words));
    if (is_tame && ptx_is_sparse(instruction)) {
        fill_metadata(instruction);
    }
}

/* On any bits, where most results are NaN, by whole warps; on tame ones by a part of one as well.
 */
static void compare_on_inputs(const struct ptx_instruction *instruction, bool in_part)
{
    fill_input(instruction, false);
    compare(text, 64);
    fill_input(instruction, true);
    compare(text, in_part ? 52 : 64);
    tried++;
}

/* ---- Rows of the table ---- */

/* rest: what stands behind the fragments. */
static void write_mma(const struct ptx_instruction *instruction, const char *words,
                      const char *rest)
{
    snprintf(text, sizeof(text), "%s", HEAD);
    for (unsigned operand = 1; operand < 4; operand++) {
        add_loads(instruction, operand);
    }
    add("ld.global.b32 %%e, [%%rd2];\nmma%s", words);
    add_operands(instruction);
    add("%s;\n", rest);
    add_stores(instruction);
    add("ret;\n}\n");
}

static void try_mma(const struct ptx_instruction *instruction, const char *words, const char *rest)
{
    write_mma(instruction, words, rest);
    compare_on_inputs(instruction, true);
}

static void try_sparse(const struct ptx_instruction *instruction, const char *words)
{
    char rest[16];

    snprintf(rest, sizeof(rest), ", %%e, %u", tried % (4 / ptx_metadata_lanes(instruction)));
    try_mma(instruction, words, rest);
}

static bool is_row(const char *words, bool of_b)
{
    const char *row = strstr(words, of_b ? ".row.row" : ".row.");

    return row != NULL || (of_b && strstr(words, ".col.row") != NULL);
}

/* A, B and C from memory and D to it: which lane holds what of them nobody knows. */
static void add_wmma_move(const struct ptx_instruction *instruction, unsigned operand,
                          const char *what, const char *layout)
{
    struct ptx_shape shape = ptx_shape_of(instruction);
    const char *type = ptx_word_name(ptx_element_of(instruction, operand));

    add("wmma.%s.sync.aligned.%s.m%un%uk%u.global.%s ", what, layout, shape.m, shape.n, shape.k,
        type);
    if (operand == 0) {
        add("[%%rd1], ");
        add_fragment(instruction, operand);
    } else {
        add_fragment(instruction, operand);
        add(", [%%rd0 + %u]", operand * REGION);
    }
    add("%s;\n", compare_random() & 1 ? "" : ", 256");
}

static void try_wmma(const struct ptx_instruction *instruction, const char *words)
{
    snprintf(text, sizeof(text), "%s", HEAD);
    add_wmma_move(instruction, 1, "load.a", is_row(words, false) ? "row" : "col");
    add_wmma_move(instruction, 2, "load.b", is_row(words, true) ? "row" : "col");
    add_wmma_move(instruction, 3, "load.c", compare_random() & 1 ? "row" : "col");
    add("wmma%s", words);
    add_operands(instruction);
    add(";\n");
    add_wmma_move(instruction, 0, "store.d", compare_random() & 1 ? "row" : "col");
    add("ret;\n}\n");
    compare_on_inputs(instruction, false);
}

static void try_words(const struct ptx_form *form, const char *words)
{
    struct ptx_instruction instruction = {.opcode = form->opcode};

    form_read_words(&instruction, words);
    if (ptx_is_sparse(&instruction)) {
        try_sparse(&instruction, words);
    } else if (form->opcode == PTX_MMA) {
        try_mma(&instruction, words, "");
    } else if (ptx_has_word(&instruction, PTX_W_MMA)) {
        try_wmma(&instruction, words);
    }
}

static void try_rows(enum ptx_opcode opcode)
{
    struct form_element elements[FORM_ELEMENTS_MAX];
    char words[FORM_TEXT_MAX];

    for (const struct ptx_form *form = ptx_form_first(opcode); form != NULL;
         form = ptx_form_next(form)) {
        size_t count = form->refused == NULL ? form_elements(form->words, elements) : 0;

        for (size_t chosen = 0; chosen < count; chosen++) {
            for (size_t choice = 0; choice < elements[chosen].count; choice++) {
                /* the first choice of each is the same instruction */
                if (chosen == 0 || choice > 0 || elements[chosen].optional) {
                    form_expand(elements, count, chosen, choice, words);
                    try_words(form, words);
                }
            }
        }
    }
}

static void test_mma(void **state)
{
    (void)state;
    tried = 0;
    try_rows(PTX_MMA);
    print_message("# %u instructions\n", tried);
    assert_true(tried > 30);
}

static void test_wmma(void **state)
{
    (void)state;
    tried = 0;
    try_rows(PTX_WMMA);
    print_message("# %u instructions\n", tried);
    assert_true(tried > 20);
}

/* ---- Metadata ---- */

/* One code that is 0b1110 where all others are 0b0100, and what it is the code of: PTX ISA
 * 9.7.14.6.2, the figures of the metadata. */
static const struct placed {
    const char *words; /* sums are of 32 bits */
    unsigned selector;
    unsigned lane, number; /* of the code in the lane's metadata */
    unsigned row, chunk;
} placed[] = {
    {"m16n8k16.row.col.f32.f16.f16.f32", 0, 4, 0, 1, 0},
    {"m16n8k16.row.col.f32.f16.f16.f32", 3, 7, 3, 1, 3},
    {"m16n8k16.row.col.f32.bf16.bf16.f32", 2, 30, 5, 15, 1},
    {"m16n8k32.row.col.f32.f16.f16.f32", 0, 0, 7, 8, 3},
    {"m16n8k32.row.col.f32.bf16.bf16.f32", 0, 9, 2, 2, 6},
    {"m16n8k32.row.col.f32.f16.f16.f32", 1, 11, 7, 10, 7},
    {"m16n8k8.row.col.f32.tf32.tf32.f32", 1, 13, 6, 11, 2},
    {"m16n8k16.row.col.f32.tf32.tf32.f32", 0, 16, 1, 4, 1},
    {"m16n8k16.row.col.f32.tf32.tf32.f32", 1, 19, 4, 12, 4},
    {"m16n8k32.row.col.s32.u8.u8.s32", 0, 20, 5, 5, 5},
    {"m16n8k32.row.col.s32.u8.u8.s32", 0, 21, 0, 13, 0},
    {"m16n8k32.row.col.s32.u8.u8.s32", 1, 23, 7, 13, 7},
    {"m16n8k64.row.col.s32.u8.u8.s32", 0, 24, 7, 6, 7},
    {"m16n8k64.row.col.s32.u8.u8.s32", 0, 25, 6, 14, 6},
    {"m16n8k64.row.col.s32.u8.u8.s32", 0, 26, 0, 6, 8},
    {"m16n8k64.row.col.f32.e4m3.e4m3.f32", 0, 27, 1, 14, 9},
    {"m16n8k64.row.col.s32.u4.u4.s32", 0, 28, 7, 7, 7},
    {"m16n8k64.row.col.s32.u4.u4.s32", 1, 31, 2, 15, 2},
    {"m16n8k128.row.col.s32.u4.u4.s32", 0, 2, 3, 0, 11},
    {"m16n8k128.row.col.s32.u4.u4.s32", 0, 3, 7, 8, 15},
};

/* Two, in each place of a register. */
static uint32_t twos(enum ptx_word type)
{
    switch (type) {
    case PTX_W_F16:
    case PTX_W_BF16:
        return 0x40004000;
    case PTX_W_TF32:
        return 0x40000000;
    case PTX_W_E4M3:
        return 0x40404040;
    case PTX_W_U8:
        return 0x02020202;
    default:
        return 0x22222222;
    }
}

static void set_word(unsigned operand, unsigned reg, unsigned lane, uint32_t word)
{
    memcpy(compare_input + operand * REGION + reg * 512 + lane * 8, &word, sizeof(word));
}

/* All of A is 2, of B nothing but the rows of the second half of the chunk. */
static void fill_placed(const struct placed *of, const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_element_of(instruction, 1);
    unsigned bits = ptx_type_bits(type), chunk = (bits < 16 ? 32 : 64) / bits;

    memset(compare_input, 0, COMPARE_BYTES);
    for (unsigned lane = 0; lane < 32; lane++) {
        set_word(0, 0, lane, lane == of->lane ? 0x44444444 ^ 0xAU << (4 * of->number) : 0x44444444);
        for (unsigned reg = 0; reg < 4; reg++) {
            set_word(1, reg, lane, twos(type));
        }
    }
    for (unsigned row = of->chunk * chunk + chunk / 2; row < (of->chunk + 1) * chunk; row++) {
        unsigned each = 32 / bits, reg = row / each / 4, member = row / each % 4;

        for (unsigned column = 0; column < 8; column++) {
            uint32_t word;

            memcpy(&word, compare_input + 2 * REGION + reg * 512 + (column * 4 + member) * 8, 4);
            word |= twos(type) & (uint32_t)((UINT64_C(1) << bits) - 1) << (row % each * bits);
            set_word(2, reg, column * 4 + member, word);
        }
    }
}

/* The row of D has sums of four for each element in half a chunk, and others nothing. */
static void expect_placed(const struct placed *of, const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_element_of(instruction, 1);
    unsigned bits = ptx_type_bits(type), each = (bits < 16 ? 32 : 64) / bits / 2;

    for (unsigned i = 0; i < 16 * 8; i++) {
        unsigned row = i / 8, column = i % 8, reg = row / 8 * 2 + column % 2;
        unsigned lane = row % 8 * 4 + column / 2;
        float expected = row == of->row ? 4.0F * (float)each : 0, found;
        uint32_t word;

        memcpy(&word, compare_output + reg * 1024 + lane * 16, sizeof(word));
        memcpy(&found, &word, sizeof(found));
        found = ptx_element_of(instruction, 0) == PTX_W_S32 ? (float)word : found;
        assert_true(found == expected);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(placed) / sizeof(placed[0]); i++) {
        struct ptx_instruction instruction = {.opcode = PTX_MMA};
        char words[128], rest[16];

        snprintf(words, sizeof(words), ".sp::ordered_metadata.sync.aligned.%s", placed[i].words);
        snprintf(rest, sizeof(rest), ", %%e, %u", placed[i].selector);
        form_read_words(&instruction, words);
        write_mma(&instruction, words, rest);
        fill_placed(&placed[i], &instruction);
        compare(text, 32);
        expect_placed(&placed[i], &instruction);
    }
}

/* ---- Matrices of 8 x 8 halves ---- */

#define FILL_SHARED                                                                                \
    "ld.global.b64 %%A0, [%%rd2]; ld.global.b64 %%A1, [%%rd2 + 512]; mul.wide.u32 %%A2, %%r0, 8; " \
    "mov.u64 %%A3, s; add.s64 %%A2, %%A2, %%A3; st.shared.b64 [%%A2], %%A0; "                      \
    "st.shared.b64 [%%A2 + 512], %%A1; bar.sync 0; "                                               \
    "xor.b32 %%r1, %%r0, 21; mul.wide.u32 %%A2, %%r1, 16; add.s64 %%A2, %%A2, %%A3;\n"

static void begin_shared(void)
{
    snprintf(text, sizeof(text), "%s", HEAD);
    add(".shared .align 16 .b8 s[1024];\n" FILL_SHARED);
}

static void test_rows(void **state)
{
    static const char *const registers[] = {"{%d0}", "{%d0, %d1}", "{%d0, %d1, %d2, %d3}"};
    static const char *const counts[] = {"x1", "x2", "x4"};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        const char *transposed = i % 2 ? ".trans" : "";

        compare_fill_input();
        begin_shared();
        add("ldmatrix.sync.aligned.m8n8.%s%s.shared.b16 %s, [%%A2];\n", counts[i / 2], transposed,
            registers[i / 2]);
        add("st.global.v4.b32 [%%rd3], {%%d0, %%d1, %%d2, %%d3}; ret;\n}\n");
        compare(text, 64);
        begin_shared();
        add("ld.global.v2.b32 {%%d0, %%d1}, [%%rd2]; "
            "ld.global.v2.b32 {%%d2, %%d3}, [%%rd2 + 1024];\n"
            "setp.lt.u32 %%p, %%r0, 32; "
            "@%%p stmatrix.sync.aligned.m8n8.%s%s.shared.b16 [%%A2], %s;\n",
            counts[i / 2], transposed, registers[i / 2]);
        add("bar.sync 0; ld.shared.v2.b64 {%%A0, %%A1}, [%%A2]; st.global.v2.b64 [%%rd3], "
            "{%%A0, %%A1}; ret;\n}\n");
        compare(text, 64);
    }
    snprintf(text, sizeof(text), "%s", HEAD);
    add("ld.global.b32 %%a0, [%%rd2]; movmatrix.sync.aligned.m8n8.trans.b16 %%d0, %%a0; "
        "st.global.b32 [%%rd3], %%d0; ret;\n}\n");
    compare(text, 64);
}

/* ---- From one product to the next ---- */

/* D, A, B and C, each of four registers or two. */
static void add_product(const char *d, const char *a, const char *b, const char *c)
{
    add("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%s}, {%s}, {%s}, {%s};\n", d, a, b, c);
}

#define A "%a0, %a1, %a2, %a3"
#define D(n) "%x" #n "0, %x" #n "1, %x" #n "2, %x" #n "3"

static void fill_halves(void)
{
    struct ptx_instruction like = {.opcode = PTX_MMA};

    form_read_words(&like, ".sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
    fill_input(&like, true);
}

/* Results that are taken as they are, in part, in another order, by other blocks, by some of the
 * lanes, as numbers, behind a barrier and in the next round of a loop. */
static void test_chains(void **state)
{
    (void)state;
    begin_shared();
    add(".reg .f32 %%y; .reg .pred %%q; .reg .b32 %%z<4>, %%x0<4>, %%x1<4>, %%x2<4>, %%x3<4>, "
        "%%x4<4>, %%x5<4>;\n");
    for (unsigned i = 0; i < 4; i++) {
        add("ld.global.b32 %%a%u, [%%rd2 + %u]; ld.global.b32 %%b%u, [%%rd2 + %u]; "
            "mov.b32 %%z%u, 0;\n",
            i, i * 512, i, REGION + i * 512, i);
    }
    add("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%s}, [%%A2]; mov.u32 %%r2, 0;\nL:\n", D(0));
    add_product(D(1), A, "%b0, %b1", "%z0, %z1, %z2, %z3");
    add_product(D(2), D(0), "%x02, %x03", D(1));
    add_product(D(3), A, "%x01, %x00", "%x23, %x22, %x21, %x20");
    add("setp.lt.u32 %%p, %%r0, 32; @%%p bra M;\n");
    add_product(D(4), A, "%b2, %b3", D(3));
    add("setp.lt.u32 %%p, %%r0, 40; @%%p bra M;\n"
        "add.f32 %%y, %%x20, %%x43; st.global.f32 [%%rd3 + 8192], %%y;\nM: bar.sync 0;\n");
    add_product(D(5), D(0), "%b0, %b1", D(3));
    for (unsigned i = 0; i < 4; i++) {
        add("mov.b32 %%z%u, %%x5%u; st.global.b32 [%%rd3 + %u], %%x2%u;\n", i, i, 16384 + 4 * i, i);
    }
    add("add.u32 %%r2, %%r2, 1; setp.lt.u32 %%q, %%r2, 3; @%%q bra L;\n"
        "st.global.v4.b32 [%%rd3], {%%x50, %%x51, %%x42, %%x33}; ret;\n}\n");
    for (unsigned i = 0; i < 4; i++) {
        fill_halves();
        compare(text, 64);
    }
}

/* ---- Faults ---- */

/* Wherever the last row lies, not one byte of it is touched. */
static void test_bounds(void **state)
{
    struct launch_fault fault;

    (void)state;
    snprintf(text, sizeof(text), "%s", HEAD);
    add("wmma.load.a.sync.aligned.row.m16n16k16.global.f16 "
        "{%%a0, %%a1, %%a2, %%a3, %%a4, %%a5, %%a6, %%a7}, [%%rd0 + %u]; ret;\n}\n",
        COMPARE_BYTES - 510);
    assert_int_equal(compare_run(text, 32, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
    assert_int_equal(fault.address, (uintptr_t)compare_input + COMPARE_BYTES);
    snprintf(text, sizeof(text), "%s", HEAD);
    add(".shared .align 16 .b8 s[256]; mov.u32 %%r1, s; mad.lo.u32 %%r1, %%r0, 16, %%r1; "
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%%d0, %%d1, %%d2, %%d3}, [%%r1]; ret;\n}\n");
    assert_int_equal(compare_run(text, 32, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
    assert_int_equal(fault.thread[0], 16);
    snprintf(text, sizeof(text), "%s", HEAD);
    add(".shared .align 16 .b8 s[256]; mov.u32 %%r1, s; add.u32 %%r1, %%r1, 8; "
        "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%%d0}, [%%r1]; ret;\n}\n");
    assert_int_equal(compare_run(text, 32, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_MISALIGNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mma),  cmocka_unit_test(test_metadata), cmocka_unit_test(test_wmma),
        cmocka_unit_test(test_rows), cmocka_unit_test(test_chains),   cmocka_unit_test(test_bounds),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
