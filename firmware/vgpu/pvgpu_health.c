/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend says: which fences are done, what went wrong, whether it still lives. */
#include "firmware/vgpu/pvgpu_internal.h"

/* Tries to copy a record of the log before the backend overwrites it. */
#define RECORD_TRIES 4u

/* ---- Fences and losses ---- */

int pvgpu_look_at_fences(struct bg_pvgpu *gpu)
{
    uint64_t completed = bg_load_acquire64(&gpu->control->host_fence_completed);

    if (completed == gpu->fence_seen) {
        return 0;
    }
    if (completed < gpu->fence_first && gpu->fence_seen < gpu->fence_first) {
        return 0; /* an earlier session's, from a backend that was not told of the reset */
    }
    /* It goes forward, and not beyond what was asked for. */
    if (completed < gpu->fence_seen || completed > gpu->fence_last) {
        return pvgpu_lose(gpu, BG_ERR_PROTOCOL, BG_PVGPU_ERROR_UNKNOWN);
    }
    gpu->fence_seen = completed;
    if (gpu->fence_source != NULL) {
        bg_interrupt_source_answer(gpu->fence_source);
    }
    return 0;
}

int pvgpu_lose(struct bg_pvgpu *gpu, int error, uint32_t code)
{
    if (gpu->loss == 0) {
        gpu->loss = error;
        gpu->loss_code = code;
        gpu->losses++;
        gpu->quick_end = gpu->written;
        /* What it completed before counts; if that is nonsense the loss is what it is. */
        pvgpu_look_at_fences(gpu);
    }
    return gpu->loss;
}

int bg_pvgpu_check(struct bg_pvgpu *gpu)
{
    uint32_t status, code;
    int error;

    if (gpu->loss != 0) {
        return gpu->loss;
    }
    status = bg_load_acquire32(&gpu->control->status);
    if (!(status & (BG_PVGPU_CONTROL_DEVICE_LOST | BG_PVGPU_CONTROL_SHUTDOWN))) {
        return 0;
    }
    code = bg_load_once32(&gpu->control->error_code);
    error = bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS) ? pvgpu_refusal(gpu) : 0;
    return pvgpu_lose(gpu, error != 0 ? error : BG_ERR_UNAVAILABLE,
                      code != BG_PVGPU_OK ? code : BG_PVGPU_ERROR_BACKEND_DISCONNECTED);
}

int pvgpu_refusal(const struct bg_pvgpu *gpu)
{
    const struct bg_pvgpu_control *control = gpu->control;
    uint32_t count = bg_load_acquire32(&control->error_count);
    const struct bg_pvgpu_error_record *last =
        &control->error_log[(count - 1) % BG_PVGPU_ERROR_LOG_SIZE];

    if (count == 0 || !(bg_load_acquire32(&control->status) & BG_PVGPU_CONTROL_DEVICE_LOST) ||
        bg_load_once32(&last->code) != BG_PVGPU_ERROR_DEVICE_LOST) {
        return 0;
    }
    switch (bg_load_once32(&last->detail)) {
    case BG_COMPUTE_VM_QUARANTINED:
        return BG_ERR_QUARANTINED;
    case BG_COMPUTE_INVALID_POOL:
        return BG_ERR_POOL;
    case BG_COMPUTE_RATE_LIMITED:
        return BG_ERR_LIMITED;
    default:
        return 0;
    }
}

/* ---- Failures ---- */

/* Copies record `number` of the log; false when the backend has begun to overwrite it. */
static bool copy_record(const struct bg_pvgpu *gpu, uint32_t number,
                        struct bg_pvgpu_error_record *record)
{
    const struct bg_pvgpu_error_record *from =
        &gpu->control->error_log[number % BG_PVGPU_ERROR_LOG_SIZE];

    record->position = bg_load_acquire64(&from->position);
    record->code = bg_load_acquire32(&from->code);
    record->detail = bg_load_acquire32(&from->detail);
    /* The backend writes record n + LOG_SIZE before it counts it. */
    return bg_load_acquire32(&gpu->control->error_count) - number < BG_PVGPU_ERROR_LOG_SIZE;
}

/* The resource in the header of a failed command, if that is still in the ring. */
static uint32_t resource_of(const struct bg_pvgpu *gpu, uint64_t position, uint32_t type)
{
    if (position % BG_PVGPU_COMMAND_ALIGN != 0 || gpu->written - position > gpu->ring_size ||
        gpu->written == position) {
        return 0;
    }
    const uint32_t *header =
        (const uint32_t *)(const void *)(gpu->ring + (position & gpu->ring_mask));

    return bg_load_once32(&header[0]) == type ? bg_load_once32(&header[2]) : 0;
}

static int take_logged(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure)
{
    uint32_t seen = (uint32_t)gpu->error_seen, missed = 0;
    struct bg_pvgpu_error_record record;

    for (unsigned try = 0; try < RECORD_TRIES; try++) {
        uint32_t count = bg_load_acquire32(&gpu->control->error_count);

        if (count == seen) {
            break;
        }
        if (count - seen >= BG_PVGPU_ERROR_LOG_SIZE) {
            uint32_t oldest = count - (BG_PVGPU_ERROR_LOG_SIZE - 1);

            missed += oldest - seen;
            seen = oldest;
        }
        if (copy_record(gpu, seen, &record)) {
            gpu->error_seen = seen + 1;
            *failure = (struct bg_pvgpu_failure){
                .position = record.position,
                .code = record.code,
                .type = record.code == BG_PVGPU_OK ? 0 : record.detail,
                .resource_id = resource_of(gpu, record.position, record.detail),
                .detail = record.detail,
                .missed = missed,
            };
            return 1;
        }
    }
    if (missed == 0) {
        return 0;
    }
    gpu->error_seen = seen; /* faster than they can be read: that there were some is told */
    *failure = (struct bg_pvgpu_failure){.code = BG_PVGPU_ERROR_UNKNOWN, .missed = missed - 1};
    return 1;
}

/* Backends without a log show the last error only: it is new when it is another one. */
static int take_last(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure)
{
    uint32_t code = bg_load_once32(&gpu->control->error_code);
    uint32_t offset = bg_load_once32(&gpu->control->error_data);
    uint64_t key = (uint64_t)code << 32 | offset;

    if (!(bg_load_acquire32(&gpu->control->status) & BG_PVGPU_CONTROL_ERROR) ||
        code == BG_PVGPU_OK || key == gpu->error_seen) {
        return 0;
    }
    gpu->error_seen = key;
    *failure = (struct bg_pvgpu_failure){.code = code};
    if (offset < gpu->ring_size && offset % BG_PVGPU_COMMAND_ALIGN == 0) {
        /* Not later than what was published. */
        failure->position = gpu->published - ((gpu->published - offset - 1) & gpu->ring_mask) - 1;
        failure->type = bg_load_once32((const uint32_t *)(const void *)(gpu->ring + offset));
        failure->resource_id = resource_of(gpu, failure->position, failure->type);
    }
    return 1;
}

int pvgpu_take_failure(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure)
{
    return bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS) ? take_logged(gpu, failure)
                                                             : take_last(gpu, failure);
}

int bg_pvgpu_take_failure(struct bg_pvgpu *gpu, struct bg_pvgpu_failure *failure)
{
    return OWNED(gpu, pvgpu_take_failure(gpu, failure));
}
