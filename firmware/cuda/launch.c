/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches of every kind. cuLaunchKernel begins in launch_quick.c. */
#include "firmware/cuda/capture.h"
#include "protocol/cuda_rules.h"

/* ---- Parameters ---- */

/* `extra`, checked: where the bytes are, at least as many as the parameters have. NULL: nowhere. */
static CUresult read_extra(const struct cuda_function *function, void **extra, const void **bytes)
{
    size_t size = 0;

    *bytes = NULL;
    for (size_t i = 0; extra[i] != CU_LAUNCH_PARAM_END; i += 2) {
        if (extra[i] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
            *bytes = extra[i + 1];
        } else if (extra[i] == CU_LAUNCH_PARAM_BUFFER_SIZE) {
            memcpy(&size, extra[i + 1], sizeof(size));
        } else {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return size < function->params_size || (size != 0 && *bytes == NULL) ? CUDA_ERROR_INVALID_VALUE
                                                                         : CUDA_SUCCESS;
}

static CUresult check_params(const struct cuda_function *function, void **params, void **extra)
{
    const void *bytes;

    if (extra != NULL) {
        return params != NULL ? CUDA_ERROR_INVALID_VALUE : read_extra(function, extra, &bytes);
    }
    if (function->param_count > 0 && params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (uint32_t i = 0; i < function->param_count; i++) {
        if (params[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

static inline bool is_aligned(const void *a, const void *b, uint32_t size)
{
    return (((uintptr_t)a | (uintptr_t)b) & (size - 1)) == 0;
}

/* One value: mostly an address or a number, and where such a thing should be. */
static inline void copy_value(uint8_t *to, const void *from, uint32_t size)
{
    if (size == 8 && is_aligned(to, from, 8)) {
        __builtin_memcpy(__builtin_assume_aligned(to, 8), __builtin_assume_aligned(from, 8), 8);
    } else if (size == 4 && is_aligned(to, from, 4)) {
        __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
    } else {
        memcpy(to, from, size);
    }
}

/* Checked before. */
static void write_params(const struct cuda_function *function, void **params, void **extra,
                         uint8_t *to)
{
    const void *bytes;

    if (extra != NULL) {
        read_extra(function, extra, &bytes);
        cuda_bytes_copy(to, (struct cuda_bytes){bytes, function->params_size});
        return;
    }
    for (uint32_t i = 0; i < function->param_count; i++) {
        copy_value(to + function->params[i].offset, params[i], function->params[i].size);
    }
}

CUresult cuda_launch_params(const struct cuda_function *function, void **params, void **extra,
                            void *to)
{
    CUresult result = check_params(function, params, extra);

    if (result == CUDA_SUCCESS) {
        memset(to, 0, function->params_size);
        write_params(function, params, extra, to);
    }
    return result;
}

/* ---- Sizes ---- */

static inline bool is_in(const unsigned size[3], const int32_t most[3])
{
    return size[0] - 1u < (unsigned)most[0] && size[1] - 1u < (unsigned)most[1] &&
           size[2] - 1u < (unsigned)most[2];
}

static CUresult check_cooperative(const struct cuda_launch *launch)
{
    const struct cuda_function *function = launch->function;
    const struct cuda_device *device = function->object.context->device;
    uint64_t blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    uint32_t threads = launch->block[0] * launch->block[1] * launch->block[2];
    int fit;
    CUresult result = cuda_occupancy(function, (int)threads, launch->dynamic_shared, 0, &fit);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return blocks <= (uint64_t)(unsigned)fit *
                         (unsigned)device->info.attributes[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT]
               ? CUDA_SUCCESS
               : CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
}

static inline CUresult check(struct cuda_context *context, const struct cuda_launch *launch)
{
    const struct cuda_function *function = launch->function;
    const struct cuda_launch_limits *limits = &context->device->limits;
    uint64_t threads = (uint64_t)launch->block[0] * launch->block[1] * launch->block[2];

    if (!is_in(launch->grid, limits->grid) || !is_in(launch->block, limits->block) ||
        threads > (unsigned)limits->threads ||
        launch->dynamic_shared >
            (unsigned)function->attributes[CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES]) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (threads > (unsigned)function->attributes[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK]) {
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
    return launch->flags & BG_CUDA_LAUNCH_COOPERATIVE ? check_cooperative(launch) : CUDA_SUCCESS;
}

CUresult cuda_launch_check(struct cuda_context *context, const struct cuda_launch *launch)
{
    return check(context, launch);
}

/* ---- The command ---- */

/* More parameters than a command has room for are data, which costs a round trip. */
static CUresult call_launch(const struct cuda_launch *launch, const struct cuda_stream *stream,
                            void **params, void **extra)
{
    const struct cuda_function *function = launch->function;
    struct bg_cuda_launch head;
    struct cuda_call call = {.operation = BG_CUDA_LAUNCH, .params = {&head, sizeof(head)}};
    void *bytes = cuda_alloc(function->params_size);
    CUresult result;

    if (bytes == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    cuda_launch_pack(launch, stream->number, 0, &head);
    write_params(function, params, extra, bytes);
    call.data = (struct cuda_bytes){bytes, function->params_size};
    cuda_queue(function->object.context->device, stream->number);
    result = cuda_call(function->object.context->device, &call);
    cuda_free(bytes);
    return result;
}

CUresult cuda_launch_put(const struct cuda_launch *launch, struct cuda_stream *stream,
                         void **params, void **extra)
{
    const struct cuda_function *function = launch->function;
    struct cuda_device *device = function->object.context->device;
    uint32_t param_size = function->params_size;
    uint32_t size = (uint32_t)sizeof(struct bg_cuda_launch) + (param_size + 3) / 4 * 4;
    struct bg_cuda_launch *head;
    void *room;
    CUresult result = check_params(function, params, extra);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (size > device->params_max) {
        return call_launch(launch, stream, params, extra);
    }
    result = device->carrier->begin(device, BG_CUDA_LAUNCH, size, &room);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    head = room;
    cuda_launch_pack(launch, stream->number, param_size, head);
    write_params(function, params, extra, (uint8_t *)(head + 1));
    cuda_queue(device, stream->number);
    return device->carrier->end(device);
}

static CUresult capture(struct cuda_stream *stream, const struct cuda_launch *launch, void **params,
                        void **extra)
{
    const CUDA_KERNEL_NODE_PARAMS kernel = {
        .func = launch->function->object.handle,
        .gridDimX = launch->grid[0],
        .gridDimY = launch->grid[1],
        .gridDimZ = launch->grid[2],
        .blockDimX = launch->block[0],
        .blockDimY = launch->block[1],
        .blockDimZ = launch->block[2],
        .sharedMemBytes = launch->dynamic_shared,
        .kernelParams = params,
        .extra = extra,
    };

    return cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_KERNEL, &kernel,
                            (launch->flags & BG_CUDA_LAUNCH_COOPERATIVE) != 0);
}

static CUresult launch_in(CUstream handle, const struct cuda_launch *launch, void **params,
                          void **extra)
{
    struct cuda_context *context = launch->function->object.context;
    struct cuda_stream *stream = &context->legacy;
    CUresult result = CUDA_SUCCESS;

    if (handle != NULL || context->captured != 0) {
        result = cuda_capture_stream_of(context, handle, &stream);
    }
    result = result ?: check(context, launch);
    if (result == CUDA_SUCCESS && stream->capture != NULL) {
        return capture(stream, launch, params, extra);
    }
    result = result ?: cuda_launch_put(launch, stream, params, extra);
    return result == CUDA_SUCCESS && cuda.is_launch_blocking ? cuda_stream_wait(stream) : result;
}

static CUresult enter(CUfunction handle, struct cuda_function **function)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_function_of(context, handle, function);
}

CUresult cuda_launch_any(CUfunction function, struct cuda_launch *launch, CUstream stream,
                         void **params, void **extra)
{
    return enter(function, &launch->function) ?: launch_in(stream, launch, params, extra);
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                   unsigned grid_z, unsigned block_x, unsigned block_y,
                                   unsigned block_z, unsigned shared_bytes, CUstream stream,
                                   void **params)
{
    struct cuda_launch launch = {
        .grid = {grid_x, grid_y, grid_z},
        .block = {block_x, block_y, block_z},
        .dynamic_shared = shared_bytes,
        .flags = BG_CUDA_LAUNCH_COOPERATIVE,
    };

    return cuda_launch_any(function, &launch, stream, params, NULL);
}

/* ---- With attributes ---- */

/* Those that are about time, caches and priorities change nothing. */
static CUresult read_attribute(const CUlaunchAttribute *attribute, struct cuda_launch *launch,
                               CUevent *event)
{
    bool is_cooperative = false;
    CUresult result = cuda_read_launch_attribute(attribute, &is_cooperative, event);

    launch->flags |= is_cooperative ? BG_CUDA_LAUNCH_COOPERATIVE : 0;
    return result;
}

/* An event of an attribute comes when the kernel is done: late, which it may. */
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params,
                          void **extra)
{
    struct cuda_launch launch = {0};
    CUevent event = NULL;
    CUresult result = enter(function, &launch.function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (config == NULL || (config->attrs == NULL && config->numAttrs > 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < config->numAttrs && result == CUDA_SUCCESS; i++) {
        result = read_attribute(&config->attrs[i], &launch, &event);
    }
    launch.grid[0] = config->gridDimX;
    launch.grid[1] = config->gridDimY;
    launch.grid[2] = config->gridDimZ;
    launch.block[0] = config->blockDimX;
    launch.block[1] = config->blockDimY;
    launch.block[2] = config->blockDimZ;
    launch.dynamic_shared = config->sharedMemBytes;
    result = result ?: launch_in(config->hStream, &launch, params, extra);
    return result == CUDA_SUCCESS && event != NULL ? cuEventRecord(event, config->hStream) : result;
}
