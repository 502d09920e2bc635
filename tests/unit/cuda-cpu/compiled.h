/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of this folder's .cu files, as the build left them, and launches of them. */
#ifndef TESTS_UNIT_CUDA_CPU_COMPILED_H
#define TESTS_UNIT_CUDA_CPU_COMPILED_H

#include "host/cuda-cpu/program/program.h"

/* NULL: the file is empty, as its compiler is not here. Ends the test where there is none, and
 * where it is refused. */
struct program *compiled_load(const char *name, struct memory *memory);

/* `launch` has the sizes, the arguments, the memory, and as shared_size the dynamic bytes. The test
 * fails where the kernel faults. */
void compiled_launch(struct program *program, const char *name, struct launch launch);

#endif
