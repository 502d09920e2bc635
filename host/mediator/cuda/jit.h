/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest asks of the driver's compiler (bg_cuda_module_load), and the logs that it fills. */
#ifndef MEDIATOR_CUDA_JIT_H
#define MEDIATOR_CUDA_JIT_H

#include "host/mediator/cuda/bytes.h"
#include "protocol/cuda.h"
#include "protocol/cuda_command.h"

#define CUDA_JIT_OPTIONS_MAX 10u

struct cuda_jit {
    CUjit_option names[CUDA_JIT_OPTIONS_MAX];
    void *values[CUDA_JIT_OPTIONS_MAX];
    unsigned count;
    struct bytes info_log, error_log;
};

/* Options with logs of the sizes that are asked for; ended by cuda_jit_end, whatever it returns. It
 * is not to move meanwhile. */
CUresult cuda_jit_begin(struct cuda_jit *jit, const struct bg_cuda_module_load *wanted);
void cuda_jit_end(struct cuda_jit *jit);

/* The logs are as long as what is in them, from now on. */
void cuda_jit_cut_logs(struct cuda_jit *jit);

#endif
