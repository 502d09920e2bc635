/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparisons and selections: PTX ISA 9.7.5 to 9.7.7. */
#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/format.h"
#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/ptx/instruction.h"

static const char *integer_comparison(const struct emitter *emitter, bool sign)
{
    static const struct {
        enum ptx_word word;
        const char *of_signed, *of_unsigned;
    } comparisons[] = {
        {PTX_W_EQ, "eq", "eq"},   {PTX_W_NE, "ne", "ne"},   {PTX_W_LT, "slt", "ult"},
        {PTX_W_LE, "sle", "ule"}, {PTX_W_GT, "sgt", "ugt"}, {PTX_W_GE, "sge", "uge"},
        {PTX_W_LO, "ult", "ult"}, {PTX_W_LS, "ule", "ule"}, {PTX_W_HI, "ugt", "ugt"},
        {PTX_W_HS, "uge", "uge"},
    };

    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        if (emit_has(emitter, comparisons[i].word)) {
            return sign ? comparisons[i].of_signed : comparisons[i].of_unsigned;
        }
    }
    return "eq";
}

static const char *float_comparison(const struct emitter *emitter)
{
    static const struct {
        enum ptx_word word;
        const char *name;
    } comparisons[] = {
        {PTX_W_EQ, "oeq"},  {PTX_W_NE, "one"},          {PTX_W_LT, "olt"},  {PTX_W_LE, "ole"},
        {PTX_W_GT, "ogt"},  {PTX_W_GE, "oge"},          {PTX_W_EQU, "ueq"}, {PTX_W_NEU, "une"},
        {PTX_W_LTU, "ult"}, {PTX_W_LEU, "ule"},         {PTX_W_GTU, "ugt"}, {PTX_W_GEU, "uge"},
        {PTX_W_NUM, "ord"}, {PTX_W_NAN_COMPARE, "uno"},
    };

    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        if (emit_has(emitter, comparisons[i].word)) {
            return comparisons[i].name;
        }
    }
    return "oeq";
}

static value compare_floats(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    return emit_value(emitter, "fcmp %s %s %%t%u, %%t%u", float_comparison(emitter),
                      emit_vector(type), a, b);
}

/* Integers in the order of the halves; of both zeros, 0. */
static value ordered_half(struct emitter *emitter, value bits)
{
    value sign = vector_with(emitter, "ashr", PTX_W_B16, bits, 15);
    value flip = vector_with(emitter, "and", PTX_W_B16, sign, 0x7FFF);

    return vector_binary(emitter, "sub", PTX_W_B16,
                         vector_binary(emitter, "xor", PTX_W_B16, bits, flip), sign);
}

/* The words that are ordered comparisons, and those that a NaN makes true. */
static const char *half_comparison(const struct emitter *emitter, bool *with_nan)
{
    static const struct {
        enum ptx_word ordered, unordered;
        const char *name;
    } comparisons[] = {
        {PTX_W_EQ, PTX_W_EQU, "eq"},  {PTX_W_NE, PTX_W_NEU, "ne"},  {PTX_W_LT, PTX_W_LTU, "slt"},
        {PTX_W_LE, PTX_W_LEU, "sle"}, {PTX_W_GT, PTX_W_GTU, "sgt"}, {PTX_W_GE, PTX_W_GEU, "sge"},
    };

    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        *with_nan = emit_has(emitter, comparisons[i].unordered);
        if (*with_nan || emit_has(emitter, comparisons[i].ordered)) {
            return comparisons[i].name;
        }
    }
    *with_nan = emit_has(emitter, PTX_W_NAN_COMPARE);
    return NULL; /* .num, .nan */
}

/* By integers: where the processor compares halves, LLVM 19 gets some of it wrong. */
static value compare_halves(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    bool with_nan;
    const char *how = half_comparison(emitter, &with_nan);
    value nan, holds;

    if (emit_has(emitter, PTX_W_FTZ)) {
        a = format_flush(emitter, type, a);
        b = format_flush(emitter, type, b);
    }
    nan = vector_binary(emitter, "or", PTX_W_PRED, format_is_nan(emitter, type, a),
                        format_is_nan(emitter, type, b));
    if (!with_nan) {
        nan = vector_with(emitter, "xor", PTX_W_PRED, nan, 1);
    }
    if (how == NULL) {
        return nan;
    }
    holds =
        vector_compare(emitter, how, PTX_W_B16, ordered_half(emitter, a), ordered_half(emitter, b));
    return vector_binary(emitter, with_nan ? "or" : "and", PTX_W_PRED, holds, nan);
}

static value compare_values(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    if (format_is_half(type)) {
        return compare_halves(emitter, type, a, b);
    }
    if (type != PTX_W_F32 && type != PTX_W_F64) {
        return vector_compare(emitter, integer_comparison(emitter, vector_is_signed(type)), type, a,
                              b);
    }
    if (emit_has(emitter, PTX_W_FTZ)) {
        a = emit_flush(emitter, a);
        b = emit_flush(emitter, b);
    }
    return compare_floats(emitter, type, a, b);
}

static value compared(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type);

    return compare_values(emitter, type, a, vector_source(emitter, 2, type));
}

/* Of packed values, the lower ones and the upper ones. */
static void compare_both(struct emitter *emitter, enum ptx_word type, value both[2])
{
    enum ptx_word part = format_part(type);
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);

    both[0] = compare_values(emitter, part, vector_lower(emitter, a), vector_lower(emitter, b));
    both[1] = compare_values(emitter, part, vector_upper(emitter, a), vector_upper(emitter, b));
}

/* With the predicate c, when there is one. */
static value combine(struct emitter *emitter, value p)
{
    const char *how = emit_has(emitter, PTX_W_AND)   ? "and"
                      : emit_has(emitter, PTX_W_OR)  ? "or"
                      : emit_has(emitter, PTX_W_XOR) ? "xor"
                                                     : NULL;

    return how == NULL
               ? p
               : vector_binary(emitter, how, PTX_W_PRED, p, vector_source(emitter, 3, PTX_W_PRED));
}

/* The second predicate is that of the upper values; of a single one, the complement's. */
static void set_predicate(struct emitter *emitter, enum ptx_word type)
{
    const struct ptx_operand *destination = vector_operand(emitter, 0);
    value both[2];

    if (format_part(type) != PTX_W_NONE) {
        compare_both(emitter, type, both);
    } else {
        both[0] = compared(emitter, type);
        both[1] = vector_with(emitter, "xor", PTX_W_PRED, both[0], 1);
    }
    both[0] = combine(emitter, both[0]);
    if (destination->kind == PTX_O_PAIR) {
        both[1] = combine(emitter, both[1]);
        emit_put(emitter, &destination->items[0], PTX_W_PRED, both[0]);
        emit_put(emitter, &destination->items[1], PTX_W_PRED, both[1]);
    } else {
        emit_put(emitter, destination, PTX_W_PRED, both[0]);
    }
}

/* 1.0 or all bits, else zero. */
static value truth(struct emitter *emitter, enum ptx_word type, value p)
{
    enum ptx_word bits = emit_bits(type);
    uint64_t yes = ptx_type_kind(type) == PTX_FLOAT ? format_one(type)
                                                    : UINT64_MAX >> (64 - ptx_type_bits(type));

    p = combine(emitter, p);
    return vector_choose(emitter, bits, p, vector_constant(emitter, bits, yes),
                         vector_constant(emitter, bits, 0));
}

/* Of packed values: 16 bits for each. */
static void set_value(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0), of = emit_type(emitter, 1);
    enum ptx_word part = format_part(type) != PTX_W_NONE ? format_part(type) : PTX_W_U16;
    value both[2];

    if (format_part(of) == PTX_W_NONE) {
        vector_result(emitter, type == PTX_W_F32 ? PTX_W_B32 : type,
                      truth(emitter, type, compared(emitter, of)));
        return;
    }
    compare_both(emitter, of, both);
    both[0] = truth(emitter, part, both[0]);
    both[1] = truth(emitter, part, both[1]);
    vector_result(emitter, PTX_W_B32, vector_pair(emitter, both[0], both[1]));
}

static void select_sign(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word by = emit_type(emitter, 1);
    value c = vector_source(emitter, 3, by), yes;

    if (by == PTX_W_F32) {
        c = emit_has(emitter, PTX_W_FTZ) ? emit_flush(emitter, c) : c;
        yes = emit_value(emitter, "fcmp oge <32 x float> %%t%u, splat (float 0.0)", c);
    } else {
        yes = vector_compare(emitter, "sge", PTX_W_B32, c, vector_constant(emitter, PTX_W_B32, 0));
    }
    vector_result(emitter, type,
                  vector_choose(emitter, type, yes, vector_source(emitter, 1, type),
                                vector_source(emitter, 2, type)));
}

/* Not known before: of what is, LLVM has better than to choose. */
static bool is_computed(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER && emitter->uniform.constants[operand->reg] == NULL;
}

/* Integers are chosen byte by byte where that is what processors have for integers: words they
 * choose as floats, and a value that goes there and back is a few cycles later. */
static bool is_chosen_by_bytes(const struct emitter *emitter, enum ptx_word type)
{
    const struct ptx_operand *operands = emitter->instruction->operands;

    return !emitter->options->has_masks && !emitter->is_narrow &&
           (type == PTX_W_B32 || type == PTX_W_B64) && is_computed(emitter, &operands[1]) &&
           is_computed(emitter, &operands[2]);
}

static value choose_bytes(struct emitter *emitter, enum ptx_word type, value condition, value yes,
                          value no)
{
    const char *vector = emit_vector(type);
    unsigned bytes =
        (emitter->is_half ? WARP_LANES / 2 : WARP_LANES) * (unsigned)ptx_type_bits(type) / 8;
    value mask = emit_value(emitter, "sext <32 x i1> %%t%u to %s", condition, vector);

    mask = emit_value(emitter, "bitcast %s %%t%u to <%u x i8>", vector, mask, bytes);
    mask = emit_value(emitter, "icmp slt <%u x i8> %%t%u, zeroinitializer", bytes, mask);
    yes = emit_value(emitter, "bitcast %s %%t%u to <%u x i8>", vector, yes, bytes);
    no = emit_value(emitter, "bitcast %s %%t%u to <%u x i8>", vector, no, bytes);
    yes = emit_value(emitter, "select <%u x i1> %%t%u, <%u x i8> %%t%u, <%u x i8> %%t%u", bytes,
                     mask, bytes, yes, bytes, no);
    return emit_value(emitter, "bitcast <%u x i8> %%t%u to %s", bytes, yes, vector);
}

static void select_one(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word bits = type == PTX_W_F32 || type == PTX_W_F64 ? type : emit_bits(type);
    value p = vector_source(emitter, 3, PTX_W_PRED), a = vector_source(emitter, 1, type);
    value b = vector_source(emitter, 2, type);

    vector_result(emitter, type,
                  is_chosen_by_bytes(emitter, bits) ? choose_bytes(emitter, bits, p, a, b)
                                                    : vector_choose(emitter, type, p, a, b));
}

/* ---- What lies in steps, at its ends ---- */

/* A register whose lanes lie in steps from one base. */
static bool is_in_steps(const struct emitter *emitter, const struct ptx_operand *operand,
                        enum ptx_word type)
{
    return ptx_is_plain_register(operand) && affine_is_one(emitter, operand->reg) &&
           affine_bases(emitter, operand->reg) == 1 &&
           ptx_type_bits(emitter->function->registers[operand->reg].type) == ptx_type_bits(type);
}

static bool is_same_for_all(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_INTEGER ||
           (operand->kind == PTX_O_REGISTER && !emitter->uniform.differs[operand->reg]);
}

static bool is_edge_comparison(const struct emitter *emitter,
                               const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);
    const struct ptx_operand *operands = instruction->operands;

    return instruction->opcode == PTX_SETP && !instruction->has_guard &&
           instruction->operand_count == 3 && operands[0].kind == PTX_O_REGISTER &&
           ptx_is_long_integer(type) &&
           ((is_in_steps(emitter, &operands[1], type) && is_same_for_all(emitter, &operands[2])) ||
            (is_same_for_all(emitter, &operands[1]) && is_in_steps(emitter, &operands[2], type)));
}

/* It may read what was set since. */
static bool is_read_anew(const struct ptx_instruction *instruction,
                         const struct ptx_instruction *setting)
{
    for (size_t i = 1; i < instruction->operand_count; i++) {
        if (instruction->operands[i].kind == PTX_O_REGISTER &&
            live_is_set(setting, instruction->operands[i].reg)) {
            return true;
        }
    }
    return false;
}

/* Where the block set the guard of its branch, if all is still as it was there. */
static const struct ptx_instruction *edge_comparison(const struct emitter *emitter)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    const struct ptx_instruction *branch = emitter->instruction;
    const struct ptx_instruction *found =
        live_last_setting(emitter->function->instructions + block->first, branch, branch->guard);

    if (found == NULL || !is_edge_comparison(emitter, found)) {
        return NULL;
    }
    for (const struct ptx_instruction *i = found + 1; i < branch; i++) {
        if (is_read_anew(found, i)) {
            return NULL;
        }
    }
    return found;
}

/* What is so far from the base. */
static value move_base(struct emitter *emitter, enum ptx_word type, value base, int64_t by)
{
    return emit_value(emitter, "add %s %%t%u, %lld", emit_element(emit_bits(type)), base,
                      (long long)by);
}

/* What is compared: the same for all lanes, and the least and the greatest of what lies in steps.
 */
struct ends {
    enum ptx_word type;
    value same, least, greatest;
    value fits; /* i1: no lane lies beyond them */
    bool is_left;
};

static struct ends find_ends(struct emitter *emitter)
{
    const struct ptx_operand *operands = emitter->instruction->operands;
    struct ends ends = {.type = ptx_type_word(emitter->instruction, 0)};
    const struct ptx_operand *in_steps;
    struct affine_span span;
    value base;

    ends.is_left = is_in_steps(emitter, &operands[1], ends.type);
    in_steps = &operands[ends.is_left ? 1 : 2];
    span = affine_span(emitter, in_steps->reg);
    emitter->is_narrow = true;
    base = emit_get(emitter, in_steps, ends.type);
    ends.same = emit_get(emitter, &operands[ends.is_left ? 2 : 1], ends.type);
    emitter->is_narrow = false;
    ends.fits = affine_span_fits(emitter, in_steps, span, ends.type, base);
    ends.least = move_base(emitter, ends.type, base, span.below);
    ends.greatest = move_base(emitter, ends.type, base, span.above);
    return ends;
}

static value compare_ends(struct emitter *emitter, const struct ends *ends, const char *how,
                          value a, value b)
{
    return emit_value(emitter, "icmp %s %s %%t%u, %%t%u", how, emit_element(emit_bits(ends->type)),
                      a, b);
}

static value compare_end(struct emitter *emitter, const struct ends *ends, value end)
{
    return compare_ends(emitter, ends, integer_comparison(emitter, vector_is_signed(ends->type)),
                        ends->is_left ? end : ends->same, ends->is_left ? ends->same : end);
}

static value both(struct emitter *emitter, value a, value b)
{
    return emit_value(emitter, "and i1 %%t%u, %%t%u", a, b);
}

static void compare_equal(struct emitter *emitter, const struct ends *ends, value *equal,
                          value *other)
{
    const char *less = vector_is_signed(ends->type) ? "slt" : "ult";

    *equal = both(emitter, compare_ends(emitter, ends, "eq", ends->least, ends->same),
                  compare_ends(emitter, ends, "eq", ends->greatest, ends->same));
    *other = emit_value(emitter, "or i1 %%t%u, %%t%u",
                        compare_ends(emitter, ends, less, ends->same, ends->least),
                        compare_ends(emitter, ends, less, ends->greatest, ends->same));
}

/* The greater the left one is, the more it is so. */
static bool is_of_greater(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_GT) || emit_has(emitter, PTX_W_GE) ||
           emit_has(emitter, PTX_W_HI) || emit_has(emitter, PTX_W_HS);
}

static void compare_order(struct emitter *emitter, const struct ends *ends, value *all, value *none)
{
    bool is_rising = is_of_greater(emitter) == ends->is_left;

    *all = compare_end(emitter, ends, is_rising ? ends->least : ends->greatest);
    *none = emit_value(emitter, "xor i1 %%t%u, true",
                       compare_end(emitter, ends, is_rising ? ends->greatest : ends->least));
}

bool emit_edge_branch(struct emitter *emitter, struct emit_edge *edge)
{
    const struct ptx_instruction *branch = emitter->instruction,
                                 *setting = edge_comparison(emitter);
    value *holds = branch->guard_negated ? &edge->none : &edge->all;
    value *fails = branch->guard_negated ? &edge->all : &edge->none;
    struct ends ends;

    if (setting == NULL) {
        return false;
    }
    emitter->instruction = setting;
    ends = find_ends(emitter);
    if (emit_has(emitter, PTX_W_EQ)) {
        compare_equal(emitter, &ends, holds, fails);
    } else if (emit_has(emitter, PTX_W_NE)) {
        compare_equal(emitter, &ends, fails, holds);
    } else {
        compare_order(emitter, &ends, holds, fails);
    }
    edge->fits = ends.fits;
    emitter->instruction = branch;
    return true;
}

/* From there on nothing reads it but the branch, nor goes on under a mask. */
static bool is_for_branch(const struct emitter *emitter, const struct ptx_instruction *setting,
                          const struct ptx_instruction *branch)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    const struct live *live = &emitter->uniform.live;

    for (const struct ptx_instruction *i = setting + 1; i < branch; i++) {
        if (!again_is_plain(i) || live_is_read(i, branch->guard) ||
            again_gives_up(emitter, (uint32_t)(i - emitter->function->instructions))) {
            return false;
        }
    }
    return live->sets != NULL && !live_has(live, block->targets[0], branch->guard) &&
           (block->next >= emitter->flow->count || !live_has(live, block->next, branch->guard));
}

const struct ptx_instruction *emit_edge_comparison(struct emitter *emitter)
{
    const struct ptx_instruction *here = emitter->instruction, *setting;
    const struct ptx_instruction *last =
        &emitter->function->instructions[emitter->flow->blocks[emitter->block].end - 1];

    if (last->opcode != PTX_BRA || !last->has_guard || !emitter->uniform.differs[last->guard]) {
        return NULL;
    }
    emitter->instruction = last;
    setting = edge_comparison(emitter);
    emitter->instruction = here;
    return setting != NULL && is_for_branch(emitter, setting, last) ? setting : NULL;
}

bool emit_compare(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);

    switch (emitter->instruction->opcode) {
    case PTX_SETP:
        set_predicate(emitter, type);
        return true;
    case PTX_SET:
        set_value(emitter);
        return true;
    case PTX_SELP:
        select_one(emitter, type);
        return true;
    case PTX_SLCT:
        select_sign(emitter, type);
        return true;
    default:
        return false;
    }
}
