/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing and compiling, for whoever was asked. */
#ifndef CUDA_CPU_PTXC_ANSWER_H
#define CUDA_CPU_PTXC_ANSWER_H

#include "host/cuda-cpu/ptxc/compiler.h"

/* False: the log says why. */
bool answer_request(const struct compile_request *request, struct compile_answer *answer,
                    struct ptx_log *log);

/* Opens the library that kernels are compiled with, if it is there, for a process that will not be
 * able to; and does once what each first request would do. Which library it is comes back. */
struct source answer_prepare(void);

#endif
