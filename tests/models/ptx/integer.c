/* SPDX-License-Identifier: BSD-2-Clause */
/* Integer arithmetic: PTX ISA 9.7.1 and 9.7.2. Computed in 128 bits, then cut. */
#include "tests/models/ptx/families.h"

static u128 value(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return read_value(thread, &in->operands[index], type_of(in, 0));
}

static void result(struct thread *thread, const struct ptx_instruction *in, u128 value)
{
    write_bits(thread, &in->operands[0], type_of(in, 0), value);
}

static u128 clamp_s32(u128 value)
{
    s128 number = (s128)value;

    return number < INT32_MIN   ? (u128)(s128)INT32_MIN
           : number > INT32_MAX ? (u128)INT32_MAX
                                : value;
}

static u128 saturated(const struct ptx_instruction *in, u128 value)
{
    return has(in, PTX_W_SAT) ? clamp_s32(value) : value;
}

/* ---- Sums with carries ---- */

/* Zero-extended, so that the carry is the bit above. */
static u128 carry_value(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return read_bits(thread, &in->operands[index], type_of(in, 0));
}

/* A difference is the sum with the complement and one: its carry says that nothing was borrowed.
 * The ISA calls it a borrow; the compiler's own library adds it as a carry, and so do devices. */
static u128 complement(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return low_bits(~carry_value(thread, in, index), ptx_type_bits(type_of(in, 0)));
}

static void carry_result(struct thread *thread, const struct ptx_instruction *in, u128 sum)
{
    if (has(in, PTX_W_CC)) {
        thread->carry = (sum >> ptx_type_bits(type_of(in, 0))) & 1;
    }
    result(thread, in, sum);
}

/* ---- Two values ---- */

typedef u128 binary(u128 a, u128 b, enum ptx_word type);

static u128 sum(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return a + b;
}

static u128 difference(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return a - b;
}

static u128 smaller(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return (s128)a < (s128)b ? a : b;
}

static u128 larger(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return (s128)a > (s128)b ? a : b;
}

static u128 quotient(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return b ? (u128)((s128)a / (s128)b) : ~(u128)0;
}

static u128 remainder_of(u128 a, u128 b, enum ptx_word type)
{
    (void)type;
    return b ? (u128)((s128)a % (s128)b) : a;
}

static u128 relu(const struct ptx_instruction *in, u128 value)
{
    return has(in, PTX_W_RELU) && (s128)value < 0 ? 0 : value;
}

/* Of a packed type, each half by itself. */
static void apply(struct thread *thread, const struct ptx_instruction *in, binary *operation)
{
    enum ptx_word type = type_of(in, 0), half = half_of(type);
    u128 a = read_value(thread, &in->operands[1], type);
    u128 b = read_value(thread, &in->operands[2], type);
    u128 packed = 0;

    if (half == PTX_W_NONE) {
        result(thread, in, saturated(in, relu(in, operation(a, b, type))));
        return;
    }
    for (unsigned at = 0; at < 32; at += 16) {
        u128 part = relu(in, operation(extend(a >> at, half), extend(b >> at, half), half));

        packed |= low_bits(part, 16) << at;
    }
    result(thread, in, packed);
}

void integer_add(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_CC)) {
        carry_result(thread, in, carry_value(thread, in, 1) + carry_value(thread, in, 2));
    } else {
        apply(thread, in, sum);
    }
}

void integer_sub(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_CC)) {
        carry_result(thread, in, carry_value(thread, in, 1) + complement(thread, in, 2) + 1);
    } else {
        apply(thread, in, difference);
    }
}

void execute_addc(struct thread *thread, const struct ptx_instruction *in)
{
    carry_result(thread, in,
                 carry_value(thread, in, 1) + carry_value(thread, in, 2) + thread->carry);
}

void execute_subc(struct thread *thread, const struct ptx_instruction *in)
{
    carry_result(thread, in,
                 carry_value(thread, in, 1) + complement(thread, in, 2) + thread->carry);
}

void integer_min(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, smaller);
}

void integer_max(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, larger);
}

void integer_div(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, quotient);
}

void execute_rem(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, remainder_of);
}

/* ---- One value ---- */

void integer_neg(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, -value(thread, in, 1));
}

static u128 magnitude(u128 value)
{
    return (s128)value < 0 ? -value : value;
}

void integer_abs(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, magnitude(value(thread, in, 1)));
}

void execute_sad(struct thread *thread, const struct ptx_instruction *in)
{
    u128 distance = magnitude(value(thread, in, 1) - value(thread, in, 2));

    result(thread, in, value(thread, in, 3) + distance);
}

/* ---- Products ---- */

/* The half of the product that .lo or .hi says; .wide has it whole. */
static u128 product(struct thread *thread, const struct ptx_instruction *in)
{
    u128 whole = value(thread, in, 1) * value(thread, in, 2);
    enum ptx_word type = type_of(in, 0);
    u128 high =
        is_signed(type) ? (u128)((s128)whole >> ptx_type_bits(type)) : whole >> ptx_type_bits(type);

    return has(in, PTX_W_HI) ? high : whole;
}

static enum ptx_word product_type(const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);

    if (!has(in, PTX_W_WIDE)) {
        return type;
    }
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

void integer_mul(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], product_type(in), product(thread, in));
}

void integer_mad(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = product_type(in);
    u128 c = read_value(thread, &in->operands[3], type);

    if (has(in, PTX_W_CC)) {
        carry_result(thread, in,
                     low_bits(product(thread, in), ptx_type_bits(type)) +
                         carry_value(thread, in, 3));
    } else {
        write_bits(thread, &in->operands[0], type,
                   saturated(in, extend(product(thread, in), type) + c));
    }
}

void execute_madc(struct thread *thread, const struct ptx_instruction *in)
{
    u128 half = low_bits(product(thread, in), ptx_type_bits(type_of(in, 0)));

    carry_result(thread, in, half + carry_value(thread, in, 3) + thread->carry);
}

/* The low 24 bits of a value, with their sign. */
static u128 value24(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    u128 low = low_bits(value(thread, in, index), 24);

    return is_signed(type_of(in, 0)) && (low >> 23) ? low - (1 << 24) : low;
}

static u128 product24(struct thread *thread, const struct ptx_instruction *in)
{
    u128 whole = value24(thread, in, 1) * value24(thread, in, 2);

    return extend(has(in, PTX_W_HI) ? whole >> 16 : whole, type_of(in, 0));
}

void execute_mul24(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, product24(thread, in));
}

void execute_mad24(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, saturated(in, product24(thread, in) + value(thread, in, 3)));
}

/* ---- Dot products ---- */

/* Sum of the products of four bytes, or of two halves and two bytes. */
static u128 dot(struct thread *thread, const struct ptx_instruction *in, unsigned bits)
{
    bool a_signed = is_signed(type_of(in, 0)), b_signed = is_signed(type_of(in, 1));
    u128 a = read_bits(thread, &in->operands[1], PTX_W_B32);
    u128 b = read_bits(thread, &in->operands[2], PTX_W_B32);
    u128 sum = 0;

    b >>= has(in, PTX_W_HI) ? 16 : 0;
    for (unsigned i = 0; i < 32 / bits; i++) {
        enum ptx_word a_type =
            bits == 8 ? (a_signed ? PTX_W_S8 : PTX_W_U8) : (a_signed ? PTX_W_S16 : PTX_W_U16);

        sum +=
            extend(a >> (i * bits), a_type) * extend(b >> (i * 8), b_signed ? PTX_W_S8 : PTX_W_U8);
    }
    return sum;
}

void execute_dp4a(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], PTX_W_B32,
               dot(thread, in, 8) + read_bits(thread, &in->operands[3], PTX_W_B32));
}

void execute_dp2a(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], PTX_W_B32,
               dot(thread, in, 16) + read_bits(thread, &in->operands[3], PTX_W_B32));
}
