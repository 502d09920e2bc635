/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparison and selection: PTX ISA 9.7.5 to 9.7.7. */
#include <math.h>

#include "tests/models/ptx/families.h"
#include "tests/models/ptx/float.h"

static enum ptx_word comparison_of(const struct ptx_instruction *in)
{
    return (enum ptx_word)in->words[0];
}

static bool compare_integers(enum ptx_word comparison, s128 a, s128 b)
{
    switch (comparison) {
    case PTX_W_EQ:
        return a == b;
    case PTX_W_NE:
        return a != b;
    case PTX_W_LT:
    case PTX_W_LO:
        return a < b;
    case PTX_W_LE:
    case PTX_W_LS:
        return a <= b;
    case PTX_W_GT:
    case PTX_W_HI:
        return a > b;
    default: /* ge, hs */
        return a >= b;
    }
}

/* The unordered comparisons are true with a NaN, the others false. */
static bool compare_floats(enum ptx_word comparison, double a, double b)
{
    bool unordered = isnan(a) || isnan(b);

    switch (comparison) {
    case PTX_W_NUM:
        return !unordered;
    case PTX_W_NAN_COMPARE:
        return unordered;
    case PTX_W_EQU:
        return unordered || a == b;
    case PTX_W_NEU:
        return unordered || a != b;
    case PTX_W_LTU:
        return unordered || a < b;
    case PTX_W_LEU:
        return unordered || a <= b;
    case PTX_W_GTU:
        return unordered || a > b;
    case PTX_W_GEU:
        return unordered || a >= b;
    case PTX_W_EQ:
        return !unordered && a == b;
    case PTX_W_NE:
        return !unordered && a != b;
    case PTX_W_LT:
        return !unordered && a < b;
    case PTX_W_LE:
        return !unordered && a <= b;
    case PTX_W_GT:
        return !unordered && a > b;
    default:
        return !unordered && a >= b;
    }
}

static bool compare(const struct ptx_instruction *in, enum ptx_word type, u128 a, u128 b)
{
    if (is_float(type)) {
        return compare_floats(comparison_of(in), decode_input(in, type, a),
                              decode_input(in, type, b));
    }
    return compare_integers(comparison_of(in), (s128)extend(a, type), (s128)extend(b, type));
}

/* With c: combined by the word behind the comparison. */
static bool combine(struct thread *thread, const struct ptx_instruction *in, bool holds)
{
    bool c = in->operand_count > 3 && read_predicate(thread, &in->operands[3]);

    switch (in->operand_count > 3 ? in->words[1] : PTX_W_NONE) {
    case PTX_W_AND:
        return holds && c;
    case PTX_W_OR:
        return holds || c;
    case PTX_W_XOR:
        return holds != c;
    default:
        return holds;
    }
}

/* Of packed halves the second predicate is the upper one's; else the complement's. */
void execute_setp(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0), half = half_of(type);
    u128 a = read_bits(thread, &in->operands[1], type);
    u128 b = read_bits(thread, &in->operands[2], type);
    bool holds = compare(in, half != PTX_W_NONE ? half : type, a, b);
    bool second = half != PTX_W_NONE ? compare(in, half, a >> 16, b >> 16) : !holds;

    holds = combine(thread, in, holds);
    second = combine(thread, in, second);
    write_bits(thread, first_of(&in->operands[0]), PTX_W_PRED, holds);
    if (second_of(&in->operands[0]) != NULL) {
        write_bits(thread, second_of(&in->operands[0]), PTX_W_PRED, second);
    }
}

static u128 truth(enum ptx_word type, bool holds)
{
    if (!holds) {
        return 0;
    }
    return is_float(type) ? encode(1.0, type, ROUND_NEAREST)
                          : low_bits(~(u128)0, ptx_type_bits(type));
}

/* Of packed halves into one integer: 16 bits for each. */
void execute_set(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word to = type_of(in, 0), type = type_of(in, 1), half = half_of(type);
    u128 a = read_bits(thread, &in->operands[1], type);
    u128 b = read_bits(thread, &in->operands[2], type);
    enum ptx_word part = half_of(to) != PTX_W_NONE ? half_of(to) : PTX_W_U16;
    u128 packed;

    if (half == PTX_W_NONE) {
        write_bits(thread, &in->operands[0], to,
                   truth(to, combine(thread, in, compare(in, type, a, b))));
        return;
    }
    packed = truth(part, combine(thread, in, compare(in, half, a, b))) |
             truth(part, combine(thread, in, compare(in, half, a >> 16, b >> 16))) << 16;
    write_bits(thread, &in->operands[0], to, packed);
}

void execute_selp(struct thread *thread, const struct ptx_instruction *in)
{
    bool first = read_predicate(thread, &in->operands[3]);

    write_bits(thread, &in->operands[0], type_of(in, 0),
               read_bits(thread, &in->operands[first ? 1 : 2], type_of(in, 0)));
}

void execute_slct(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 1);
    u128 c = read_value(thread, &in->operands[3], type);
    bool first = is_float(type) ? decode_input(in, type, c) >= 0 : (s128)c >= 0;

    write_bits(thread, &in->operands[0], type_of(in, 0),
               read_bits(thread, &in->operands[first ? 1 : 2], type_of(in, 0)));
}

static bool test(const struct ptx_instruction *in, double value, bool is_subnormal)
{
    switch (in->words[0]) {
    case PTX_W_FINITE:
        return isfinite(value);
    case PTX_W_INFINITE:
        return isinf(value);
    case PTX_W_NUMBER:
        return !isnan(value);
    case PTX_W_NOTANUMBER:
        return isnan(value);
    case PTX_W_NORMAL:
        return isfinite(value) && !is_subnormal;
    default:
        return is_subnormal;
    }
}

void execute_testp(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    u128 bits = read_bits(thread, &in->operands[1], type);

    write_bits(thread, &in->operands[0], PTX_W_PRED,
               test(in, decode(type, bits), is_subnormal(type, bits)));
}
