/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floating point numbers of all formats: .f16, .bf16, .f32, .f64, .tf32, .e4m3, .e5m2. Every value
 * of these is a double; a result is computed in double precision, rounded to odd, and rounded once
 * more to its format, which is right in every mode while the format has at least two bits less.
 */
#ifndef TESTS_MODELS_PTX_FLOAT_H
#define TESTS_MODELS_PTX_FLOAT_H

#include "tests/models/ptx/machine.h"

enum rounding {
    ROUND_NEAREST, /* ties to even */
    ROUND_ZERO,
    ROUND_DOWN,
    ROUND_UP,
    ROUND_AWAY, /* to nearest, ties away from zero */
};

double decode(enum ptx_word type, u128 bits);

/* NaN becomes the type's canonical one. Of .f64: as it is. */
uint64_t encode(double value, enum ptx_word type, enum rounding rounding);

bool is_subnormal(enum ptx_word type, u128 bits);

/* Zero of the same sign. */
u128 flush(enum ptx_word type, u128 bits);

/* With .ftz a subnormal input of .f32 or of 16 bits is zero, and so is a subnormal result; in a
 * conversion that is so of .f32 alone. */
double decode_input(const struct ptx_instruction *in, enum ptx_word type, u128 bits);
uint64_t encode_result(const struct ptx_instruction *in, double value, enum ptx_word type,
                       enum rounding rounding);

uint64_t canonical_nan(enum ptx_word type);
double largest(enum ptx_word type);

/* The rounding among the words: .rn, .rz, .rm, .rp, .rna; to nearest if there is none. */
enum rounding rounding_of(const struct ptx_instruction *in);

/* .sat: to 0..1, a NaN to 0; .relu: to 0 and above. */
double limit(const struct ptx_instruction *in, double value);

/* The opcode's operation (add, sub, mul, div, fma, sqrt, rcp), to be encoded as the type. */
double compute(enum ptx_opcode opcode, enum ptx_word type, enum rounding rounding, double a,
               double b, double c);

/* The nearest double in this mode; for other types than .f64, rounded to odd. */
double from_integer(u128 value, bool is_signed, enum ptx_word type, enum rounding rounding);

/* What atomics do too: of the bits of a floating type, without flushing or modifiers. */
u128 float_add_bits(enum ptx_word type, u128 a, u128 b);
u128 float_min_max_bits(enum ptx_word type, u128 a, u128 b, bool max);

#endif
