/* SPDX-License-Identifier: BSD-2-Clause */
/* Asynchronous copies by their functions in C; nvcuda::experimental::pipeline is not here. */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_PIPELINE_H
#define FIRMWARE_CUDA_CLANG_CUDA_PIPELINE_H

#include "cuda_pipeline_primitives.h"

#endif
