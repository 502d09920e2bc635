/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUDA's device side for clang, which has none without NVIDIA's toolkit: mk/kernels.sh puts it in
 * front of a .cu file, as nvcc does with its own. Names and meanings are those of the CUDA C++
 * Programming Guide, so that one source is for both. docs/cuda.md says what is not here.
 *
 * The last words of file names in this folder are the toolkit's where a source may include them.
 */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_RUNTIME_H
#define FIRMWARE_CUDA_CLANG_CUDA_RUNTIME_H

#if !defined(__clang__) || !defined(__CUDA__)
#error "for clang -x cuda alone: nvcc has its own"
#endif

/* What shim and source may not call each other; clang's own names. */
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

/* A function of the device that is always inlined. */
#define BG_DEVICE static __forceinline__ __device__

typedef __SIZE_TYPE__ size_t;

#include "vector_types.h"

/* ---- Where a thread is ---- */

/* Three special registers as members. */
#define BG_SPECIAL_MEMBER(member, read)                                                            \
    __declspec(property(get = bg_get_##member)) unsigned member;                                   \
    BG_DEVICE unsigned bg_get_##member()                                                           \
    {                                                                                              \
        return read;                                                                               \
    }
#define BG_SPECIAL(name, variable)                                                                 \
    extern const __device__ struct bg_special_##name {                                             \
        BG_SPECIAL_MEMBER(x, __nvvm_read_ptx_sreg_##name##_x())                                    \
        BG_SPECIAL_MEMBER(y, __nvvm_read_ptx_sreg_##name##_y())                                    \
        BG_SPECIAL_MEMBER(z, __nvvm_read_ptx_sreg_##name##_z())                                    \
        __device__ operator dim3() const                                                           \
        {                                                                                          \
            return dim3(x, y, z);                                                                  \
        }                                                                                          \
        __device__ operator uint3() const                                                          \
        {                                                                                          \
            return uint3{x, y, z};                                                                 \
        }                                                                                          \
    } variable

BG_SPECIAL(tid, threadIdx);
BG_SPECIAL(ctaid, blockIdx);
BG_SPECIAL(ntid, blockDim);
BG_SPECIAL(nctaid, gridDim);

#undef BG_SPECIAL
#undef BG_SPECIAL_MEMBER

#define warpSize 32

/* ---- Barriers and fences ----
 *
 * clang's own are calls that change no variable whose address stays in the module, as those of
 * shared memory do: it moves loads of these over them. */

#define __syncthreads bg_syncthreads

BG_DEVICE void bg_syncthreads()
{
    asm volatile("bar.sync 0;" ::: "memory");
}

BG_DEVICE int __syncthreads_count(int predicate)
{
    int count;

    asm volatile("{ .reg .pred p; setp.ne.s32 p, %1, 0; bar.red.popc.u32 %0, 0, p; }"
                 : "=r"(count)
                 : "r"(predicate)
                 : "memory");
    return count;
}

#define BG_SYNCTHREADS(operation)                                                                  \
    BG_DEVICE int __syncthreads_##operation(int predicate)                                         \
    {                                                                                              \
        int result;                                                                                \
                                                                                                   \
        asm volatile("{ .reg .pred p, q; setp.ne.s32 p, %1, 0; bar.red." #operation                \
                     ".pred q, 0, p; selp.s32 %0, 1, 0, q; }"                                      \
                     : "=r"(result)                                                                \
                     : "r"(predicate)                                                              \
                     : "memory");                                                                  \
        return result;                                                                             \
    }

BG_SYNCTHREADS(and)
BG_SYNCTHREADS(or)
#undef BG_SYNCTHREADS

BG_DEVICE void __syncwarp(unsigned mask = 0xFFFFFFFF)
{
    asm volatile("bar.warp.sync %0;" ::"r"(mask) : "memory");
}

BG_DEVICE void __threadfence_block()
{
    asm volatile("membar.cta;" ::: "memory");
}

BG_DEVICE void __threadfence()
{
    asm volatile("membar.gl;" ::: "memory");
}

BG_DEVICE void __threadfence_system()
{
    asm volatile("membar.sys;" ::: "memory");
}

/* ---- Time, ends ---- */

BG_DEVICE long long clock64()
{
    return __nvvm_read_ptx_sreg_clock64();
}

BG_DEVICE int clock()
{
    return __nvvm_read_ptx_sreg_clock();
}

BG_DEVICE void __nanosleep(unsigned ns)
{
    asm volatile("nanosleep.u32 %0;" ::"r"(ns));
}

BG_DEVICE void __trap()
{
    asm volatile("trap;");
}

/* ---- Kinds of memory ---- */

#define BG_MEMORY(name, kind)                                                                      \
    BG_DEVICE size_t __cvta_generic_to_##name(const void *address)                                 \
    {                                                                                              \
        size_t place;                                                                              \
        asm("cvta.to." kind ".u64 %0, %1;" : "=l"(place) : "l"(address));                          \
        return place;                                                                              \
    }                                                                                              \
    BG_DEVICE void *__cvta_##name##_to_generic(size_t place)                                       \
    {                                                                                              \
        void *address;                                                                             \
        asm("cvta." kind ".u64 %0, %1;" : "=l"(address) : "l"(place));                             \
        return address;                                                                            \
    }

BG_MEMORY(global, "global")
BG_MEMORY(shared, "shared")
BG_MEMORY(constant, "const")
BG_MEMORY(local, "local")
#undef BG_MEMORY

BG_DEVICE unsigned __isGlobal(const void *address)
{
    return __nvvm_isspacep_global(address);
}

BG_DEVICE unsigned __isShared(const void *address)
{
    return __nvvm_isspacep_shared(address);
}

/* ---- Calls of the system ---- */

extern "C" {
__device__ int printf(const char *format, ...);
__device__ void *malloc(size_t size);
__device__ void free(void *memory);
__device__ __attribute__((noreturn)) void __assertfail(const char *expression, const char *file,
                                                       unsigned line, const char *function,
                                                       size_t character_size);

/* What the C library's assert calls. */
BG_DEVICE void __assert_fail(const char *expression, const char *file, unsigned line,
                             const char *function)
{
    __assertfail(expression, file, line, function, sizeof(char));
}
}

BG_DEVICE void *memset(void *to, int value, size_t size)
{
    return __builtin_memset(to, value, size);
}

BG_DEVICE void *memcpy(void *to, const void *from, size_t size)
{
    return __builtin_memcpy(to, from, size);
}

#include "warp_functions.h"
#include "atomic_functions.h"
#include "integer_functions.h"
#include "conversion_functions.h"
#include "float_functions.h"
#include "exact_functions.h"
#include "exponential_functions.h"
#include "trigonometric_functions.h"
#include "special_functions.h"
#include "float_overloads.h"
#include "texture_functions.h"

#endif
