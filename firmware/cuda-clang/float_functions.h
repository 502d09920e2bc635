/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floating point that is an instruction of PTX: functions that are exact or correctly rounded, the
 * intrinsics with their rounding, the fast ones with the PTX ISA's errors.
 */
#ifndef FIRMWARE_CUDA_CLANG_FLOAT_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_FLOAT_FUNCTIONS_H

#define BG_UNARY(function, type, expression)                                                       \
    BG_DEVICE type function(type x)                                                                \
    {                                                                                              \
        return expression;                                                                         \
    }
#define BG_BINARY(function, type, expression)                                                      \
    BG_DEVICE type function(type x, type y)                                                        \
    {                                                                                              \
        return expression;                                                                         \
    }

BG_UNARY(sqrtf, float, __nvvm_sqrt_rn_f(x))
BG_UNARY(sqrt, double, __nvvm_sqrt_rn_d(x))
BG_UNARY(rsqrtf, float, __nvvm_rsqrt_approx_f(x))
BG_UNARY(fabsf, float, __builtin_fabsf(x))
BG_UNARY(fabs, double, __builtin_fabs(x))
BG_UNARY(floorf, float, __builtin_floorf(x))
BG_UNARY(floor, double, __builtin_floor(x))
BG_UNARY(ceilf, float, __builtin_ceilf(x))
BG_UNARY(ceil, double, __builtin_ceil(x))
BG_UNARY(truncf, float, __builtin_truncf(x))
BG_UNARY(trunc, double, __builtin_trunc(x))
BG_UNARY(rintf, float, __builtin_rintf(x))
BG_UNARY(rint, double, __builtin_rint(x))
BG_BINARY(fminf, float, __builtin_fminf(x, y))
BG_BINARY(fmin, double, __builtin_fmin(x, y))
BG_BINARY(fmaxf, float, __builtin_fmaxf(x, y))
BG_BINARY(fmax, double, __builtin_fmax(x, y))
BG_BINARY(min, float, __builtin_fminf(x, y))
BG_BINARY(min, double, __builtin_fmin(x, y))
BG_BINARY(max, float, __builtin_fmaxf(x, y))
BG_BINARY(max, double, __builtin_fmax(x, y))
BG_BINARY(copysignf, float, __builtin_copysignf(x, y))
BG_BINARY(copysign, double, __builtin_copysign(x, y))

BG_DEVICE float fmaf(float x, float y, float z)
{
    return __nvvm_fma_rn_f(x, y, z);
}

BG_DEVICE double fma(double x, double y, double z)
{
    return __nvvm_fma_rn_d(x, y, z);
}

/* ---- Rounded as they say ----
 *
 * By asm(): what the compiler knows as a product and a sum it may join. */

#define BG_ROUNDED_UNARY(function, instruction, type, letter)                                      \
    BG_DEVICE type function(type x)                                                                \
    {                                                                                              \
        type result;                                                                               \
        asm(instruction " %0, %1;" : "=" letter(result) : letter(x));                              \
        return result;                                                                             \
    }
#define BG_ROUNDED_BINARY(function, instruction, type, letter)                                     \
    BG_DEVICE type function(type x, type y)                                                        \
    {                                                                                              \
        type result;                                                                               \
        asm(instruction " %0, %1, %2;" : "=" letter(result) : letter(x), letter(y));               \
        return result;                                                                             \
    }
#define BG_ROUNDED_FMA(function, instruction, type, letter)                                        \
    BG_DEVICE type function(type x, type y, type z)                                                \
    {                                                                                              \
        type result;                                                                               \
        asm(instruction " %0, %1, %2, %3;"                                                         \
            : "=" letter(result)                                                                   \
            : letter(x), letter(y), letter(z));                                                    \
        return result;                                                                             \
    }
/* For rn, rz, ru and rd, which PTX calls rn, rz, rp and rm. `name` is d or f in front. */
#define BG_ROUNDED(name, rounding, ptx, type, letter, suffix)                                      \
    BG_ROUNDED_BINARY(__##name##add_##rounding, "add." ptx suffix, type, letter)                   \
    BG_ROUNDED_BINARY(__##name##sub_##rounding, "sub." ptx suffix, type, letter)                   \
    BG_ROUNDED_BINARY(__##name##mul_##rounding, "mul." ptx suffix, type, letter)                   \
    BG_ROUNDED_BINARY(__##name##div_##rounding, "div." ptx suffix, type, letter)                   \
    BG_ROUNDED_UNARY(__##name##rcp_##rounding, "rcp." ptx suffix, type, letter)                    \
    BG_ROUNDED_UNARY(__##name##sqrt_##rounding, "sqrt." ptx suffix, type, letter)
#define BG_ROUNDED_BOTH(rounding, ptx)                                                             \
    BG_ROUNDED(f, rounding, ptx, float, "f", ".f32")                                               \
    BG_ROUNDED(d, rounding, ptx, double, "d", ".f64")                                              \
    BG_ROUNDED_FMA(__fmaf_##rounding, "fma." ptx ".f32", float, "f")                               \
    BG_ROUNDED_FMA(__fma_##rounding, "fma." ptx ".f64", double, "d")

BG_ROUNDED_BOTH(rn, "rn")
BG_ROUNDED_BOTH(rz, "rz")
BG_ROUNDED_BOTH(ru, "rp")
BG_ROUNDED_BOTH(rd, "rm")

BG_UNARY(__frsqrt_rn, float, (float)(1.0 / sqrt((double)x)))

#undef BG_ROUNDED_BOTH
#undef BG_ROUNDED
#undef BG_ROUNDED_FMA
#undef BG_ROUNDED_BINARY
#undef BG_ROUNDED_UNARY

/* ---- The PTX ISA's errors ---- */

BG_UNARY(exp2f, float, __nvvm_ex2_approx_f(x))
BG_UNARY(__log2f, float, __nvvm_lg2_approx_f(x))
BG_UNARY(__sinf, float, __nvvm_sin_approx_f(x))
BG_UNARY(__cosf, float, __nvvm_cos_approx_f(x))
BG_UNARY(__tanf, float, __nvvm_div_approx_f(__nvvm_sin_approx_f(x), __nvvm_cos_approx_f(x)))
BG_UNARY(__expf, float, __nvvm_ex2_approx_f(x * 1.44269504f))
BG_UNARY(__exp10f, float, __nvvm_ex2_approx_f(x * 3.32192809f))
BG_UNARY(__logf, float, __nvvm_lg2_approx_f(x) * 0.693147181f)
BG_UNARY(__log10f, float, __nvvm_lg2_approx_f(x) * 0.301029996f)
BG_UNARY(__saturatef, float, __nvvm_saturate_f(x))
BG_BINARY(__fdividef, float, __nvvm_div_approx_f(x, y))
BG_BINARY(__powf, float, __nvvm_ex2_approx_f(y *__nvvm_lg2_approx_f(x)))

BG_DEVICE void __sincosf(float x, float *sine, float *cosine)
{
    *sine = __sinf(x);
    *cosine = __cosf(x);
}

#undef BG_UNARY
#undef BG_BINARY

#endif
