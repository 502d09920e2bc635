/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC)
// libs: -ldl
/*
 * What the driver takes for an empty kernel, from the launch until the program sees that it is
 * over, as the median of the best round: done by a worker thread while the program looks at the
 * stream, and by whom the driver likes while the program waits for it. A line of JSON for each:
 * {"name", "us"}.
 */
#define _GNU_SOURCE 1 /* setenv */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/common/clock.h"
#include "protocol/cuda.h"

#define ROUNDS 10
#define LAUNCHES 2000 /* of a round; of the first one nothing is measured */

static const char text[] = ".version 8.0\n.target sm_80\n.address_size 64\n"
                           ".visible .entry k() { ret; }\n";

static uint64_t times_ns[LAUNCHES];

static void check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "ptx_launch_bench: %s: error %d\n", what, (int)result);
        exit(EXIT_FAILURE);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Nothing that waits for the stream computes what is in it. */
static void look_until_done(CUstream stream)
{
    CUresult result;

    do {
        result = cuStreamQuery(stream);
    } while (result == CUDA_ERROR_NOT_READY);
    check(result, "cuStreamQuery");
}

static void wait_until_done(CUstream stream)
{
    check(cuStreamSynchronize(stream), "cuStreamSynchronize");
}

static double median_us(CUfunction function, CUstream stream, void (*until_done)(CUstream stream))
{
    for (int i = 0; i < LAUNCHES; i++) {
        uint64_t start_ns = clock_now_ns();

        check(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, stream, NULL, NULL), "cuLaunchKernel");
        until_done(stream);
        times_ns[i] = clock_now_ns() - start_ns;
    }
    qsort(times_ns, LAUNCHES, sizeof(times_ns[0]), compare);
    return (double)times_ns[LAUNCHES / 2] / 1e3;
}

static void time_launches(const char *name, CUfunction function, CUstream stream,
                          void (*until_done)(CUstream stream))
{
    double least_us = 1e9;

    median_us(function, stream, until_done);
    for (int i = 0; i < ROUNDS; i++) {
        double us = median_us(function, stream, until_done);

        least_us = us < least_us ? us : least_us;
    }
    printf("{\"name\": \"%s\", \"us\": %.3f}\n", name, least_us);
}

int main(void)
{
    CUdevice device;
    CUcontext context;
    CUmodule module;
    CUfunction function;
    CUstream stream;

    setenv("BAREGPU_CUDA_CACHE", "0", 1);
    setenv("BAREGPU_CUDA_THREADS", "1", 1);
    check(cuInit(0), "cuInit");
    check(cuDeviceGet(&device, 0), "cuDeviceGet");
    check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
    check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    check(cuModuleLoadData(&module, text), "cuModuleLoadData");
    check(cuModuleGetFunction(&function, module, "k"), "cuModuleGetFunction");
    check(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    time_launches("ptx_launch", function, stream, look_until_done);
    time_launches("ptx_launch_wait", function, stream, wait_until_done);
    return EXIT_SUCCESS;
}
