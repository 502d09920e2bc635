/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/bench/cuda_measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cublas.h"

#define SECOND_NS 1e9
#define ROUNDS 9u /* the median of them counts */
#define LAUNCHES 20000u
#define CALLS 4000u /* what the ring has room for */
#define COPY_SIZE (64u << 20)
#define SIDE 512u
#define TILE 16u
#define SGEMM_SIDE 1024

/* c = a * b, of n x n floats, n a multiple of 16. */
static const char text[] =
    ".version 7.0\n.target sm_70\n.address_size 64\n"
    ".visible .entry nothing() { ret; }\n"
    ".visible .entry multiply(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n)\n{\n"
    ".shared .align 4 .f32 tile_a[256], tile_b[256]; .reg .pred %p; .reg .b32 %r<20>;\n"
    ".reg .b64 %rd<12>; .reg .f32 %f<4>;\n"
    "ld.param.u64 %rd1, [c]; ld.param.u64 %rd2, [a]; ld.param.u64 %rd3, [b];\n"
    "ld.param.u32 %r1, [n]; mov.u32 %r2, %tid.x; mov.u32 %r3, %tid.y;\n"
    "mov.u32 %r4, %ctaid.x; mov.u32 %r5, %ctaid.y;\n"
    "mad.lo.u32 %r6, %r5, 16, %r3; mad.lo.u32 %r7, %r4, 16, %r2;\n" /* row, column */
    "mad.lo.u32 %r8, %r3, 16, %r2; shl.b32 %r8, %r8, 2;\n"
    "mov.u32 %r9, tile_a; mov.u32 %r10, tile_b;\n"
    "add.u32 %r11, %r9, %r8; add.u32 %r12, %r10, %r8;\n"
    "shl.b32 %r13, %r3, 6; add.u32 %r13, %r13, %r9;\n"
    "shl.b32 %r14, %r2, 2; add.u32 %r14, %r14, %r10;\n"
    "mov.f32 %f1, 0f00000000; mov.u32 %r15, 0;\n"
    "TILES:\n"
    "add.u32 %r16, %r15, %r2; mad.lo.u32 %r16, %r6, %r1, %r16; mul.wide.u32 %rd4, %r16, 4;\n"
    "add.s64 %rd4, %rd4, %rd2; ld.global.f32 %f2, [%rd4]; st.shared.f32 [%r11], %f2;\n"
    "add.u32 %r16, %r15, %r3; mad.lo.u32 %r16, %r16, %r1, %r7; mul.wide.u32 %rd4, %r16, 4;\n"
    "add.s64 %rd4, %rd4, %rd3; ld.global.f32 %f2, [%rd4]; st.shared.f32 [%r12], %f2;\n"
    "bar.sync 0; mov.u32 %r17, 0; mov.u32 %r18, %r13; mov.u32 %r19, %r14;\n"
    "PRODUCT:\n"
    "ld.shared.f32 %f2, [%r18]; ld.shared.f32 %f3, [%r19]; fma.rn.f32 %f1, %f2, %f3, %f1;\n"
    "add.u32 %r18, %r18, 4; add.u32 %r19, %r19, 64; add.u32 %r17, %r17, 1;\n"
    "setp.lt.u32 %p, %r17, 16; @%p bra PRODUCT;\n"
    "bar.sync 0; add.u32 %r15, %r15, 16; setp.lt.u32 %p, %r15, %r1; @%p bra TILES;\n"
    "mad.lo.u32 %r16, %r6, %r1, %r7; mul.wide.u32 %rd4, %r16, 4; add.s64 %rd4, %rd4, %rd1;\n"
    "st.global.f32 [%rd4], %f1; ret; }\n";

static uint64_t (*now)(void);
static CUmodule module;
static double figures[ROUNDS];

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_figures(const char *name, const char *unit)
{
    qsort(figures, ROUNDS, sizeof(figures[0]), compare);
    printf("BENCH {\"name\": \"%s\", \"value\": %.1f, \"min\": %.1f, \"max\": %.1f, \"unit\": "
           "\"%s\"}\n",
           name, figures[ROUNDS / 2], figures[0], figures[ROUNDS - 1], unit);
}

/* ---- Launches ---- */

static CUresult launch(CUfunction function, unsigned count)
{
    CUresult result = CUDA_SUCCESS;

    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
    }
    return result;
}

static CUresult measure_launches(void)
{
    CUfunction function;
    CUresult result = cuModuleGetFunction(&function, module, "nothing") ?: launch(function, CALLS);

    for (unsigned i = 0; i < ROUNDS && result == CUDA_SUCCESS; i++) {
        uint64_t start_ns = now();

        result = launch(function, LAUNCHES) ?: cuCtxSynchronize();
        figures[i] = (double)(now() - start_ns) / LAUNCHES;
    }
    print_figures("cuda_launch", "ns");
    for (unsigned i = 0; i < ROUNDS && result == CUDA_SUCCESS; i++) {
        uint64_t start_ns = now();

        result = launch(function, CALLS);
        figures[i] = CALLS * SECOND_NS / (double)(now() - start_ns);
        result = result ?: cuCtxSynchronize();
    }
    print_figures("cuda_launch_calls", "1/s");
    return result;
}

/* ---- Copies ---- */

/* The first one finds memory that nobody has touched. */
static CUresult measure_copies(const char *name, void *bytes)
{
    CUdeviceptr pointer = 0;
    CUresult result = cuMemAlloc(&pointer, COPY_SIZE)
                          ?: cuMemcpyHtoD(pointer, bytes, COPY_SIZE)
                          ?: cuMemcpyDtoH(bytes, pointer, COPY_SIZE);

    for (unsigned i = 0; i < ROUNDS && result == CUDA_SUCCESS; i++) {
        uint64_t start_ns = now();

        result = cuMemcpyHtoD(pointer, bytes, COPY_SIZE) ?: cuMemcpyDtoH(bytes, pointer, COPY_SIZE);
        figures[i] = 2.0 * COPY_SIZE * SECOND_NS / (double)(now() - start_ns);
    }
    print_figures(name, "bytes/s");
    return result ?: cuMemFree(pointer);
}

/* What a copy of ordinary memory takes at least. */
static void measure_memcpy(void *to, const void *from)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start_ns = now();

        memcpy(to, from, COPY_SIZE);
        __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
        figures[i] = COPY_SIZE * SECOND_NS / (double)(now() - start_ns);
    }
    print_figures("cuda_memcpy", "bytes/s");
}

static CUresult measure_all_copies(void)
{
    void *pinned = NULL, *ordinary = malloc(COPY_SIZE), *other = malloc(COPY_SIZE);
    CUresult result = cuMemAllocHost(&pinned, COPY_SIZE);

    if (ordinary == NULL || other == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memset(ordinary, 0x5A, COPY_SIZE);
    memset(other, 0, COPY_SIZE);
    result = result ?: measure_copies("cuda_copy_pinned", pinned);
    result = result ?: measure_copies("cuda_copy_pageable", ordinary);
    measure_memcpy(other, ordinary);
    free(ordinary);
    free(other);
    return result ?: cuMemFreeHost(pinned);
}

/* ---- Matrices ---- */

static CUresult multiply(CUfunction function, const CUdeviceptr matrices[3])
{
    unsigned n = SIDE;
    void *params[] = {(void *)&matrices[0], (void *)&matrices[1], (void *)&matrices[2], &n};

    return cuLaunchKernel(function, SIDE / TILE, SIDE / TILE, 1, TILE, TILE, 1, 0, NULL, params,
                          NULL)
               ?: cuCtxSynchronize();
}

static CUresult measure_product(void)
{
    const unsigned one = 0x3F800000; /* 1.0f */
    CUdeviceptr matrices[3] = {0, 0, 0};
    CUfunction function;
    CUresult result = cuModuleGetFunction(&function, module, "multiply");
    float last = 0;

    for (unsigned i = 0; i < 3 && result == CUDA_SUCCESS; i++) {
        result =
            cuMemAlloc(&matrices[i], SIDE * SIDE * 4) ?: cuMemsetD32(matrices[i], one, SIDE * SIDE);
    }
    result = result ?: multiply(function, matrices);
    for (unsigned i = 0; i < ROUNDS && result == CUDA_SUCCESS; i++) {
        uint64_t start_ns = now();

        result = multiply(function, matrices);
        figures[i] = (double)(now() - start_ns);
    }
    print_figures("cuda_matmul", "ns");
    result = result ?: cuMemcpyDtoH(&last, matrices[0] + (SIDE * SIDE - 1) * 4, 4);
    return result ?: last == SIDE ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

/* ---- cuBLAS ---- */

static CUresult sgemm(cublasHandle_t blas, const CUdeviceptr matrices[3])
{
    const float one = 1, zero = 0, *a = (const float *)(uintptr_t)matrices[1],
                *b = (const float *)(uintptr_t)matrices[2];
    const int n = SGEMM_SIDE;

    return cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one, a, n, b, n, &zero,
                       (float *)(uintptr_t)matrices[0], n) == CUBLAS_STATUS_SUCCESS
               ? cuCtxSynchronize()
               : CUDA_ERROR_UNKNOWN;
}

static CUresult measure_sgemm(void)
{
    const unsigned one = 0x3F800000; /* 1.0f */
    const size_t count = (size_t)SGEMM_SIDE * SGEMM_SIDE;
    CUdeviceptr matrices[3] = {0, 0, 0};
    cublasHandle_t blas;
    CUresult result =
        cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
    float last = 0;

    for (unsigned i = 0; i < 3 && result == CUDA_SUCCESS; i++) {
        result = cuMemAlloc(&matrices[i], count * 4) ?: cuMemsetD32(matrices[i], one, count);
    }
    result = result ?: sgemm(blas, matrices);
    for (unsigned i = 0; i < ROUNDS && result == CUDA_SUCCESS; i++) {
        uint64_t start_ns = now();

        result = sgemm(blas, matrices);
        figures[i] = (double)(now() - start_ns);
    }
    print_figures("cuda_sgemm", "ns");
    result = result ?: cuMemcpyDtoH(&last, matrices[0] + (count - 1) * 4, 4);
    return result ?: last == SGEMM_SIDE ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

CUresult cuda_measure(uint64_t (*now_ns)(void))
{
    static const struct {
        const char *name;
        CUresult (*measure)(void);
    } parts[] = {
        {"launches", measure_launches},
        {"copies", measure_all_copies},
        {"a product of matrices", measure_product},
        {"cuBLAS", measure_sgemm},
    };
    CUresult result = cuModuleLoadData(&module, text);

    now = now_ns;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && result == CUDA_SUCCESS; i++) {
        result = parts[i].measure();
        if (result != CUDA_SUCCESS) {
            printf("Measuring %s: error %d\n", parts[i].name, (int)result);
        }
    }
    return result;
}
