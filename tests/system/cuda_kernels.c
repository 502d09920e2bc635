/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernels of tests/guest/cuda as a program of the host: TAP. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/cuda/kernels.h"

extern const char bg_kernels_linear[], bg_kernels_collective[], bg_kernels_numeric[];

int main(void)
{
    const struct kernels_images images = {bg_kernels_linear, bg_kernels_collective,
                                          bg_kernels_numeric};
    CUcontext context;
    CUdevice device;

    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
    int status = kernels_run(&images);

    CHECK(cuDevicePrimaryCtxRelease(device));
    return status;
}
