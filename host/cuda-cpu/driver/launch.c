/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels, as tasks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/function.h"
#include "host/cuda-cpu/driver/stream.h"

struct launch_task {
    struct task task;
    struct launch launch;
    const char *name; /* the kernel's */
    _Alignas(16) unsigned char params[];
};

/* ---- Running ---- */

static void print(void *context, const char *text)
{
    print_add(context, text);
}

static CUresult result_of(enum warp_fault fault)
{
    switch (fault) {
    case WARP_FAULT_ADDRESS:
    case WARP_FAULT_TEXTURE:
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    case WARP_FAULT_MISALIGNED:
        return CUDA_ERROR_MISALIGNED_ADDRESS;
    case WARP_FAULT_ASSERT:
        return CUDA_ERROR_ASSERT;
    case WARP_FAULT_TIMEOUT:
        return CUDA_ERROR_LAUNCH_TIMEOUT;
    case WARP_FAULT_STACK:
        return CUDA_ERROR_HARDWARE_STACK_ERROR;
    default:
        return CUDA_ERROR_LAUNCH_FAILED;
    }
}

static const char *text_of(enum warp_fault fault)
{
    switch (fault) {
    case WARP_FAULT_ADDRESS:
        return "an illegal address";
    case WARP_FAULT_MISALIGNED:
        return "a misaligned address";
    case WARP_FAULT_ASSERT:
        return "a failed assertion";
    case WARP_FAULT_TIMEOUT:
        return "out of time";
    case WARP_FAULT_STACK:
        return "out of stack";
    case WARP_FAULT_TEXTURE:
        return "no such texture or surface, or outside of it";
    default:
        return "a trap";
    }
}

static CUresult tell_fault(const struct launch_task *task, const struct launch_fault *fault)
{
    char access[64] = "";

    if (fault->size) {
        snprintf(access, sizeof(access), ": %u bytes at 0x%llx are %s", fault->size,
                 (unsigned long long)fault->address, fault->write ? "written" : "read");
    }
    driver_say("%s: %s%s, thread (%u, %u, %u) of block (%u, %u, %u)", task->name,
               text_of(fault->fault), access, fault->thread[0], fault->thread[1], fault->thread[2],
               fault->block[0], fault->block[1], fault->block[2]);
    return result_of(fault->fault);
}

static CUresult run(struct task *base)
{
    struct launch_task *task = (struct launch_task *)base;
    uint64_t limit_ms = driver_settings()->time_limit_ms;
    struct launch_fault fault;

    task->launch.deadline_ns = limit_ms ? clock_now_ns() + limit_ms * NS_PER_MS : 0;
    switch (launch_run(&task->launch, &fault)) {
    case LAUNCH_OK:
        return CUDA_SUCCESS;
    case LAUNCH_FAULT:
        return tell_fault(task, &fault);
    case LAUNCH_DEADLOCK:
        driver_say("%s: nobody can go on in block (%u, %u, %u): %s", task->name, fault.block[0],
                   fault.block[1], fault.block[2], fault.waits);
        return CUDA_ERROR_LAUNCH_FAILED;
    default:
        driver_say("%s: no memory for its blocks", task->name);
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
}

/* ---- Launching ---- */

/* `extra` has the parameters' bytes, as they lie. */
static CUresult copy_extra(const struct program_kernel *kernel, void **extra, unsigned char *params)
{
    const void *bytes = NULL;
    size_t size = 0;

    for (size_t i = 0; extra[i] != CU_LAUNCH_PARAM_END; i += 2) {
        if (extra[i] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
            bytes = extra[i + 1];
        } else if (extra[i] == CU_LAUNCH_PARAM_BUFFER_SIZE) {
            size = *(const size_t *)extra[i + 1];
        } else {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    if (size != 0 && (bytes == NULL || size > (kernel->parameter_size + 7) / 8 * 8)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (size != 0) {
        memcpy(params, bytes, size < kernel->parameter_size ? size : kernel->parameter_size);
    }
    return CUDA_SUCCESS;
}

static CUresult copy_parameters(const struct program_kernel *kernel, void **parameters,
                                void **extra, unsigned char *params)
{
    if (parameters != NULL && extra != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (extra != NULL) {
        return copy_extra(kernel, extra, params);
    }
    if (parameters == NULL && kernel->parameter_count > 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < kernel->parameter_count; i++) {
        memcpy(params + kernel->parameters[i].offset, parameters[i], kernel->parameters[i].size);
    }
    return CUDA_SUCCESS;
}

static bool is_in(const uint32_t size[3], uint32_t x, uint32_t y, uint32_t z)
{
    return size[0] >= 1 && size[0] <= x && size[1] >= 1 && size[1] <= y && size[2] >= 1 &&
           size[2] <= z;
}

static CUresult check_size(const struct function *function, const struct launch *launch)
{
    const struct program_kernel *kernel = function->kernel;
    const uint32_t *block = launch->block;
    uint64_t threads = (uint64_t)block[0] * block[1] * block[2];

    if (!is_in(launch->grid, 0x7FFFFFFF, 65535, 65535) || !is_in(block, 1024, 1024, 64) ||
        threads > DEVICE_THREADS_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (kernel->threads[0] && (block[0] != kernel->threads[0] || block[1] != kernel->threads[1] ||
                               block[2] != kernel->threads[2])) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (threads > (uint64_t)function_threads_max(kernel)) {
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
    return function->shared_max >= 0 && launch->shared_size <= (uint64_t)function->shared_max
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult fill_task(struct launch_task *task, const struct function *function,
                          const struct launch *asked, void **parameters, void **extra)
{
    struct launch *launch = &task->launch;
    CUresult result = copy_parameters(function->kernel, parameters, extra, task->params);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *launch = *asked;
    launch->shared_size += function->kernel->shared_size;
    launch->params = task->params;
    launch->memory = &task->task.context->memory;
    launch->stop = &task->task.context->stop;
    launch->pool = driver_pool();
    launch->threads = driver_settings()->threads;
    launch->print = print;
    launch->print_context = &task->task.context->print;
    task->name = function->kernel->name;
    return function_prepare(function, launch);
}

static CUresult launch_function(struct context *context, const struct function *function,
                                const struct launch *asked, CUstream stream_handle,
                                void **parameters, void **extra)
{
    CUresult result = check_size(function, asked);
    struct launch_task *task;
    struct stream *stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    task = task_create(sizeof(*task) + function->kernel->parameter_size, context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = fill_task(task, function, asked, parameters, extra)
                 ?: stream_of_handle(context, stream_handle, &stream);
    if (result != CUDA_SUCCESS) {
        task_release(&task->task);
        return result;
    }
    return stream_do(stream, &task->task, false);
}

static CUresult launch_handle(struct context *context, CUfunction handle,
                              const struct launch *asked, CUstream stream, void **parameters,
                              void **extra)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    return result ?: launch_function(context, function, asked, stream, parameters, extra);
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **parameters, void **extra)
{
    const struct launch asked = {
        .grid = {grid_x, grid_y, grid_z},
        .block = {block_x, block_y, block_z},
        .shared_size = shared_bytes,
    };

    return IN_CONTEXT(launch_handle(context, function, &asked, stream, parameters, extra));
}
