/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor that kernels are compiled for: this one. */
#ifndef CUDA_CPU_PROGRAM_PROCESSOR_H
#define CUDA_CPU_PROGRAM_PROCESSOR_H

#include "host/cuda-cpu/compile/kernel.h"

struct kernel_options processor_options(void);

/* What tells it from others, as far as code depends on it. */
#define PROCESSOR_WORDS 16
void processor_name(uint32_t words[PROCESSOR_WORDS]);

#endif
