/* SPDX-License-Identifier: BSD-2-Clause */
/* run=bench-cuda: cuda_measure.h's figures, through the ring or the mailbox (via=). */
#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/cuda.h"
#include "tests/guest/bench/cuda_measure.h"

static int run_bench_cuda(void)
{
    if (!cuda_host_open()) {
        return 1;
    }
    CUresult result = cuda_measure(bg_hal_time_ns);
    bool is_good = cuda_host_check("Measuring", result);

    cuda_host_close();
    return is_good ? 0 : 1;
}

APP(bench_cuda, "times: launches, copies and a matrix product of CUDA", run_bench_cuda,
    CUDA_HOST_OPTIONS);
