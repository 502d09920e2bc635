/* SPDX-License-Identifier: BSD-2-Clause */
/* The IR of a kernel, for a test that looks into it. */
#ifndef TESTS_UNIT_CUDA_CPU_EMITTED_H
#define TESTS_UNIT_CUDA_CPU_EMITTED_H

#include "host/cuda-cpu/compile/kernel.h"

/* Of the kernel k. Fails the test where there is none. The text is the caller's, empty before. */
void emit_kernel(const char *source, const struct kernel_options *options, struct text *ir);

/* How often the IR of the kernel k has this, for rows of 32 threads. */
unsigned emitted_count(const char *source, const char *what);

#endif
