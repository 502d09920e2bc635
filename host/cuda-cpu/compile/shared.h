/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a kernel's shared variables lie: its own and those of functions that it may call, and of
 * the module's, which are for all its kernels, what any of these names.
 */
#ifndef CUDA_CPU_COMPILE_SHARED_H
#define CUDA_CPU_COMPILE_SHARED_H

#include "host/cuda-cpu/compile/reach.h"

/* The offset of a variable that the kernel has not. */
#define SHARED_NOWHERE UINT64_MAX

/* Sets the shared variables' offsets, as the kernel has them that alone was added to `reach`; of
 * those that are .extern, where dynamic memory begins: behind all others. This comes back. */
uint64_t shared_lay(const struct reach *reach);

/* Then: whether the kernel has any that are .extern. */
bool shared_is_dynamic(const struct reach *reach);

#endif
