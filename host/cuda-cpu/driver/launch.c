/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/launch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/device/places.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/event.h"
#include "host/cuda-cpu/driver/function.h"
#include "host/cuda-cpu/driver/stream.h"
#include "protocol/cuda_rules.h"

/* Behind it the parameters' bytes, and pointers at each. */
struct launch_task {
    struct task task;
    struct launch launch;
    CUDA_KERNEL_NODE_PARAMS asked;
    size_t pointers; /* where they are in params */
    bool cooperative;
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
    case WARP_FAULT_FUNCTION:
        return CUDA_ERROR_INVALID_PC;
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
    case WARP_FAULT_FUNCTION:
        return "a call of no function";
    case WARP_FAULT_HEAP:
        return "memory is given back that is not the heap's";
    default:
        return "a trap";
    }
}

static CUresult tell_fault(const struct launch_task *task, const struct launch_fault *fault)
{
    char access[64] = "", place[PLACES_TEXT_MAX];

    places_text(task->launch.places, fault->site, place);

    if (fault->size) {
        snprintf(access, sizeof(access), ": %u bytes at 0x%llx are %s", fault->size,
                 (unsigned long long)fault->address, fault->write ? "written" : "read");
    }
    driver_say("%s: %s%s%s, thread (%u, %u, %u) of block (%u, %u, %u)", task->launch.name,
               text_of(fault->fault), place, access, fault->thread[0], fault->thread[1],
               fault->thread[2], fault->block[0], fault->block[1], fault->block[2]);
    return result_of(fault->fault);
}

/* Where one thread computes, who waits for a stream may be another one that runs its kernels: they
 * come one after the other, so that their atomics need no locks. */
static enum launch_status run_in_turn(const struct launch *launch, struct launch_fault *fault)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    enum launch_status status;

    if (!launch->is_alone) {
        return launch_run(launch, fault);
    }
    pthread_mutex_lock(&turn);
    status = launch_run(launch, fault);
    pthread_mutex_unlock(&turn);
    return status;
}

static CUresult run(struct task *base)
{
    struct launch_task *task = (struct launch_task *)base;
    struct launch_fault fault;

    if (base->at_call) {
        task->launch.threads = 1;
    }
    task->launch.number = ++base->context->launches;
    task->launch.limit_ns = driver_settings()->time_limit_ms * NS_PER_MS;
    switch (run_in_turn(&task->launch, &fault)) {
    case LAUNCH_OK:
        return CUDA_SUCCESS;
    case LAUNCH_FAULT:
        return tell_fault(task, &fault);
    case LAUNCH_DEADLOCK:
        driver_say("%s: nobody can go on in block (%u, %u, %u): %s", task->launch.name,
                   fault.block[0], fault.block[1], fault.block[2], fault.waits);
        return CUDA_ERROR_LAUNCH_FAILED;
    default:
        driver_say("%s: no memory for its blocks", task->launch.name);
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
}

/* ---- Making one ---- */

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
    if (size != 0 && (bytes == NULL || size > function_parameter_room(kernel))) {
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

/* All blocks of a cooperative launch are there at once. */
static CUresult check_cooperative(const struct function *function, const struct launch *launch)
{
    uint64_t threads = (uint64_t)launch->block[0] * launch->block[1] * launch->block[2];
    uint64_t blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    uint64_t most = (uint64_t)function_count_blocks(function, (int)threads, launch->shared_size) *
                    (uint64_t)device_multiprocessors();

    return blocks <= most ? CUDA_SUCCESS : CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
}

/* What threads have for themselves is the device's memory, of all blocks that run at once. */
static CUresult check_local(const struct launch *launch)
{
    uint64_t threads = (uint64_t)launch->block[0] * launch->block[1] * launch->block[2];

    return launch->local_size <=
                   driver_settings()->memory / (threads * (uint64_t)device_multiprocessors())
               ? CUDA_SUCCESS
               : CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
}

/* The pointers into itself. */
static void set_pointers(struct task *base)
{
    struct launch_task *task = (struct launch_task *)base;
    const struct function *function = (const struct function *)task->asked.func;
    void **pointers = (void **)(void *)(task->params + task->pointers);

    for (size_t i = 0; i < function->kernel->parameter_count; i++) {
        pointers[i] = task->params + function->kernel->parameters[i].offset;
    }
    task->launch.params = task->params;
    task->asked.kernelParams = pointers;
    task->asked.extra = NULL;
}

/* Of the size that the limit has when the first kernel is launched. */
static struct heap *heap_of(struct context *context)
{
    if (context->heap == NULL) {
        context->heap = heap_create(context->limits[CU_LIMIT_MALLOC_HEAP_SIZE]);
    }
    return context->heap;
}

static CUresult fill_task(struct launch_task *task, const struct function *function,
                          const CUDA_KERNEL_NODE_PARAMS *asked)
{
    struct context *context = task->task.context;
    struct launch *launch = &task->launch;
    CUresult result =
        copy_parameters(function->kernel, asked->kernelParams, asked->extra, task->params);

    task->asked = *asked;
    task->asked.func = (CUfunction)(uintptr_t)function;
    set_pointers(&task->task);
    task->task.copied = set_pointers;
    launch->shared_size += function->kernel->shared_size;
    launch->memory = &context->memory;
    launch->heap = heap_of(context);
    launch->seed = driver_settings()->schedule;
    launch->stack_size = context->limits[CU_LIMIT_STACK_SIZE];
    launch->textures = &context->textures;
    launch->stop = &context->stop;
    launch->pool = driver_pool();
    launch->is_alone = driver_settings()->threads <= 1;
    launch->threads = launch->seed ? 1 : driver_settings()->threads; /* several race */
    launch->processors = (uint32_t)device_multiprocessors();
    launch->print = print;
    launch->print_context = &context->print;
    return result ?: function_prepare(function, launch) ?: check_local(launch);
}

CUresult launch_task_create(struct context *context, const CUDA_KERNEL_NODE_PARAMS *asked,
                            bool cooperative, struct task **result)
{
    const struct launch launch = {
        .grid = {asked->gridDimX, asked->gridDimY, asked->gridDimZ},
        .block = {asked->blockDimX, asked->blockDimY, asked->blockDimZ},
        .shared_size = asked->sharedMemBytes,
        .cooperative = cooperative,
    };
    struct function *function;
    struct launch_task *task;
    CUresult done = function_of_handle(context, asked->func, &function);
    size_t pointers;

    done = done ?: check_size(function, &launch);
    if (done == CUDA_SUCCESS && cooperative) {
        done = check_cooperative(function, &launch);
    }
    if (done != CUDA_SUCCESS) {
        return done;
    }
    pointers = function_parameter_room(function->kernel);
    task =
        task_create(sizeof(*task) + pointers + function->kernel->parameter_count * sizeof(void *),
                    context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->launch = launch;
    task->pointers = pointers;
    task->cooperative = cooperative;
    done = fill_task(task, function, asked);
    if (done != CUDA_SUCCESS) {
        task_release(&task->task);
        return done;
    }
    *result = &task->task;
    return CUDA_SUCCESS;
}

bool launch_task_read(const struct task *base, CUDA_KERNEL_NODE_PARAMS *asked)
{
    if (base->run != run) {
        return false;
    }
    *asked = ((const struct launch_task *)base)->asked;
    return true;
}

bool launch_task_is_cooperative(const struct task *base)
{
    return base->run == run && ((const struct launch_task *)base)->cooperative;
}

/* ---- Launching ---- */

CUresult launch_start(struct context *context, const CUDA_KERNEL_NODE_PARAMS *asked,
                      bool cooperative, CUstream handle)
{
    struct stream *stream;
    struct task *task;
    CUresult result = launch_task_create(context, asked, cooperative, &task);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = stream_of_handle(context, handle, &stream);
    if (result != CUDA_SUCCESS) {
        task_release(task);
        return result;
    }
    return stream_do(stream, task, false);
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **parameters, void **extra)
{
    const CUDA_KERNEL_NODE_PARAMS asked = {function,   grid_x,  grid_y,  grid_z,
                                           block_x,    block_y, block_z, shared_bytes,
                                           parameters, extra,   NULL,    NULL};

    return IN_CONTEXT(launch_start(context, &asked, false, stream));
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                   unsigned grid_z, unsigned block_x, unsigned block_y,
                                   unsigned block_z, unsigned shared_bytes, CUstream stream,
                                   void **parameters)
{
    const CUDA_KERNEL_NODE_PARAMS asked = {function,   grid_x,  grid_y,  grid_z,
                                           block_x,    block_y, block_z, shared_bytes,
                                           parameters, NULL,    NULL,    NULL};

    return IN_CONTEXT(launch_start(context, &asked, true, stream));
}

/* ---- With attributes ---- */

/* An event of an attribute comes when the kernel is done: late, which it may. */
static CUresult launch_config(struct context *context, const CUlaunchConfig *config,
                              CUfunction function, void **parameters, void **extra)
{
    CUDA_KERNEL_NODE_PARAMS asked;
    bool cooperative = false;
    CUevent event = NULL;
    CUresult result = CUDA_SUCCESS;

    if (config == NULL || (config->attrs == NULL && config->numAttrs > 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < config->numAttrs && result == CUDA_SUCCESS; i++) {
        result = cuda_read_launch_attribute(&config->attrs[i], &cooperative, &event);
    }
    asked = (CUDA_KERNEL_NODE_PARAMS){function,
                                      config->gridDimX,
                                      config->gridDimY,
                                      config->gridDimZ,
                                      config->blockDimX,
                                      config->blockDimY,
                                      config->blockDimZ,
                                      config->sharedMemBytes,
                                      parameters,
                                      extra,
                                      NULL,
                                      NULL};
    result = result ?: launch_start(context, &asked, cooperative, config->hStream);
    return result == CUDA_SUCCESS && event != NULL ? event_record(context, event, config->hStream)
                                                   : result;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters,
                          void **extra)
{
    return IN_CONTEXT(launch_config(context, config, function, parameters, extra));
}
