/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h in the ring, and their results. */
#include "firmware/vgpu/pvgpu_internal.h"

#include "firmware/common/mem.h"
#include "firmware/vgpu/compute.h"

#define ANSWER_OFFSET ((uint32_t)sizeof(struct bg_pvgpu_compute_result)) /* in a job's place */

_Static_assert(BG_PVGPU_JOBS_MAX == 64, "a bit each of a uint64_t");
_Static_assert(ANSWER_OFFSET + sizeof(struct bg_compute_device_info) <= PVGPU_JOB_SIZE,
               "the longest answer that the driver itself asks for");

/* ---- Places ---- */

void pvgpu_jobs_reset(struct bg_pvgpu *gpu)
{
    gpu->jobs_in_use = 0;
    gpu->jobs_abandoned = 0;
}

static void free_slot(struct bg_pvgpu *gpu, uint32_t slot)
{
    gpu->jobs_in_use &= ~(1ull << slot);
    gpu->jobs_abandoned &= ~(1ull << slot);
}

static void reclaim_abandoned(struct bg_pvgpu *gpu)
{
    for (uint32_t slot = 0; slot < BG_PVGPU_JOBS_MAX; slot++) {
        if (gpu->jobs_abandoned >> slot & 1 && gpu->job_fences[slot] <= gpu->fence_seen) {
            free_slot(gpu, slot);
        }
    }
}

static int take_slot(struct bg_pvgpu *gpu, uint32_t *slot)
{
    if (gpu->jobs_in_use == UINT64_MAX && gpu->jobs_abandoned != 0) {
        int error = pvgpu_look_at_fences(gpu);

        if (error < 0) {
            return error;
        }
        reclaim_abandoned(gpu);
    }
    if (gpu->jobs_in_use == UINT64_MAX) {
        return BG_ERR_LIMITED;
    }
    *slot = (uint32_t)__builtin_ctzll(~gpu->jobs_in_use);
    return 0;
}

static uint32_t offset_of(const struct bg_pvgpu *gpu, uint32_t slot)
{
    return gpu->job_memory.offset + slot * PVGPU_JOB_SIZE;
}

static struct bg_pvgpu_compute_result *result_of(const struct bg_pvgpu *gpu, uint32_t slot)
{
    return (struct bg_pvgpu_compute_result *)(void *)(gpu->heap + offset_of(gpu, slot));
}

/* ---- Jobs ---- */

static int start(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
                 uint32_t slot, struct bg_pvgpu_job *job)
{
    const uint32_t before[] = {
        offset_of(gpu, slot),
        options->data_offset,
        options->data_size,
        options->answer_offset,
        options->answer_size,
        options->param_count,
        0,
        0,
    };
    const uint32_t size =
        (uint32_t)sizeof(struct bg_pvgpu_compute) + (options->param_count + 3) / 4 * 16;
    /* Both commands or none: without its fence nothing would tell when the operation is done. */
    int error = pvgpu_make_room(gpu, size + PVGPU_FENCE_SIZE);

    if (error < 0) {
        return error;
    }
    memset(result_of(gpu, slot), 0, sizeof(struct bg_pvgpu_compute_result));
    error = pvgpu_put(gpu, options->operation, 0, before, 8, options->params, options->param_count);
    *job = (struct bg_pvgpu_job){.slot = slot, .answer_size = options->answer_size};
    if (error == 0) {
        error = pvgpu_fence(gpu, &job->fence);
        gpu->job_fences[slot] = job->fence;
        gpu->jobs_in_use |= 1ull << slot;
    }
    return error;
}

static int compute(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
                   struct bg_pvgpu_job *job)
{
    uint32_t slot;

    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_COMPUTE)) {
        return pvgpu_refuse(gpu);
    }
    if (options->operation < BG_PVGPU_CMD_COMPUTE_FIRST ||
        options->operation > BG_PVGPU_CMD_COMPUTE_LAST ||
        options->param_count > BG_PVGPU_COMPUTE_PARAMS_MAX) {
        return BG_ERR_INVALID;
    }
    return take_slot(gpu, &slot) ?: start(gpu, options, slot, job);
}

int bg_pvgpu_compute(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
                     struct bg_pvgpu_job *job)
{
    return OWNED(gpu, compute(gpu, options, job));
}

/* The fence has passed: reads the result once, and checks it. */
static int take_result(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job)
{
    const struct bg_pvgpu_compute_result *result = result_of(gpu, job->slot);

    if (bg_load_acquire32(&result->done) != 1) {
        return BG_ERR_IO; /* the ring refused the command: that is a failure of its own */
    }
    job->status = bg_load_once32(&result->status);
    job->results[0] = bg_load_once32(&result->results[0]);
    job->results[1] = bg_load_once32(&result->results[1]);
    job->data_size = bg_load_once32(&result->data_size);
    job->exec_time_us = bg_load_once32(&result->exec_time_us);
    gpu->last_status = job->status;
    if (job->status == BG_COMPUTE_OK && job->data_size > job->answer_size) {
        return pvgpu_lose(gpu, BG_ERR_PROTOCOL, BG_PVGPU_ERROR_UNKNOWN);
    }
    return bg_compute_status_error(job->status);
}

static int wait_for_job(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    int error;

    job->status = BG_COMPUTE_OK;
    if (job->fence > gpu->fence_last || job->slot >= BG_PVGPU_JOBS_MAX) {
        return BG_ERR_INVALID;
    }
    if (job->fence < gpu->fence_first) {
        return BG_ERR_UNAVAILABLE; /* of an earlier session */
    }
    error = pvgpu_wait_passed(gpu, job->fence, deadline_ns);
    if (error == BG_ERR_TIMEOUT) {
        return BG_ERR_BUSY;
    }
    if (error == 0) {
        error = take_result(gpu, job);
    }
    free_slot(gpu, job->slot);
    return error;
}

int bg_pvgpu_job_wait(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    return OWNED(gpu, wait_for_job(gpu, job, deadline_ns));
}

void bg_pvgpu_job_abandon(struct bg_pvgpu *gpu, const struct bg_pvgpu_job *job)
{
    if (job->fence >= gpu->fence_first && job->slot < BG_PVGPU_JOBS_MAX) {
        gpu->jobs_abandoned |= 1ull << job->slot;
    }
}

/* Starts an operation; waits for it when nobody else will. */
static int start_and_wait(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
                          struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    int error = compute(gpu, options, job);

    if (error < 0) {
        return error;
    }
    error = wait_for_job(gpu, job, deadline_ns);
    if (error == BG_ERR_BUSY) {
        bg_pvgpu_job_abandon(gpu, job);
        return BG_ERR_TIMEOUT;
    }
    return error;
}

static int run(struct bg_pvgpu *gpu, const struct bg_pvgpu_compute_options *options,
               struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    return OWNED(gpu, start_and_wait(gpu, options, job, deadline_ns));
}

static int run_or_start(struct bg_pvgpu *gpu, uint32_t operation, const void *params,
                        uint32_t param_count, struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    const struct bg_pvgpu_compute_options options = {
        .operation = operation, .params = params, .param_count = param_count};
    struct bg_pvgpu_job own;

    return job != NULL ? bg_pvgpu_compute(gpu, &options, job)
                       : run(gpu, &options, &own, deadline_ns);
}

/* ---- Operations ---- */

int bg_pvgpu_nop(struct bg_pvgpu *gpu, struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    return run_or_start(gpu, BG_COMPUTE_NOP, NULL, 0, job, deadline_ns);
}

int bg_pvgpu_add_basic(struct bg_pvgpu *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                       uint64_t deadline_ns)
{
    const uint32_t params[] = {a, b};
    const struct bg_pvgpu_compute_options options = {
        .operation = BG_COMPUTE_VECTOR_ADD_BASIC,
        .params = params,
        .param_count = COMPUTE_WORDS(params),
    };
    struct bg_pvgpu_job job;
    int error = run(gpu, &options, &job, deadline_ns);

    if (error == 0) {
        *sum = job.results[0];
    }
    return error;
}

static int get_info(struct bg_pvgpu *gpu, struct bg_compute_device_info *info, uint64_t deadline_ns)
{
    struct bg_pvgpu_compute_options options = {.operation = BG_COMPUTE_GET_DEVICE_INFO,
                                               .answer_size = sizeof(*info)};
    struct bg_pvgpu_job job;
    uint32_t slot;
    int error;

    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_COMPUTE)) {
        return pvgpu_refuse(gpu);
    }
    error = take_slot(gpu, &slot); /* the one that bg_pvgpu_compute takes */
    if (error < 0) {
        return error;
    }
    options.answer_offset = offset_of(gpu, slot) + ANSWER_OFFSET;
    return start_and_wait(gpu, &options, &job, deadline_ns)
               ?: bg_compute_take_info(info, gpu->heap + options.answer_offset, job.data_size);
}

int bg_pvgpu_get_info(struct bg_pvgpu *gpu, struct bg_compute_device_info *info,
                      uint64_t deadline_ns)
{
    return OWNED(gpu, get_info(gpu, info, deadline_ns));
}

int bg_pvgpu_memory_alloc(struct bg_pvgpu *gpu, uint64_t size, uint32_t *handle,
                          uint64_t deadline_ns)
{
    const struct bg_compute_alloc_params params = bg_compute_pack_alloc(size);
    const struct bg_pvgpu_compute_options options = {.operation = BG_COMPUTE_MEMORY_ALLOC,
                                                     .params = &params.size_lo,
                                                     .param_count = COMPUTE_WORDS(params)};
    struct bg_pvgpu_job job;
    int error = run(gpu, &options, &job, deadline_ns);

    if (error == 0 && job.results[0] == 0) {
        error = BG_ERR_PROTOCOL; /* 0 names the heap */
    }
    if (error == 0) {
        *handle = job.results[0];
    }
    return error;
}

int bg_pvgpu_memory_free(struct bg_pvgpu *gpu, uint32_t handle, uint64_t deadline_ns)
{
    return run_or_start(gpu, BG_COMPUTE_MEMORY_FREE, &handle, 1, NULL, deadline_ns);
}

int bg_pvgpu_memory_copy(struct bg_pvgpu *gpu, struct bg_compute_operand to,
                         struct bg_compute_operand from, uint64_t size, struct bg_pvgpu_job *job,
                         uint64_t deadline_ns)
{
    const uint32_t kind = from.handle == 0 && to.handle != 0   ? BG_COMPUTE_COPY_HOST_TO_DEVICE
                          : from.handle != 0 && to.handle == 0 ? BG_COMPUTE_COPY_DEVICE_TO_HOST
                                                               : BG_COMPUTE_COPY_DEVICE_TO_DEVICE;
    const struct bg_compute_copy_params params = bg_compute_pack_copy(kind, to, from, size);

    return run_or_start(gpu, BG_COMPUTE_MEMORY_COPY, &params, COMPUTE_WORDS(params), job,
                        deadline_ns);
}

int bg_pvgpu_vector_add(struct bg_pvgpu *gpu, uint32_t element_type, struct bg_compute_operand c,
                        struct bg_compute_operand a, struct bg_compute_operand b, uint64_t count,
                        struct bg_pvgpu_job *job, uint64_t deadline_ns)
{
    const struct bg_compute_vector_memory_params params =
        bg_compute_pack_vector_add(element_type, c, a, b, count);

    return run_or_start(gpu, BG_COMPUTE_VECTOR_ADD_MEMORY, &params, COMPUTE_WORDS(params), job,
                        deadline_ns);
}

int bg_pvgpu_synchronize(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    return run_or_start(gpu, BG_COMPUTE_SYNCHRONIZE, NULL, 0, NULL, deadline_ns);
}
