/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a parsed module is PTX: each instruction has a form, and its operands fit it. */
#ifndef CUDA_CPU_PTX_CHECK_H
#define CUDA_CPU_PTX_CHECK_H

#include "host/cuda-cpu/ptx/module.h"

/* Sets the form of each instruction. False: the log says what is wrong, all of it. */
bool ptx_check(struct ptx_module *module, struct ptx_log *log);

/* What the device itself offers to kernels, and every compiler calls by these names. */
bool ptx_is_system_function(const char *name);

#endif
