/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/event.h"
#include "host/mediator/compute/cublas.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/array.h"
#include "host/mediator/cuda/graph.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/mark.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/module.h"
#include "host/mediator/cuda/print.h"
#include "host/mediator/cuda/stream.h"
#include "host/mediator/cuda/texture.h"
#include "host/mediator/log.h"

#define PAGE_ALIGN 64u

/* ---- Errors ---- */

CUresult cuda_check(struct cuda_session *cuda, CUresult result)
{
    struct gpu *gpu = cuda->session->gpu;

    if (cuda->error != CUDA_SUCCESS || !cuda_result_is_fatal(result)) {
        return result;
    }
    cuda->error = result;
    gpu->lost = true;
    snprintf(gpu->error, sizeof(gpu->error), "CUDA: %s",
             cuda_driver_error_name(cuda->driver, result));
    if (cuda->page != NULL) {
        cuda_print_leave(cuda);
        __atomic_store_n(&cuda->page->error, (uint32_t)result, __ATOMIC_RELEASE);
    }
    return result;
}

void cuda_session_tell_failure(struct cuda_session *cuda, CUresult result)
{
    struct bg_cuda_page *page = cuda->page;

    if (page != NULL) {
        __atomic_store_n(&page->failure, (uint32_t)result, __ATOMIC_RELAXED);
        __atomic_fetch_add(&page->failures, 1, __ATOMIC_RELEASE);
    }
}

/* ---- Start ---- */

static CUresult find_page(struct cuda_session *cuda, uint32_t offset)
{
    const struct operation_heap *heap = &cuda->heap;
    uint64_t size = sizeof(struct bg_cuda_page);

    if (offset == BG_CUDA_NONE) {
        return CUDA_SUCCESS;
    }
    if (heap->memory == NULL || offset % PAGE_ALIGN || offset > heap->size ||
        size > heap->size - offset) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    cuda->page = (struct bg_cuda_page *)(void *)(heap->memory + offset);
    return CUDA_SUCCESS;
}

static int32_t attribute(const struct cuda_session *cuda, CUdevice_attribute which)
{
    int value = 0;

    return cuda->driver->cuDeviceGetAttribute(&value, which, cuda->session->gpu->device) ==
                   CUDA_SUCCESS
               ? value
               : 0;
}

static void learn_limits(struct cuda_session *cuda)
{
    for (int i = 0; i < 3; i++) {
        cuda->grid_max[i] =
            attribute(cuda, (CUdevice_attribute)(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + i));
        cuda->block_max[i] =
            attribute(cuda, (CUdevice_attribute)(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + i));
    }
    cuda->threads_max = attribute(cuda, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
}

static CUresult begin(struct cuda_session *cuda, const struct bg_cuda_init *init)
{
    const struct cuda_driver *driver = cuda->driver;
    CUresult result = find_page(cuda, init->page_offset) ?: cuda_marks_create(cuda)
                                                         ?: cuda_print_create(cuda);

    result = result ?: driver->cuStreamCreate(&cuda->own, CU_STREAM_NON_BLOCKING)
                           ?: driver->cuStreamCreate(&cuda->looking, CU_STREAM_NON_BLOCKING)
                           ?: driver->cuStreamCreate(&cuda->leave, CU_STREAM_NON_BLOCKING);
    cuda->leaving_end = &cuda->leaving;
    learn_limits(cuda);
    cuda->streams[BG_CUDA_STREAM_LEGACY].stream = CU_STREAM_LEGACY;
    cuda->streams[BG_CUDA_STREAM_PER_THREAD].stream = CU_STREAM_PER_THREAD;
    return result;
}

CUresult cuda_session_create(struct session *session, const struct operation_heap *heap,
                             const struct bg_cuda_init *init, struct cuda_session **result)
{
    const struct cuda_driver *driver = session->gpu->driver;
    struct cuda_session *cuda;
    CUresult begun;

    if (init->version != BG_CUDA_COMMAND_VERSION) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (driver->missing != NULL) {
        log_warning("%s has no %s: too old for guests' CUDA", driver->path, driver->missing);
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    cuda = calloc(1, sizeof(*cuda));
    if (cuda == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    cuda->session = session;
    cuda->driver = driver;
    cuda->heap = *heap;
    cuda->changes = 1;
    begun = begin(cuda, init);
    if (begun != CUDA_SUCCESS) {
        cuda_session_destroy(cuda);
        return begun;
    }
    *result = cuda;
    return CUDA_SUCCESS;
}

/* ---- The device ---- */

/* What a guest has not, whatever the device could. */
static const uint8_t absent[] = {
    CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING,
    CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY,
    CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS,
    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS,
    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES,
    CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST,
    CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM,
};

static void describe_attributes(const struct cuda_session *cuda, struct bg_cuda_device *device)
{
    for (uint32_t i = 1; i < BG_CUDA_ATTRIBUTES; i++) {
        device->attributes[i] = attribute(cuda, (CUdevice_attribute)i);
    }
    for (uint32_t i = 0; i < sizeof(absent); i++) {
        device->attributes[absent[i]] = 0;
    }
    if (cuda->page == NULL) { /* nobody would look at the words that streams wait for */
        device->attributes[CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS] = 0;
        device->attributes[CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR] = 0;
    }
}

CUresult cuda_session_describe(const struct cuda_session *cuda, struct bg_cuda_device *device)
{
    const struct cuda_driver *driver = cuda->driver;
    CUdevice number = cuda->session->gpu->device;
    CUuuid uuid = {{0}};
    size_t total = 0;
    int version = 0, least = 0, greatest = 0;
    CUresult result =
        driver->cuDriverGetVersion(&version) ?: driver->cuDeviceTotalMem(&total, number)
        ?: driver->cuDeviceGetUuid(&uuid, number)
        ?: driver->cuCtxGetStreamPriorityRange(&least, &greatest);

    *device = (struct bg_cuda_device){
        .provider = driver->on_cpu ? BG_CUDA_PROVIDER_CPU : BG_CUDA_PROVIDER_GPU,
        .driver_version = (uint32_t)version,
        .memory_total = total,
        .memory_limit = cuda->session->memory_limit,
        .heap_address = cuda->heap.memory != NULL ? cuda->heap.address : 0,
        .has_blas = cublas_get(driver) != NULL,
        .greatest_priority = greatest,
        .least_priority = least,
    };
    memcpy(device->uuid, uuid.bytes, sizeof(device->uuid));
    describe_attributes(cuda, device);
    return result ?: driver->cuDeviceGetName(device->name, BG_CUDA_NAME_SIZE, number);
}

/* ---- The end ---- */

static void forget_limits(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < CU_LIMIT_MAX; i++) {
        session_release(cuda->session, cuda->limits[i]);
    }
}

void cuda_session_destroy(struct cuda_session *cuda)
{
    cuda_marks_close(cuda);
    if (cuda_streams_wait(cuda) != CUDA_SUCCESS) { /* of the session's own, the driver may go on */
        cuda_streams_drain(cuda);
    }
    cuda_blas_destroy(cuda);
    cuda_graphs_destroy(cuda);
    cuda_textures_destroy(cuda);
    cuda_arrays_destroy(cuda);
    cuda_leave_destroy(cuda);
    cuda_streams_destroy(cuda);
    cuda_events_destroy(cuda);
    cuda_modules_destroy(cuda);
    cuda_memory_destroy(cuda);
    forget_limits(cuda);
    cuda_marks_destroy(cuda);
    cuda_print_destroy(cuda);
    free(cuda->stage);
    free(cuda->answer);
    free(cuda);
}
