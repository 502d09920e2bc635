/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/processor.h"

struct kernel_options processor_options(void)
{
#if defined(__x86_64__)
    return (struct kernel_options){
        .has_fma = __builtin_cpu_supports("fma"),
        .has_f16 = __builtin_cpu_supports("f16c"),
    };
#else
    return (struct kernel_options){.has_fma = true, .has_f16 = true};
#endif
}
