/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/ptx/instruction.h"
#include "host/cuda-cpu/ptx/matrix.h"
#include "host/cuda-cpu/ptx/part.h"

#define REASON_MAX 256
#define VECTOR_BITS_MAX 128

struct checker {
    const struct ptx_function *function;
    struct ptx_log *log;
    const struct ptx_instruction *instruction;
    const struct ptx_form *form;
    char reason[REASON_MAX]; /* why the operands do not fit, and where */
    struct ptx_position at;
};

/* Remembers why; false. */
static bool no(struct checker *checker, struct ptx_position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool no(struct checker *checker, struct ptx_position at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(checker->reason, sizeof(checker->reason), format, arguments);
    va_end(arguments);
    checker->at = at;
    return false;
}

/* ---- Types ---- */

static bool is_integer(enum ptx_kind kind)
{
    return kind == PTX_UNSIGNED || kind == PTX_SIGNED;
}

/* PTX ISA 9.2; with wider registers 9.4.1. */
static bool type_fits(enum ptx_word declared, enum ptx_word wanted, bool wider)
{
    enum ptx_kind kind = ptx_type_kind(declared);
    unsigned bits = ptx_type_bits(declared), wanted_bits = ptx_type_bits(wanted);

    if (kind == PTX_PREDICATE || ptx_type_kind(wanted) == PTX_PREDICATE) {
        return kind == ptx_type_kind(wanted);
    }
    if (wider ? bits < wanted_bits : bits != wanted_bits) {
        return false;
    }
    switch (ptx_type_kind(wanted)) {
    case PTX_UNSIGNED:
    case PTX_SIGNED:
        return kind == PTX_BITS || is_integer(kind);
    case PTX_FLOAT:
        return kind == PTX_BITS || declared == wanted || (bits == 16 && is_integer(kind));
    default:
        return true;
    }
}

/* ld, st and cvt take a wider register for a narrower value. */
static bool takes_wider(enum ptx_opcode opcode)
{
    return opcode == PTX_LD || opcode == PTX_LDU || opcode == PTX_ST || opcode == PTX_CVT ||
           opcode == PTX_SULD || opcode == PTX_SUST;
}

static enum ptx_word wide(enum ptx_word type)
{
    switch (type) {
    case PTX_W_U16:
        return PTX_W_U32;
    case PTX_W_S16:
        return PTX_W_S32;
    case PTX_W_U32:
        return PTX_W_U64;
    default:
        return PTX_W_S64;
    }
}

static enum ptx_word wanted_type(const struct checker *checker, const struct ptx_operand_form *form)
{
    enum ptx_word type = form->type != PTX_W_NONE
                             ? form->type
                             : ptx_type_word(checker->instruction, form->type_index);

    return form->letter == 'D' || form->letter == 'A' ? wide(type) : type;
}

static const struct ptx_register *register_of(const struct checker *checker, uint32_t index)
{
    return &checker->function->registers[index];
}

/* ---- Operands ---- */

static bool check_register(struct checker *checker, const struct ptx_operand *operand,
                           enum ptx_word wanted, bool written)
{
    const struct ptx_register *reg = register_of(checker, operand->reg);

    if (operand->select != NULL &&
        !ptx_part_is_right(checker->instruction, operand, reg->vector, written)) {
        return no(checker, operand->at, "%s has no part .%s", reg->name, operand->select);
    }
    if (reg->vector != 1 && operand->select == NULL) {
        return no(checker, operand->at, "%s is a vector of %u", reg->name, reg->vector);
    }
    if (!type_fits(reg->type, wanted, takes_wider(checker->instruction->opcode))) {
        return no(checker, operand->at, "%s is .%s where .%s should be", reg->name,
                  ptx_word_name(reg->type), ptx_word_name(wanted));
    }
    return true;
}

static bool check_destination(struct checker *checker, const struct ptx_operand *operand,
                              enum ptx_word wanted)
{
    if (operand->kind == PTX_O_SINK) {
        return true;
    }
    if (operand->kind != PTX_O_REGISTER || operand->negated) {
        return no(checker, operand->at, "a register should be here, to be written");
    }
    return check_register(checker, operand, wanted, true);
}

/* Special registers of 32 bits are read as 16 as well, as they once were. */
static bool check_special(struct checker *checker, const struct ptx_operand *operand,
                          enum ptx_word wanted)
{
    enum ptx_word type = ptx_special_type(operand->special.name);

    if (ptx_special_components(operand->special.name) == 4 && operand->select == NULL) {
        return no(checker, operand->at, "%s has the parts .x, .y, .z and .w",
                  ptx_special_name(operand->special.name));
    }
    if ((ptx_type_kind(type) == PTX_PREDICATE) != (ptx_type_kind(wanted) == PTX_PREDICATE) ||
        ptx_type_kind(wanted) == PTX_FLOAT || ptx_type_bits(wanted) > ptx_type_bits(type)) {
        return no(checker, operand->at, "%s is .%s where .%s should be",
                  ptx_special_name(operand->special.name), ptx_word_name(type),
                  ptx_word_name(wanted));
    }
    return true;
}

/* Of halves and pairs of them, the bits alone. */
static bool check_constant(struct checker *checker, const struct ptx_operand *operand,
                           enum ptx_word wanted)
{
    enum ptx_kind kind = ptx_type_kind(wanted);
    bool is_float = operand->kind != PTX_O_INTEGER;
    bool is_narrow = kind == PTX_PACKED || ptx_type_bits(wanted) < 32;

    if (kind == PTX_PREDICATE) {
        return !is_float ||
               no(checker, operand->at, "a predicate should be here, or an integer constant");
    }
    if (is_float ? is_integer(kind) || is_narrow : kind == PTX_FLOAT && !is_narrow) {
        return no(checker, operand->at, "a constant of type .%s should be here",
                  ptx_word_name(wanted));
    }
    return true;
}

static bool check_value(struct checker *checker, const struct ptx_operand *operand,
                        enum ptx_word wanted)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        return check_register(checker, operand, wanted, false);
    case PTX_O_SPECIAL:
        return check_special(checker, operand, wanted);
    case PTX_O_INTEGER:
    case PTX_O_FLOAT32:
    case PTX_O_FLOAT64:
        return check_constant(checker, operand, wanted);
    default:
        return no(checker, operand->at, "a register or a constant should be here");
    }
}

/* What mov and cvta take besides: the address of something. */
static bool check_source(struct checker *checker, const struct ptx_operand *operand,
                         enum ptx_word wanted)
{
    if (operand->kind != PTX_O_SYMBOL) {
        return check_value(checker, operand, wanted);
    }
    if (ptx_type_bits(wanted) < 32 || ptx_type_kind(wanted) == PTX_FLOAT) {
        return no(checker, operand->at, "an address is no .%s", ptx_word_name(wanted));
    }
    return true;
}

static bool check_one(struct checker *checker, const struct ptx_operand *operand,
                      enum ptx_word wanted, bool written)
{
    return written ? check_destination(checker, operand, wanted)
                   : check_value(checker, operand, wanted);
}

/* One value, or as many as .v2 and so on says: in braces, or a vector register. */
static bool check_vector(struct checker *checker, const struct ptx_operand *operand,
                         enum ptx_word wanted, bool written)
{
    unsigned count = ptx_vector_count(checker->instruction);

    if (count == 1 && operand->kind != PTX_O_LIST) {
        return check_one(checker, operand, wanted, written);
    }
    if (count * ptx_type_bits(wanted) > VECTOR_BITS_MAX) {
        return no(checker, operand->at, "vectors have at most %d bits below sm_100",
                  VECTOR_BITS_MAX);
    }
    if (operand->kind == PTX_O_REGISTER && operand->select == NULL &&
        register_of(checker, operand->reg)->vector == count) {
        return true;
    }
    if (operand->kind != PTX_O_LIST || operand->count != count) {
        return no(checker, operand->at, "%u registers in braces should be here", count);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!check_one(checker, &operand->items[i], wanted, written)) {
            return false;
        }
    }
    return true;
}

/* mov packs and unpacks: each part is as wide as its share of the whole. */
static bool check_parts(struct checker *checker, const struct ptx_operand *operand,
                        enum ptx_word wanted)
{
    unsigned bits = ptx_type_bits(wanted);

    if (operand->kind != PTX_O_LIST || (operand->count != 2 && operand->count != 4)) {
        return no(checker, operand->at, "2 or 4 registers in braces should be here");
    }
    for (size_t i = 0; i < operand->count; i++) {
        const struct ptx_operand *part = &operand->items[i];

        if (part->kind == PTX_O_REGISTER &&
            ptx_type_bits(register_of(checker, part->reg)->type) * operand->count != bits) {
            return no(checker, part->at, "%s is .%s, one of %zu parts of .%s",
                      register_of(checker, part->reg)->name,
                      ptx_word_name(register_of(checker, part->reg)->type), operand->count,
                      ptx_word_name(wanted));
        }
    }
    return true;
}

/* Coordinates, offsets and gradients of textures: some values in braces, or one. */
static bool check_list(struct checker *checker, const struct ptx_operand *operand,
                       enum ptx_word wanted)
{
    if (checker->instruction->opcode == PTX_MOV) {
        return check_parts(checker, operand, wanted);
    }
    return operand->kind == PTX_O_LIST || check_value(checker, operand, PTX_W_B32);
}

static bool check_fragment(struct checker *checker, const struct ptx_operand *operand, size_t index)
{
    struct ptx_fragment fragment = ptx_fragment_of(checker->instruction, index);
    bool is_list = operand->kind == PTX_O_LIST;
    const struct ptx_operand *items = is_list ? operand->items : operand;
    size_t count = is_list ? operand->count : 1;

    if (count != fragment.registers) {
        return no(checker, operand->at, "%zu registers where the fragment has %u", count,
                  fragment.registers);
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind != PTX_O_REGISTER ||
            ptx_type_bits(register_of(checker, items[i].reg)->type) != fragment.register_bits) {
            return no(checker, items[i].at, "a register of %u bits should be here",
                      fragment.register_bits);
        }
    }
    return true;
}

/* What the ISA leaves undefined is refused. */
static bool check_selector(struct checker *checker, const struct ptx_operand *operand)
{
    unsigned count = 4 / ptx_metadata_lanes(checker->instruction);

    return (operand->kind == PTX_O_INTEGER && operand->bits < count) ||
           no(checker, operand->at, "a constant below %u should be here", count);
}

static bool check_address(struct checker *checker, const struct ptx_operand *operand)
{
    const struct ptx_operand *base = operand->base;

    if (operand->kind != PTX_O_ADDRESS) {
        return no(checker, operand->at, "an address in brackets should be here");
    }
    if (base == NULL) {
        return true;
    }
    if (base->kind == PTX_O_REGISTER) {
        enum ptx_word type = register_of(checker, base->reg)->type;

        if (!type_fits(type, PTX_W_U32, false) && !type_fits(type, PTX_W_U64, false)) {
            return no(checker, base->at, "%s is .%s, no address",
                      register_of(checker, base->reg)->name, ptx_word_name(type));
        }
        return true;
    }
    if (base->kind != PTX_O_SYMBOL || base->symbol->kind != PTX_S_VARIABLE) {
        return no(checker, operand->at, "a register or a variable should be in the brackets");
    }
    return true;
}

static bool check_predicate(struct checker *checker, const struct ptx_operand *operand,
                            bool written)
{
    return written ? check_destination(checker, operand, PTX_W_PRED)
                   : check_value(checker, operand, PTX_W_PRED);
}

static bool check_table(struct checker *checker, const struct ptx_operand *operand)
{
    if (operand->kind != PTX_O_TABLE && operand->kind != PTX_O_ADDRESS) {
        return no(checker, operand->at, "a texture or surface in brackets should be here");
    }
    return true;
}

static bool check_kind(struct checker *checker, const struct ptx_operand *operand,
                       enum ptx_operand_kind kind, const char *what)
{
    return operand->kind == kind || no(checker, operand->at, "%s should be here", what);
}

static bool check_targets(struct checker *checker, const struct ptx_operand *operand)
{
    return (operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_TARGETS) ||
           no(checker, operand->at, "a table of .branchtargets should be here");
}

/* By the letter of the form, or of what stands behind the bar. */
static bool check_letter(struct checker *checker, const struct ptx_operand_form *form, char letter,
                         const struct ptx_operand *operand, size_t index)
{
    enum ptx_word wanted = wanted_type(checker, form);

    switch (letter) {
    case 'd':
    case 'D':
        return check_destination(checker, operand, wanted);
    case 'a':
    case 'A':
        return check_value(checker, operand, wanted);
    case 'p':
        return check_predicate(checker, operand, true);
    case 'c':
        return check_predicate(checker, operand, false);
    case 'v':
        return check_vector(checker, operand, wanted, true);
    case 'w':
        return check_vector(checker, operand, wanted, false);
    case 'f':
        return check_fragment(checker, operand, index);
    case 'e':
        return check_selector(checker, operand);
    case 'm':
        return check_address(checker, operand);
    case 'k':
        return check_table(checker, operand);
    case 'i':
        return check_kind(checker, operand, PTX_O_INTEGER, "an integer constant");
    case 'l':
        return check_kind(checker, operand, PTX_O_LABEL, "a label");
    case 'b':
        return check_targets(checker, operand);
    case 's':
        return check_source(checker, operand, wanted);
    case 'h':
        return check_value(checker, operand, PTX_W_B64);
    default:
        return check_list(checker, operand, wanted);
    }
}

/* - stands before a register in vmad alone. */
static bool check_marks(struct checker *checker, const struct ptx_operand_form *form,
                        const struct ptx_operand *operand)
{
    if (operand->negated && !form->negatable && checker->instruction->opcode != PTX_VMAD) {
        return no(checker, operand->at, "this operand cannot be negated");
    }
    return true;
}

static bool check_operand(struct checker *checker, const struct ptx_operand_form *form,
                          const struct ptx_operand *operand, size_t index)
{
    if (!check_marks(checker, form, operand)) {
        return false;
    }
    if (operand->kind != PTX_O_PAIR) {
        return (!form->second || form->second_optional ||
                no(checker, operand->at, "a second destination is missing: |p")) &&
               check_letter(checker, form, form->letter, operand, index);
    }
    if (!form->second) {
        return no(checker, operand->at, "only one destination should be here");
    }
    return check_letter(checker, form, form->letter, &operand->items[0], index) &&
           check_letter(checker, form, form->second, &operand->items[1], index);
}

static bool operands_fit(struct checker *checker, const struct ptx_form *form)
{
    const struct ptx_instruction *instruction = checker->instruction;
    const char *text = form->operands;
    struct ptx_operand_form operand;
    size_t index = 0;

    if (*text == '*') {
        return true;
    }
    checker->form = form;
    while (ptx_form_next_operand(&text, &operand)) {
        if (operand.letter == 'h' && !ptx_has_word(instruction, PTX_W_L2_CACHE_HINT)) {
            continue;
        }
        if (index == instruction->operand_count) {
            if (operand.optional) {
                continue;
            }
            return no(checker, instruction->at, "operands are missing");
        }
        if (!check_operand(checker, &operand, &instruction->operands[index], index)) {
            return false;
        }
        index++;
    }
    return index == instruction->operand_count ||
           no(checker, instruction->operands[index].at, "this operand is one too many");
}

/* ---- Calls ---- */

bool ptx_is_system_function(const char *name)
{
    static const char *const names[] = {"vprintf", "malloc", "free", "__assertfail"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_arguments(struct checker *checker, const struct ptx_operand *list,
                            struct ptx_variable *const *params, size_t count, bool written)
{
    const char *what = written ? "results" : "arguments";

    if (list->count != count) {
        return no(checker, list->at, "%zu %s where there should be %zu", list->count, what, count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ptx_operand *item = &list->items[i];

        if (written && item->kind == PTX_O_SINK) {
            continue;
        }
        if (params[i]->vector > 1 && item->kind == PTX_O_REGISTER) {
            if (register_of(checker, item->reg)->vector != params[i]->vector) {
                return no(checker, item->at, "a vector of %u should be here", params[i]->vector);
            }
        } else if (params[i]->space == PTX_SPACE_REG) {
            if (!check_value(checker, item, params[i]->type)) {
                return false;
            }
        } else if (item->kind == PTX_O_SYMBOL && item->symbol->kind == PTX_S_VARIABLE) {
            if (item->symbol->variable->size != params[i]->size && params[i]->size) {
                return no(checker, item->at, "%s has %llu bytes, the parameter %llu",
                          item->symbol->name, (unsigned long long)item->symbol->variable->size,
                          (unsigned long long)params[i]->size);
            }
        } else if (!check_value(checker, item, params[i]->type)) {
            return false;
        }
    }
    return true;
}

static const struct ptx_function *called_function(struct checker *checker,
                                                  const struct ptx_operand *call)
{
    const struct ptx_operand *target = &call[1], *table = &call[3];

    if (target->kind == PTX_O_SYMBOL && target->symbol->kind == PTX_S_FUNCTION) {
        return target->symbol->function;
    }
    if (target->kind != PTX_O_REGISTER) {
        no(checker, target->at, "a function should be here");
        return NULL;
    }
    if (table->kind != PTX_O_SYMBOL) {
        no(checker, table->at, "a call by address needs a .callprototype or .calltargets");
        return NULL;
    }
    if (table->symbol->kind == PTX_S_PROTOTYPE) {
        return table->symbol->function;
    }
    if (table->symbol->kind == PTX_S_TARGETS && table->symbol->targets->count &&
        table->symbol->targets->items[0].kind == PTX_O_SYMBOL &&
        table->symbol->targets->items[0].symbol->kind == PTX_S_FUNCTION) {
        return table->symbol->targets->items[0].symbol->function;
    }
    no(checker, table->at, "%s is no prototype and no table of functions", table->symbol->name);
    return NULL;
}

static bool check_call(struct checker *checker)
{
    const struct ptx_operand *call = checker->instruction->call;
    const struct ptx_function *called = called_function(checker, call);
    bool is_direct = call[1].kind == PTX_O_SYMBOL;

    if (called == NULL) {
        return false;
    }
    if (is_direct && called->is_entry) {
        return no(checker, call[1].at, "%s is a kernel: launches from the device are not supported",
                  called->name);
    }
    if (is_direct && !called->has_body && !ptx_is_system_function(called->name)) {
        return no(checker, call[1].at, "%s has no body", called->name);
    }
    return check_arguments(checker, &call[0], called->results, called->result_count, true) &&
           check_arguments(checker, &call[2], called->params, called->param_count, false);
}

/* ---- Instructions ---- */

/* The words as they were written, up to one that is not known, for a message. */
static void print_words(const struct ptx_instruction *instruction, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", ptx_opcode_name(instruction->opcode));

    for (unsigned i = 0; i < instruction->word_count && used < size; i++) {
        enum ptx_word word = (enum ptx_word)instruction->words[i];

        used += (size_t)snprintf(text + used, size - used, ".%s",
                                 word != PTX_W_NONE ? ptx_word_name(word) : instruction->unknown);
        if (word == PTX_W_NONE) {
            return;
        }
    }
}

/* The first form whose words and operands fit. The reason is of the last whose words did. */
static const struct ptx_form *find_form(struct checker *checker)
{
    const struct ptx_instruction *instruction = checker->instruction;
    enum ptx_word words[PTX_WORDS_MAX];

    for (unsigned i = 0; i < instruction->word_count; i++) {
        words[i] = (enum ptx_word)instruction->words[i];
    }
    checker->form = NULL;
    for (const struct ptx_form *form = ptx_form_first(instruction->opcode); form != NULL;
         form = ptx_form_next(form)) {
        if (ptx_form_has_words(form, words, instruction->word_count) &&
            (form->refused != NULL || operands_fit(checker, form))) {
            return form;
        }
    }
    return NULL;
}

static void check_instruction(struct checker *checker, struct ptx_instruction *instruction)
{
    char words[REASON_MAX];

    checker->instruction = instruction;
    if (instruction->has_guard && register_of(checker, instruction->guard)->type != PTX_W_PRED) {
        ptx_log_error(checker->log, instruction->at, "%s is no predicate",
                      register_of(checker, instruction->guard)->name);
    }
    instruction->form = find_form(checker);
    if (instruction->form != NULL && instruction->form->refused == NULL &&
        (instruction->opcode != PTX_CALL || check_call(checker))) {
        return;
    }
    print_words(instruction, words, sizeof(words));
    if (instruction->form != NULL && instruction->form->refused != NULL) {
        ptx_log_error(checker->log, instruction->at, "%s: %s", words, instruction->form->refused);
    } else if (instruction->form == NULL && checker->form == NULL) {
        ptx_log_error(checker->log, instruction->at, "%s: no instruction has these words", words);
    } else {
        ptx_log_error(checker->log, checker->at, "%s: %s", words, checker->reason);
    }
}

bool ptx_check(struct ptx_module *module, struct ptx_log *log)
{
    struct checker checker = {.log = log};

    for (size_t i = 0; i < module->function_count; i++) {
        struct ptx_function *function = module->functions[i];

        checker.function = function;
        for (size_t j = 0; j < function->instruction_count; j++) {
            check_instruction(&checker, &function->instructions[j]);
        }
    }
    return log->errors == 0;
}
