/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor that kernels are compiled for: this one, or what BAREGPU_CUDA_ISA names of it. */
#ifndef CUDA_CPU_PROGRAM_PROCESSOR_H
#define CUDA_CPU_PROGRAM_PROCESSOR_H

#include "host/cuda-cpu/compile/kernel.h"

/* False: BAREGPU_CUDA_ISA names nothing that this processor has; the log says so. */
bool processor_check(struct ptx_log *log);

struct kernel_options processor_options(void);

/* What tells it from others, as far as code depends on it. */
#define PROCESSOR_WORDS 16
void processor_name(uint32_t words[PROCESSOR_WORDS]);

#endif
