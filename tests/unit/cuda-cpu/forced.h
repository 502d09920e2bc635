/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels compiled otherwise than this processor needs them; with -Wl,--wrap=processor_options. */
#ifndef TESTS_UNIT_CUDA_CPU_FORCED_H
#define TESTS_UNIT_CUDA_CPU_FORCED_H

#include <stdbool.h>
#include <stddef.h>

/* Of struct kernel_options. */
struct forced {
    bool masked_alone;
    bool without_f16;
};

extern struct forced forced;

/* Ways to compile: as the processor needs it; under masks alone; for each set of instructions. */
#define FORCED_WAYS 5

/* False: the processor cannot run it. */
bool forced_choose(size_t way);
const char *forced_name(size_t way);

#endif
