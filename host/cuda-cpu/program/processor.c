/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* secure_getenv */
#include "host/cuda-cpu/program/processor.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static const char *isa_name(void)
{
    return secure_getenv("BAREGPU_CUDA_ISA");
}

static bool refuse(struct ptx_log *log, const char *name, const char *why)
{
    ptx_log_kind(log, PTX_ERROR_COMPILER);
    ptx_log_error(log, (struct ptx_position){1, 1}, "BAREGPU_CUDA_ISA=%s: %s", name, why);
    return false;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Not every compiler's __builtin_cpu_supports knows them. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

static bool has_movbe_and_lzcnt(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE) != 0 &&
           __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT) != 0;
}

static bool has_sse2(void)
{
    return true;
}

/* x86-64-v3 */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_f16c() &&
           has_movbe_and_lzcnt();
}

/* x86-64-v4 */
static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static const struct isa {
    const char *name;
    enum kernel_isa isa;
    bool (*is_there)(void);
} isas[] = {
    {"sse2", KERNEL_ISA_SSE2, has_sse2},
    {"avx2", KERNEL_ISA_AVX2, has_avx2},
    {"avx512", KERNEL_ISA_AVX512, has_avx512},
};

/* NULL: none of that name. */
static const struct isa *find_isa(const char *name)
{
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        if (strcmp(isas[i].name, name) == 0) {
            return &isas[i];
        }
    }
    return NULL;
}

bool processor_check(struct ptx_log *log)
{
    const char *name = isa_name();
    const struct isa *isa = name != NULL ? find_isa(name) : NULL;

    if (name == NULL || (isa != NULL && isa->is_there())) {
        return true;
    }
    return refuse(log, name,
                  isa != NULL ? "this processor has not got it"
                              : "it is none of sse2, avx2, avx512");
}

struct kernel_options processor_options(void)
{
    const char *name = isa_name();
    const struct isa *isa = name != NULL ? find_isa(name) : NULL;

    if (isa == NULL || !isa->is_there()) {
        return (struct kernel_options){
            .machine = EM_X86_64,
            .has_fma = __builtin_cpu_supports("fma"),
            .has_f16 = has_f16c(),
            .has_masks = has_avx512(),
        };
    }
    return (struct kernel_options){
        .isa = isa->isa,
        .machine = EM_X86_64,
        .has_fma = isa->isa != KERNEL_ISA_SSE2,
        .has_f16 = isa->isa != KERNEL_ISA_SSE2,
        .has_masks = isa->isa == KERNEL_ISA_AVX512,
    };
}

/* Family and features; leaf 1 has the core's own number in EBX. */
void processor_name(uint32_t words[PROCESSOR_WORDS])
{
    uint32_t b;

    memset(words, 0, PROCESSOR_WORDS * sizeof(*words));
    __get_cpuid(1, &words[0], &b, &words[1], &words[2]);
    __get_cpuid_count(7, 0, &words[3], &words[4], &words[5], &words[6]);
    __get_cpuid_count(7, 1, &words[7], &words[8], &words[9], &words[10]);
    __get_cpuid(0x80000001, &b, &b, &words[11], &words[12]);
    words[13] = (uint32_t)__builtin_cpu_supports("avx") |
                (uint32_t)__builtin_cpu_supports("avx512f") << 16; /* the system has them, too */
}
#else
#include <sys/auxv.h>

bool processor_check(struct ptx_log *log)
{
    const char *name = isa_name();

    return name == NULL || refuse(log, name, "this processor has one set of instructions");
}

struct kernel_options processor_options(void)
{
    return (struct kernel_options){.machine = EM_AARCH64, .has_fma = true, .has_f16 = true};
}

void processor_name(uint32_t words[PROCESSOR_WORDS])
{
    const uint64_t features[] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};

    memset(words, 0, PROCESSOR_WORDS * sizeof(*words));
    memcpy(words, features, sizeof(features));
}
#endif
