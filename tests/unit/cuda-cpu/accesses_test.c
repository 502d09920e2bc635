/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/form_text.c
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c
// cflags: -frounding-math
// libs: -ldl
/*
 * Loads, stores and atomics: all rows of the table of forms, in each space, compiled and by the
 * reference; and instructions over the lanes of a warp, and about addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/llvm.h"
#include "tests/unit/cuda-cpu/compare.h"
#include "tests/unit/cuda-cpu/form_text.h"

#define VECTOR_BITS_MAX 128 /* below sm_100 */

/* Of each thread: 32 bytes of the input and of shared and local memory, 128 of the output. */
#define HEAD                                                                                       \
    COMPARE_HEAD                                                                                   \
    ".const .align 32 .b32 constants[16] = {1, 2, 3, 4, 5, 6, 7, 8, 0x89ABCDEF, 10};\n"            \
    ".entry k(.param .align 16 .u64 in, .param .u64 out)\n{\n"                                     \
    ".shared .align 32 .b8 shared[2048]; .local .align 32 .b8 local[32];\n"                        \
    ".reg .b16 %h<40>; .reg .b32 %r<40>; .reg .b64 %d<40>; .reg .b128 %q<40>; .reg .pred %p<4>;\n" \
    "ld.param.u64 %d0, [in]; ld.param.u64 %d1, [out]; mov.u32 %r0, %tid.x;\n"                      \
    "mad.wide.u32 %d2, %r0, 32, %d0; mad.wide.u32 %d3, %r0, 128, %d1;\n"                           \
    "mul.wide.u32 %d4, %r0, 32; mov.u64 %d5, shared; add.s64 %d5, %d5, %d4;\n"                     \
    "createpolicy.fractional.L2::evict_last.b64 %d9;\n"                                            \
    "ld.global.v2.b64 {%d6, %d7}, [%d2]; st.shared.v2.b64 [%d5], {%d6, %d7};\n"                    \
    "st.local.v2.b64 [local], {%d6, %d7};\n"                                                       \
    "and.b32 %r1, %r0, 37; setp.ne.u32 %p1, %r1, 33; bar.sync 0;\n"                                \
    "and.b32 %r2, %r0, 12; setp.ne.u32 %p2, %r2, 12; selp.b32 %r3, 0xBFFFFFFF, 0x807FFFFF, %p2;\n"

static char text[16384];
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

static void begin(void)
{
    strcpy(text, HEAD);
}

/* Where the order of the threads shows, one warp, whose lanes come one after the other. */
static void compare_kernel(unsigned threads)
{
    add("ret;\n}\n");
    compare_fill_input();
    llvm_is_hasty = tried++ % 4 != 0; /* they are many */
    compare(text, threads);
}

/* ---- Registers ---- */

static char class_of(unsigned bits)
{
    return bits <= 16 ? 'h' : bits == 32 ? 'r' : bits == 64 ? 'd' : 'q';
}

/* One register, or as many as the words say. */
static void add_registers(const struct ptx_instruction *instruction, unsigned first)
{
    unsigned count = ptx_vector_count(instruction);
    char class = class_of(ptx_type_bits(ptx_type_word(instruction, 0)));

    for (unsigned i = 0; i < count; i++) {
        add("%s%%%c%u%s", count > 1 && i == 0 ? "{" : "", class, first + i,
            i + 1 < count ? ", "
            : count > 1   ? "}"
                          : "");
    }
}

/* Values from the input; floats without what is infinite or no number, some of them subnormal. */
static void add_sources(const struct ptx_instruction *instruction, unsigned first)
{
    enum ptx_word type = ptx_type_word(instruction, 0);
    unsigned bits = ptx_type_bits(type);

    for (unsigned i = 0; i < ptx_vector_count(instruction); i++) {
        add("ld.global.b%u %%%c%u, [%%d2 + %u];\n", bits, class_of(bits), first + i,
            (first + i) * 2048 + i * bits / 8);
        if (type == PTX_W_F32) {
            add("and.b32 %%r%u, %%r%u, %%r3;\n", first + i, first + i);
        } else if (type == PTX_W_F64) {
            add("and.b64 %%d%u, %%d%u, 0xBFFFFFFFFFFFFFFF;\n", first + i, first + i);
        }
    }
}

static void add_results(const struct ptx_instruction *instruction, unsigned first, unsigned offset)
{
    unsigned bits = ptx_type_bits(ptx_type_word(instruction, 0));

    for (unsigned i = 0; i < ptx_vector_count(instruction); i++) {
        add("st.global.b%u [%%d3 + %u], %%%c%u;\n", bits, offset + i * bits / 8, class_of(bits),
            first + i);
    }
}

static const char *hint(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_L2_CACHE_HINT) ? ", %d9" : "";
}

/* ---- Spaces ---- */

static bool is_shared(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_SHARED) || ptx_has_word(instruction, PTX_W_SHARED_CTA) ||
           ptx_has_word(instruction, PTX_W_SHARED_CLUSTER);
}

/* Where the thread's own bytes are. */
static const char *place_of(const struct ptx_instruction *instruction, const char *global)
{
    return is_shared(instruction)                        ? "[%d5]"
           : ptx_has_word(instruction, PTX_W_LOCAL)      ? "[local]"
           : ptx_has_word(instruction, PTX_W_CONST)      ? "[constants + 32]"
           : ptx_has_word(instruction, PTX_W_PARAM_FUNC) ? NULL
           : ptx_has_word(instruction, PTX_W_PARAM) || ptx_has_word(instruction, PTX_W_PARAM_ENTRY)
               ? "[in]"
               : global;
}

static bool is_whole(const struct ptx_instruction *instruction)
{
    unsigned bits = ptx_type_bits(ptx_type_word(instruction, 0)) * ptx_vector_count(instruction);

    return bits <= VECTOR_BITS_MAX;
}

/* ---- Instructions ---- */

static void try_load(const struct ptx_instruction *instruction, const char *words)
{
    const char *place = place_of(instruction, "[%d2]");

    if (place == NULL ||
        (strcmp(place, "[in]") == 0 &&
         ptx_type_bits(ptx_type_word(instruction, 0)) * ptx_vector_count(instruction) > 64)) {
        return;
    }
    begin();
    for (unsigned i = 0; i < 2; i++) { /* once by all, once by some */
        add("%s%s%s ", i ? "@%p1 " : "", ptx_opcode_name(instruction->opcode), words);
        add_registers(instruction, i ? 20 : 10);
        add(", %s%s;\n", place, hint(instruction));
        add_results(instruction, i ? 20 : 10, i * 32);
    }
    compare_kernel(64);
}

/* What was stored is read again as 16 bytes. */
static void try_store(const struct ptx_instruction *instruction, const char *words)
{
    const char *place = place_of(instruction, "[%d3]");
    const char *space = is_shared(instruction)                   ? "shared"
                        : ptx_has_word(instruction, PTX_W_LOCAL) ? "local"
                                                                 : "global";

    if (place == NULL || strcmp(place, "[in]") == 0) {
        return;
    }
    begin();
    add_sources(instruction, 10);
    add_sources(instruction, 20);
    for (unsigned i = 0; i < 2; i++) {
        add("%s%s%s %s, ", i ? "@%p1 " : "", ptx_opcode_name(instruction->opcode), words, place);
        add_registers(instruction, i ? 20 : 10);
        add("%s;\nld.%s.v2.b64 {%%d30, %%d31}, %s; st.global.v2.b64 [%%d3 + %u], {%%d30, %%d31};\n",
            hint(instruction), space, place, 32 + i * 16);
    }
    compare_kernel(64);
}

/* Four cells of which each is many threads'. */
static void try_atomic(const struct ptx_instruction *instruction, const char *words)
{
    bool returns = instruction->opcode == PTX_ATOM;
    bool shared = is_shared(instruction);
    unsigned count = ptx_has_word(instruction, PTX_W_CAS) ? 2 : 1;

    begin();
    add("and.b32 %%r2, %%r0, 3; mul.wide.u32 %%d10, %%r2, 16; %s add.s64 %%d8, %%d8, %%d10;\n",
        shared ? "mov.u64 %d8, shared;" : "add.s64 %d8, %d1, 65536;");
    add_sources(instruction, 30);
    add("st.%s.b%u [%%d8], %%%c30;\nbar.sync 0;\n", shared ? "shared" : "global",
        ptx_type_bits(ptx_type_word(instruction, 0)),
        class_of(ptx_type_bits(ptx_type_word(instruction, 0))));
    for (unsigned i = 0; i < 2; i++) {
        add_sources(instruction, 10);
        add("%s%s%s ", i ? "@%p1 " : "", ptx_opcode_name(instruction->opcode), words);
        if (returns) {
            add_registers(instruction, 20);
            add(", ");
        }
        add("[%%d8], ");
        for (unsigned j = 0; j < count; j++) {
            add("%s", j ? ", " : "");
            add_registers(instruction, j ? 30 : 10);
        }
        add("%s;\n", hint(instruction));
        if (returns) {
            add_results(instruction, 20, i * 32);
        }
        add("bar.sync 0;\n");
    }
    add("ld.%s.v2.b64 {%%d30, %%d31}, [%%d8]; "
        "st.global.v2.b64 [%%d3 + 64], {%%d30, %%d31};\n",
        shared ? "shared" : "global");
    compare_kernel(32);
    compare_is_alone = true;
    compare(text, 32);
    compare_is_alone = false;
}

static void try_words(const struct ptx_form *form, const char *words)
{
    struct ptx_instruction instruction = {.opcode = form->opcode};

    form_read_words(&instruction, words);
    if (!is_whole(&instruction)) {
        return;
    }
    switch (form->opcode) {
    case PTX_LD:
    case PTX_LDU:
        try_load(&instruction, words);
        break;
    case PTX_ST:
        try_store(&instruction, words);
        break;
    default:
        try_atomic(&instruction, words);
        break;
    }
}

#define PICKS 2 /* of each row, when not all are tried */

static void try_rows(enum ptx_opcode opcode)
{
    bool all = getenv("BAREGPU_SOAK") != NULL;
    struct form_element elements[FORM_ELEMENTS_MAX];
    char words[FORM_TEXT_MAX];

    for (const struct ptx_form *form = ptx_form_first(opcode); form != NULL;
         form = ptx_form_next(form)) {
        bool is_async = strncmp(form->words, "async", 5) == 0; /* async_test.c has these */
        size_t count = form_elements(form->words, elements);

        for (size_t chosen = 0; form->refused == NULL && !is_async && chosen < count; chosen++) {
            for (size_t choice = 0; choice < elements[chosen].count; choice++) {
                if (all || compare_random() % (count * elements[chosen].count) < PICKS) {
                    form_expand(elements, count, chosen, choice, words);
                    try_words(form, words);
                }
            }
        }
    }
}

static void test_loads_and_stores(void **state)
{
    (void)state;
    try_rows(PTX_LD);
    try_rows(PTX_LDU);
    try_rows(PTX_ST);
    assert_true(tried > 10);
}

static void test_atomics(void **state)
{
    (void)state;
    try_rows(PTX_ATOM);
    try_rows(PTX_RED);
    print_message("# %u kernels\n", tried);
}

/* ---- Lanes ---- */

/* Of values that are few, so that some are the same. */
static void test_match(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        begin();
        add("and.b64 %%d6, %%d6, 3; and.b64 %%d6, %%d6, 0xFFFFFFFF00000003; cvt.u32.u64 %%r6, "
            "%%d6; "
            "mov.b64 %%d7, 77; mov.b32 %%r7, 77; activemask.b32 %%r8;\n");
        add("match.any.sync.b%u %%r20, %%%c6, 0xFFFFFFFF; match.all.sync.b%u %%r21|%%p2, %%%c6, "
            "0xFFFFFFFF;\nmatch.all.sync.b%u %%r22|%%p3, %%%c7, 0xFFFFFFFF; "
            "match.all.sync.b%u %%r23, %%%c6, 0xFFFFFFFF;\n",
            bits, class_of(bits), bits, class_of(bits), bits, class_of(bits), bits, class_of(bits));
        add("selp.u32 %%r24, 1, 0, %%p2; selp.u32 %%r25, 1, 0, %%p3; st.global.v4.u32 [%%d3], "
            "{%%r20, %%r21, %%r22, %%r23}; st.global.v2.u32 [%%d3 + 16], {%%r24, %%r25};\n");
        add("and.b32 %%r1, %%r0, 1; setp.ne.u32 %%p1, %%r1, 0; @!%%p1 bra done;\n");
        add("match.any.sync.b%u %%r20, %%%c6, 0xAAAAAAAA; "
            "match.all.sync.b%u %%r21|%%p2, %%%c7, 0xAAAAAAAA;\n",
            bits, class_of(bits), bits, class_of(bits));
        add("selp.u32 %%r22, 1, 0, %%p2; st.global.v2.u32 [%%d3 + 32], {%%r20, %%r21}; "
            "st.global.u32 [%%d3 + 40], %%r22;\ndone:\n");
        compare_kernel(64);
    }
}

static void test_elect(void **state)
{
    (void)state;
    begin();
    add("elect.sync %%r20|%%p2, 0xFFFFFFFF; selp.u32 %%r21, 1, 0, %%p2; "
        "st.global.v2.u32 [%%d3], {%%r20, %%r21};\n"
        "setp.lt.u32 %%p1, %%r0, 39; and.b32 %%r1, %%r0, 31; setp.gt.and.u32 %%p1, %%r1, 4, %%p1; "
        "@!%%p1 bra done;\nactivemask.b32 %%r3; elect.sync _|%%p2, %%r3; selp.u32 %%r21, 1, 0, "
        "%%p2; "
        "st.global.u32 [%%d3 + 8], %%r21;\ndone:\n");
    compare_kernel(64);
}

/* ---- Addresses ---- */

static void test_spaces(void **state)
{
    static const char *const spaces[] = {"global",          "const",       "local",
                                         "shared",          "param",       "shared::cta",
                                         "shared::cluster", "param::entry"};

    (void)state;
    begin();
    add("cvta.shared.u64 %%d20, %%d5; mov.u64 %%d21, local; cvta.local.u64 %%d21, %%d21; "
        "mov.u64 %%d22, constants; cvta.const.u64 %%d22, %%d22; mov.u64 %%d23, in; "
        "cvta.param.u64 %%d23, %%d23; cvta.global.u64 %%d24, %%d2;\n");
    for (unsigned address = 20; address < 25; address++) {
        for (unsigned i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
            add("isspacep.%s %%p2, %%d%u; selp.u32 %%r20, 1, 0, %%p2; st.global.u8 [%%d3 + %u], "
                "%%r20;\n",
                spaces[i], address, (address - 20) * 8 + i);
        }
    }
    add("cvta.to.shared.u64 %%d20, %%d20; ld.shared.b64 %%d21, [%%d20]; "
        "st.global.b64 [%%d3 + 48], %%d21;\n");
    add("cvt.u32.u64 %%r20, %%d5; cvta.shared.u32 %%r21, %%r20; cvta.to.shared.u32 %%r21, %%r21; "
        "sub.s32 %%r21, %%r21, %%r20; st.global.u32 [%%d3 + 56], %%r21;\n");
    add("mapa.shared::cluster.u64 %%d20, %%d5, 0; ld.shared::cluster.b64 %%d21, [%%d20]; "
        "st.global.b64 [%%d3 + 64], %%d21; mov.u64 %%d21, shared; "
        "getctarank.shared::cluster.u64 %%r20, %%d20; st.global.u32 [%%d3 + 72], %%r20;\n");
    compare_kernel(64);
}

/* Parts of 128 bits, and atomics of them on one place. */
static void test_wide(void **state)
{
    (void)state;
    begin();
    add("mov.b128 %%q1, {%%d6, %%d7}; mov.b128 %%q2, %%q1; mov.b128 {%%d20, %%d21}, %%q2; "
        "st.global.v2.b64 [%%d3], {%%d21, %%d20}; @%%p1 mov.b128 {%%d20, %%d21}, %%q2; "
        "ld.global.b128 %%q3, [%%d2 + 16]; @%%p1 mov.b128 %%q3, %%q1; st.global.b128 [%%d3 + 16], "
        "%%q3;\n");
    add(".reg .v2 .b32 %%v; .reg .v2 .b16 %%u; mov.b64 %%v, %%d6; mov.b32 %%r8, %%v.y; "
        "mov.b64 %%d22, %%v; mov.b32 %%u, %%r8; mov.b32 %%u, %%v.x; mov.b32 %%r9, %%u; "
        "st.global.v4.b32 [%%d3 + 64], {%%r8, %%r9, %%v.x, %%v.y}; st.global.b64 [%%d3 + 80], "
        "%%d22;\n");
    add("add.s64 %%d8, %%d1, 65536; atom.global.exch.b128 %%q4, [%%d8], %%q1; "
        "st.global.b128 [%%d3 + 32], %%q4; atom.global.cas.b128 %%q5, [%%d8], %%q1, %%q3; "
        "st.global.b128 [%%d3 + 48], %%q5;\n");
    compare_kernel(32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_and_stores),
        cmocka_unit_test(test_atomics),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_elect),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_wide),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
