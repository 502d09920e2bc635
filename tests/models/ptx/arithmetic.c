/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating point arithmetic: PTX ISA 9.7.3 to 9.7.5. And what has integer forms too, by the type.
 */
#include <math.h>

#include "tests/models/ptx/families.h"
#include "tests/models/ptx/float.h"

#define VALUES_MAX 3

/* One value of the type, from the bits of up to three. */
typedef u128 operation(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits);

/* Packed types: each half by itself. */
static void apply(struct thread *thread, const struct ptx_instruction *in, operation *operation)
{
    enum ptx_word type = type_of(in, 0), half = half_of(type);
    u128 bits[VALUES_MAX] = {0}, upper[VALUES_MAX], result;

    for (size_t i = 1; i < in->operand_count; i++) {
        bits[i - 1] = read_bits(thread, &in->operands[i], type);
        upper[i - 1] = bits[i - 1] >> 16;
    }
    if (half == PTX_W_NONE) {
        result = operation(in, type, bits);
    } else {
        for (unsigned i = 0; i < VALUES_MAX; i++) {
            bits[i] = low_bits(bits[i], 16);
        }
        result = operation(in, half, bits) | operation(in, half, upper) << 16;
    }
    write_bits(thread, &in->operands[0], type, result);
}

/* ---- Exact operations ---- */

static u128 exact(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    enum rounding rounding = rounding_of(in);
    double value = compute(in->opcode, type, rounding, decode_input(in, type, bits[0]),
                           decode_input(in, type, bits[1]), decode_input(in, type, bits[2]));

    return encode_result(in, limit(in, value), type, rounding);
}

/* The range that div.approx leaves out: beyond 2^126 it is zero, of infinity NaN. */
static u128 divide(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    double a = decode_input(in, type, bits[0]), b = decode_input(in, type, bits[1]);

    if (has(in, PTX_W_APPROX) && isfinite(b) && fabs(b) > 0x1p126) {
        return encode(isfinite(a) ? copysign(0, a) * copysign(1, b) : NAN, type, ROUND_NEAREST);
    }
    return exact(in, type, bits);
}

/* .approx.ftz.f64: of the upper halves alone. */
static u128 gross(const struct ptx_instruction *in, u128 bits)
{
    u128 input = flush(PTX_W_F64, bits >> 32 << 32);
    double value = decode(PTX_W_F64, input);
    double result = in->opcode == PTX_RCP ? 1 / value : 1 / sqrt(value);

    return flush(PTX_W_F64, encode(result, PTX_W_F64, ROUND_NEAREST)) >> 32 << 32;
}

static bool is_gross(const struct ptx_instruction *in, enum ptx_word type)
{
    return type == PTX_W_F64 && has(in, PTX_W_APPROX) && has(in, PTX_W_FTZ);
}

static u128 reciprocal(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    return is_gross(in, type) ? gross(in, bits[0]) : exact(in, type, bits);
}

/* ---- Approximate ones ---- */

static double transcendental(enum ptx_opcode opcode, double x)
{
    switch (opcode) {
    case PTX_SIN:
        return sin(x);
    case PTX_COS:
        return cos(x);
    case PTX_EX2:
        return exp2(x);
    case PTX_LG2:
        return log2(x);
    case PTX_TANH:
        return tanh(x);
    default: /* rsqrt */
        return 1 / sqrt(x);
    }
}

static u128 approximate(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    if (is_gross(in, type)) {
        return gross(in, bits[0]);
    }
    return encode_result(in, transcendental(in->opcode, decode_input(in, type, bits[0])), type,
                         ROUND_NEAREST);
}

/* ---- Signs ---- */

static u128 sign_bit(enum ptx_word type)
{
    return (u128)1 << (ptx_type_bits(type) - 1);
}

static u128 flushed(const struct ptx_instruction *in, enum ptx_word type, u128 bits)
{
    return has(in, PTX_W_FTZ) ? flush(type, bits) : bits;
}

static u128 negate(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    return flushed(in, type, bits[0]) ^ sign_bit(type);
}

static u128 absolute(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    return flushed(in, type, bits[0]) & ~sign_bit(type);
}

static u128 copy_sign(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    (void)in;
    return (bits[0] & sign_bit(type)) | (bits[1] & ~sign_bit(type));
}

/* ---- The smaller and the larger ---- */

static u128 choose(const struct ptx_instruction *in, enum ptx_word type, const u128 *bits)
{
    u128 a = flushed(in, type, bits[0]), b = flushed(in, type, bits[1]);
    u128 sign = (a ^ b) & sign_bit(type);
    u128 chosen;

    if (has(in, PTX_W_NAN) && (isnan(decode(type, a)) || isnan(decode(type, b)))) {
        return canonical_nan(type);
    }
    if (has(in, PTX_W_XORSIGN)) {
        a &= ~sign_bit(type);
        b &= ~sign_bit(type);
    }
    chosen = float_min_max_bits(type, a, b, in->opcode == PTX_MAX);
    return has(in, PTX_W_XORSIGN) && !isnan(decode(type, chosen)) ? chosen | sign : chosen;
}

/* ---- By type ---- */

static bool is_floating(const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);

    return is_float(type) || is_float(half_of(type));
}

static void by_type(struct thread *thread, const struct ptx_instruction *in, operation *floating,
                    execute *integer)
{
    if (is_floating(in)) {
        apply(thread, in, floating);
    } else {
        integer(thread, in);
    }
}

void execute_add(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, exact, integer_add);
}

void execute_sub(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, exact, integer_sub);
}

void execute_mul(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, exact, integer_mul);
}

void execute_mad(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, exact, integer_mad);
}

/* .oob knows a NaN of its own, which no other instruction of sm_90 makes. */
void execute_fma(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_OOB)) {
        thread_fault(thread, REFERENCE_UNSUPPORTED);
        return;
    }
    apply(thread, in, exact);
}

void execute_div(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, divide, integer_div);
}

void execute_min(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, choose, integer_min);
}

void execute_max(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, choose, integer_max);
}

void execute_neg(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, negate, integer_neg);
}

void execute_abs(struct thread *thread, const struct ptx_instruction *in)
{
    by_type(thread, in, absolute, integer_abs);
}

void execute_copysign(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, copy_sign);
}

void execute_rcp(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, reciprocal);
}

void execute_sqrt(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, exact);
}

void execute_transcendental(struct thread *thread, const struct ptx_instruction *in)
{
    apply(thread, in, approximate);
}
