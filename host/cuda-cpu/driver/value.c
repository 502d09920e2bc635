/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of memory that a stream writes, or waits for. */
#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/capture.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/stream.h"
#include "protocol/cuda_rules.h"

struct value_task {
    struct task task;
    void *word;
    size_t size; /* 4 or 8 */
    uint64_t value;
    unsigned condition; /* CUstreamWaitValue_flags */
};

/* ---- The words ---- */

static CUresult run_write(struct task *base)
{
    const struct value_task *task = (const struct value_task *)base;

    if (task->size == sizeof(uint32_t)) {
        __atomic_store_n((uint32_t *)task->word, (uint32_t)task->value, __ATOMIC_RELEASE);
    } else {
        __atomic_store_n((uint64_t *)task->word, task->value, __ATOMIC_RELEASE);
    }
    context_written(task->task.context, task->word, task->size);
    return CUDA_SUCCESS;
}

/* As one of 64 bits, whose sign is the word's. */
static uint64_t extend(const struct value_task *task, uint64_t value)
{
    return task->size == sizeof(uint32_t) ? (uint64_t)(int64_t)(int32_t)(uint32_t)value : value;
}

static bool is_reached(struct task *base)
{
    const struct value_task *task = (const struct value_task *)base;
    uint64_t value = extend(task, task->value);
    uint64_t now = task->size == sizeof(uint32_t)
                       ? __atomic_load_n((uint32_t *)task->word, __ATOMIC_ACQUIRE)
                       : __atomic_load_n((uint64_t *)task->word, __ATOMIC_ACQUIRE);

    now = extend(task, now);
    switch (task->condition) {
    case CU_STREAM_WAIT_VALUE_GEQ: /* in a circle */
        return (int64_t)extend(task, now - value) >= 0;
    case CU_STREAM_WAIT_VALUE_EQ:
        return now == value;
    case CU_STREAM_WAIT_VALUE_AND:
        return (now & value) != 0;
    default: /* NOR */
        return ~(now | value) != 0;
    }
}

/* ---- The API ---- */

/* Memory of the device, or that the driver knows. */
static bool has_word(uint64_t address, size_t size)
{
    const struct allocation *allocation = allocation_find(address);

    return address % size == 0 && allocation != NULL && allocation->kind != ALLOCATION_ARRAY &&
           allocation->size - (address - allocation->start) >= size;
}

static CUresult submit(struct context *context, CUstream handle, const struct value_task *asked,
                       bool waits)
{
    struct value_task *task;
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!has_word((uint64_t)(uintptr_t)asked->word, asked->size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->capture != NULL) { /* there are no such nodes */
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
    task = task_create(sizeof(*task), context, waits ? NULL : run_write);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->task.may_run = waits ? is_reached : NULL;
    task->word = asked->word;
    task->size = asked->size;
    task->value = asked->value;
    task->condition = asked->condition;
    return stream_do(stream, &task->task, false);
}

static CUresult write_value(CUstream stream, CUdeviceptr address, uint64_t value, size_t size,
                            unsigned flags)
{
    const struct value_task asked = {
        .word = (void *)(uintptr_t)address, .size = size, .value = value};

    if (flags & ~(unsigned)CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(submit(context, stream, &asked, false));
}

CUresult cuStreamWriteValue32(CUstream stream, CUdeviceptr address, cuuint32_t value,
                              unsigned flags)
{
    return write_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamWriteValue64(CUstream stream, CUdeviceptr address, cuuint64_t value,
                              unsigned flags)
{
    return write_value(stream, address, value, sizeof(value), flags);
}

static CUresult wait_value(CUstream stream, CUdeviceptr address, uint64_t value, size_t size,
                           unsigned flags)
{
    const struct value_task asked = {
        .word = (void *)(uintptr_t)address, .size = size, .value = value, .condition = flags};

    if (flags & CU_STREAM_WAIT_VALUE_FLUSH) { /* CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES is 0 */
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (flags > CU_STREAM_WAIT_VALUE_NOR) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(submit(context, stream, &asked, true));
}

CUresult cuStreamWaitValue32(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned flags)
{
    return wait_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamWaitValue64(CUstream stream, CUdeviceptr address, cuuint64_t value, unsigned flags)
{
    return wait_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamBatchMemOp(CUstream stream, unsigned count, CUstreamBatchMemOpParams *operations,
                            unsigned flags)
{
    return cuda_do_batch(stream, count, operations, flags);
}
