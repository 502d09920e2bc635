/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Not every compiler's __builtin_cpu_supports knows it. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}
#endif

struct kernel_options processor_options(void)
{
#if defined(__x86_64__)
    return (struct kernel_options){
        .has_fma = __builtin_cpu_supports("fma"),
        .has_f16 = has_f16c(),
    };
#else
    return (struct kernel_options){.has_fma = true, .has_f16 = true};
#endif
}
