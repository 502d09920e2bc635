/* SPDX-License-Identifier: BSD-2-Clause */
/* A module on the device: its variables in memory, its kernels compiled when they are first asked
 * for. */
#ifndef CUDA_CPU_PROGRAM_PROGRAM_H
#define CUDA_CPU_PROGRAM_PROGRAM_H

#include "host/cuda-cpu/device/launch.h"
#include "host/cuda-cpu/device/memory.h"
#include "host/cuda-cpu/ptx/module.h"

struct program;

/* The module stays the caller's, and must outlive the program. The variables' memory is added to
 * `memory`. NULL: the log says why. */
struct program *program_create(const struct ptx_module *module, struct memory *memory,
                               struct ptx_log *log);
void program_destroy(struct program *program, struct memory *memory);

/* The kernel's code; what it takes besides goes into the launch. False: the log says why. */
bool program_prepare(struct program *program, const struct ptx_function *kernel,
                     struct launch *launch, struct ptx_log *log);

#endif
