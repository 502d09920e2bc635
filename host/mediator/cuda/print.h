/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernels print, and what the device says of their faults, until the guest fetches it. */
#ifndef MEDIATOR_CUDA_PRINT_H
#define MEDIATOR_CUDA_PRINT_H

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/session.h"

/* From here on it goes nowhere else. */
CUresult cuda_print_create(struct cuda_session *cuda);

/* Into the page, before its error is stored: what the guest will not be able to fetch. */
void cuda_print_leave(struct cuda_session *cuda);

/* The same as the answer of an operation that the error is the result of, for a guest without a
 * page. */
void cuda_print_answer(struct cuda_call *call);

/* Nothing runs any more. */
void cuda_print_destroy(struct cuda_session *cuda);

#endif
