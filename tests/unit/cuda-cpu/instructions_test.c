/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/form_text.c tests/unit/cuda-cpu/forced.c
// build: $(wildcard tests/models/ptx/*.c)
// cflags: -frounding-math
// libs: -ldl -Wl,--wrap=processor_options
/*
 * The table of forms against the reference: each row that computes values, with some of its words,
 * on special and random values, by the compiled kernel and by the interpreter: by a whole warp, by
 * one of which some lanes take part, and by one that has half of its lanes, which runs the code for
 * masks; and again with the same values in all threads. Some batches also run in another way: where
 * there is no code for whole warps, or for one of the processor's sets of instructions.
 * BAREGPU_SOAK: every expansion, in all ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/program/program.h"
#include "host/cuda-cpu/ptx/part.h"
#include "host/cuda-cpu/ptx/module.h"
#include "tests/models/ptx/reference.h"
#include "tests/unit/cuda-cpu/forced.h"
#include "tests/unit/cuda-cpu/form_text.h"

#define THREADS 80 /* two warps and a half */
#define BATCH 24   /* instructions of one kernel */
#define SOURCES 6  /* of an instruction */
#define RESULTS 2
#define KERNEL_MAX 65536
#define OTHER 3 /* one in so many batches is compiled in another way, likewise */
#define PICKS 2 /* expansions of each row, when not all are tried */

/* One instruction in the kernel. */
struct trial {
    char text[512];
    enum ptx_word result_types[RESULTS]; /* as the register has it; NONE: it has fewer */
    enum ptx_word value_type;            /* what the bits mean */
    bool approximate;
};

static uint64_t inputs[SOURCES][THREADS];
static uint64_t outputs[2][BATCH * RESULTS * THREADS]; /* compiled, and by the reference */
static struct trial trials[BATCH];
static size_t trial_count;
static unsigned long compared, kernels, refused, wrong;

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void fill_inputs(void)
{
    static const uint64_t special[] = {
        0,
        1,
        2,
        31,
        32,
        63,
        64,
        127,
        128,
        255,
        256,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x3F800000,
        0xBF800000,
        0x7F800000,
        0xFF800000,
        0x7FC00000,
        0x00000001,
        0x807FFFFF,
        0x00800000,
        0x7F7FFFFF,
        0x4B000001,
        0x4F000000,
        0xCF000000,
        0x3F000000,
        UINT64_MAX,
        INT64_MAX,
        (uint64_t)INT64_MIN,
        0x3FF0000000000000,
        0xBFF0000000000000,
        0x7FF0000000000000,
        0x7FF8000000000000,
        0x0000000000000001,
        0x000FFFFFFFFFFFFF,
        0x7FEFFFFFFFFFFFFF,
        0x41DFFFFFFFC00000,
        0x43E0000000000000,
        0x3FE0000000000000,
        0x3C00,
        0x83FF,
        0x7BFF,
        0xFC00,
        0x3F807F80,
        0x00010400,
        0x7C00BC00,
        0xFE017F7F,
    };
    const size_t count = sizeof(special) / sizeof(special[0]);

    for (unsigned i = 0; i < SOURCES; i++) {
        for (unsigned j = 0; j < THREADS; j++) {
            inputs[i][j] = next_random() % 3 ? special[next_random() % count] : next_random();
        }
    }
}

/* ---- Making an instruction ---- */

static const char *register_class(unsigned bits)
{
    return bits == 1 ? "p" : bits <= 16 ? "h" : bits == 32 ? "r" : bits == 64 ? "d" : NULL;
}

static enum ptx_word operand_type(const struct ptx_instruction *instruction,
                                  const struct ptx_operand_form *form)
{
    enum ptx_word type =
        form->type != PTX_W_NONE ? form->type : form_type(instruction, form->type_index);

    if (form->letter == 'p' || form->letter == 'c') {
        return PTX_W_PRED;
    }
    if (form->letter == 'D' || form->letter == 'A') {
        return ptx_type_bits(type) == 16 ? PTX_W_B32 : PTX_W_B64;
    }
    return type;
}

/* Half of the operands of a video instruction name a part of a register. */
static void print_part(char **text, const struct ptx_instruction *instruction, unsigned index)
{
    static const char *const of_one[] = {"b0", "b1", "b2", "b3", "h0", "h1"};
    static const char *const masks[2][4] = {{"h0", "h1", "h10", "h10"},
                                            {"b2", "b31", "b320", "b3210"}};
    unsigned values = ptx_video_values(instruction->opcode);

    if (values == 0 || index > 2 || next_random() & 1 ||
        (index == 0 && instruction->opcode == PTX_VMAD)) {
        return;
    }
    if (values == 1) {
        *text += sprintf(*text, ".%s", of_one[next_random() % 6]);
    } else if (index == 0) {
        *text += sprintf(*text, ".%s", masks[values / 4][next_random() % 4]);
    } else {
        *text += sprintf(*text, ".%c", values == 2 ? 'h' : 'b');
        for (unsigned i = 0; i < values; i++) {
            *text += sprintf(*text, "%u", (unsigned)(next_random() % (2 * values)));
        }
    }
}

/* Destinations are registers 10 and 11 of their class, sources 1 to 6. */
static bool print_operand(char **text, struct trial *trial,
                          const struct ptx_instruction *instruction,
                          const struct ptx_operand_form *form, unsigned index)
{
    enum ptx_word type = operand_type(instruction, form);
    const char *class = register_class(ptx_type_bits(type));

    if (class == NULL || strchr("dDaApcis", form->letter) == NULL) {
        return false;
    }
    *text += sprintf(*text, "%s", index ? ", " : " ");
    if (strchr("dDp", form->letter) != NULL) {
        trial->result_types[0] = type;
        *text += sprintf(*text, "%%%s10", class);
        print_part(text, instruction, 0);
        if (form->second) {
            trial->result_types[1] = PTX_W_PRED;
            *text += sprintf(*text, "|%%p11");
        }
        return form->second != 'd';
    }
    if (form->letter == 'i') {
        *text += sprintf(*text, "%u", (unsigned)(next_random() & 0xFF));
        return true;
    }
    if (ptx_video_values(instruction->opcode) && next_random() % 8 == 0) {
        *text += sprintf(*text, "%%ntid.x"); /* .x is no part of it */
        return true;
    }
    if (instruction->opcode == PTX_VMAD && !ptx_has_word(instruction, PTX_W_PO) &&
        next_random() & 1) {
        *text += sprintf(*text, "-");
    }
    *text +=
        sprintf(*text, "%s%%%s%u", form->negatable && next_random() & 1 ? "!" : "", class, index);
    print_part(text, instruction, index);
    return true;
}

static bool make_trial(const struct ptx_form *form, const char *words, struct trial *trial)
{
    struct ptx_instruction instruction = {.opcode = form->opcode};
    const char *pattern = form->operands;
    struct ptx_operand_form operand;
    char *text = trial->text;
    unsigned index = 0;

    memset(trial, 0, sizeof(*trial));
    form_read_words(&instruction, words);
    text += sprintf(text, "%s%s", ptx_opcode_name(form->opcode), words);
    while (ptx_form_next_operand(&pattern, &operand)) {
        if (index == SOURCES || !print_operand(&text, trial, &instruction, &operand, index++)) {
            return false;
        }
    }
    sprintf(text, ";");
    trial->value_type = form_type(&instruction, 0);
    trial->approximate =
        ptx_has_word(&instruction, PTX_W_FULL) ||
        (ptx_has_word(&instruction, PTX_W_APPROX) &&
         !(trial->value_type == PTX_W_F64 && ptx_has_word(&instruction, PTX_W_FTZ)));
    return trial->result_types[0] != PTX_W_NONE;
}

/* ---- Kernels ---- */

static char *print_store(char *text, unsigned slot, enum ptx_word type, unsigned number)
{
    const char *class = register_class(ptx_type_bits(type));

    if (type == PTX_W_PRED) {
        text += sprintf(text, "selp.u32 %%r12, 1, 0, %%p%u; ", number);
        class = "r";
        number = 12;
    }
    return text + sprintf(text, "st.global.b%u [%%d15 + %u], %%%s%u;\n",
                          class[0] == 'd'   ? 64
                          : class[0] == 'r' ? 32
                                            : 16,
                          slot * THREADS * 8, class, number);
}

/* Whether lanes have values of their own, and half of them a mask; or all the same. */
enum kind { OWN_VALUES, ALL_SAME };

/* Sources are loaded again for each, as nothing else could have changed them: they are not. */
static void print_kernel(char *text, const struct trial *tried, size_t count, enum kind kind)
{
    text += sprintf(text,
                    ".version 9.0\n.target sm_90\n.address_size 64\n"
                    ".entry k(.param .u64 in, .param .u64 out)\n{\n"
                    ".reg .b16 %%h<16>; .reg .b32 %%r<16>; .reg .b64 %%d<16>; .reg .pred %%p<16>;\n"
                    "mov.u32 %%r14, %%tid.x; mul.wide.u32 %%d14, %%r14, 8; "
                    "ld.param.u64 %%d13, [in]; ld.param.u64 %%d15, [out]; "
                    "add.s64 %%d13, %%d13, %s; add.s64 %%d15, %%d15, %%d14;\n",
                    kind == ALL_SAME ? "8" : "%d14");
    for (unsigned i = 0; i < SOURCES; i++) {
        text += sprintf(text,
                        "ld.global.b64 %%d%u, [%%d13 + %u]; ld.global.b32 %%r%u, [%%d13 + %u]; "
                        "ld.global.b16 %%h%u, [%%d13 + %u]; and.b32 %%r13, %%r%u, 1; "
                        "setp.ne.u32 %%p%u, %%r13, 0;\n",
                        i, i * THREADS * 8, i, i * THREADS * 8, i, i * THREADS * 8, i, i);
    }
    text += sprintf(text, "setp.ge.u32 %%p15, %%r14, 32; and.b32 %%r13, %%r14, 5; "
                          "setp.eq.u32 %%p14, %%r13, 1; and.pred %%p14, %%p14, %%p15;\n");
    for (unsigned i = 0; i < count; i++) {
        text += sprintf(text,
                        "mov.b64 %%d10, 0; mov.b32 %%r10, 0; mov.b16 %%h10, 0; "
                        "setp.ne.u32 %%p10, 0, 0; setp.ne.u32 %%p11, 0, 0;\n%s %s\n",
                        kind == ALL_SAME ? "" : "@!%p14", tried[i].text);
        for (unsigned j = 0; j < RESULTS && tried[i].result_types[j] != PTX_W_NONE; j++) {
            text = print_store(text, i * RESULTS + j, tried[i].result_types[j], 10 + j);
        }
    }
    sprintf(text, "ret;\n}\n");
}

static void no_print(void *context, const char *text)
{
    (void)context;
    (void)text;
}

struct params {
    uint64_t in, out;
};

static void run_compiled(struct memory *memory, const struct launch *prepared)
{
    const struct params params = {(uint64_t)(uintptr_t)inputs, (uint64_t)(uintptr_t)outputs[0]};
    static const uint32_t never;
    struct launch launch = *prepared;
    struct launch_fault fault;

    launch.grid[0] = launch.grid[1] = launch.grid[2] = 1;
    launch.params = &params;
    launch.memory = memory;
    launch.stop = &never;
    launch.print = no_print;
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
}

static void run_reference(const struct ptx_module *module)
{
    const struct params params = {(uint64_t)(uintptr_t)inputs, (uint64_t)(uintptr_t)outputs[1]};
    struct reference_memory memory = {0};
    struct reference_module *placed;
    struct reference_fault fault;
    struct reference_launch launch = {
        .memory = &memory,
        .kernel = ptx_module_kernel(module, "k"),
        .grid = {1, 1, 1},
        .block = {THREADS, 1, 1},
        .params = &params,
    };
    enum reference_status status;

    reference_memory_add(&memory, inputs, sizeof(inputs), false);
    reference_memory_add(&memory, outputs[1], sizeof(outputs[1]), true);
    placed = reference_module_create(module, &memory);
    launch.module = placed;
    status = reference_run(&launch, &fault);
    if (status != REFERENCE_OK) {
        print_error("reference: status %d at instruction %zu\n", status, fault.instruction);
    }
    assert_int_equal(status, REFERENCE_OK);
    reference_module_destroy(placed);
    reference_memory_free(&memory);
}

/* ---- Comparing ---- */

static bool is_nan(enum ptx_word type, uint64_t bits)
{
    return type == PTX_W_F32   ? (bits & 0x7FFFFFFF) > 0x7F800000
           : type == PTX_W_F64 ? (bits & INT64_MAX) > 0x7FF0000000000000
                               : false;
}

static double number(enum ptx_word type, uint64_t bits)
{
    uint32_t word = (uint32_t)bits;
    float single;
    double wide;

    if (type == PTX_W_F32) {
        memcpy(&single, &word, sizeof(single));
        return (double)single;
    }
    memcpy(&wide, &bits, sizeof(wide));
    return wide;
}

/* Approximate ones within 2^-20, whatever the ISA says of each. */
static bool is_same(const struct trial *trial, enum ptx_word type, uint64_t a, uint64_t b)
{
    enum ptx_word meaning = type == PTX_W_PRED ? PTX_W_PRED : trial->value_type;

    if (a == b || (is_nan(meaning, a) && is_nan(meaning, b))) {
        return true;
    }
    if (!trial->approximate || (meaning != PTX_W_F32 && meaning != PTX_W_F64)) {
        return false;
    }
    return fabs(number(meaning, a) - number(meaning, b)) <=
           ldexp(fmax(fabs(number(meaning, b)), 1e-37), -20);
}

static uint64_t output_of(const uint64_t *from, size_t slot, unsigned thread, enum ptx_word type)
{
    uint64_t bits = from[slot * THREADS + thread];
    unsigned width = ptx_type_bits(type);

    return width == 64 ? bits : bits & ((UINT64_C(1) << (width < 16 ? 16 : width)) - 1);
}

static void compare_trial(size_t index)
{
    const struct trial *trial = &trials[index];

    for (unsigned j = 0; j < RESULTS && trial->result_types[j] != PTX_W_NONE; j++) {
        for (unsigned thread = 0; thread < THREADS; thread++) {
            size_t slot = index * RESULTS + j;
            uint64_t got = output_of(outputs[0], slot, thread, trial->result_types[j]);
            uint64_t expected = output_of(outputs[1], slot, thread, trial->result_types[j]);

            compared++;
            if (is_same(trial, trial->result_types[j], got, expected)) {
                continue;
            }
            print_error("%s of 0x%llx, 0x%llx, 0x%llx, 0x%llx: 0x%llx, not 0x%llx (thread %u)\n",
                        trial->text, (unsigned long long)inputs[1][thread],
                        (unsigned long long)inputs[2][thread],
                        (unsigned long long)inputs[3][thread],
                        (unsigned long long)inputs[4][thread], (unsigned long long)got,
                        (unsigned long long)expected, thread);
            wrong++;
            break;
        }
    }
}

/* All trials in one kernel. */
static bool run_batch(enum kind kind)
{
    static char text[KERNEL_MAX], log_text[1024];
    struct memory memory = {0};
    struct launch launch = {.block = {THREADS, 1, 1}};
    struct ptx_log log;
    struct ptx_module *module;
    struct program *program;
    bool prepared;

    print_kernel(text, trials, trial_count, kind);
    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
    if (module == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    assert_true(memory_add(&memory, (uint64_t)(uintptr_t)inputs, sizeof(inputs), true));
    assert_true(memory_add(&memory, (uint64_t)(uintptr_t)outputs[0], sizeof(outputs[0]), false));
    program = program_create(text, strlen(text), &memory, &log);
    assert_non_null(program);
    prepared = program_prepare(program, program_find_kernel(program, "k"), &launch, &log);
    if (prepared) {
        memset(outputs, 0, sizeof(outputs));
        run_compiled(&memory, &launch);
        run_reference(module);
        kernels++;
        for (size_t i = 0; i < trial_count; i++) {
            compare_trial(i);
        }
    } else {
        assert_non_null(strstr(log_text, "is not supported yet"));
    }
    program_destroy(program);
    memory_clear(&memory);
    ptx_module_destroy(module);
    return prepared;
}

/* Whether the instruction, by itself, is one that the compiler knows. */
static bool is_known(const struct trial *trial)
{
    static char text[KERNEL_MAX], log_text[1024];
    const struct kernel_options options = {.has_fma = true, .has_f16 = true};
    struct kernel_needs needs;
    struct text ir = {0};
    struct ptx_log log;
    struct ptx_module *module;
    bool known;

    print_kernel(text, trial, 1, OWN_VALUES);
    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
    if (module == NULL) {
        print_error("%s\n%s", trial->text, log_text);
        fail();
    }
    known = kernel_emit(module, ptx_module_kernel(module, "k"), &options, &ir, &needs, &log);
    text_free(&ir);
    ptx_module_destroy(module);
    return known;
}

/* As it comes, and in all of the other ways or sometimes one. */
static void run_trials(bool all)
{
    static size_t batches;
    size_t other = batches % OTHER ? 0 : 1 + batches / OTHER % (FORCED_WAYS - 1);

    batches++;

    for (size_t way = 0; way < FORCED_WAYS; way++) {
        if ((all || way == 0 || way == other) && forced_choose(way)) {
            assert_true(run_batch(OWN_VALUES));
            assert_true((way != 0 && !all) || run_batch(ALL_SAME));
        }
    }
    trial_count = 0;
}

static void add_trial(const struct trial *trial, bool all)
{
    if (!is_known(trial)) {
        if (strstr(trial->text, ".oob") == NULL) { /* the one thing that is not supported yet */
            print_error("%s is refused\n", trial->text);
            wrong++;
        }
        refused++;
        return;
    }
    trials[trial_count++] = *trial;
    if (trial_count == BATCH) {
        run_trials(all);
    }
}

/* What is about other lanes than the thread's own, or the clock, or memory. */
static bool computes_values(enum ptx_opcode opcode)
{
    switch (opcode) {
    case PTX_ACTIVEMASK:
    case PTX_ALLOCA:
    case PTX_BAR:
    case PTX_BARRIER:
    case PTX_CREATEPOLICY:
    case PTX_CVTA:
    case PTX_ELECT:
    case PTX_GRIDDEPCONTROL:
    case PTX_ISSPACEP:
    case PTX_ISTYPEP:
    case PTX_MATCH:
    case PTX_MBARRIER:
    case PTX_MOVMATRIX:
    case PTX_NANOSLEEP:
    case PTX_PMEVENT:
    case PTX_REDUX:
    case PTX_SHFL:
    case PTX_STACKSAVE:
    case PTX_STACKRESTORE:
    case PTX_VOTE:
        return false;
    default:
        return true;
    }
}

static void try_form(const struct ptx_form *form, bool all)
{
    struct form_element elements[FORM_ELEMENTS_MAX];
    char words[FORM_TEXT_MAX];
    size_t count = form_elements(form->words, elements);
    struct trial trial;

    for (size_t chosen = 0; all && chosen < count; chosen++) {
        for (size_t choice = 0; choice < elements[chosen].count; choice++) {
            form_expand(elements, count, chosen, choice, words);
            if (make_trial(form, words, &trial)) {
                add_trial(&trial, all);
            }
        }
    }
    for (unsigned pick = 0; !all && count && pick < PICKS; pick++) {
        size_t chosen = next_random() % count;

        form_expand(elements, count, chosen, next_random() % elements[chosen].count, words);
        if (make_trial(form, words, &trial)) {
            add_trial(&trial, all);
        }
    }
}

static void test_instructions(void **state)
{
    bool all = getenv("BAREGPU_SOAK") != NULL;

    (void)state;
    for (size_t i = 0; i < ptx_form_count; i++) {
        if (ptx_forms[i].refused == NULL && computes_values(ptx_forms[i].opcode)) {
            fill_inputs();
            try_form(&ptx_forms[i], all);
        }
    }
    if (trial_count) {
        run_trials(all);
    }
    print_message("# %lu results of %lu kernels, %lu instructions not supported yet\n", compared,
                  kernels, refused);
    assert_int_equal(wrong, 0);
    assert_true(compared > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_instructions)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
