/* SPDX-License-Identifier: BSD-2-Clause */
/* threadIdx and its like, for sources that include them by name. */
#ifndef FIRMWARE_CUDA_CLANG_DEVICE_LAUNCH_PARAMETERS_H
#define FIRMWARE_CUDA_CLANG_DEVICE_LAUNCH_PARAMETERS_H

#include "cuda_runtime.h"

#endif
