/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors of one to four, aligned as the Programming Guide's table has them; make_*; dim3. */
#ifndef FIRMWARE_CUDA_CLANG_VECTOR_TYPES_H
#define FIRMWARE_CUDA_CLANG_VECTOR_TYPES_H

/* a2, a4: the alignment of vectors of two and of four. */
#define BG_VECTORS(type, name, a2, a4)                                                             \
    struct name##1                                                                                 \
    {                                                                                              \
        type x;                                                                                    \
    };                                                                                             \
    struct __attribute__((aligned(a2))) name##2                                                    \
    {                                                                                              \
        type x, y;                                                                                 \
    };                                                                                             \
    struct name##3                                                                                 \
    {                                                                                              \
        type x, y, z;                                                                              \
    };                                                                                             \
    struct __attribute__((aligned(a4))) name##4                                                    \
    {                                                                                              \
        type x, y, z, w;                                                                           \
    };                                                                                             \
    BG_DEVICE name##1 make_##name##1(type x)                                                       \
    {                                                                                              \
        return {x};                                                                                \
    }                                                                                              \
    BG_DEVICE name##2 make_##name##2(type x, type y)                                               \
    {                                                                                              \
        return {x, y};                                                                             \
    }                                                                                              \
    BG_DEVICE name##3 make_##name##3(type x, type y, type z)                                       \
    {                                                                                              \
        return {x, y, z};                                                                          \
    }                                                                                              \
    BG_DEVICE name##4 make_##name##4(type x, type y, type z, type w)                               \
    {                                                                                              \
        return {x, y, z, w};                                                                       \
    }

BG_VECTORS(signed char, char, 2, 4)
BG_VECTORS(unsigned char, uchar, 2, 4)
BG_VECTORS(short, short, 4, 8)
BG_VECTORS(unsigned short, ushort, 4, 8)
BG_VECTORS(int, int, 8, 16)
BG_VECTORS(unsigned, uint, 8, 16)
BG_VECTORS(long, long, 16, 16)
BG_VECTORS(unsigned long, ulong, 16, 16)
BG_VECTORS(long long, longlong, 16, 16)
BG_VECTORS(unsigned long long, ulonglong, 16, 16)
BG_VECTORS(float, float, 8, 16)
BG_VECTORS(double, double, 16, 16)

#undef BG_VECTORS

struct dim3 {
    unsigned x, y, z;

    __device__ constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z)
    {
    }
};

#endif
