/* SPDX-License-Identifier: BSD-2-Clause */
/* The compute operations as commands of pvgpu's ring. */
#include <string.h>

#include "host/common/clock.h"
#include "host/mediator/pvgpu/context.h"

#define RESULT_ALIGN 8u

/* Written last, with release: the guest may poll for it instead of a fence. Nothing else is read
 * back, so the guest may do what it likes with the rest. */
static void write_result(struct pvgpu_context *context, uint32_t offset,
                         const struct operation *operation, enum bg_compute_status status,
                         uint32_t exec_time_us)
{
    struct bg_pvgpu_compute_result *place =
        (struct bg_pvgpu_compute_result *)(void *)(context->heap.memory + offset);
    struct bg_pvgpu_compute_result result = {
        .status = status,
        .result_count = operation->result_count,
        .data_size = (uint32_t)operation->answer_size, /* within the heap: below 2^32 */
        .exec_time_us = exec_time_us,
    };

    memcpy(result.results, operation->results, operation->result_count * sizeof(uint32_t));
    memcpy((uint8_t *)place + sizeof(place->done), (const uint8_t *)&result + sizeof(result.done),
           sizeof(result) - sizeof(result.done));
    __atomic_store_n(&place->done, 1, __ATOMIC_RELEASE);
}

static bool ranges_are_sound(const struct pvgpu_context *context,
                             const struct bg_pvgpu_compute *compute)
{
    bool result = compute->result_offset != BG_PVGPU_NO_RESULT;

    return pvgpu_heap_has(context, compute->data_offset, compute->data_size) &&
           pvgpu_heap_has(context, compute->answer_offset, compute->answer_size) &&
           (!result || (compute->result_offset % RESULT_ALIGN == 0 &&
                        pvgpu_heap_has(context, compute->result_offset,
                                       sizeof(struct bg_pvgpu_compute_result))));
}

static struct operation make_operation(const struct pvgpu_context *context,
                                       const struct bg_pvgpu_compute *compute)
{
    return (struct operation){
        .number = compute->header.type,
        .async = true,
        .is_silent = compute->result_offset == BG_PVGPU_NO_RESULT,
        .param_count = compute->param_count,
        .params = (const uint32_t *)(const void *)(compute + 1),
        .heap = context->heap,
        .data = context->heap.memory + compute->data_offset,
        .data_size = compute->data_size,
        .answer = context->heap.memory + compute->answer_offset,
        .answer_capacity = compute->answer_size,
    };
}

/* The log says which status it was. */
static struct pvgpu_outcome outcome_of(enum bg_compute_status status)
{
    struct pvgpu_outcome outcome = pvgpu_fail_compute(status);

    outcome.detail = status;
    return outcome;
}

PVGPU_HANDLER(pvgpu_run_compute)
{
    const struct bg_pvgpu_compute *compute = command;
    struct gpu *gpu = context->session != NULL ? context->session->gpu : NULL;
    struct operation operation;
    enum bg_compute_status status;
    uint64_t start_ns;

    if (size < sizeof(*compute)) {
        return pvgpu_ok(); /* bare: there is nothing to do, and nowhere to say so */
    }
    if (compute->param_count > BG_PVGPU_COMPUTE_PARAMS_MAX ||
        size < sizeof(*compute) + compute->param_count * sizeof(uint32_t)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    if (!ranges_are_sound(context, compute)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (context->renderer->ops->submit(context) != 0) { /* in order with what draws */
        context->renderer->ops->finish(context);
    }
    operation = make_operation(context, compute);
    if (compute->result_offset == BG_PVGPU_NO_RESULT) {
        return outcome_of(operation_run(context->session, &operation));
    }
    start_ns = clock_now_ns();
    status = operation_run(context->session, &operation);
    if (gpu != NULL && gpu->async_pending) { /* `done` says that it is */
        enum bg_compute_status waited = gpu_synchronize(gpu);

        status = status == BG_COMPUTE_OK ? waited : status;
    }
    write_result(context, compute->result_offset, &operation, status, clock_us_since(start_ns));
    return pvgpu_ok();
}
