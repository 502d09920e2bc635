/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies: memory of the device, the heap, and what the carrier brings and takes. */
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

/* What the driver calls a side; 0: it is none that the guest may use. */
static uint64_t find_place(const struct cuda_session *cuda, const struct bg_cuda_place *place,
                           uint64_t size)
{
    switch (place->kind) {
    case BG_CUDA_PLACE_DEVICE:
        return cuda_memory_has(cuda, place->offset, size) ? place->offset : 0;
    case BG_CUDA_PLACE_HEAP:
        return cuda_heap_address(cuda, place->offset, size);
    default:
        return 0;
    }
}

static CUresult copy_data_in(struct cuda_session *cuda, const struct bg_cuda_copy *copy,
                             const struct cuda_call *call, CUstream stream)
{
    uint64_t to = find_place(cuda, &copy->to, copy->size);

    if (to == 0 || copy->from.offset != 0 || copy->size != call->data_size) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_stream_settle(cuda, copy->stream)
               ?: cuda_check(cuda, cuda->driver->cuMemcpyHtoDAsync(to, call->data, copy->size, stream))
               ?: cuda_stream_wait(cuda, stream);
}

static CUresult copy_data_out(struct cuda_session *cuda, const struct bg_cuda_copy *copy,
                              struct cuda_call *call, CUstream stream)
{
    uint64_t from = find_place(cuda, &copy->from, copy->size);
    uint8_t *answer;
    CUresult result;

    if (from == 0 || copy->to.offset != 0 || copy->size > BG_CUDA_IMAGE_SIZE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    answer = cuda_answer_begin(call, copy->size);
    if (answer == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = cuda_stream_settle(cuda, copy->stream)
                 ?: cuda_check(cuda, cuda->driver->cuMemcpyDtoHAsync(answer, from, copy->size, stream))
                 ?: cuda_stream_wait(cuda, stream);
    if (result == CUDA_SUCCESS) {
        cuda_answer_end(call, copy->size);
    }
    return result;
}

static CUresult copy_between(struct cuda_session *cuda, const struct bg_cuda_copy *copy,
                             CUstream stream)
{
    uint64_t to = find_place(cuda, &copy->to, copy->size);
    uint64_t from = find_place(cuda, &copy->from, copy->size);

    if (to == 0 || from == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_check(cuda, cuda->driver->cuMemcpyAsync(to, from, copy->size, stream));
}

static bool is_guest(uint32_t kind)
{
    return kind == BG_CUDA_PLACE_HEAP || kind == BG_CUDA_PLACE_CARRIER;
}

void cuda_count_copy(const struct cuda_session *cuda, uint32_t from, uint32_t to, uint64_t size)
{
    struct gpu *gpu = cuda->session->gpu;

    if (is_guest(from) && !is_guest(to)) {
        gpu_count_copy(&gpu->copied_in, size);
    } else if (is_guest(to) && !is_guest(from)) {
        gpu_count_copy(&gpu->copied_out, size);
    }
}

CUDA_COMMAND(cuda_run_copy)
{
    const struct bg_cuda_copy *copy = call->params;
    CUstream stream;
    CUresult result = cuda_stream_take(cuda, copy->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda_count_copy(cuda, copy->from.kind, copy->to.kind, copy->size);
    if (copy->from.kind == BG_CUDA_PLACE_CARRIER) {
        return copy_data_in(cuda, copy, call, stream);
    }
    if (copy->to.kind == BG_CUDA_PLACE_CARRIER) {
        return copy_data_out(cuda, copy, call, stream);
    }
    return copy_between(cuda, copy, stream);
}
