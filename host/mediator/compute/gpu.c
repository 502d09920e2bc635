/* SPDX-License-Identifier: BSD-2-Clause */
/* The device, its context, its memory, and waiting for it. */
#include "host/mediator/compute/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/cuda-cpu/driver/extension.h"

#define PAGE 4096u
#define FREE_PIECE (UINT64_C(32) << 20)

extern const char mediator_kernels[]; /* kernels.c */

/* ---- Results ---- */

enum bg_compute_status gpu_check(struct gpu *gpu, CUresult result, const char *what)
{
    if (result == CUDA_SUCCESS) {
        return BG_COMPUTE_OK;
    }
    snprintf(gpu->error, sizeof(gpu->error), "%s: %s", what,
             cuda_driver_error_name(gpu->driver, result));
    if (cuda_result_is_fatal(result)) {
        gpu->lost = true;
    }
    return result == CUDA_ERROR_OUT_OF_MEMORY ? BG_COMPUTE_OUT_OF_MEMORY : BG_COMPUTE_CUDA_ERROR;
}

/* Waits for the stream; afterwards nothing is pending, whatever the result. */
static enum bg_compute_status wait(struct gpu *gpu, const char *what)
{
    gpu->async_pending = false;
    return gpu_check(gpu, gpu->driver->cuStreamSynchronize(gpu->stream), what);
}

/* What was started on the CPU is over. */
enum bg_compute_status gpu_complete(struct gpu *gpu, bool async, const char *what)
{
    if (async && !gpu->driver->on_cpu) {
        gpu->async_pending = true;
        return BG_COMPUTE_OK;
    }
    return wait(gpu, what);
}

enum bg_compute_status gpu_synchronize(struct gpu *gpu)
{
    CUresult kept = gpu->async_error;
    enum bg_compute_status status = wait(gpu, "asynchronous work");

    gpu->async_error = CUDA_SUCCESS;
    return kept != CUDA_SUCCESS ? gpu_check(gpu, kept, "asynchronous work") : status;
}

void gpu_finish(struct gpu *gpu)
{
    CUresult result;

    if (!gpu->async_pending) {
        return;
    }
    result = gpu->driver->cuStreamSynchronize(gpu->stream);
    gpu->async_pending = false;
    if (gpu_check(gpu, result, "asynchronous work") != BG_COMPUTE_OK &&
        gpu->async_error == CUDA_SUCCESS) {
        gpu->async_error = result;
    }
}

/* ---- The device ---- */

/* What a newer driver does not tell any more is 0: not known. */
static uint32_t attribute(const struct gpu *gpu, CUdevice_attribute which)
{
    int value = 0;

    return gpu->driver->cuDeviceGetAttribute(&value, which, gpu->device) == CUDA_SUCCESS
               ? (uint32_t)value
               : 0;
}

static CUresult learn_cuda(struct gpu *gpu)
{
    struct bg_compute_device_info *info = &gpu->info;
    size_t total = 0;
    CUresult result = gpu->driver->cuDeviceTotalMem(&total, gpu->device);

    info->backend = BG_COMPUTE_BACKEND_CUDA;
    info->memory_total = total;
    info->multiprocessors = attribute(gpu, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    info->capability_major = attribute(gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    info->capability_minor = attribute(gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    info->clock_khz = attribute(gpu, CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
    return result != CUDA_SUCCESS
               ? result
               : gpu->driver->cuDeviceGetName(info->name, sizeof(info->name), gpu->device);
}

/* The host, as guests knew it before there was a CUDA device on it. */
static void learn_host(struct bg_compute_device_info *info)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    info->backend = BG_COMPUTE_BACKEND_CPU;
    info->multiprocessors = processors > 0 ? (uint32_t)processors : 1;
    info->memory_total = pages > 0 && page_size > 0 ? (uint64_t)pages * (uint64_t)page_size : 0;
    snprintf(info->name, sizeof(info->name), "baregpu CPU backend");
}

bool gpu_open(struct gpu *gpu, const struct cuda_driver *driver, int ordinal)
{
    CUresult result = driver->cuInit(0);

    *gpu = (struct gpu){.driver = driver};
    if (result != CUDA_SUCCESS) {
        return gpu_check(gpu, result, "cuInit") == BG_COMPUTE_OK;
    }
    result = driver->cuDeviceGet(&gpu->device, ordinal);
    if (result != CUDA_SUCCESS) {
        return gpu_check(gpu, result, "cuDeviceGet") == BG_COMPUTE_OK;
    }
    if (driver->on_cpu) {
        learn_host(&gpu->info);
        return true;
    }
    return gpu_check(gpu, learn_cuda(gpu), "cuDeviceGetName") == BG_COMPUTE_OK;
}

/* ---- The context ---- */

static enum bg_compute_status find_functions(struct gpu *gpu, CUmodule module)
{
    const struct {
        const char *name;
        CUfunction *function;
    } wanted[] = {
        {"vector_add_uint32", &gpu->add_uint32},
        {"vector_add_float32", &gpu->add_float32},
        {"fill", &gpu->fill},
    };
    CUresult result = CUDA_SUCCESS;

    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && result == CUDA_SUCCESS; i++) {
        result = gpu->driver->cuModuleGetFunction(wanted[i].function, module, wanted[i].name);
    }
    return gpu_check(gpu, result, "cuModuleGetFunction");
}

/* It stays until the process ends. */
static enum bg_compute_status make_context(struct gpu *gpu, CUcontext *context)
{
    const struct cuda_driver *driver = gpu->driver;
    CUresult result = driver->cuDevicePrimaryCtxRetain(context, gpu->device);

    if (result != CUDA_SUCCESS) {
        return gpu_check(gpu, result, "cuDevicePrimaryCtxRetain");
    }
    return gpu_check(gpu, driver->cuCtxSetCurrent(*context), "cuCtxSetCurrent");
}

static enum bg_compute_status load_kernels(struct gpu *gpu)
{
    CUmodule module;
    CUresult result = gpu->driver->cuModuleLoadData(&module, mediator_kernels);

    if (result != CUDA_SUCCESS) {
        return gpu_check(gpu, result, "cuModuleLoadData");
    }
    return find_functions(gpu, module);
}

/* On the CPU the thread that asks computes, whose time is counted. */
static enum bg_compute_status make_stream(struct gpu *gpu)
{
    unsigned at_call = gpu->driver->on_cpu ? CUDA_CPU_STREAM_AT_CALL : 0;

    return gpu_check(gpu,
                     gpu->driver->cuStreamCreate(&gpu->stream, CU_STREAM_NON_BLOCKING | at_call),
                     "cuStreamCreate");
}

static enum bg_compute_status make_scratch(struct gpu *gpu)
{
    gpu->scratch = aligned_alloc(PAGE, GPU_SCRATCH_SIZE);
    if (gpu->scratch == NULL) {
        return gpu_check(gpu, CUDA_ERROR_OUT_OF_MEMORY, "scratch memory");
    }
    return gpu_share(gpu, gpu->scratch, GPU_SCRATCH_SIZE, &gpu->scratch_address);
}

static void on_compiling(void *context, bool begins)
{
    struct gpu *gpu = context;

    if (gpu->stand_aside != NULL) {
        gpu->stand_aside(gpu->owner, begins);
    }
}

static void on_said(void *context, const char *text, size_t length)
{
    struct gpu *gpu = context;

    if (gpu->say != NULL) {
        gpu->say(gpu->listener, text, length);
    } else {
        fwrite(text, 1, length, stderr);
    }
}

static void set_host(struct gpu *gpu)
{
    const struct cuda_cpu_host host = {on_compiling, on_said, gpu};

    if (gpu->driver->set_host != NULL) {
        gpu->driver->set_host(&host);
    }
}

enum bg_compute_status gpu_prepare(struct gpu *gpu)
{
    enum bg_compute_status status;
    CUcontext context;

    if (gpu->context != NULL) {
        return BG_COMPUTE_OK;
    }
    set_host(gpu);
    status = make_context(gpu, &context);
    if (status == BG_COMPUTE_OK) {
        status = load_kernels(gpu);
    }
    if (status == BG_COMPUTE_OK) {
        status = make_stream(gpu);
    }
    if (status == BG_COMPUTE_OK) {
        status = make_scratch(gpu);
    }
    if (status == BG_COMPUTE_OK) {
        gpu->context = context;
    }
    return status;
}

void gpu_make_current(const struct gpu *gpu)
{
    gpu->driver->cuCtxSetCurrent(gpu->context); /* what it could refuse, the next call says */
}

/* ---- Memory ---- */

/* What another guest left there must not be seen: zeroed before anybody has the handle. */
static enum bg_compute_status zero(struct gpu *gpu, gpu_address address, uint64_t size)
{
    CUresult result =
        gpu->driver->cuMemsetD8Async((CUdeviceptr)address, 0, (size_t)size, gpu->stream);
    enum bg_compute_status status = gpu_check(gpu, result, "cuMemsetD8Async");

    return status == BG_COMPUTE_OK ? wait(gpu, "zeroing memory") : status;
}

enum bg_compute_status gpu_alloc(struct gpu *gpu, uint64_t size, gpu_address *address)
{
    CUdeviceptr pointer = 0;
    CUresult result = gpu->driver->cuMemAlloc(&pointer, (size_t)size);
    enum bg_compute_status status = gpu_check(gpu, result, "cuMemAlloc");

    if (status != BG_COMPUTE_OK) {
        return status;
    }
    /* The CPU device's is zero. */
    status = gpu->driver->on_cpu ? BG_COMPUTE_OK : zero(gpu, pointer, size);
    if (status != BG_COMPUTE_OK) {
        gpu->driver->cuMemFree(pointer);
        return status;
    }
    *address = pointer;
    return BG_COMPUTE_OK;
}

/* To give back many pages at once takes long, too. The CPU's addresses are this process's. */
static void free_pages(struct gpu *gpu, gpu_address address, uint64_t size)
{
    uint64_t whole = (address + PAGE - 1) / PAGE * PAGE;

    for (; whole + FREE_PIECE < address + size; whole += FREE_PIECE) {
        madvise((void *)(uintptr_t)whole, FREE_PIECE, MADV_DONTNEED);
        gpu_give_way(gpu);
    }
}

enum bg_compute_status gpu_free(struct gpu *gpu, gpu_address address, uint64_t size)
{
    gpu_finish(gpu); /* what was started may use it */
    if (gpu->driver->on_cpu) {
        free_pages(gpu, address, size);
    }
    return gpu_check(gpu, gpu->driver->cuMemFree((CUdeviceptr)address), "cuMemFree");
}

enum bg_compute_status gpu_share(struct gpu *gpu, void *memory, uint64_t size, gpu_address *address)
{
    const struct cuda_driver *driver = gpu->driver;
    CUdeviceptr pointer = 0;
    enum bg_compute_status status;

    status = gpu_check(
        gpu, driver->cuMemHostRegister(memory, (size_t)size, CU_MEMHOSTREGISTER_DEVICEMAP),
        "cuMemHostRegister");
    if (status == BG_COMPUTE_OK) {
        status = gpu_check(gpu, driver->cuMemHostGetDevicePointer(&pointer, memory, 0),
                           "cuMemHostGetDevicePointer");
        if (status != BG_COMPUTE_OK) {
            driver->cuMemHostUnregister(memory);
        }
    }
    *address = pointer;
    return status;
}

void gpu_unshare(struct gpu *gpu, void *memory)
{
    gpu_finish(gpu);
    gpu_check(gpu, gpu->driver->cuMemHostUnregister(memory), "cuMemHostUnregister");
}
