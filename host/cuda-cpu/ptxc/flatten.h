/* SPDX-License-Identifier: BSD-2-Clause */
/* A parsed module without pointers: flat.h. */
#ifndef CUDA_CPU_PTXC_FLATTEN_H
#define CUDA_CPU_PTXC_FLATTEN_H

#include "host/cuda-cpu/ptx/module.h"

/* At most `limit` bytes, which the caller frees. NULL: the log says why. */
void *flatten(const struct ptx_module *module, size_t limit, size_t *size, struct ptx_log *log);

#endif
