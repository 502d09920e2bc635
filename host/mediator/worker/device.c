/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cuda_driver *cuda;
static struct gpu cpu; /* without a context: it cannot be used */

static char cuda_reason[CUDA_DRIVER_REASON_SIZE] = "no driver was loaded";
static char cpu_reason[GPU_ERROR_SIZE] = "no driver was loaded";

static void open_cpu(void)
{
    const struct cuda_driver *driver;

    setenv("BAREGPU_CUDA_SEALED", "1", 1);
    driver = cuda_driver_load_cpu(cpu_reason);

    if (driver != NULL && (!gpu_open(&cpu, driver, 0) || gpu_prepare(&cpu) != BG_COMPUTE_OK)) {
        snprintf(cpu_reason, sizeof(cpu_reason), "%s", cpu.error);
    }
}

void device_load(char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(*names, DEVICE_CUDA) == 0) {
            cuda = cuda_driver_load_nvidia(cuda_reason);
        } else {
            open_cpu();
        }
    }
}

void device_check(const char *checks)
{
    setenv("BAREGPU_CUDA_CHECK", checks, 1);
    if (cpu.context != NULL) {
        cpu.driver->cuDevicePrimaryCtxReset(cpu.device);
        open_cpu();
    }
}

void device_seal(void)
{
    if (cpu.context != NULL) {
        setenv("BAREGPU_CUDA_CACHE", "0", 1);
        cpu.driver->cuInit(0);
    }
}

bool device_runs_code(void)
{
    return cpu.context != NULL;
}

const struct cuda_driver *device_get_cuda(void)
{
    return cuda;
}

void device_make_current(void)
{
    if (cpu.context != NULL) {
        gpu_make_current(&cpu);
    }
}

static struct gpu *open_cuda(int ordinal, char *reason)
{
    static struct gpu gpu;

    if (cuda == NULL) {
        snprintf(reason, GPU_ERROR_SIZE, "%s", cuda_reason);
        return NULL;
    }
    if (!gpu_open(&gpu, cuda, ordinal)) {
        snprintf(reason, GPU_ERROR_SIZE, "%s", gpu.error);
        return NULL;
    }
    return &gpu;
}

struct gpu *device_open(const struct control_attached *attached, char reason[GPU_ERROR_SIZE])
{
    if (attached->cuda) {
        return open_cuda(attached->ordinal, reason);
    }
    if (cpu.context == NULL) {
        snprintf(reason, GPU_ERROR_SIZE, "%s", cpu_reason);
        return NULL;
    }
    return &cpu;
}
