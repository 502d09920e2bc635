/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversions that say how they round. */
#ifndef FIRMWARE_CUDA_CLANG_CONVERSION_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_CONVERSION_FUNCTIONS_H

#define BG_CONVERSION(name, to, to_letter, from, from_letter, instruction)                         \
    BG_DEVICE to name(from value)                                                                  \
    {                                                                                              \
        to result;                                                                                 \
        asm(instruction " %0, %1;" : "=" to_letter(result) : from_letter(value));                  \
        return result;                                                                             \
    }
/* rn, rz, ru and rd, which PTX calls rn, rz, rp and rm, with an i to whole numbers. */
#define BG_CONVERSIONS(name, i, types, to, to_letter, from, from_letter)                           \
    BG_CONVERSION(__##name##_rn, to, to_letter, from, from_letter, "cvt.rn" i types)               \
    BG_CONVERSION(__##name##_rz, to, to_letter, from, from_letter, "cvt.rz" i types)               \
    BG_CONVERSION(__##name##_ru, to, to_letter, from, from_letter, "cvt.rp" i types)               \
    BG_CONVERSION(__##name##_rd, to, to_letter, from, from_letter, "cvt.rm" i types)
#define BG_WHOLE(name, type, letter, ptx)                                                          \
    BG_CONVERSIONS(float2##name, "i", "." ptx ".f32", type, letter, float, "f")                    \
    BG_CONVERSIONS(double2##name, "i", "." ptx ".f64", type, letter, double, "d")                  \
    BG_CONVERSIONS(name##2float, "", ".f32." ptx, float, "f", type, letter)

BG_WHOLE(int, int, "r", "s32")
BG_WHOLE(uint, unsigned, "r", "u32")
BG_WHOLE(ll, long long, "l", "s64")
BG_WHOLE(ull, unsigned long long, "l", "u64")
BG_CONVERSIONS(double2float, "", ".f32.f64", float, "f", double, "d")
BG_CONVERSIONS(ll2double, "", ".f64.s64", double, "d", long long, "l")
BG_CONVERSIONS(ull2double, "", ".f64.u64", double, "d", unsigned long long, "l")
BG_CONVERSION(__int2double_rn, double, "d", int, "r", "cvt.rn.f64.s32")
BG_CONVERSION(__uint2double_rn, double, "d", unsigned, "r", "cvt.rn.f64.u32")

#undef BG_WHOLE
#undef BG_CONVERSIONS
#undef BG_CONVERSION

BG_DEVICE int __double2hiint(double value)
{
    return (int)(__double_as_longlong(value) >> 32);
}

BG_DEVICE int __double2loint(double value)
{
    return (int)__double_as_longlong(value);
}

BG_DEVICE double __hiloint2double(int high, int low)
{
    return __longlong_as_double(
        (long long)((unsigned long long)(unsigned)high << 32 | (unsigned)low));
}

#endif
