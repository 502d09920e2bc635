/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of what compiles: CUjit_option. */
#ifndef CUDA_CPU_DRIVER_JIT_H
#define CUDA_CPU_DRIVER_JIT_H

#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/ptx/log.h"
#include "protocol/cuda.h"

/* Where the caller wants what is said; NULL: nowhere. */
struct jit_options {
    char *error_log;
    size_t error_log_size;
    void **error_log_used; /* size in, bytes out; NULL: it is not asked for */
    void **info_log_used;
    void **wall_time;
    uint64_t start_ns;
};

CUresult jit_read(unsigned count, const CUjit_option *options, void **values,
                  struct jit_options *jit);

/* What the log has: into the caller's buffer, else to standard error as lines about `what`. */
void jit_tell(const struct jit_options *jit, const struct ptx_log *log, const char *what);

/* What CUDA calls the log's error. */
CUresult jit_result(const struct ptx_log *log);

#endif
