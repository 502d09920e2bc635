/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/guest/bench/cuda_measure.c $(CUDA_CPU_HERE_SRC) $(filter-out %/driver.c,$(CUBLAS_CPU_SRC)) tests/fake/cublas.c
// libs: -ldl
/* The figures of tests/guest/bench/cuda_measure.h, of the CPU device without a guest. */
#include <stdio.h>
#include <stdlib.h>

#include "host/common/clock.h"
#include "tests/guest/bench/cuda_measure.h"

int main(void)
{
    CUcontext context;
    CUresult result = cuInit(0)
                          ?: cuDevicePrimaryCtxRetain(&context, 0)
                          ?: cuCtxSetCurrent(context) ?: cuda_measure(clock_now_ns);

    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "cuda_direct_bench: error %d\n", (int)result);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
