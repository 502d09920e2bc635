/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_CUDA_LAUNCH_H
#define MEDIATOR_CUDA_LAUNCH_H

#include "host/mediator/cuda/module.h"

/* The kernel of a launch, and whether its grid and blocks are such as the device takes. What is
 * left to check is the size of its parameters. */
CUresult cuda_launch_check(const struct cuda_session *cuda, const struct bg_cuda_launch *launch,
                           const struct cuda_function **function);

#endif
