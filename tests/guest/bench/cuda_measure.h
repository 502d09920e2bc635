/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CUDA takes, by the driver API and cuBLAS alone: the same file in the guest (run=bench-cuda)
 * and on the host (tests/bench/cuda_direct_bench.c), so that one is held against the other. Prints
 * one JSON object per line behind "BENCH ":
 *
 *   cuda_launch         an empty kernel, launched again and again, waited for at the end: ns each
 *   cuda_launch_calls   launches that a program can ask for in a second
 *   cuda_copy_pinned    64 MiB of cuMemAllocHost's to the device and back: bytes/s
 *   cuda_copy_pageable  the same of ordinary memory
 *   cuda_memcpy         memcpy of 64 MiB of ordinary memory: bytes/s
 *   cuda_matmul         a tiled product of 512 x 512 matrices, without its copies: ns
 *   cuda_sgemm          cublasSgemm of 1024 x 1024 matrices: ns
 */
#ifndef TESTS_GUEST_BENCH_CUDA_MEASURE_H
#define TESTS_GUEST_BENCH_CUDA_MEASURE_H

#include <stdint.h>

#include "protocol/cuda.h"

/* In the current context. The first error, which was printed with what it was. */
CUresult cuda_measure(uint64_t (*now_ns)(void));

#endif
