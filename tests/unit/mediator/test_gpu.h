/* SPDX-License-Identifier: BSD-2-Clause */
/* What sessions in unit tests compute on: the CUDA device on the CPU, linked in. */
#ifndef TESTS_UNIT_MEDIATOR_TEST_GPU_H
#define TESTS_UNIT_MEDIATOR_TEST_GPU_H

#include <stdlib.h>

#include "host/mediator/compute/gpu.h"

static inline struct cuda_driver test_driver(void)
{
    return (struct cuda_driver){
#define TEST_DRIVER_FUNCTION(name) .name = name,
        CUDA_DRIVER_FUNCTIONS(TEST_DRIVER_FUNCTION)
            CUDA_DRIVER_GUEST_FUNCTIONS(TEST_DRIVER_FUNCTION)
#undef TEST_DRIVER_FUNCTION
                .on_cpu = true,
        .set_host = cudaCpuSetHost,
        .path = "linked in",
    };
}

/* Ready to compute; the same one each time. */
static inline struct gpu *test_gpu(void)
{
    static struct cuda_driver driver;
    static struct gpu gpu;

    if (gpu.context == NULL) {
        setenv("BAREGPU_CUDA_THREADS", "0", 0);
        driver = test_driver();
        if (!gpu_open(&gpu, &driver, 0) || gpu_prepare(&gpu) != BG_COMPUTE_OK) {
            abort();
        }
    }
    return &gpu;
}

#endif
