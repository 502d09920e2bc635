/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CUDA backend: the driver's interface, one context and one stream per worker process, so
 * everything of a session happens in the order it was asked for. Used by one thread, the worker's
 * executor, to which the context is current once prepared.
 */
#include "host/mediator/compute/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/compute/cuda_driver.h"

#define THREADS_PER_BLOCK 256u
#define BLOCKS_MAX (1u << 16) /* the kernels stride over what is more */
#define ELEMENT_SIZE 4u
/* Room for a, b and c of vector_add_host. */
#define SCRATCH_PART (BACKEND_HOST_VECTOR_MAX * ELEMENT_SIZE)
/* Overlapping copies go through a piece of this size at a time. */
#define BOUNCE_MAX (UINT64_C(32) << 20)

/* fill_1 to fill_16: by the texel's size. */
#define FILLS 5

#ifdef HAVE_CUDA_KERNELS
extern const char cuda_kernels_fatbin[]; /* kernels.cu by nvcc, embedded by the build */
#else
static const char *const cuda_kernels_fatbin;
#endif

struct backend_cuda {
    struct backend base;
    const struct cuda_driver *driver;
    cuda_device device;
    cuda_stream stream;
    cuda_function add_uint32, add_float32;
    cuda_function fill[FILLS];
    cuda_pointer scratch;
    cuda_result async_error; /* of work waited for by finish; synchronize reports it */
    bool retained, ready;
};

static struct backend_cuda *cuda(struct backend *backend)
{
    return (struct backend_cuda *)backend;
}

/* Turns a driver's result into a status and keeps what happened for the log. */
static enum bg_compute_status check(struct backend_cuda *backend, cuda_result result,
                                    const char *what)
{
    if (result == CUDA_RESULT_SUCCESS) {
        return BG_COMPUTE_OK;
    }
    snprintf(backend->base.error, sizeof(backend->base.error), "%s: %s", what,
             cuda_driver_error_name(backend->driver, result));
    if (cuda_result_is_fatal(result)) {
        backend->base.lost = true;
    }
    return result == CUDA_RESULT_OUT_OF_MEMORY ? BG_COMPUTE_OUT_OF_MEMORY : BG_COMPUTE_CUDA_ERROR;
}

/* Waits for the stream; afterwards nothing is pending, whatever the result. */
static enum bg_compute_status wait(struct backend_cuda *backend, const char *what)
{
    backend->base.async_pending = false;
    return check(backend, backend->driver->stream_synchronize(backend->stream), what);
}

/* The end of an operation: waits, unless the guest wants to go on. */
static enum bg_compute_status complete(struct backend_cuda *backend, bool async, const char *what)
{
    if (async) {
        backend->base.async_pending = true;
        return BG_COMPUTE_OK;
    }
    return wait(backend, what);
}

static void cuda_close(struct backend *base)
{
    struct backend_cuda *backend = cuda(base);

    /* The context frees stream, module and memory; in a lost process nothing answers any more. */
    if (backend->retained && !base->lost) {
        backend->driver->primary_context_release(backend->device);
    }
    free(backend);
}

static enum bg_compute_status make_context(struct backend_cuda *backend)
{
    const struct cuda_driver *driver = backend->driver;
    cuda_context context;
    cuda_module module;
    cuda_result result;

    result = driver->primary_context_retain(&context, backend->device);
    if (result != CUDA_RESULT_SUCCESS) {
        return check(backend, result, "cuDevicePrimaryCtxRetain");
    }
    backend->retained = true;
    if ((result = driver->context_set_current(context)) != CUDA_RESULT_SUCCESS) {
        return check(backend, result, "cuCtxSetCurrent");
    }
    if ((result = driver->module_load_data(&module, cuda_kernels_fatbin)) != CUDA_RESULT_SUCCESS) {
        return check(backend, result, "cuModuleLoadData");
    }
    result = driver->module_get_function(&backend->add_uint32, module, "vector_add_uint32");
    if (result == CUDA_RESULT_SUCCESS) {
        result = driver->module_get_function(&backend->add_float32, module, "vector_add_float32");
    }
    for (int i = 0; i < FILLS && result == CUDA_RESULT_SUCCESS; i++) {
        static const char *const names[FILLS] = {"fill_1", "fill_2", "fill_4", "fill_8", "fill_16"};

        result = driver->module_get_function(&backend->fill[i], module, names[i]);
    }
    if (result != CUDA_RESULT_SUCCESS) {
        return check(backend, result, "cuModuleGetFunction");
    }
    result = driver->stream_create(&backend->stream, CUDA_STREAM_NON_BLOCKING);
    if (result != CUDA_RESULT_SUCCESS) {
        return check(backend, result, "cuStreamCreate");
    }
    return check(backend, driver->memory_alloc(&backend->scratch, 3 * (size_t)SCRATCH_PART),
                 "cuMemAlloc");
}

static enum bg_compute_status cuda_prepare(struct backend *base)
{
    struct backend_cuda *backend = cuda(base);
    enum bg_compute_status status = BG_COMPUTE_OK;

    if (!backend->ready) {
        status = make_context(backend);
        backend->ready = status == BG_COMPUTE_OK;
    }
    return status;
}

static int attribute(const struct backend_cuda *backend, enum cuda_device_attribute which)
{
    int value = 0;

    /* What a newer driver does not tell any more is 0: not known. */
    if (backend->driver->device_get_attribute(&value, which, backend->device) !=
        CUDA_RESULT_SUCCESS) {
        return 0;
    }
    return value;
}

static enum bg_compute_status cuda_get_info(struct backend *base,
                                            struct bg_compute_device_info *info)
{
    struct backend_cuda *backend = cuda(base);
    size_t total = 0;
    cuda_result result;

    memset(info, 0, sizeof(*info));
    result = backend->driver->device_get_name(info->name, sizeof(info->name), backend->device);
    if (result == CUDA_RESULT_SUCCESS) {
        result = backend->driver->device_total_mem(&total, backend->device);
    }
    info->backend = BG_COMPUTE_BACKEND_CUDA;
    info->multiprocessors = (uint32_t)attribute(backend, CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    info->memory_total = total;
    info->capability_major = (uint32_t)attribute(backend, CUDA_ATTRIBUTE_CAPABILITY_MAJOR);
    info->capability_minor = (uint32_t)attribute(backend, CUDA_ATTRIBUTE_CAPABILITY_MINOR);
    info->clock_khz = (uint32_t)attribute(backend, CUDA_ATTRIBUTE_CLOCK_RATE);
    return check(backend, result, "cuDeviceGetName");
}

static enum bg_compute_status cuda_memory_alloc(struct backend *base, uint64_t size,
                                                backend_address *address)
{
    struct backend_cuda *backend = cuda(base);
    const struct cuda_driver *driver = backend->driver;
    cuda_pointer pointer = 0;
    enum bg_compute_status status;

    status = check(backend, driver->memory_alloc(&pointer, (size_t)size), "cuMemAlloc");
    if (status != BG_COMPUTE_OK) {
        return status;
    }
    /* What another guest left there must not be seen: zeroed before anybody has the handle. */
    status = check(backend, driver->memory_set_async(pointer, 0, (size_t)size, backend->stream),
                   "cuMemsetD8Async");
    if (status == BG_COMPUTE_OK) {
        status = wait(backend, "zeroing memory");
    }
    if (status != BG_COMPUTE_OK) {
        driver->memory_free(pointer);
        return status;
    }
    *address = pointer;
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cuda_memory_free(struct backend *base, backend_address address,
                                               uint64_t size)
{
    struct backend_cuda *backend = cuda(base);

    (void)size;
    base->ops->finish(base); /* what was started may use it */
    return check(backend, backend->driver->memory_free(address), "cuMemFree");
}

/* From pageable memory the driver has taken the bytes when the call returns; from shared memory
 * (cuda_share) it is one DMA, under way. */
static enum bg_compute_status cuda_copy_to_device(struct backend *base, backend_address dst,
                                                  const void *src, uint64_t size, bool async)
{
    struct backend_cuda *backend = cuda(base);
    enum bg_compute_status status;

    status = check(backend,
                   backend->driver->copy_to_device_async(dst, src, (size_t)size, backend->stream),
                   "cuMemcpyHtoDAsync");
    return status == BG_COMPUTE_OK ? complete(backend, async, "copy to the device") : status;
}

static enum bg_compute_status cuda_copy_from_device(struct backend *base, void *dst,
                                                    backend_address src, uint64_t size, bool async)
{
    struct backend_cuda *backend = cuda(base);
    enum bg_compute_status status;

    status = check(backend,
                   backend->driver->copy_from_device_async(dst, src, (size_t)size, backend->stream),
                   "cuMemcpyDtoHAsync");
    return status == BG_COMPUTE_OK ? complete(backend, async, "copy from the device") : status;
}

/* Piece by piece through a buffer, from the end that is not overwritten before it is read. */
static enum bg_compute_status copy_overlapping(struct backend_cuda *backend, backend_address dst,
                                               backend_address src, uint64_t size)
{
    const struct cuda_driver *driver = backend->driver;
    uint64_t piece = size < BOUNCE_MAX ? size : BOUNCE_MAX;
    enum bg_compute_status status, waited;
    cuda_pointer bounce;

    status = check(backend, driver->memory_alloc(&bounce, (size_t)piece), "cuMemAlloc");
    if (status != BG_COMPUTE_OK) {
        return status;
    }
    for (uint64_t done = 0; done < size && status == BG_COMPUTE_OK; done += piece) {
        uint64_t left = size - done;
        size_t now = (size_t)(left < piece ? left : piece);
        uint64_t offset = dst < src ? done : left - now;

        status =
            check(backend, driver->copy_in_device_async(bounce, src + offset, now, backend->stream),
                  "cuMemcpyDtoDAsync");
        if (status == BG_COMPUTE_OK) {
            status = check(backend,
                           driver->copy_in_device_async(dst + offset, bounce, now, backend->stream),
                           "cuMemcpyDtoDAsync");
        }
    }
    waited = wait(backend, "copy in the device");
    driver->memory_free(bounce);
    return status != BG_COMPUTE_OK ? status : waited;
}

static enum bg_compute_status cuda_copy_in_device(struct backend *base, backend_address dst,
                                                  backend_address src, uint64_t size, bool async)
{
    struct backend_cuda *backend = cuda(base);
    enum bg_compute_status status;

    if (dst == src) {
        return BG_COMPUTE_OK;
    }
    if (dst < src + size && src < dst + size) {
        return copy_overlapping(backend, dst, src, size);
    }
    status = check(backend,
                   backend->driver->copy_in_device_async(dst, src, (size_t)size, backend->stream),
                   "cuMemcpyDtoDAsync");
    return status == BG_COMPUTE_OK ? complete(backend, async, "copy in the device") : status;
}

static enum bg_compute_status cuda_share(struct backend *base, void *memory, uint64_t size,
                                         backend_address *address)
{
    struct backend_cuda *backend = cuda(base);
    const struct cuda_driver *driver = backend->driver;
    cuda_pointer pointer = 0;
    enum bg_compute_status status;

    status =
        check(backend, driver->host_register(memory, (size_t)size, CUDA_HOST_REGISTER_DEVICE_MAP),
              "cuMemHostRegister");
    if (status == BG_COMPUTE_OK) {
        status = check(backend, driver->host_get_device_pointer(&pointer, memory, 0),
                       "cuMemHostGetDevicePointer");
        if (status != BG_COMPUTE_OK) {
            driver->host_unregister(memory);
        }
    }
    *address = pointer;
    return status;
}

static void cuda_unshare(struct backend *base, void *memory)
{
    struct backend_cuda *backend = cuda(base);

    base->ops->finish(base);
    check(backend, backend->driver->host_unregister(memory), "cuMemHostUnregister");
}

static enum bg_compute_status copy_row(struct backend_cuda *backend, const struct backend_side *dst,
                                       const struct backend_side *src, uint64_t size)
{
    const struct cuda_driver *driver = backend->driver;

    if (src->host != NULL) {
        return check(
            backend,
            driver->copy_to_device_async(dst->address, src->host, (size_t)size, backend->stream),
            "cuMemcpyHtoDAsync");
    }
    if (dst->host != NULL) {
        return check(
            backend,
            driver->copy_from_device_async(dst->host, src->address, (size_t)size, backend->stream),
            "cuMemcpyDtoHAsync");
    }
    return check(
        backend,
        driver->copy_in_device_async(dst->address, src->address, (size_t)size, backend->stream),
        "cuMemcpyDtoDAsync");
}

/* The pitch means nothing with one row, and may be anything then. */
static void set_side(struct cuda_copy_side *to, const struct backend_side *side, uint64_t slice,
                     const struct backend_box *box)
{
    uint64_t offset = slice * side->slice_pitch;

    to->memory_type = side->host != NULL ? CUDA_MEMORY_HOST : CUDA_MEMORY_DEVICE;
    to->host = side->host != NULL ? (uint8_t *)side->host + offset : NULL;
    to->device = side->host != NULL ? 0 : side->address + offset;
    to->pitch = (size_t)(box->rows > 1 ? side->row_pitch : box->row_size);
}

/* One side in the device, the other there, too, or on the host (not shared: not asynchronous).
 * A slice at a time: a guest's slice pitch need not be a multiple of its row pitch. */
static enum bg_compute_status cuda_copy_box(struct backend *base, const struct backend_side *dst,
                                            const struct backend_side *src,
                                            const struct backend_box *box, bool async)
{
    struct backend_cuda *backend = cuda(base);
    struct backend_box rest = *box;
    enum bg_compute_status status = BG_COMPUTE_OK;

    backend_box_join(&rest, dst, src);
    if (rest.rows == 1 && rest.slices == 1) {
        status = copy_row(backend, dst, src, rest.row_size);
        return status == BG_COMPUTE_OK ? complete(backend, async, "copy of a row") : status;
    }
    for (uint64_t slice = 0; slice < rest.slices && status == BG_COMPUTE_OK; slice++) {
        struct cuda_copy_3d copy = {
            .width_bytes = (size_t)rest.row_size, .height = (size_t)rest.rows, .depth = 1};

        set_side(&copy.src, src, slice, &rest);
        set_side(&copy.dst, dst, slice, &rest);
        status = check(backend, backend->driver->copy_3d_async(&copy, backend->stream),
                       "cuMemcpy3DAsync");
    }
    return status == BG_COMPUTE_OK ? complete(backend, async, "copy of a box") : status;
}

static enum bg_compute_status launch(struct backend_cuda *backend, cuda_function function,
                                     uint64_t count, void **parameters)
{
    uint64_t blocks = (count - 1) / THREADS_PER_BLOCK + 1;

    return check(backend,
                 backend->driver->launch_kernel(
                     function, (unsigned)(blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX), 1, 1,
                     THREADS_PER_BLOCK, 1, 1, 0, backend->stream, parameters, NULL),
                 "cuLaunchKernel");
}

static enum bg_compute_status cuda_fill(struct backend *base, backend_address dst,
                                        const void *texel, uint32_t size, uint64_t count,
                                        bool async)
{
    struct backend_cuda *backend = cuda(base);
    unsigned char value[16] = {0};
    void *parameters[] = {&dst, &count, value};
    enum bg_compute_status status;

    memcpy(value, texel, size);
    status = launch(backend, backend->fill[__builtin_ctz(size)], count, parameters);
    return status == BG_COMPUTE_OK ? complete(backend, async, "fill") : status;
}

static enum bg_compute_status launch_add(struct backend_cuda *backend,
                                         enum bg_compute_element_type type, cuda_pointer c,
                                         cuda_pointer a, cuda_pointer b, uint64_t count)
{
    void *parameters[] = {&c, &a, &b, &count};

    return launch(backend,
                  type == BG_COMPUTE_ELEMENT_FLOAT32 ? backend->add_float32 : backend->add_uint32,
                  count, parameters);
}

static enum bg_compute_status cuda_vector_add(struct backend *base,
                                              enum bg_compute_element_type type, backend_address c,
                                              backend_address a, backend_address b, uint64_t count,
                                              bool async)
{
    struct backend_cuda *backend = cuda(base);
    enum bg_compute_status status = launch_add(backend, type, c, a, b, count);

    return status == BG_COMPUTE_OK ? complete(backend, async, "vector addition") : status;
}

static enum bg_compute_status cuda_vector_add_host(struct backend *base,
                                                   enum bg_compute_element_type type, void *c,
                                                   const void *a, const void *b, uint32_t count)
{
    struct backend_cuda *backend = cuda(base);
    size_t size = (size_t)count * ELEMENT_SIZE;
    cuda_pointer device_a = backend->scratch;
    cuda_pointer device_b = device_a + SCRATCH_PART;
    cuda_pointer device_c = device_b + SCRATCH_PART;
    enum bg_compute_status status;

    status =
        check(backend, backend->driver->copy_to_device_async(device_a, a, size, backend->stream),
              "cuMemcpyHtoDAsync");
    if (status == BG_COMPUTE_OK) {
        status = check(backend,
                       backend->driver->copy_to_device_async(device_b, b, size, backend->stream),
                       "cuMemcpyHtoDAsync");
    }
    if (status == BG_COMPUTE_OK) {
        status = launch_add(backend, type, device_c, device_a, device_b, count);
    }
    return status == BG_COMPUTE_OK ? cuda_copy_from_device(base, c, device_c, size, false) : status;
}

static enum bg_compute_status cuda_synchronize(struct backend *base)
{
    struct backend_cuda *backend = cuda(base);
    cuda_result kept = backend->async_error;
    enum bg_compute_status status = wait(backend, "asynchronous work");

    backend->async_error = CUDA_RESULT_SUCCESS;
    if (kept != CUDA_RESULT_SUCCESS) {
        return check(backend, kept, "asynchronous work");
    }
    return status;
}

static void cuda_finish(struct backend *base)
{
    struct backend_cuda *backend = cuda(base);
    cuda_result result;

    if (!base->async_pending) {
        return;
    }
    result = backend->driver->stream_synchronize(backend->stream);
    base->async_pending = false;
    if (check(backend, result, "asynchronous work") != BG_COMPUTE_OK &&
        backend->async_error == CUDA_RESULT_SUCCESS) {
        backend->async_error = result;
    }
}

static const struct backend_ops cuda_ops = {
    .name = "cuda",
    .close = cuda_close,
    .prepare = cuda_prepare,
    .get_info = cuda_get_info,
    .memory_alloc = cuda_memory_alloc,
    .memory_free = cuda_memory_free,
    .copy_to_device = cuda_copy_to_device,
    .copy_from_device = cuda_copy_from_device,
    .copy_in_device = cuda_copy_in_device,
    .vector_add = cuda_vector_add,
    .vector_add_host = cuda_vector_add_host,
    .share = cuda_share,
    .unshare = cuda_unshare,
    .copy_box = cuda_copy_box,
    .fill = cuda_fill,
    .synchronize = cuda_synchronize,
    .finish = cuda_finish,
};

struct backend *backend_cuda_open(int ordinal, char *reason, size_t reason_size)
{
    const struct cuda_driver *driver = cuda_driver_open(reason, reason_size);
    struct backend_cuda *backend;
    cuda_result result;

    if (driver == NULL) {
        return NULL;
    }
    backend = calloc(1, sizeof(*backend));
    if (backend == NULL) {
        snprintf(reason, reason_size, "no memory");
        return NULL;
    }
    backend->base.ops = &cuda_ops;
    backend->driver = driver;
    result = driver->device_get(&backend->device, ordinal);
    if (result != CUDA_RESULT_SUCCESS) {
        snprintf(reason, reason_size, "cuDeviceGet(%d): %s", ordinal,
                 cuda_driver_error_name(driver, result));
        free(backend);
        return NULL;
    }
    return &backend->base;
}

int backend_cuda_count(char *reason, size_t reason_size)
{
    const struct cuda_driver *driver;
    cuda_result result;
    int count = 0;

#ifndef HAVE_CUDA_KERNELS
    snprintf(reason, reason_size, "built without the CUDA Toolkit");
    return 0;
#endif
    driver = cuda_driver_open(reason, reason_size);
    if (driver == NULL) {
        return 0;
    }
    result = driver->device_get_count(&count);
    if (result != CUDA_RESULT_SUCCESS || count <= 0) {
        snprintf(reason, reason_size, "cuDeviceGetCount: %s, %d devices",
                 cuda_driver_error_name(driver, result), count);
        return 0;
    }
    return count;
}
