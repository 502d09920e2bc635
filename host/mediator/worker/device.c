/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* sched_getaffinity, pipe2 */
#include "host/mediator/worker/device.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/cuda_command.h"

#include "host/mediator/compute/cublas.h"

static const struct cuda_driver *cuda;
static struct gpu cpu; /* without a context: it cannot be used */

static unsigned stream_threads;
static int printed; /* by kernels of a GPU */

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

/* Kernels print to standard output: into a pipe, and what it has no room for is dropped. */
static void catch_output(void)
{
    int ends[2];

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
        return;
    }
    fcntl(ends[1], F_SETPIPE_SZ, BG_CUDA_PRINT_SIZE_MAX); /* without privilege not for many */
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    printed = ends[0];
}

void device_load(char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(*names, DEVICE_CUDA) == 0) {
            cuda = cuda_driver_load_nvidia(cuda_reason);
            catch_output();
        } else if (strcmp(*names, DEVICE_CPU) == 0) {
            open_cpu();
        }
    }
}

void device_load_cublas(void)
{
    static bool is_loaded;

    if (cuda != NULL && !is_loaded) {
        cublas_load(cuda);
    }
    if (cpu.context != NULL && !is_loaded) {
        cublas_load(cpu.driver);
    }
    is_loaded = true;
}

/* ---- A session ---- */

static void set(const char *name, unsigned long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu", value);
    setenv(name, text, 1);
}

static unsigned count_threads(const struct control_start *start)
{
    unsigned processors;
    cpu_set_t set;

    if (start->limits.cuda_threads > 0) {
        return start->limits.cuda_threads;
    }
    processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    return processors < CONFIG_CUDA_THREADS_MAX ? processors : CONFIG_CUDA_THREADS_MAX;
}

/* The context is made anew: its kernels are others. */
static void look_for(const char *checks)
{
    setenv("BAREGPU_CUDA_CHECK", checks, 1);
    cpu.driver->cuDevicePrimaryCtxReset(cpu.device);
    open_cpu();
}

static void begin_on_cpu(const struct control_start *start, bool has_streams)
{
    stream_threads = has_streams ? count_threads(start) : 0;
    set("BAREGPU_CUDA_THREADS", stream_threads);
    set("BAREGPU_CUDA_TIME_LIMIT", start->limits.request_timeout_ms);
    set("BAREGPU_CUDA_MEMORY", start->limits.memory_limit);
    if (start->checks[0]) {
        look_for(start->checks);
    }
    setenv("BAREGPU_CUDA_CACHE", "0", 1);
    cpu.driver->cuInit(0);
}

void device_begin(const struct control_start *start, bool has_streams)
{
    if (cpu.context != NULL) {
        begin_on_cpu(start, has_streams);
    }
    device_load_cublas();
}

/* Who computes, and who helps with it. */
unsigned device_threads(void)
{
    return 2 * stream_threads;
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
    gpu.printed = printed;
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
