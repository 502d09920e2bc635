/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c) tests/unit/cuda-cpu/form_text.c
/*
 * The table of forms, expanded: each row with each of its words at least once, as text, through the
 * parser. What fits is taken, in this row or one before it; with a predicate in the place of a
 * value it is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/ptx/matrix.h"
#include "host/cuda-cpu/ptx/module.h"
#include "tests/unit/cuda-cpu/form_text.h"

static char log_text[1024];
static bool reached; /* by the last instruction: its row itself, not one before it */

/* ---- Operands ---- */

static char *print_register(char *text, unsigned bits, unsigned index)
{
    if (bits == 1) {
        return text + sprintf(text, "%%p%u", index);
    }
    return text + sprintf(text, "%%b%u_%u", bits < 16 ? 16 : bits, index);
}

static char *print_registers(char *text, unsigned bits, unsigned count)
{
    char *start = text;

    for (unsigned i = 0; i < count; i++) {
        text += sprintf(text, "%s", text == start ? "{" : ", ");
        text = print_register(text, bits, i);
    }
    return text + sprintf(text, "}");
}

static char *print_operand(char *text, struct ptx_instruction *instruction,
                           const struct ptx_operand_form *form, char letter, size_t index)
{
    enum ptx_word type =
        form->type != PTX_W_NONE ? form->type : form_type(instruction, form->type_index);
    unsigned bits = ptx_type_bits(type);
    struct ptx_fragment fragment;

    switch (letter) {
    case 'D':
    case 'A':
        return print_register(text, bits * 2, 1);
    case 'p':
    case 'c':
        return text + sprintf(text, "%%p%zu", index);
    case 'v':
    case 'w':
        return ptx_vector_count(instruction) == 1
                   ? print_register(text, bits, 2)
                   : print_registers(text, bits, ptx_vector_count(instruction));
    case 'f':
        fragment = ptx_fragment_of(instruction, index);
        return print_registers(text, fragment.register_bits, fragment.registers);
    case 'e':
        return text + sprintf(text, "0");
    case 'm':
        return text + sprintf(text, "[%%b64_3]");
    case 'k':
        return text + sprintf(text, "[%%b64_3, {%%b32_1, %%b32_2}]");
    case 'i':
        return text + sprintf(text, "16");
    case 'l':
        return text + sprintf(text, "L");
    case 'b':
        return text + sprintf(text, "T");
    case 'h':
        return print_register(text, 64, 4);
    case 'x':
        return print_registers(text, instruction->opcode == PTX_MOV ? bits / 2 : 32, 2);
    default:
        return print_register(text, bits, 5);
    }
}

/* All operands, those that may be missing too; `wrong`: a predicate in that one's place. */
static void print_operands(char *text, struct ptx_instruction *instruction,
                           const struct ptx_form *form, size_t wrong)
{
    const char *pattern = form->operands;
    struct ptx_operand_form operand;
    size_t index = 0;

    while (ptx_form_next_operand(&pattern, &operand)) {
        if (operand.letter == 'h' && !ptx_has_word(instruction, PTX_W_L2_CACHE_HINT)) {
            continue;
        }
        text += sprintf(text, "%s", index ? ", " : " ");
        if (index == wrong) {
            text += sprintf(text, "%%p7");
        } else {
            text = print_operand(text, instruction, &operand, operand.letter, index);
            if (operand.second) {
                text += sprintf(text, "|%%p6");
            }
        }
        index++;
    }
    sprintf(text, ";");
}

/* ---- The parser ---- */

static struct ptx_module *parse(const char *instruction)
{
    char text[FORM_TEXT_MAX];
    struct ptx_log log;

    snprintf(text, sizeof(text),
             ".version 9.0\n.target sm_90\n.address_size 64\n.entry k()\n{\n"
             ".reg .b16 %%b16_<9>; .reg .b32 %%b32_<9>; .reg .b64 %%b64_<9>; "
             ".reg .b128 %%b128_<9>; .reg .pred %%p<9>;\nT: .branchtargets L;\n%s\nL: ret;\n}\n",
             instruction);
    ptx_log_init(&log, log_text, sizeof(log_text));
    return ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
}

static void expect_taken(const char *text, const struct ptx_form *form)
{
    struct ptx_module *module = parse(text);

    if (form->refused != NULL ? module != NULL || strstr(log_text, form->refused) == NULL
                              : module == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    if (module != NULL) {
        assert_true(module->functions[0]->instructions[0].form <= form);
        reached = reached || module->functions[0]->instructions[0].form == form;
    }
    ptx_module_destroy(module);
}

static void expect_refused(const char *text)
{
    struct ptx_module *module = parse(text);

    if (module != NULL) {
        print_error("%s\n", text);
        fail();
    }
}

/* More than 128 bits are for later devices, though the words are there. */
static bool is_too_wide(const struct ptx_instruction *instruction)
{
    return ptx_vector_count(instruction) > 1 &&
           ptx_vector_count(instruction) * ptx_type_bits(form_type(instruction, 0)) > 128;
}

/* mov of 16 bits has halves that no register holds. */
static bool is_narrow_pack(const struct ptx_instruction *instruction, const struct ptx_form *form)
{
    return instruction->opcode == PTX_MOV && strchr(form->operands, 'x') != NULL &&
           form_type(instruction, 0) == PTX_W_B16;
}

static void check_expansion(const struct ptx_form *form, const char *words)
{
    struct ptx_instruction instruction = {.opcode = form->opcode};
    char text[FORM_TEXT_MAX];
    char *end = text + sprintf(text, "%s%s", ptx_opcode_name(form->opcode), words);

    form_read_words(&instruction, words);
    print_operands(end, &instruction, form, SIZE_MAX);
    if (is_narrow_pack(&instruction, form)) {
        return;
    }
    if (is_too_wide(&instruction) && form->refused == NULL) {
        expect_refused(text);
        return;
    }
    expect_taken(text, form);
    if (form->refused == NULL && form->operands[0] == 'd' && form->operands[1] != '|') {
        print_operands(end, &instruction, form, 0);
        expect_refused(text);
    }
}

static void test_each_form(void **state)
{
    size_t expansions = 0;

    (void)state;
    for (size_t i = 0; i < ptx_form_count; i++) {
        const struct ptx_form *form = &ptx_forms[i];
        struct form_element elements[FORM_ELEMENTS_MAX];
        char words[FORM_TEXT_MAX];
        size_t count;

        if (strchr(form->words, '*') != NULL || form->opcode == PTX_CALL) {
            continue;
        }
        reached = form->refused != NULL;
        count = form_elements(form->words, elements);
        form_expand(elements, count, SIZE_MAX, 0, words);
        check_expansion(form, words);
        expansions++;
        for (size_t chosen = 0; chosen < count; chosen++) {
            for (size_t choice = 0; choice < elements[chosen].count; choice++) {
                form_expand(elements, count, chosen, choice, words);
                check_expansion(form, words);
                expansions++;
            }
        }
        if (!reached) {
            print_error("%s %s: rows before it take all\n", ptx_opcode_name(form->opcode),
                        form->words);
            fail();
        }
    }
    print_message("# %zu expansions of %zu forms\n", expansions, ptx_form_count);
    assert_true(expansions > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_form)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
