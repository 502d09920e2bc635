/* SPDX-License-Identifier: BSD-2-Clause */
/* What this driver has beyond CUDA's own API. */
#ifndef CUDA_CPU_DRIVER_EXTENSION_H
#define CUDA_CPU_DRIVER_EXTENSION_H

/* A flag of cuStreamCreate: what is asked of the stream is done when the call returns, by the
 * thread that calls and no other, as if BAREGPU_CUDA_THREADS were 0. What it waits for of other
 * streams may be theirs to do. */
#define CUDA_CPU_STREAM_AT_CALL 0x10000u

#endif
