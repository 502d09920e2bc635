/* SPDX-License-Identifier: BSD-2-Clause */
/* What this driver has beyond CUDA's own API. */
#ifndef CUDA_CPU_DRIVER_EXTENSION_H
#define CUDA_CPU_DRIVER_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

/* A flag of cuStreamCreate: what is asked of the stream is done when the call returns, by the
 * thread that calls and no other, as if BAREGPU_CUDA_THREADS were 0. What it waits for of other
 * streams may be theirs to do. */
#define CUDA_CPU_STREAM_AT_CALL 0x10000u

/* A program that this library is part of. */
struct cuda_cpu_host {
    /* Around each wait for the compiler, which is for long and uses no processor here, by the
     * thread that waits. NULL: nothing. */
    void (*compiling)(void *context, bool begins);
    /* What kernels print, and a line about what each one did wrong, instead of on standard output
     * and standard error. At once, from any thread, with locks held: it may not call the driver. */
    void (*say)(void *context, const char *text, size_t length);
    void *context;
};

/* Before there are threads that use the library; it is copied. */
void cudaCpuSetHost(const struct cuda_cpu_host *host);

#endif
