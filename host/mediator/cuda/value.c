/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/value.h"

#include <string.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/mark.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

bool cuda_value_exists(const struct cuda_session *cuda, const struct bg_cuda_stream_value *value)
{
    return cuda_memory_has(cuda, value->address, value->size);
}

/* ---- Looking ---- */

/* Where this process has the word; NULL: nowhere. */
static const void *find(const struct cuda_session *cuda, const struct bg_cuda_stream_value *value)
{
    const struct operation_heap *heap = &cuda->heap;
    bool in_heap = heap->memory != NULL && value->address - heap->address < heap->size;

    return in_heap                ? heap->memory + (value->address - heap->address)
           : cuda->driver->on_cpu ? (const void *)(uintptr_t)value->address
                                  : NULL;
}

static uint64_t load(const void *word, uint32_t size)
{
    return size == sizeof(uint32_t) ? __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE)
                                    : __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
}

/* False: a GPU has it, and gives it not now. */
static bool read_word(const struct cuda_session *cuda, const struct bg_cuda_stream_value *value,
                      uint64_t *now)
{
    const struct cuda_driver *driver = cuda->driver;
    const void *word = find(cuda, value);

    *now = 0;
    if (word != NULL) {
        *now = load(word, value->size);
        return true;
    }
    return driver->cuMemcpyDtoHAsync(now, value->address, value->size, cuda->looking) ==
               CUDA_SUCCESS &&
           driver->cuStreamSynchronize(cuda->looking) == CUDA_SUCCESS;
}

/* As one of 64 bits, whose sign is the word's. */
static uint64_t extend(uint64_t value, uint32_t size)
{
    return size == sizeof(uint32_t) ? (uint64_t)(int64_t)(int32_t)(uint32_t)value : value;
}

bool cuda_value_is_reached(const struct cuda_session *cuda,
                           const struct bg_cuda_stream_value *value)
{
    uint64_t wanted = extend(value->value, value->size), now;

    if (!read_word(cuda, value, &now)) {
        return false;
    }
    now = extend(now, value->size);
    switch (value->flags) {
    case CU_STREAM_WAIT_VALUE_GEQ: /* in a circle */
        return (int64_t)extend(now - wanted, value->size) >= 0;
    case CU_STREAM_WAIT_VALUE_EQ:
        return now == wanted;
    case CU_STREAM_WAIT_VALUE_AND:
        return (now & wanted) != 0;
    default: /* NOR */
        return ~(now | wanted) != 0;
    }
}

/* ---- Commands ---- */

static CUresult check(const struct cuda_session *cuda, const struct bg_cuda_stream_value *value,
                      uint32_t flags_max)
{
    bool is_word = value->size == sizeof(uint32_t) || value->size == sizeof(uint64_t);

    return is_word && value->address % value->size == 0 && value->flags <= flags_max &&
                   value->zero == 0 && cuda_value_exists(cuda, value)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUDA_COMMAND(cuda_run_stream_write)
{
    const struct bg_cuda_stream_value *value = call->params;
    const struct cuda_driver *driver = cuda->driver;
    CUstream stream;
    CUresult result = check(cuda, value, 0) ?: cuda_stream_take(cuda, value->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = value->size == sizeof(uint32_t)
                 ? driver->cuStreamWriteValue32(stream, value->address, (uint32_t)value->value, 0)
                 : driver->cuStreamWriteValue64(stream, value->address, value->value, 0);
    return cuda_check(cuda, result);
}

CUDA_COMMAND(cuda_run_stream_watch)
{
    const struct bg_cuda_stream_value *value = call->params;

    if (cuda->page == NULL) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return check(cuda, value, CU_STREAM_WAIT_VALUE_NOR) ?: cuda_mark_value(cuda, value);
}
