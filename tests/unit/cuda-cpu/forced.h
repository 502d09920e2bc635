/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels compiled otherwise than this processor needs them; with -Wl,--wrap=processor_options. */
#ifndef TESTS_UNIT_CUDA_CPU_FORCED_H
#define TESTS_UNIT_CUDA_CPU_FORCED_H

#include <stdbool.h>

/* Of struct kernel_options. */
struct forced {
    bool masked_alone;
    bool without_f16;
};

extern struct forced forced;

#endif
