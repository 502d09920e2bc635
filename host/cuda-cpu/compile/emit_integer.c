/* SPDX-License-Identifier: BSD-2-Clause */
/* Integers: PTX ISA 9.7.1 and 9.7.2. */
#include "host/cuda-cpu/compile/vector.h"

static bool is_integer_type(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_SIGNED || ptx_type_kind(type) == PTX_UNSIGNED ||
           ptx_type_kind(type) == PTX_BITS || type == PTX_W_PRED;
}

/* ---- Products ---- */

/* .lo, .hi or .wide of two operands; its type comes back as well. */
static value product(struct emitter *emitter, enum ptx_word type, enum ptx_word *result_type)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);
    enum ptx_word wide = vector_twice(type);
    value full, shift;

    *result_type = type;
    if (!emit_has(emitter, PTX_W_WIDE) && !emit_has(emitter, PTX_W_HI)) {
        return vector_binary(emitter, "mul", type, a, b);
    }
    full = vector_binary(emitter, "mul", wide, vector_widen(emitter, type, wide, a),
                         vector_widen(emitter, type, wide, b));
    if (emit_has(emitter, PTX_W_WIDE)) {
        *result_type = wide;
        return full;
    }
    shift = vector_constant(emitter, wide, ptx_type_bits(type));
    return vector_narrow(emitter, wide, type, vector_binary(emitter, "lshr", wide, full, shift));
}

static void multiply(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word of;
    value multiplied = product(emitter, type, &of);

    vector_result(emitter, of, multiplied);
}

static void multiply_add(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word of;
    value multiplied = product(emitter, type, &of);
    value added = vector_source(emitter, 3, of);

    if (emit_has(emitter, PTX_W_SAT)) {
        vector_result(emitter, of, vector_call2(emitter, "sadd.sat", of, multiplied, added));
    } else {
        vector_result(emitter, of, vector_binary(emitter, "add", of, multiplied, added));
    }
}

/* The low 24 bits of each; .hi are bits 16 to 47 of the product. */
static value product24(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word wide = vector_twice(type);
    value eight = vector_constant(emitter, type, 8);
    value parts[2], full;

    for (unsigned i = 0; i < 2; i++) {
        value shifted =
            vector_binary(emitter, "shl", type, vector_source(emitter, i + 1, type), eight);

        shifted =
            vector_binary(emitter, vector_is_signed(type) ? "ashr" : "lshr", type, shifted, eight);
        parts[i] = vector_widen(emitter, type, wide, shifted);
    }
    full = vector_binary(emitter, "mul", wide, parts[0], parts[1]);
    if (emit_has(emitter, PTX_W_HI)) {
        full = vector_binary(emitter, "lshr", wide, full, vector_constant(emitter, wide, 16));
    }
    return vector_narrow(emitter, wide, type, full);
}

/* ---- Division: by zero all bits are set, and nothing overflows ---- */

static bool is_constant(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return operand->kind != PTX_O_REGISTER || emitter->uniform.constants[operand->reg] != NULL;
}

static value in_doubles(struct emitter *emitter, char sign, value lanes)
{
    return emit_value(emitter, "%citofp <32 x i32> %%t%u to <32 x double>", sign, lanes);
}

/* Processors divide no vectors of integers, but of doubles, which have the quotient of 32 bits: the
 * nearest one is not above the true one by as much as reaches the next integer. */
static value quotient(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    char sign = vector_is_signed(type) ? 's' : 'u';
    value divided;

    if (ptx_type_bits(type) != 32 || is_constant(emitter, &emitter->instruction->operands[2])) {
        return vector_binary(emitter, sign == 's' ? "sdiv" : "udiv", type, a, b);
    }
    divided = emit_value(emitter, "fdiv <32 x double> %%t%u, %%t%u", in_doubles(emitter, sign, a),
                         in_doubles(emitter, sign, b));
    return emit_value(emitter, "fpto%ci <32 x double> %%t%u to <32 x i32>", sign, divided);
}

static void divide(struct emitter *emitter, enum ptx_word type, bool remainder)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);
    value zero = vector_constant(emitter, type, 0), one = vector_constant(emitter, type, 1);
    value by_zero = vector_compare(emitter, "eq", type, b, zero);
    value divisor = vector_choose(emitter, type, by_zero, one, b), divided, special;
    value ones = vector_constant(emitter, type, UINT64_MAX >> (64 - ptx_type_bits(type)));

    special = remainder ? a : ones;
    if (vector_is_signed(type)) { /* by -1 the quotient may be too large */
        value by_minus_one = vector_compare(emitter, "eq", type, b, ones);
        value negated = vector_binary(emitter, "sub", type, zero, a);

        divisor = vector_choose(emitter, type, by_minus_one, one, divisor);
        special = vector_choose(emitter, type, by_zero, special, remainder ? zero : negated);
        by_zero = vector_binary(emitter, "or", PTX_W_PRED, by_zero, by_minus_one);
    }
    divided = quotient(emitter, type, a, divisor);
    if (remainder) {
        divided = vector_binary(emitter, "sub", type, a,
                                vector_binary(emitter, "mul", type, divided, divisor));
    }
    vector_result(emitter, type, vector_choose(emitter, type, by_zero, special, divided));
}

/* ---- Sums ---- */

static void add_or_subtract(struct emitter *emitter, enum ptx_word type, bool subtract)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);

    if (emit_has(emitter, PTX_W_SAT)) {
        vector_result(emitter, type,
                      vector_call2(emitter, subtract ? "ssub.sat" : "sadd.sat", type, a, b));
    } else {
        vector_result(emitter, type, vector_binary(emitter, subtract ? "sub" : "add", type, a, b));
    }
}

/* CC.CF is %carry. A difference is the sum a + ~b + 1: of one without a borrow the flag is set, as
 * the processors have it. */
static void add_with_carry(struct emitter *emitter, enum ptx_word type, value a, value b,
                           bool subtract, bool carry_in, bool carry_out)
{
    enum ptx_word from = emit_bits(type), wide = vector_twice(from);
    value carry, sum;

    if (subtract) {
        b = vector_binary(emitter, "xor", from, b,
                          vector_constant(emitter, from, UINT64_MAX >> (64 - ptx_type_bits(from))));
    }
    sum = vector_binary(emitter, "add", wide, vector_widen(emitter, from, wide, a),
                        vector_widen(emitter, from, wide, b));
    if (carry_in) {
        carry = emit_value(emitter, "load <32 x i1>, ptr %%carry, align 64");
        carry = emit_value(emitter, "zext <32 x i1> %%t%u to %s", carry, emit_vector(wide));
        sum = vector_binary(emitter, "add", wide, sum, carry);
    } else if (subtract) {
        sum = vector_binary(emitter, "add", wide, sum, vector_constant(emitter, wide, 1));
    }
    vector_result(emitter, from, vector_narrow(emitter, wide, from, sum));
    if (carry_out) {
        sum = vector_binary(emitter, "lshr", wide, sum,
                            vector_constant(emitter, wide, ptx_type_bits(type)));
        carry = emit_value(emitter, "trunc %s %%t%u to <32 x i1>", emit_vector(wide), sum);
        if (!emitter->lanes.all) {
            value old = emit_value(emitter, "load <32 x i1>, ptr %%carry, align 64");

            carry = vector_choose(emitter, PTX_W_PRED, emitter->lanes.vector, carry, old);
        }
        emit(emitter, "store <32 x i1> %%t%u, ptr %%carry, align 64", carry);
    }
}

static bool is_carry(const struct emitter *emitter)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;

    return opcode == PTX_ADDC || opcode == PTX_SUBC || opcode == PTX_MADC ||
           emit_has(emitter, PTX_W_CC);
}

static void carry_instruction(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;
    bool subtract = opcode == PTX_SUB || opcode == PTX_SUBC;
    bool in = opcode == PTX_ADDC || opcode == PTX_SUBC || opcode == PTX_MADC;
    enum ptx_word of;
    value a, b;

    if (opcode == PTX_MAD || opcode == PTX_MADC) {
        a = product(emitter, type, &of);
        b = vector_source(emitter, 3, type);
    } else {
        a = vector_source(emitter, 1, type);
        b = vector_source(emitter, 2, type);
    }
    add_with_carry(emitter, type, a, b, subtract, in, emit_has(emitter, PTX_W_CC));
}

static void absolute_difference(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);
    value less = vector_compare(emitter, vector_is_signed(type) ? "slt" : "ult", type, a, b);
    value difference = vector_choose(emitter, type, less, vector_binary(emitter, "sub", type, b, a),
                                     vector_binary(emitter, "sub", type, a, b));

    vector_result(emitter, type,
                  vector_binary(emitter, "add", type, difference, vector_source(emitter, 3, type)));
}

/* ---- Products of parts ---- */

static void dot_product(struct emitter *emitter, bool of_two)
{
    enum ptx_word a_type = emit_type(emitter, 0), b_type = emit_type(emitter, 1);
    value a = vector_source(emitter, 1, PTX_W_B32), b = vector_source(emitter, 2, PTX_W_B32);
    value sum = vector_source(emitter, 3, PTX_W_B32);
    unsigned first = of_two && emit_has(emitter, PTX_W_HI) ? 2 : 0;

    for (unsigned i = 0; i < (of_two ? 2 : 4); i++) {
        unsigned bits = of_two ? 16 : 8;
        value x = vector_field(emitter, a, i * bits, bits, a_type);
        value y = vector_field(emitter, b, (first + i) * 8, 8, b_type);

        sum = vector_binary(emitter, "add", PTX_W_B32, sum,
                            vector_binary(emitter, "mul", PTX_W_B32, x, y));
    }
    vector_result(emitter, PTX_W_B32, sum);
}

/* ---- By opcode ---- */

static void minimum(struct emitter *emitter, enum ptx_word type, bool maximum)
{
    const char *what =
        vector_is_signed(type) ? (maximum ? "smax" : "smin") : (maximum ? "umax" : "umin");
    value least = vector_call2(emitter, what, type, vector_source(emitter, 1, type),
                               vector_source(emitter, 2, type));

    if (emit_has(emitter, PTX_W_RELU)) {
        least = vector_call2(emitter, "smax", type, least, vector_constant(emitter, type, 0));
    }
    vector_result(emitter, type, least);
}

static void negate(struct emitter *emitter, enum ptx_word type, bool absolute)
{
    value a = vector_source(emitter, 1, type), zero = vector_constant(emitter, type, 0);
    value negated = vector_binary(emitter, "sub", type, zero, a);

    vector_result(emitter, type,
                  absolute ? vector_call2(emitter, "smax", type, a, negated) : negated);
}

static bool emit_arithmetic(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;

    if (is_carry(emitter)) {
        carry_instruction(emitter, type);
        return true;
    }
    switch (opcode) {
    case PTX_ADD:
    case PTX_SUB:
        add_or_subtract(emitter, type, opcode == PTX_SUB);
        return true;
    case PTX_MUL:
        multiply(emitter, type);
        return true;
    case PTX_MAD:
        multiply_add(emitter, type);
        return true;
    case PTX_MUL24:
        vector_result(emitter, type, product24(emitter, type));
        return true;
    case PTX_MAD24: {
        value multiplied = product24(emitter, type), added = vector_source(emitter, 3, type);

        vector_result(emitter, type,
                      emit_has(emitter, PTX_W_SAT)
                          ? vector_call2(emitter, "sadd.sat", type, multiplied, added)
                          : vector_binary(emitter, "add", type, multiplied, added));
        return true;
    }
    case PTX_DIV:
    case PTX_REM:
        divide(emitter, type, opcode == PTX_REM);
        return true;
    case PTX_SAD:
        absolute_difference(emitter, type);
        return true;
    case PTX_MIN:
    case PTX_MAX:
        minimum(emitter, type, opcode == PTX_MAX);
        return true;
    case PTX_NEG:
    case PTX_ABS:
        negate(emitter, type, opcode == PTX_ABS);
        return true;
    case PTX_DP2A:
    case PTX_DP4A:
        dot_product(emitter, opcode == PTX_DP2A);
        return true;
    default:
        return false;
    }
}

bool emit_integer(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);

    return is_integer_type(type) && emit_arithmetic(emitter, type);
}
