/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's modules, and the kernels in them. */
#ifndef MEDIATOR_CUDA_MODULE_H
#define MEDIATOR_CUDA_MODULE_H

#include "host/mediator/cuda/session.h"

struct cuda_function {
    CUfunction function;
    uint32_t params_size; /* bytes from the first parameter to the end of the last */
};

struct cuda_module {
    CUmodule module;
    uint64_t charged; /* of the session's memory */
    uint32_t function_count;
    struct cuda_function functions[];
};

/* NULL: there is no such kernel. */
const struct cuda_function *cuda_function_find(const struct cuda_session *cuda, uint32_t module,
                                               uint32_t function);

/* Its attributes. */
void cuda_function_describe(const struct cuda_session *cuda, const struct cuda_function *function,
                            struct bg_cuda_function *description);

/* All of them; nothing runs any more. */
void cuda_modules_destroy(struct cuda_session *cuda);

#endif
