/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-cuda-kernels: the kernels of cuda/, on the ring or the mailbox (via=). */
#include "firmware/apps/app.h"
#include "firmware/apps/open/cuda.h"
#include "tests/guest/cuda/kernels.h"

extern const char bg_kernels_linear[], bg_kernels_collective[], bg_kernels_numeric[];

static int run_kernels(void)
{
    const struct kernels_images images = {bg_kernels_linear, bg_kernels_collective,
                                          bg_kernels_numeric};

    if (!cuda_host_open()) {
        return 1;
    }
    int status = kernels_run(&images);

    cuda_host_close();
    return status;
}

APP(test_cuda_kernels, "runs CUDA kernels and compares with what this CPU computes", run_kernels,
    CUDA_HOST_OPTIONS);
