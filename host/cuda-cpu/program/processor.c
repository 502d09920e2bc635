/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/processor.h"

#include <elf.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Not every compiler's __builtin_cpu_supports knows it. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

struct kernel_options processor_options(void)
{
    return (struct kernel_options){
        .machine = EM_X86_64,
        .has_fma = __builtin_cpu_supports("fma"),
        .has_f16 = has_f16c(),
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
