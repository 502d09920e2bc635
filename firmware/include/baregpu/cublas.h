/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuBLAS for a kernel: NVIDIA's names, types, values and rules (protocol/cublas.h), computed where
 * the CUDA device is: by NVIDIA's library on a GPU, by OpenBLAS on the CPU.
 *
 * A device that has none (bg_cuda_device.has_blas of protocol/cuda_command.h) has cublasCreate
 * return CUBLAS_STATUS_NOT_SUPPORTED. Calls queue their work, and return before it is done; those
 * that return a number into the program's memory (dot, nrm2) wait for the stream. What is
 * wrong with an address is found where it is computed: the next call that waits for the context
 * returns CUDA_ERROR_INVALID_VALUE.
 *
 * From where it may be called: as baregpu/cuda.h.
 */
#ifndef BAREGPU_CUBLAS_H
#define BAREGPU_CUBLAS_H

#include "protocol/cublas.h"

#endif
