/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c)
// build: $(wildcard host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/compiled.c
// libs: -ldl
// needs: build/tests/headers-clang.ptx build/tests/headers75-clang.ptx build/tests/headers-nvcc.ptx
/*
 * The headers of firmware/cuda-clang/: kernels of headers.cu by clang, for sm_75 and sm_80, have
 * the results that they have by nvcc; where it is not, those by the two are equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/llvm.h"
#include "tests/unit/cuda-cpu/compiled.h"

#define THREADS 256
#define ROW 48

static const char *const kernels[] = {
    "half_arithmetic",
    "bfloat16_arithmetic",
    "half_comparisons",
    "bfloat16_comparisons",
    "half_vectors",
    "bfloat16_vectors",
    "half_near_math",
    "bfloat16_near_math",
    "half_conversions",
    "half_atomics",
    "conversions",
    "rounded",
    "integers",
    "exact_float",
    "exact_double",
    "tiles",
    "coalesced",
    "groups",
    "copies",
    "product_half_float_16x16x16",
    "product_half_float_32x8x16",
    "product_half_float_8x32x16",
    "product_half_16x16x16",
    "product_half_32x8x16",
    "product_half_8x32x16",
    "product_signed_16x16x16",
    "product_signed_32x8x16",
    "product_signed_8x32x16",
    "product_unsigned_16x16x16",
    "product_unsigned_32x8x16",
    "product_unsigned_8x32x16",
    "product_bfloat16_16x16x16",
    "product_bfloat16_32x8x16",
    "product_bfloat16_8x32x16",
    "product_tf32",
    "product_double",
};

#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static struct memory memory;
static _Alignas(256) uint32_t random_words[THREADS * ROW], results[THREADS * ROW];
static uint32_t expected[THREADS * ROW];
static struct program *reference;

/* Of sm_75, where it is other code. */
static const char *const kernels75[] = {
    "bfloat16_arithmetic", "bfloat16_vectors", "half_conversions", "integers", "copies",
};

#define KERNELS75 (sizeof(kernels75) / sizeof(kernels75[0]))

static void launch_kernel(struct program *program, const char *name)
{
    struct {
        void *to;
        const void *from;
    } arguments = {results, random_words};

    memset(results, 0, sizeof(results));
    compiled_launch(program, name,
                    (struct launch){
                        .grid = {1, 1, 1},
                        .block = {THREADS, 1, 1},
                        .params = &arguments,
                        .memory = &memory,
                    });
}

/* Of 16 bits, where the kernel's name says that it is near alone. */
static bool is_equal(const char *name, uint32_t got, uint32_t right)
{
    return got == right ||
           (strstr(name, "_near_") != NULL && (got ^ right) < 0x8000 && got - right + 2 <= 4);
}

struct variant {
    struct program *program;
    const char *kernel;
};

static void test_kernel(void **state)
{
    const struct variant *variant = *state;

    launch_kernel(reference, variant->kernel);
    memcpy(expected, results, sizeof(expected));
    launch_kernel(variant->program, variant->kernel);
    for (unsigned i = 0; i < THREADS * ROW; i++) {
        if (!is_equal(variant->kernel, results[i], expected[i])) {
            const uint32_t *from = &random_words[i / ROW * ROW];

            print_error("thread %u, result %u: %x, not %x; from %x %x %x %x %x %x\n", i / ROW,
                        i % ROW, results[i], expected[i], from[0], from[1], from[2], from[3],
                        from[4], from[5]);
            fail();
        }
    }
}

static struct variant variants[KERNELS + KERNELS75];
static struct CMUnitTest all[KERNELS + KERNELS75];
static char names[KERNELS + KERNELS75][64];
static size_t count;

static void add_test(struct program *program, const char *kernel, const char *compiler)
{
    variants[count] = (struct variant){program, kernel};
    snprintf(names[count], sizeof(names[count]), "%s, %s", kernel, compiler);
    all[count] = (struct CMUnitTest){names[count], test_kernel, NULL, NULL, &variants[count]};
    count++;
}

int main(void)
{
    struct program *clang = compiled_load("headers-clang.ptx", &memory);
    struct program *clang75 = compiled_load("headers75-clang.ptx", &memory);
    struct program *nvcc = compiled_load("headers-nvcc.ptx", &memory);
    uint64_t noise = 1;
    int failed;

    reference = nvcc != NULL ? nvcc : clang;
    for (unsigned i = 0; i < THREADS * ROW; i++) {
        noise = noise * 6364136223846793005 + 1442695040888963407;
        random_words[i] = (uint32_t)(noise >> 32);
    }
    if (!memory_add(&memory, (uint64_t)(uintptr_t)random_words, sizeof(random_words), false) ||
        !memory_add(&memory, (uint64_t)(uintptr_t)results, sizeof(results), false)) {
        return 1;
    }
    for (size_t i = 0; i < KERNELS; i++) {
        add_test(clang, kernels[i], "sm_80");
    }
    for (size_t i = 0; i < KERNELS75; i++) {
        add_test(clang75, kernels75[i], "sm_75");
    }
    llvm_is_hasty = getenv("BAREGPU_SOAK") == NULL;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = _cmocka_run_group_tests("headers", all, count, NULL, NULL);
    program_destroy(clang);
    program_destroy(clang75);
    if (nvcc != NULL) {
        program_destroy(nvcc);
    }
    memory_clear(&memory);
    return failed;
}
